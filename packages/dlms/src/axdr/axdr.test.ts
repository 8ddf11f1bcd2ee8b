import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteReader, ByteWriter, DecodeError, fromHex, toHex } from '@gridtally/wire'
import fc from 'fast-check'
import { axdr, type DlmsData, type TypeDescription } from './data.ts'
import { type CosemDateTime, dateTimeOf, encodeDateTime, instantOf, readDateTime } from './date-time.ts'
import { decodeData, skipData } from './decode.ts'
import { encodeData } from './encode.ts'
import { decodeLength, encodeLength } from './length.ts'
import { decodeProfile, ProfileDecoder } from './profile.ts'

for (const [length, hex] of [
  [0, '00'],
  [127, '7f'],
  [128, '8180'],
  [255, '81ff'],
  [256, '820100'],
  [0xffff_ffff, '84ffffffff'],
] as const)
  test(`A-XDR length ${length} is ${hex} on the wire`, () => {
    const writer = new ByteWriter()
    encodeLength(writer, length)
    assert.equal(toHex(writer.finish()), hex)
    assert.equal(decodeLength(new ByteReader(fromHex(hex))), length)
  })

test('lengths in longer forms than needed are read, lengths of five octets refused', () => {
  assert.equal(decodeLength(new ByteReader(fromHex('82000c'))), 12)
  assert.throws(() => decodeLength(new ByteReader(fromHex('850000000001'))), { code: 'INVALID', offset: 0 })
  assert.throws(() => decodeLength(new ByteReader(fromHex('8201'))), { code: 'TRUNCATED', offset: 2 })
})

const dateTime = fc.record<CosemDateTime>(
  {
    year: fc.option(fc.integer({ min: 0, max: 0xfffe })),
    month: fc.option(fc.integer({ min: 0, max: 0xfe })),
    dayOfMonth: fc.option(fc.integer({ min: 0, max: 0xfe })),
    dayOfWeek: fc.option(fc.integer({ min: 0, max: 0xfe })),
    hour: fc.option(fc.integer({ min: 0, max: 0xfe })),
    minute: fc.option(fc.integer({ min: 0, max: 0xfe })),
    second: fc.option(fc.integer({ min: 0, max: 0xfe })),
    hundredths: fc.option(fc.integer({ min: 0, max: 0xfe })),
    deviation: fc.option(fc.integer({ min: -0x7fff, max: 0x7fff })),
    clockStatus: fc.option(fc.integer({ min: 0, max: 0xfe })),
  },
  { noNullPrototype: true },
)

const scalar: fc.Arbitrary<DlmsData> = fc.oneof(
  fc.constant(axdr.null),
  fc.constant<DlmsData>({ type: 'dont-care', value: null }),
  fc.boolean().map(axdr.boolean),
  fc.string({ unit: fc.constantFrom('0', '1'), maxLength: 40 }).map(axdr.bitString),
  fc.integer({ min: -0x80, max: 0x7f }).map(axdr.integer),
  fc.integer({ min: -0x80, max: 0x7f }).map(axdr.bcd),
  fc.integer({ min: -0x8000, max: 0x7fff }).map(axdr.long),
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }).map(axdr.doubleLong),
  fc.integer({ min: 0, max: 0xff }).map(axdr.unsigned),
  fc.integer({ min: 0, max: 0xffff }).map(axdr.longUnsigned),
  fc.integer({ min: 0, max: 0xffff_ffff }).map(axdr.doubleLongUnsigned),
  fc.integer({ min: 0, max: 0xff }).map(axdr.enum),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(axdr.long64),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(axdr.long64Unsigned),
  fc.float({ noNaN: true }).map(axdr.float32),
  fc.double({ noNaN: true }).map(axdr.float64),
  fc.uint8Array({ maxLength: 200 }).map(axdr.octetString),
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)) }).map(axdr.visibleString),
  // A leading byte order mark is eaten by text decoders, and is no text.
  fc
    .string({ unit: 'grapheme' })
    .filter((s) => !s.startsWith('\ufeff'))
    .map(axdr.utf8String),
  dateTime.map(axdr.dateTime),
)

const tree = fc.letrec<{ data: DlmsData }>((tie) => ({
  data: fc.oneof(
    { maxDepth: 5 },
    scalar,
    fc.array(tie('data'), { maxLength: 6 }).map(axdr.array),
    fc.array(tie('data'), { maxLength: 6 }).map(axdr.structure),
  ),
})).data

test('every value survives the round trip, and skipping it ends where decoding ends', () => {
  fc.assert(
    fc.property(tree, (data) => {
      const octets = encodeData(data)
      assert.deepEqual(decodeData(octets), data)
      const reader = new ByteReader(octets)
      skipData(reader)
      assert.equal(reader.remaining, 0)
    }),
    { numRuns: 500 },
  )
})

