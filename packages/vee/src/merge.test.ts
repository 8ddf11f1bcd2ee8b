import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEVICE_FLAGS, localDayRange, parseLocalDay, qualityCode } from '@gridtally/metering'
import fc from 'fast-check'
import {
  blockAsKnownAt,
  type IntervalBlock,
  intervalsInDay,
  mark,
  mergeBlocks,
  splitRun,
  summariseBlock,
} from './index.ts'

const STEP = 900_000
const T0 = 1_767_225_600_000

const block = (from: number, values: readonly (number | null)[], qualities?: readonly number[]): IntervalBlock => ({
  start: T0 + from * STEP,
  stepMs: STEP,
  values: Float64Array.from(values, (v) => v ?? Number.NaN),
  marks: qualities ? Uint16Array.from(qualities) : null,
  arrivals: null,
})
const times = { storedAt: 1000, incomingAt: 2000 }
const shown = (b: IntervalBlock): (number | null)[] => [...b.values].map((v) => (Number.isNaN(v) ? null : v))

test('the same values again are nothing new', () => {
  const stored = block(0, [1, 2, null, 4])
  assert.deepEqual(mergeBlocks(stored, block(1, [2, null, 4]), times), { outcome: 'same', block: stored })
})

test('late intervals fill, and the block remembers when it learnt them', () => {
  const { outcome, block: merged } = mergeBlocks(block(1, [1, null]), block(0, [9, 1, 5, 6]), times)
  assert.equal(outcome, 'filled')
  assert.deepEqual(shown(merged), [9, 1, 5, 6])
  assert.deepEqual(shown(blockAsKnownAt(merged, 1500)), [null, 1, null, null])
  assert.deepEqual(shown(blockAsKnownAt(merged, 2000)), [9, 1, 5, 6])
})

test('a differing value replaces by weight of quality', () => {
  const estimated = qualityCode('ESTIMATED')
  const edited = qualityCode('EDITED')
  const one = (stored: number, incoming: number): unknown => {
    const result = mergeBlocks(block(0, [10], [stored]), block(0, [11], [incoming]), times)
    return [result.outcome, shown(result.block)]
  }
  assert.deepEqual(one(0, 0), ['changed', [11]])
  assert.deepEqual(one(estimated, 0), ['changed', [11]])
  assert.deepEqual(one(0, estimated), ['same', [10]])
  assert.deepEqual(one(edited, 0), ['same', [10]])
  assert.equal(mergeBlocks(block(0, [10]), block(0, [11, 3]), { ...times, fillOnly: true }).outcome, 'filled')
})

test('flags of both deliveries are kept', () => {
  const merged = mergeBlocks(
    block(0, [1], [mark(0, DEVICE_FLAGS.POWER_FAIL)]),
    block(0, [1], [mark(qualityCode('VALID'), DEVICE_FLAGS.CLOCK_CHANGED)]),
    times,
  )
  assert.equal(merged.block.marks?.[0], mark(qualityCode('VALID'), 3))
})

test('intervals off the grid or of another length are misuse', () => {
  assert.throws(() => mergeBlocks(block(0, [1]), { ...block(0, [1]), start: T0 + 1 }, times), RangeError)
  assert.throws(() => mergeBlocks(block(0, [1]), { ...block(0, [1]), stepMs: 60_000 }, times), RangeError)
  assert.throws(() => mergeBlocks(block(0, [1]), block(1500, [1]), times), RangeError)
})

test('pieces of one truth give the same block in any order and however often they come', () => {
  const truth = fc.array(fc.option(fc.nat(500), { freq: 5 }), { minLength: 4, maxLength: 96 })
  const pieces = fc.array(fc.tuple(fc.nat(95), fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(truth, pieces, (all, cuts) => {
      const parts = cuts.map(([from, n]) => {
        const at = from % all.length
        return block(at, all.slice(at, at + n))
      })
      const put = (order: readonly IntervalBlock[]): Map<number, number> => {
        let stored = order[0]
        for (const part of order.slice(1)) {
          const merged = mergeBlocks(stored, part, times)
          assert.notEqual(merged.outcome, 'changed')
          stored = merged.block
        }
        const known = new Map<number, number>()
        for (const [i, v] of stored.values.entries()) if (!Number.isNaN(v)) known.set(stored.start + i * STEP, v)
        return new Map([...known].sort((a, b) => a[0] - b[0]))
      }
      assert.deepEqual(put([...parts, ...parts]), put([...parts].reverse()))
    }),
  )
})

test('a run is cut at local midnights; days of 23, 24 and 25 hours are whole', () => {
  const zone = 'Europe/Amsterdam'
  for (const [date, quarters] of [
    ['2026-03-29', 92],
    ['2026-03-30', 96],
    ['2026-10-25', 100],
  ] as const) {
    const day = parseLocalDay(date)
    const { from } = localDayRange(day - 1, zone)
    const before = intervalsInDay(day - 1, zone, STEP)
    const values = Array.from({ length: before + quarters + 5 }, (_, i) => i)
    const days = splitRun({ start: from, stepMs: STEP, values }, zone)
    assert.deepEqual(
      days.map(({ day: d, block: b }) => [d - day, b.values.length]),
      [
        [-1, before],
        [0, quarters],
        [1, 5],
      ],
    )
    assert.equal(intervalsInDay(day, zone, STEP), quarters)
    assert.equal(days[1].block.start, localDayRange(day, zone).from)
  }
})

test('cutting loses nothing but unmarked gaps at the ends of days', () => {
  const values = fc.array(fc.option(fc.nat(9), { freq: 2 }), { maxLength: 400 })
  const zones = fc.constantFrom('Europe/Amsterdam', 'Australia/Lord_Howe', 'America/St_Johns', 'UTC')
  fc.assert(
    fc.property(values, zones, fc.integer({ min: 1_500_000, max: 2_000_000 }), (all, zone, quarter) => {
      const start = quarter * STEP
      const seen: (number | null)[] = Array(all.length).fill(null)
      for (const { block: b } of splitRun({ start, stepMs: STEP, values: all }, zone)) {
        assert.ok(!Number.isNaN(b.values[0]) && !Number.isNaN(b.values.at(-1)))
        for (const [i, v] of b.values.entries()) if (!Number.isNaN(v)) seen[(b.start - start) / STEP + i] = v
      }
      assert.deepEqual(seen, all)
    }),
  )
})

test('a block sums up what is there and counts what was not measured', () => {
  assert.deepEqual(summariseBlock(block(0, [1, null, 3, 4], [0, 9, qualityCode('ESTIMATED'), qualityCode('VALID')])), {
    present: 3,
    estimated: 1,
    sum: 8,
  })
})
