import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, fromHex, toHex } from '@gridtally/wire'
import fc from 'fast-check'
import { decodeBlock, encodeBlock, type IntervalBlock, MAX_BLOCK_VALUE, mark } from './index.ts'

const block = (values: readonly (number | null)[], more: Partial<IntervalBlock> = {}): IntervalBlock => ({
  start: 1_767_225_600_000,
  stepMs: 900_000,
  values: Float64Array.from(values, (v) => v ?? Number.NaN),
  marks: null,
  arrivals: null,
  ...more,
})

// Octets written by hand from the format at the head of block-codec.ts: 2026-01-01T00:00Z is quarter hour 1 963 584.
for (const [name, hex, expected] of [
  ['constant 5', '0034c0ec77040a', block([5, 5, 5, 5])],
  ['varint steps from 10', '0234c0ec7703140208', block([10, 11, 15])],
  ['a gap, every present value the same', '0834c0ec77030101010e', block([7, null, 7])],
  ['nothing present', '0834c0ec77020002', block([null, null])],
  ['an estimate', '1034c0ec77020200000400000101010e', block([7, 7], { marks: Uint16Array.of(0, 4) })],
] as const)
  test(`block on the wire: ${name}`, () => {
    assert.deepEqual(decodeBlock(fromHex(hex)), expected)
    assert.equal(toHex(encodeBlock(expected)), hex)
  })

/** Quarter hours of a household: base load, a morning and an evening with cooking, drawn by a small generator. */
function household(seed: number, n = 96): number[] {
  let state = seed
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 0x1_0000_0000
  }
  return Array.from({ length: n }, (_, i) => {
    const hour = ((i * 24) / n) % 24
    const active = (hour > 6 && hour < 9) || (hour > 17 && hour < 23)
    return Math.round(35 + random() * 25 + (active ? random() * 150 : 0) + (random() < 0.05 ? 400 : 0))
  })
}

test('a household day takes at most 1.5 octets an interval with its header, at 15 minutes and at 5', () => {
  for (const [n, stepMs] of [
    [96, 900_000],
    [288, 300_000],
  ]) {
    let octets = 0
    for (let seed = 1; seed <= 50; seed++) octets += encodeBlock(block(household(seed, n), { stepMs })).length
    assert.ok(octets / 50 / n <= 1.5, String(octets / 50 / n))
  }
})

const value = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -300, max: 3000 }) },
  { weight: 1, arbitrary: fc.integer({ min: -MAX_BLOCK_VALUE, max: MAX_BLOCK_VALUE }) },
)
const cell = fc.record({
  value: fc.option(value, { freq: 8 }),
  mark: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xfff })),
  arrival: fc.integer({ min: 1_767_225_600_000, max: 1_767_225_700_000 }),
})
const anyBlock = fc
  .record({
    start: fc.oneof(
      fc.integer({ min: 0, max: 4e12 }),
      fc.nat(3_000_000).map((q) => q * 900_000),
    ),
    stepMs: fc.oneof(fc.constantFrom(60_000, 300_000, 900_000, 3_600_000), fc.integer({ min: 1, max: 1e9 })),
    cells: fc.array(cell, { minLength: 1, maxLength: 200 }),
    marked: fc.boolean(),
    arrived: fc.boolean(),
  })
  .map(({ start, stepMs, cells, marked, arrived }) =>
    block(
      cells.map((c) => c.value),
      {
        start,
        stepMs,
        marks: marked && cells.some((c) => c.mark !== 0) ? Uint16Array.from(cells, (c) => c.mark) : null,
        arrivals: arrived ? Float64Array.from(cells, (c) => c.arrival) : null,
      },
    ),
  )

test('every block survives the round trip', () => {
  fc.assert(
    fc.property(anyBlock, (b) => assert.deepEqual(decodeBlock(encodeBlock(b)), b)),
    { numRuns: 1000 },
  )
})

test('the longest block survives, with the largest values', () => {
  const values = Array.from({ length: 1500 }, (_, i) => (i % 2 ? MAX_BLOCK_VALUE : -MAX_BLOCK_VALUE))
  assert.deepEqual(decodeBlock(encodeBlock(block(values))), block(values))
})

test('cut, changed and random octets give a block or a DecodeError, never anything else', () => {
  const seeds = [
    encodeBlock(block(household(1))),
    encodeBlock(block([1, null, 2e12, 3, null], { marks: Uint16Array.of(0, 9, mark(4, 255), 0, 0) })),
    encodeBlock(
      block(
        household(2).map((v, i) => (i % 7 ? v : null)),
        { stepMs: 12_345 },
      ),
    ),
  ]
  let refused = 0
  const tryOne = (octets: Uint8Array): void => {
    try {
      const decoded = decodeBlock(octets)
      assert.ok(decoded.values.length <= 1500)
      encodeBlock(decoded)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      refused++
    }
  }
  for (const seed of seeds) for (let cut = 0; cut < seed.length; cut++) tryOne(seed.subarray(0, cut))
  let state = 7
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * below)
  }
  for (let i = 0; i < 20_000; i++) {
    const octets = i % 4 ? seeds[i % seeds.length].slice() : new Uint8Array(random(40))
    for (let k = random(4); k >= 0 && octets.length > 0; k--) octets[random(octets.length)] = random(256)
    tryOne(octets)
  }
  assert.ok(refused > 5000, String(refused))
})

test('a block outside the limits is not written', () => {
  for (const bad of [
    block([]),
    block(Array(1501).fill(1)),
    block([1.5]),
    block([MAX_BLOCK_VALUE + 1]),
    block([Number.POSITIVE_INFINITY]),
    block([1], { start: -1 }),
    block([1], { stepMs: 0 }),
    block([1], { marks: Uint16Array.of(1, 2) }),
  ])
    assert.throws(() => encodeBlock(bad), RangeError)
})
