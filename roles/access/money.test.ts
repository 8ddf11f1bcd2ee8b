import assert from 'node:assert/strict'
import { test } from 'node:test'
import { localDayOf, parseInstant, parseLocalDay, parseScaled, qualityCode } from '@gridtally/metering'
import fc from 'fast-check'
import { bucketEdges, type SumContext, sumBuckets } from './buckets.ts'
import type { Series } from './series.ts'
import { decimalText, priceAt, type TariffSheet, type TariffSpan, tariffOf } from './tariff.ts'
import { isWeekend, learnUsual, quantile, USUAL_DAYS_BACK } from './usual.ts'

const ZONE = 'Europe/Amsterdam'
const QUARTER = 900_000
const at = (text: string): number => parseInstant(text, ZONE)
const day = (text: string): number => parseLocalDay(text)

const FLAT: TariffSheet = {
  id: 'flat',
  name: 'Flat',
  currency: 'EUR',
  standingPerDay: '0.30',
  importPrices: [{ name: '', perKwh: '0.25' }],
  exportPrices: [{ name: '', perKwh: '0.07' }],
}
const BANDS: TariffSheet = {
  ...FLAT,
  id: 'bands',
  taxPercent: '21',
  importPrices: [
    { name: 'night', perKwh: '0.10', hours: [{ from: '23:00', to: '07:00' }] },
    { name: 'weekend', perKwh: '0.15', hours: [{ days: [6, 7], from: '00:00', to: '24:00' }] },
    { name: 'day', perKwh: '0.20' },
  ],
}
const span = (sheet: TariffSheet, from: string, to: string | null): TariffSpan => ({
  from: at(from),
  to: to === null ? null : at(to),
  tariff: tariffOf(sheet),
})

function series(from: string, values: readonly (number | null)[], scaler = 0, quality = 'VALID' as const): Series {
  return {
    start: at(from),
    stepMs: QUARTER,
    scaler,
    values,
    qualities: values.map((value) => qualityCode(value === null ? 'MISSING' : quality)),
    flags: values.map(() => 0),
  }
}
const context = (tariffs: readonly TariffSpan[], more: Partial<SumContext> = {}): SumContext => ({
  channel: 'import',
  zone: ZONE,
  tariffs,
  spans: [{ from: Number.MIN_SAFE_INTEGER, to: null }],
  now: at('2030-01-01'),
  ...more,
})
const days = (from: string, to: string): { from: number; to: number } => ({ from: day(from), to: day(to) })

for (const [time, name, price] of [
  ['2026-03-04T22:45', 'day', '0.242'],
  ['2026-03-04T23:00', 'night', '0.121'],
  ['2026-03-05T06:45', 'night', '0.121'],
  ['2026-03-05T07:00', 'day', '0.242'],
  ['2026-03-07T12:00', 'weekend', '0.1815'],
  ['2026-03-09T00:00', 'night', '0.121'],
] as const)
  test(`on ${time} the band is "${name}" at ${price} with tax`, () => {
    const found = priceAt([span(BANDS, '2026-01-01', null)], 'import', at(time), ZONE)
    assert.equal(found?.name, name)
    assert.equal(decimalText(found?.perKwh ?? 0n, -10), price)
  })

test('a price that changes in the middle of a day, and at midnight, holds from exactly its interval on', () => {
  const tariffs = [
    span(FLAT, '2026-05-01', '2026-05-04T12:30'),
    span({ ...FLAT, importPrices: [{ name: '', perKwh: '0.50' }] }, '2026-05-04T12:30', '2026-05-05'),
    span({ ...FLAT, importPrices: [{ name: '', perKwh: '1' }] }, '2026-05-05', null),
  ]
  const quarters = series('2026-05-04', new Array<number>(192).fill(100))
  const edges = bucketEdges(days('2026-05-04', '2026-05-06'), 'P1D', ZONE, 400) ?? []
  const { buckets, total } = sumBuckets([quarters], edges, context(tariffs))
  // 50 quarters at 0.25, 46 at 0.50, 96 at 1: each 0.1 kWh.
  assert.deepEqual(
    buckets.map(({ money }) => money),
    ['3.55', '9.6'],
  )
  assert.equal(total.money, '13.15')
  assert.equal(total.energyWh, '19200')
})