test('compact arrays carry rows without tags and survive the round trip', () => {
  const row: TypeDescription = {
    type: 'structure',
    of: [{ type: 'long-unsigned' }, { type: 'octet-string' }, { type: 'array', count: 2, of: { type: 'integer' } }],
  }
  const data = axdr.compactArray(row, [
    axdr.structure([
      axdr.longUnsigned(7),
      axdr.octetString(fromHex('0102')),
      axdr.array([axdr.integer(-1), axdr.integer(2)]),
    ]),
    axdr.structure([
      axdr.longUnsigned(8),
      axdr.octetString(fromHex('')),
      axdr.array([axdr.integer(3), axdr.integer(4)]),
    ]),
  ])
  const octets = encodeData(data)
  assert.equal(toHex(octets), '1302031209010002' + '0f' + '0c' + '0007020102ff02' + '0008000304')
  assert.deepEqual(decodeData(octets), data)
})

test('a compact array whose elements take no octets is refused, not looped over', () => {
  assert.throws(() => decodeData(fromHex('13000411223344')), { code: 'INVALID' })
  assert.throws(() => decodeData(fromHex('1301ffff01ffff0001ff')), DecodeError)
})

test('numbers outside their type are the caller’s mistake', () => {
  assert.throws(() => encodeData(axdr.unsigned(256)), RangeError)
  assert.throws(() => encodeData(axdr.integer(1.5)), RangeError)
  assert.throws(() => encodeData(axdr.long64(2n ** 63n)), RangeError)
})

test('nesting and counts are bounded', () => {
  assert.throws(() => decodeData(fromHex(`${'0101'.repeat(33)}00`)), { code: 'LIMIT' })
  assert.throws(() => skipData(new ByteReader(fromHex(`${'0101'.repeat(33)}00`))), { code: 'LIMIT' })
  assert.throws(() => decodeData(fromHex('0184ffffffff00')), { code: 'TRUNCATED' })
  assert.throws(() => decodeData(fromHex('0100ff')), { code: 'TRAILING' })
  assert.deepEqual(decodeData(fromHex('0100ff'), { trailing: true }), axdr.array([]))
})

test('deviation is minutes from local time to UTC', () => {
  // 2026-01-15 12:30:00 in Paris, UTC+1, so the deviation is −60.
  const winter = dateTimeOf(Date.UTC(2026, 0, 15, 11, 30), 60)
  assert.equal(toHex(encodeDateTime(winter)), '07ea010f040c1e0000ffc400')
  assert.equal(instantOf(winter), Date.UTC(2026, 0, 15, 11, 30))
})

test('a date-time without deviation is local time, by the zone the caller gives', () => {
  const local = readDateTime(new ByteReader(fromHex('07ea010fff0c1e00ff8000ff')))
  assert.equal(local.deviation, null)
  assert.equal(local.dayOfWeek, null)
  assert.equal(instantOf(local), Date.UTC(2026, 0, 15, 12, 30))
  assert.equal(
    instantOf(local, (wall) => wall - 3_600_000),
    Date.UTC(2026, 0, 15, 11, 30),
  )
})

test('wildcards for what must be known give no instant', () => {
  assert.equal(instantOf(readDateTime(new ByteReader(fromHex('ffff0afe07020000ff000000')))), null)
  assert.equal(instantOf(readDateTime(new ByteReader(fromHex('07eafefe07020000ff000000')))), null)
})

test('every instant survives the way to a date-time and back', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: Date.UTC(1900, 0, 1) / 10, max: Date.UTC(2200, 0, 1) / 10 }),
      fc.integer({ min: -14 * 60, max: 14 * 60 }),
      (hundredths, offset) => instantOf(dateTimeOf(hundredths * 10, offset)) === hundredths * 10,
    ),
  )
})

/** Rows of clock, status and two registers, as many meters send them. */
function profile(rows: number, start: number): Uint8Array {
  return encodeData(
    axdr.array(
      Array.from({ length: rows }, (_, i) =>
        axdr.structure([
          axdr.octetString(encodeDateTime(dateTimeOf(start + i * 900_000, 60))),
          axdr.unsigned(i % 3),
          axdr.doubleLongUnsigned(4_000_000_000 + i),
          axdr.doubleLongUnsigned(i),
        ]),
      ),
    ),
  )
}
const START = Date.UTC(2026, 2, 1)
const KINDS = ['clock', 'value', 'value', 'value'] as const

test('SMCG-8.2-04 a profile buffer becomes columns', () => {
  const { count, columns } = decodeProfile(profile(96, START), KINDS)
  assert.equal(count, 96)
  const [clock, status, register] = columns
  assert.ok(clock.kind === 'clock' && status.kind === 'value' && register.kind === 'value')
  assert.deepEqual(
    clock.instants,
    Array.from({ length: 96 }, (_, i) => START + i * 900_000),
  )
  assert.equal(register.values[95], 4_000_000_095)
  assert.deepEqual(status.values.slice(0, 4), [0, 1, 2, 0])
})

