/**
 * TEST FIXTURE, not part of the product: made-up but repeatable energy data for developing and testing the web app without a meter.
 * Holds on purpose a day with a clock change, estimated values, missing hours, a missing day, and two changes of tariff.
 */
import {
  formatInstant,
  formatLocalDay,
  localDayOf,
  localDayRange,
  parseInstant,
  zoneOffsetMs,
} from '@gridtally/metering'
import type { Bucket, BucketLength, Energy, IntervalValue, TariffPeriod } from '../src/api/types.ts'

/** Zone of all fixture places. */
export const ZONE = 'Europe/Amsterdam'
/** When the fixture's clock begins. */
export const NOW = parseInstant('2026-10-28T18:42:20', ZONE)
/** Length of an interval. */
export const STEP = 900_000
/** First instant with data. */
export const DATA_FROM = parseInstant('2024-11-01', ZONE)

/** A made-up place. */
export interface Place {
  readonly id: string
  readonly address: string
  readonly category: string
  readonly solar: boolean
  readonly size: number
}

/** The places of the fixture customer. */
export const PLACES: readonly Place[] = [
  { id: '871690930000000013', address: '12 Mill Lane, Easton', category: 'household', solar: true, size: 1 },
  {
    id: '871690930000000426',
    address: '3 Harbour View, Weston (holiday flat)',
    category: 'household',
    solar: false,
    size: 0.35,
  },
]

/** Repeatable noise in [0, 1). */
export function noise(n: number): number {
  let x = (n ^ 0x9e3779b9) | 0
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
  return ((x ^ (x >>> 15)) >>> 0) / 4_294_967_296
}

const bump = (hour: number, at: number, width: number): number => Math.exp(-(((hour - at) / width) ** 2))

/** Power of a place in W at an interval: what it draws and what its roof gives. */
function powers(place: Place, start: number): { readonly load: number; readonly sun: number } {
  const local = start + zoneOffsetMs(start, ZONE)
  const hour = (local % 86_400_000) / 3_600_000
  const day = Math.floor(local / 86_400_000)
  const season = Math.cos(((day % 365.25) - 15) / 58.1)
  const weekend = (day + 3) % 7 >= 5
  const seed = Math.floor(start / STEP)
  const evening = bump(hour, 19, 2.2) * (1050 + 350 * season)
  const morning = bump(hour, weekend ? 9.5 : 7.3, 1.3) * 620
  const noon = weekend ? bump(hour, 13, 2.4) * 520 : 0
  const appliance = noise(seed + place.size * 1000) > 0.955 ? 1500 : 0
  const load =
    (150 + 60 * season + evening + morning + noon + noise(seed) * 160 + appliance) *
    place.size *
    (0.72 + 0.56 * noise(day * 13 + 1))
  const cloud = 0.25 + 0.75 * noise(day * 7 + 3)
  const height = Math.max(0, 1 - ((hour - 13.2) / (5.6 - 2.1 * season)) ** 2)
  const sun = place.solar ? 3600 * (0.62 - 0.38 * season) * height * cloud * (0.9 + 0.2 * noise(seed + 11)) : 0
  return { load, sun }
}

const at = (text: string): number => parseInstant(text, ZONE)
const MISSING: readonly (readonly [number, number])[] = [
  [at('2026-10-09T10:00'), at('2026-10-09T14:00')],
  [at('2026-10-14'), at('2026-10-15')],
  [at('2026-10-28T03:00'), at('2026-10-28T03:30')],
  [at('2025-07-03'), at('2025-07-06')],
]
const ESTIMATED: readonly (readonly [number, number])[] = [
  [at('2026-10-20'), at('2026-10-20T12:00')],
  [at('2026-10-25T02:00'), at('2026-10-25T05:00')],
  [at('2026-10-22T06:00'), at('2026-10-23T20:00')],
]
const inside = (ranges: readonly (readonly [number, number])[], t: number): boolean =>
  ranges.some(([from, to]) => from <= t && t < to)

/** Import and export of one interval in Wh, or null when missing. */
export function interval(
  place: Place,
  start: number,
): { importWh: number; exportWh: number; estimated: boolean } | null {
  if (start < DATA_FROM || inside(MISSING, start)) return null
  const { load, sun } = powers(place, start)
  return {
    importWh: Math.round(Math.max(0, load - sun) / 4),
    exportWh: Math.round(Math.max(0, sun - load) / 4),
    estimated: inside(ESTIMATED, start),
  }
}

/** Net power of a place now, W. */
export function netPower(place: Place, now: number): number {
  const { load, sun } = powers(place, now - (now % STEP))
  return Math.round(load - sun + (noise(Math.floor(now / 5000)) - 0.5) * 90)
}

