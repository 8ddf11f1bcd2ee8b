import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatInstant, formatLocalDay, localDayRange, parseInstant, parseLocalDay } from '@gridtally/metering'
import fc from 'fast-check'
import type { Bucket, Buckets, Energy, Now } from '../api/types.ts'
import { groupAccesses } from './accesses.ts'
import { axisStep, chartModel } from './chart-model.ts'
import { addDecimals, multiplyDecimals, negateDecimal, subtractDecimals, thousandth } from './decimal.ts'
import { formatsFor } from './format.ts'
import { applyReading, levelOf } from './live.ts'
import { bucketOf, closerLook, customPeriod, periodAround, SPANS, shiftPeriod } from './period.ts'
import { readView, writeView } from './view-state.ts'

const ZONE = 'Europe/Amsterdam'
const f = formatsFor('en-GB')
const today = parseLocalDay('2026-10-28')
const day = (text: string): number => parseLocalDay(text)
const show = ({ from, to }: { from: number; to: number }): string => `${formatLocalDay(from)}/${formatLocalDay(to)}`

test('a week begins on Monday, also over a change of year', () => {
  assert.equal(show(periodAround('week', day('2026-10-25'))), '2026-10-19/2026-10-26')
  assert.equal(show(periodAround('week', day('2027-01-01'))), '2026-12-28/2027-01-04')
})

test('stepping through months and years keeps to the calendar', () => {
  const march = periodAround('month', day('2026-03-31'))
  assert.equal(show(shiftPeriod(march, -1)), '2026-02-01/2026-03-01')
  assert.equal(show(shiftPeriod(periodAround('month', day('2026-12-05')), 1)), '2027-01-01/2027-02-01')
  assert.equal(show(shiftPeriod(periodAround('year', day('2025-06-01')), -1)), '2024-01-01/2025-01-01')
})

test('stepping forth and back is no step, in every span and over clock changes', () => {
  fc.assert(
    fc.property(fc.constantFrom(...SPANS), fc.integer({ min: 15_000, max: 25_000 }), (span, at) => {
      const period = periodAround(span, at)
      assert.deepEqual(shiftPeriod(shiftPeriod(period, 1), -1), period)
      assert.equal(shiftPeriod(period, 1).from, period.to)
    }),
  )
})

test('the day after the clock change begins 25 hours later', () => {
  const sunday = periodAround('day', day('2026-10-25'))
  assert.equal(show(shiftPeriod(sunday, 1)), '2026-10-26/2026-10-27')
  const hours = (localDayRange(sunday.to, ZONE).from - localDayRange(sunday.from, ZONE).from) / 3_600_000
  assert.equal(hours, 25)
})

test('bars grow with the period, and at most 400 are asked for', () => {
  for (const [days, bucket] of [
    [1, 'PT1H'],
    [7, 'P1D'],
    [31, 'P1D'],
    [90, 'P1W'],
    [365, 'P1M'],
    [3660, 'P1Y'],
  ] as const)
    assert.equal(bucketOf({ span: 'custom', from: 20_000, to: 20_000 + days }, false), bucket)
  assert.equal(bucketOf(periodAround('day', today), true), 'PT15M')
  assert.deepEqual(closerLook('P1M', day('2026-02-01')), periodAround('month', day('2026-02-10')))
})

test('a view survives its address', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...SPANS),
      fc.integer({ min: 18_000, max: 22_000 }),
      fc.integer({ min: 0, max: 90 }),
      fc.boolean(),
      fc.boolean(),
      fc.option(fc.string({ minLength: 1 })),
      (span, at, length, money, table, point) => {
        const view = {
          point,
          period: span === 'custom' ? customPeriod(at, at + length) : periodAround(span, at),
          measure: money ? ('money' as const) : ('energy' as const),
          fine: table,
          table,
        }
        assert.deepEqual(readView(writeView(view, today), today), view)
      },
    ),
  )
  assert.equal(writeView(readView('', today), today), '')
})

test('an address that makes no sense shows this week', () => {
  for (const search of [
    '?view=decade',
    '?date=2026-02-31',
    '?date=',
    '?view=custom&date=x&last=y',
    '?step=99&show=joules',
  ])
    assert.doesNotThrow(() => readView(search, today))
  assert.equal(show(readView('?date=2026-02-31', today).period), '2026-10-26/2026-11-02')
})

test('money and energy are exact where floats are not', () => {
  assert.equal(addDecimals('0.1', '0.2'), '0.3')
  assert.equal(subtractDecimals('1', '1.000000001'), '-0.000000001')
  assert.equal(multiplyDecimals('0.412', '0.2781'), '0.1145772')
  assert.equal(thousandth('12345'), '12.345')
  assert.equal(negateDecimal('0'), '0')
  assert.equal(f.energy('1005', 2), '1.01 kWh', 'half away from zero, as decimals')
  assert.equal(f.money('-0.005', 'EUR', 3), '-€0.005')
  assert.equal(f.power('10449'), '10.4 kW')
})

const energy = (wh: number | null, counts: Partial<Energy> = {}): Energy => ({
  energyWh: wh === null ? null : String(wh),
  money: wh === null ? null : multiplyDecimals(String(wh), '0.0003'),
  expected: 4,
  present: 4,
  estimated: 0,
  ...counts,
})

