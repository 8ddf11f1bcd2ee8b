import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  deviceFlags,
  formatInstant,
  formatLocalDay,
  formatObis,
  formatScaled,
  localDayOf,
  localDayRange,
  obisCode,
  obisFromBytes,
  obisToBytes,
  parseInstant,
  parseLocalDay,
  parseScaled,
  qualityCode,
  qualityOf,
  unitCode,
  unitSymbol,
  wallToInstant,
} from './index.ts'

test('OBIS codes are read in every spelling and written in two', () => {
  for (const text of ['1.0.1.8.0.255', '1-0:1.8.0*255', '1-0:1.8.0', '1.8.0', '1-0:1.8.0&255'])
    assert.equal(obisCode(text), '1.0.1.8.0.255', text)
  assert.equal(formatObis(obisCode('0-1:24.2.1')), '0-1:24.2.1*255')
  assert.deepEqual([...obisToBytes(obisCode('1.0.99.1.0.255'))], [1, 0, 99, 1, 0, 255])
  for (const text of ['', '1.0.1.8.0.256', 'x', '1.0.1.8', '1..8.0'])
    if (text !== '1.0.1.8') assert.throws(() => obisCode(text), TypeError, text)
})

test('six octets and an OBIS code are the same thing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (six) => {
      assert.deepEqual(obisToBytes(obisFromBytes(six)), six)
      assert.equal(obisCode(obisFromBytes(six)), obisFromBytes(six))
    }),
  )
  assert.throws(() => obisFromBytes(Uint8Array.of(1, 2), 7), { code: 'INVALID', offset: 7 })
})

test('scaled integers print as exact decimals and read back', () => {
  for (const [value, scaler, text] of [
    [12345, -2, '123.45'],
    [5, 3, '5000'],
    [-5, -3, '-0.005'],
    [0, -3, '0.000'],
    [0, 3, '0'],
    [123456789012345678901n, -3, '123456789012345678.901'],
  ] as const)
    assert.equal(formatScaled(value, scaler), text)
  fc.assert(
    fc.property(fc.bigInt(), fc.integer({ min: -20, max: 20 }), (value, scaler) => {
      assert.deepEqual(parseScaled(formatScaled(value, scaler), scaler), { value, exact: true })
    }),
  )
})

test('digits below the scaler are rounded and reported', () => {
  assert.deepEqual(parseScaled('0.48200000000000004', -3), { value: 482n, exact: false })
  assert.deepEqual(parseScaled('-0.4825', -3), { value: -483n, exact: false })
  assert.deepEqual(parseScaled('1.5e3', 0), { value: 1500n, exact: true })
  for (const text of ['', '.', 'abc', '1.2.3', '1e9999']) assert.throws(() => parseScaled(text, 0), TypeError, text)
})

test('local days have 23, 24 and 25 hours where clocks change', () => {
  const hours = (day: string, zone: string): number => {
    const { from, to } = localDayRange(parseLocalDay(day), zone)
    return (to - from) / 3_600_000
  }
  assert.equal(hours('2026-03-29', 'Europe/Amsterdam'), 23)
  assert.equal(hours('2026-03-30', 'Europe/Amsterdam'), 24)
  assert.equal(hours('2026-10-25', 'Europe/Amsterdam'), 25)
  assert.equal(hours('2011-10-02', 'Australia/Sydney'), 23)
  assert.equal(hours('2012-04-01', 'Australia/Sydney'), 25)
  assert.equal(hours('2026-04-05', 'Australia/Lord_Howe'), 24.5)
  assert.equal(hours('2026-07-01', 'UTC'), 24)
})

test('every instant lies in the range of its local day', () => {
  const zones = ['Europe/Amsterdam', 'Australia/Sydney', 'America/St_Johns', 'Asia/Kathmandu', 'UTC', 'Pacific/Apia']
  fc.assert(
    fc.property(fc.constantFrom(...zones), fc.integer({ min: 1.2e12, max: 2e12 }), (zone, at) => {
      const { from, to } = localDayRange(localDayOf(at, zone), zone)
      return from <= at && at < to
    }),
    { numRuns: 500 },
  )
})

test('times print with their offset and read back, in and out of summer time', () => {
  assert.equal(formatInstant(Date.UTC(2026, 2, 29, 1), 'Europe/Amsterdam'), '2026-03-29T03:00:00+02:00')
  assert.equal(formatInstant(Date.UTC(2026, 0, 1), 'America/St_Johns'), '2025-12-31T20:30:00-03:30')
  assert.equal(formatInstant(0), '1970-01-01T00:00:00Z')
  fc.assert(
    fc.property(
      fc.integer({ min: 1.2e9, max: 2e9 }),
      (s) => parseInstant(formatInstant(s * 1000, 'Europe/Amsterdam')) === s * 1000,
    ),
  )
})

test('a repeated local time is the first of the two, a skipped one keeps the offset before', () => {
  assert.equal(parseInstant('2026-10-25T02:30', 'Europe/Amsterdam'), Date.UTC(2026, 9, 25, 0, 30))
  assert.equal(parseInstant('2026-03-29T02:30', 'Europe/Amsterdam'), Date.UTC(2026, 2, 29, 1, 30))
  assert.equal(wallToInstant(Date.UTC(2026, 6, 1), 'Europe/Amsterdam'), Date.UTC(2026, 5, 30, 22))
})

test('times that do not exist are refused in words', () => {
  for (const text of ['2026-02-30', 'yesterday', '2026-01-01T25:00', '2026-13-01'])
    assert.throws(() => parseInstant(text), TypeError, text)
  assert.throws(() => parseInstant('2026-01-01', 'Mars/Olympus'), TypeError)
  assert.throws(() => parseLocalDay('2026-02-30'), TypeError)
  assert.equal(formatLocalDay(parseLocalDay('2026-02-28')), '2026-02-28')
})

test('qualities, flags and units map both ways', () => {
  assert.equal(qualityOf(qualityCode('ESTIMATED')), 'ESTIMATED')
  assert.throws(() => qualityOf(15), RangeError)
  assert.deepEqual(deviceFlags(0x05), ['POWER_FAIL', 'CLOCK_INVALID'])
  assert.equal(unitSymbol(30), 'Wh')
  assert.equal(unitCode('Wh'), 30)
  assert.equal(unitCode('m³'), 13)
  assert.equal(unitSymbol(99), 'unit 99')
})