/** The fixture's dated tariff: flat until the end of September, then day and night. */
export const TARIFFS: readonly TariffPeriod[] = [
  tariff('Green Fixed 2024', '2024-01-01', '2026-01-01', [['', '0.3395']], '0.0900', '0.2210'),
  tariff('Green Fixed 2026', '2026-01-01', '2026-10-01', [['', '0.3120']], '0.0750', '0.2466'),
  tariff(
    'Green Day & Night',
    '2026-10-01',
    null,
    [
      ['day', '0.3285'],
      ['night', '0.2610'],
    ],
    '0.0700',
    '0.2466',
  ),
]

function tariff(
  name: string,
  from: string,
  to: string | null,
  prices: readonly (readonly [string, string])[],
  back: string,
  standing: string,
): TariffPeriod {
  return {
    name,
    from,
    to,
    importPrices: prices.map(([period, perKwh]) => ({ name: period, perKwh })),
    exportPrices: [{ name: '', perKwh: back }],
    standingPerDay: standing,
  }
}

/** Tariff and import price of an instant. */
export function priceAt(t: number): { readonly tariff: TariffPeriod; readonly perKwh: string; readonly name: string } {
  const day = formatLocalDay(localDayOf(t, ZONE))
  const found = TARIFFS.find((one) => one.from <= day && (one.to === null || day < one.to)) ?? TARIFFS[0]
  const hour = ((t + zoneOffsetMs(t, ZONE)) % 86_400_000) / 3_600_000
  const price =
    found.importPrices.length > 1 && (hour < 7 || hour >= 23) ? found.importPrices[1] : found.importPrices[0]
  return { tariff: found, perKwh: price.perKwh, name: price.name }
}

/** Sums one stretch of a place; intervals that end after `now` are not expected yet. */
export function energyOf(
  place: Place,
  from: number,
  to: number,
  now: number,
): { import: Energy; export: Energy | null } {
  let [expected, present, estimated, imported, exported, cost, credit] = [0, 0, 0, 0, 0, 0, 0]
  for (let t = from; t < to && t + STEP <= now; t += STEP) {
    expected++
    const one = interval(place, t)
    if (one === null) continue
    present++
    if (one.estimated) estimated++
    imported += one.importWh
    exported += one.exportWh
    const { perKwh, tariff: held } = priceAt(t)
    // Ten-thousandths per kWh times Wh: whole numbers, so sums are exact.
    cost += one.importWh * Math.round(Number(perKwh) * 10_000)
    credit += one.exportWh * Math.round(Number(held.exportPrices[0].perKwh) * 10_000)
  }
  const money = (sum: number): string => (sum / 10_000_000).toFixed(7)
  const side = (wh: number, sum: number): Energy => ({
    energyWh: present > 0 ? String(wh) : null,
    money: present > 0 ? money(sum) : null,
    expected,
    present,
    estimated,
  })
  return { import: side(imported, cost), export: place.solar ? side(exported, credit) : null }
}

const MINUTES: Readonly<Record<string, number>> = { PT15M: 15, PT30M: 30, PT1H: 60 }

/** Boundaries of buckets from one local day to another. */
export function edges(fromDay: number, toDay: number, bucket: BucketLength): number[] {
  const start = (day: number): number => localDayRange(day, ZONE).from
  const list: number[] = []
  const minutes = MINUTES[bucket]
  if (minutes) for (let t = start(fromDay); t < start(toDay); t += minutes * 60_000) list.push(t)
  else
    for (let day = fromDay; day < toDay; ) {
      list.push(start(day))
      const date = new Date(day * 86_400_000)
      const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
      if (bucket === 'P1D') day += 1
      else if (bucket === 'P1W') day += 7 - ((day + 3) % 7)
      else day = (bucket === 'P1M' ? Date.UTC(year, month + 1, 1) : Date.UTC(year + 1, 0, 1)) / 86_400_000
    }
  list.push(start(toDay))
  return list
}

/** Buckets of a place as the API gives them. */
export function bucketsOf(place: Place, fromDay: number, toDay: number, bucket: BucketLength, now: number): Bucket[] {
  const all = edges(fromDay, toDay, bucket)
  return all.slice(1).map((end, n) => ({
    start: formatInstant(all[n], ZONE),
    end: formatInstant(end, ZONE),
    ...energyOf(place, all[n], end, now),
  }))
}

/** One interval's two values as the API gives them. */
export function intervalValues(place: Place, start: number): { import: IntervalValue; export: IntervalValue | null } {
  const one = interval(place, start)
  const quality = one === null ? 'MISSING' : one.estimated ? 'ESTIMATED' : 'VALID'
  const value = (wh: number | undefined): IntervalValue => ({
    energyWh: wh === undefined ? null : String(wh),
    quality,
    flags: one?.estimated ? ['POWER_FAIL'] : [],
  })
  return { import: value(one?.importWh), export: place.solar ? value(one?.exportWh) : null }
}