function buckets(from: string, hours: readonly Energy[], length: Buckets['bucket'] = 'PT1H'): Buckets {
  const start = parseInstant(from, ZONE)
  const step = 3_600_000
  const list = hours.map(
    (one, n): Bucket => ({
      start: formatInstant(start + n * step, ZONE),
      end: formatInstant(start + (n + 1) * step, ZONE),
      import: one,
      export: energy(100),
    }),
  )
  const end = start + hours.length * step
  const known = hours.filter((one) => one.energyWh !== null)
  return {
    usagePointId: 'A',
    asOf: formatInstant(end, ZONE),
    zone: ZONE,
    currency: 'EUR',
    bucket: length,
    from: formatInstant(start, ZONE),
    to: formatInstant(end, ZONE),
    dataTo: formatInstant(end, ZONE),
    buckets: list,
    total: {
      import: energy(
        known.reduce((sum, one) => sum + Number(one.energyWh), 0),
        {
          expected: hours.reduce((sum, one) => sum + one.expected, 0),
          present: hours.reduce((sum, one) => sum + one.present, 0),
          estimated: hours.reduce((sum, one) => sum + one.estimated, 0),
        },
      ),
      export: energy(100 * hours.length),
      standing: '0.25',
    },
    tariffs: [],
  }
}

test('the long day has 25 bars, the doubled hour told apart by its zone', () => {
  const model = chartModel(
    buckets(
      '2026-10-25',
      Array.from({ length: 25 }, () => energy(500)),
    ),
    'energy',
    f,
  )
  assert.equal(model.bars.length, 25)
  assert.equal(model.clockChange, 'back')
  assert.equal(model.bars[2].tick, '02:00')
  assert.equal(model.bars[3].tick, '02:00')
  assert.notEqual(model.bars[2].label, model.bars[3].label)
  assert.equal(new Set(model.bars.map((bar) => bar.label)).size, 25)
})

test('the short day has 23 bars and goes from 01:00 to 03:00', () => {
  const model = chartModel(
    buckets(
      '2026-03-29',
      Array.from({ length: 23 }, () => energy(500)),
    ),
    'energy',
    f,
  )
  assert.equal(model.clockChange, 'forward')
  assert.deepEqual([model.bars[1].tick, model.bars[2].tick], ['01:00', '03:00'])
})

test('missing is not zero, and estimated is said', () => {
  const model = chartModel(
    buckets('2026-10-20', [
      energy(0),
      energy(null, { present: 0 }),
      energy(300, { estimated: 1 }),
      energy(200, { present: 3 }),
      energy(null, { expected: 0, present: 0 }),
    ]),
    'energy',
    f,
  )
  assert.deepEqual(
    model.bars.map((bar) => [bar.import.state, bar.import.value]),
    [
      ['measured', 0],
      ['missing', null],
      ['estimated', 0.3],
      ['partial', 0.2],
      ['future', null],
    ],
  )
  assert.equal(model.bars[2].import.estimatedShare, 0.25)
  assert.equal(model.bars[0].import.text, '0.000 kWh')
  assert.equal(model.bars[1].import.text, '')
  assert.deepEqual(model.counts, { missing: 5, estimated: 1, expected: 20 })
})

test('the balance is import plus standing charges less export', () => {
  const model = chartModel(buckets('2026-10-20', [energy(1000), energy(2000)]), 'money', f)
  assert.equal(model.importTotal, '€0.90')
  assert.equal(model.balance, '€1.09')
})

test('the axis reaches every bar in a few round steps', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 500_000 }), fc.integer({ min: 0, max: 500_000 }), (a, b) => {
      const model = chartModel(buckets('2026-10-20', [energy(a), energy(b)]), 'energy', f)
      assert.ok(model.up >= Math.max(a, b) / 1000 - 1e-9)
      assert.ok(model.marks.length <= 12)
    }),
  )
  assert.equal(axisStep(7.3), 2)
})

test('accesses of the same kind are one line with a count; own visits only when wanted', () => {
  const record = (who: 'you' | 'operator', at: string) => ({
    at,
    who,
    what: 'data.intervals',
    subject: 'A',
    purpose: '',
    outcome: 'done' as const,
  })
  const log = [record('you', '3'), record('operator', '2'), record('operator', '1')]
  assert.deepEqual(
    groupAccesses(log, false).map(({ who, last, count }) => [who, last, count]),
    [['operator', '2', 2]],
  )
  assert.equal(groupAccesses(log, true).length, 2)
})

test('a live reading moves "now", prices it, and never goes back in time', () => {
  const now: Now = {
    usagePointId: 'A',
    at: '2026-10-28T18:00:00+01:00',
    source: 'interval-mean',
    powerW: '400',
    costPerHour: '0.11',
    currency: 'EUR',
    price: { perKwh: '0.3', name: '' },
    usual: { lowW: '200', medianW: '300', highW: '500', days: 20 },
    level: 'usual',
  }
  const later = applyReading(now, { usagePointId: 'A', at: '2026-10-28T18:00:10+01:00', powerW: '2500' })
  assert.deepEqual([later.powerW, later.costPerHour, later.level], ['2500', '0.75', 'high'])
  assert.equal(applyReading(now, { usagePointId: 'A', at: '2026-10-28T17:59:00+01:00', powerW: '1' }), now)
  assert.equal(applyReading(now, { usagePointId: 'B', at: '2026-10-28T18:00:10+01:00', powerW: '1' }), now)
  assert.equal(levelOf(-800, { lowW: '-900', highW: '200' }), 'usual')
})