test('money is worked out interval by interval, not by a mean of the bucket', () => {
  const values = Array.from({ length: 96 }, (_, i) => (i < 28 || i >= 92 ? 1000 : 10))
  const edges = bucketEdges(days('2026-03-04', '2026-03-05'), 'P1D', ZONE, 400) ?? []
  const { total } = sumBuckets([series('2026-03-04', values)], edges, context([span(BANDS, '2026-01-01', null)]))
  assert.equal(
    total.money,
    decimalText(parseScaled('0.121', -6).value * 32000n + parseScaled('0.242', -6).value * 640n, -9),
  )
})

for (const [date, next, hours] of [
  ['2026-03-29', '2026-03-30', 23],
  ['2026-10-25', '2026-10-26', 25],
  ['2026-06-01', '2026-06-02', 24],
] as const)
  test(`${date} has ${hours} hours in every length of bucket`, () => {
    const range = days(date, next)
    assert.equal(bucketEdges(range, 'PT1H', ZONE, 400)?.length, hours + 1)
    assert.equal(bucketEdges(range, 'PT15M', ZONE, 400)?.length, hours * 4 + 1)
    const quarters = series(date, new Array<number>(hours * 4).fill(250))
    const tariffs = [span(FLAT, '2026-01-01', null)]
    for (const bucket of ['PT15M', 'PT1H', 'P1D'] as const) {
      const { total } = sumBuckets([quarters], bucketEdges(range, bucket, ZONE, 400) ?? [], context(tariffs))
      assert.deepEqual(total, {
        energyWh: String(hours * 1000),
        money: decimalText(BigInt(hours) * 25n, -2),
        expected: hours * 4,
        present: hours * 4,
        estimated: 0,
      })
    }
  })

test('the night band on the day clocks go back has its repeated hour at the night price', () => {
  const quarters = series('2026-10-25', new Array<number>(100).fill(1000))
  const edges = bucketEdges(days('2026-10-25', '2026-10-26'), 'P1D', ZONE, 400) ?? []
  const { total } = sumBuckets([quarters], edges, context([span(BANDS, '2026-01-01', null)]))
  // A Sunday: 8 + 1 hours of night, 16 of weekend.
  assert.equal(total.money, decimalText(36n * 121n * 10n + 64n * 1815n, -4))
})

test('weeks begin on Monday, months and years on their first day, and ranges cut them', () => {
  const edges = (from: string, to: string, bucket: 'P1W' | 'P1M' | 'P1Y'): string[] =>
    (bucketEdges(days(from, to), bucket, ZONE, 400) ?? []).map((edge) =>
      new Date(edge + 7_200_000).toISOString().slice(0, 10),
    )
  assert.deepEqual(edges('2026-05-06', '2026-05-20', 'P1W'), ['2026-05-06', '2026-05-11', '2026-05-18', '2026-05-20'])
  assert.deepEqual(edges('2026-05-01', '2026-07-01', 'P1M'), ['2026-05-01', '2026-06-01', '2026-07-01'])
  assert.deepEqual(edges('2025-06-01', '2027-01-01', 'P1Y'), ['2025-06-01', '2026-01-01', '2027-01-01'])
  assert.equal(bucketEdges(days('2026-01-01', '2026-01-06'), 'PT15M', ZONE, 400), undefined)
})

test('missing and estimated intervals are told, future ones are not expected', () => {
  const values = [100, null, 100, 100, 100, 100]
  const quarters = { ...series('2026-05-04', values), qualities: [1, 9, 4, 5, 10, 1] }
  const edges = bucketEdges(days('2026-05-04', '2026-05-05'), 'P1D', ZONE, 400) ?? []
  const { total } = sumBuckets([quarters], edges, context([], { now: at('2026-05-04T01:20') }))
  assert.deepEqual(total, { energyWh: '300', money: null, expected: 5, present: 3, estimated: 2 })
})