test('rows come out as blocks complete them, wherever the blocks are cut', () => {
  const octets = profile(20, START)
  const whole = decodeProfile(octets, KINDS)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 60 }), (sizes) => {
      const decoder = new ProfileDecoder(KINDS)
      const instants: unknown[] = []
      const values: unknown[] = []
      let at = 0
      for (const size of [...sizes, octets.length]) {
        const { columns } = decoder.feed(octets.slice(at, at + size))
        at = Math.min(octets.length, at + size)
        if (columns[0].kind === 'clock') instants.push(...columns[0].instants)
        if (columns[3].kind === 'value') values.push(...columns[3].values)
      }
      assert.equal(decoder.finish().count, 0)
      assert.deepEqual(instants, whole.columns[0].kind === 'clock' && whole.columns[0].instants)
      assert.deepEqual(values, whole.columns[3].kind === 'value' && whole.columns[3].values)
    }),
    { numRuns: 200 },
  )
})

test('nulls repeat the row before, clocks move on by the capture period, differences are added', () => {
  const clock = axdr.octetString(encodeDateTime(dateTimeOf(START)))
  const octets = encodeData(
    axdr.array([
      axdr.structure([clock, axdr.doubleLongUnsigned(1000)]),
      axdr.structure([axdr.null, axdr.null]),
      axdr.structure([axdr.null, { type: 'delta-unsigned', value: 5 }]),
    ]),
  )
  const { columns } = decodeProfile(octets, ['clock', 'value'], { capturePeriodMs: 900_000 })
  assert.deepEqual(columns[0], {
    kind: 'clock',
    instants: [START, START + 900_000, START + 1_800_000],
    status: [0, 0, 0],
  })
  assert.deepEqual(columns[1], { kind: 'value', values: [1000, 1000, 1005] })
  const { columns: bare } = decodeProfile(octets.slice(0, -3).with(1, 2), ['clock', 'value'], { nulls: 'missing' })
  assert.deepEqual(bare[1], { kind: 'value', values: [1000, null] })
})

test('a compact-array buffer gives the same columns as an array', () => {
  const row: TypeDescription = { type: 'structure', of: [{ type: 'octet-string' }, { type: 'double-long-unsigned' }] }
  const rows = [0, 1, 2].map((i) =>
    axdr.structure([axdr.octetString(encodeDateTime(dateTimeOf(START + i * 900_000))), axdr.doubleLongUnsigned(i)]),
  )
  const kinds = ['clock', 'value'] as const
  assert.deepEqual(
    decodeProfile(encodeData(axdr.compactArray(row, rows)), kinds),
    decodeProfile(encodeData(axdr.array(rows)), kinds),
  )
})

test('a compact-array is held whole, up to its cap', () => {
  const octets = encodeData(axdr.compactArray({ type: 'unsigned' }, [1, 2, 3].map(axdr.unsigned)))
  const decoder = new ProfileDecoder(['value'])
  for (const octet of octets) assert.equal(decoder.feed(Uint8Array.of(octet)).count, 0)
  assert.deepEqual(decoder.finish().columns, [{ kind: 'value', values: [1, 2, 3] }])
  const small = new ProfileDecoder(['value'], { maxCompactOctets: 4 })
  assert.throws(() => small.feed(octets), { code: 'LIMIT' })
})

test('a cut buffer, a row of other width and a value in place of a clock are refused', () => {
  const octets = profile(3, START)
  assert.throws(() => decodeProfile(octets.slice(0, -1), KINDS), { code: 'TRUNCATED' })
  assert.throws(() => decodeProfile(octets, ['clock', 'value']), { code: 'INVALID' })
  assert.throws(() => decodeProfile(octets, ['clock', 'clock', 'value', 'value']), { code: 'INVALID' })
})

test('20 000 mutated inputs give a value or a DecodeError, never anything else', () => {
  const seeds = [profile(2, START), encodeData(axdr.compactArray({ type: 'unsigned' }, [axdr.unsigned(1)]))]
  let random = 1
  const next = (below: number): number => {
    random = (random * 48_271) % 0x7fff_ffff
    return random % below
  }
  for (let i = 0; i < 20_000; i++) {
    const octets = seeds[i % seeds.length].slice(0, 1 + next(seeds[i % seeds.length].length))
    for (let flips = 0; flips < 3; flips++) octets[next(octets.length)] = next(256)
    for (const decode of [() => decodeData(octets), () => decodeProfile(octets, KINDS)])
      try {
        decode()
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error))
      }
  }
})