test('values outside the time a customer may see are as if they were not', () => {
  const quarters = series('2026-05-04', new Array<number>(96).fill(100))
  const edges = bucketEdges(days('2026-05-04', '2026-05-05'), 'P1D', ZONE, 400) ?? []
  const spans = [{ from: at('2026-05-04T06:00'), to: at('2026-05-04T07:10') }]
  const { total } = sumBuckets([quarters], edges, context([], { spans }))
  assert.deepEqual([total.energyWh, total.expected], ['400', 4])
})

test('buckets of any length add up to the total exactly, for any values, prices and scalers', () => {
  const sum = (texts: readonly (string | null)[]): bigint =>
    texts.reduce((all, text) => all + parseScaled(text ?? '0', -20).value, 0n)
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.integer({ min: 0, max: 5_000_000 }), { freq: 9 }), { minLength: 1, maxLength: 200 }),
      fc.integer({ min: -3, max: 0 }),
      fc.integer({ min: -999_999, max: 9_999_999 }),
      fc.constantFrom('PT15M', 'PT1H', 'P1D', 'P1W'),
      (values, scaler, price, bucket) => {
        const sheet = { ...BANDS, importPrices: [BANDS.importPrices[0], { name: 'x', perKwh: decimalText(price, -6) }] }
        const tariffs = [span(sheet, '2026-01-01', null)]
        const edges = bucketEdges(days('2026-10-24', '2026-10-28'), bucket, ZONE, 400) ?? []
        const { buckets, total } = sumBuckets([series('2026-10-24', values, scaler)], edges, context(tariffs))
        const exact = values.reduce<bigint>(
          (all, value, i) =>
            all + BigInt(value ?? 0) * (priceAt(tariffs, 'import', at('2026-10-24') + i * QUARTER, ZONE)?.perKwh ?? 0n),
          0n,
        )
        if (values.some((value) => value !== null)) assert.equal(total.money, decimalText(exact, scaler - 13))
        return (
          sum(buckets.map(({ money }) => money)) === sum([total.money]) &&
          sum(buckets.map(({ energyWh }) => energyWh)) === sum([total.energyWh])
        )
      },
    ),
    { numRuns: 200 },
  )
})

test('what is usual comes of at least ten days of the same kind, and of whole hours only', () => {
  const today = day('2026-06-17')
  const start = at('2026-04-22')
  assert.equal(localDayOf(start, ZONE), today - USUAL_DAYS_BACK)
  const values: (number | null)[] = []
  for (let d = 0; d < USUAL_DAYS_BACK; d++) {
    const weekend = isWeekend(today - USUAL_DAYS_BACK + d)
    for (let slot = 0; slot < 96; slot++) values.push(weekend ? 1000 : 10 * (d % 5) + 100)
  }
  values[12 * 4] = null
  const history: Series = { ...series('2026-04-22', values), start }
  const working = learnUsual(history, undefined, today, ZONE)
  assert.deepEqual(working.netInHour(12), { low: 424, median: 480, high: 536, days: 39 })
  assert.equal(working.importUpTo(12 * 3_600_000)?.days, 40)
  assert.equal(working.importUpTo(86_400_000)?.days, 39)
  const weekend = learnUsual(history, undefined, day('2026-06-20'), ZONE)
  assert.equal(weekend.importUpTo(3_600_000)?.median, 4000)
  const short = { ...history, values: values.map((value, i) => (i < 47 * 96 ? null : value)) }
  assert.equal(learnUsual(short, undefined, today, ZONE).netInHour(3), null)
  const exported: Series = { ...history, values: values.map(() => 25) }
  assert.equal(learnUsual(history, exported, today, ZONE).netInHour(13)?.median, 380)
})

test('a quantile lies straight between its neighbours', () => {
  assert.equal(quantile([0, 10], 0.5), 5)
  assert.equal(quantile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 0.2), 3)
  assert.equal(quantile([7], 0.8), 7)
})
