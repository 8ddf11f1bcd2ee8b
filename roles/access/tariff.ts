import { formatScaled, parseScaled, zoneOffsetMs } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { Static } from 'typebox'
import type { BandSchema, TariffSchema } from './provision-schema.ts'

/** A price sheet as it is sent and kept. */
export type TariffSheet = Static<typeof TariffSchema>

/** Prices are integers of `10^-10` currency units per kWh: six places of the net price, four of the tax factor. */
export const PRICE_SCALER = -10

/** Money is energy (`Wh × 10^s`) times price: an integer of `10^(s − 13)` currency units. */
export const moneyScaler = (energyScaler: number): number => energyScaler + PRICE_SCALER - 3

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

/** One price and the local times it holds, as minutes of the day; no `hours` means always. */
export interface Band {
  readonly name: string
  readonly perKwh: bigint
  readonly hours?: readonly { readonly days: ReadonlySet<number>; readonly from: number; readonly to: number }[]
}

/** A price sheet ready to be used: all prices with tax, as customers pay them. */
export interface Tariff {
  readonly id: string
  readonly name: string
  readonly currency: string
  readonly standingPerDay: bigint
  readonly importBands: readonly Band[]
  readonly exportBands: readonly Band[]
}

/** A tariff and for how long it held at a usage point, half-open; `to` null while it lasts. */
export interface TariffSpan {
  readonly from: Instant
  readonly to: Instant | null
  readonly tariff: Tariff
}

const EVERY_DAY: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7])

const minutesOf = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3))

function bandOf(band: Static<typeof BandSchema>, taxFactor: bigint): Band {
  const perKwh = parseScaled(band.perKwh, -6).value * taxFactor
  if (!band.hours) return { name: band.name, perKwh }
  const hours = band.hours.map(({ days, from, to }) => ({
    days: days ? new Set(days) : EVERY_DAY,
    from: minutesOf(from),
    to: minutesOf(to),
  }))
  return { name: band.name, perKwh, hours }
}

/** Makes a price sheet usable. Tax is put on what the customer pays, not on what export earns. */
export function tariffOf(sheet: TariffSheet): Tariff {
  const taxFactor = 10_000n + parseScaled(sheet.taxPercent ?? '0', -2).value
  return {
    id: sheet.id,
    name: sheet.name,
    currency: sheet.currency,
    standingPerDay: parseScaled(sheet.standingPerDay, -6).value * taxFactor,
    importBands: sheet.importPrices.map((band) => bandOf(band, taxFactor)),
    exportBands: sheet.exportPrices.map((band) => bandOf(band, 10_000n)),
  }
}

/** The first band whose hours fit local time and weekday at `at`; `undefined` when none does. */
export function bandAt(bands: readonly Band[], at: Instant, zone: string): Band | undefined {
  if (bands.length === 1 && !bands[0].hours) return bands[0]
  const local = at + zoneOffsetMs(at, zone)
  const day = Math.floor(local / DAY_MS)
  const minutes = Math.floor((local - day * DAY_MS) / MINUTE_MS)
  // 1970-01-01 was a Thursday.
  const weekday = ((((day + 3) % 7) + 7) % 7) + 1
  return bands.find(
    ({ hours }) =>
      !hours ||
      hours.some(
        ({ days, from, to }) =>
          days.has(weekday) && (from < to ? minutes >= from && minutes < to : minutes >= from || minutes < to),
      ),
  )
}

/** The tariff that held at an instant. */
export function tariffAt(spans: readonly TariffSpan[], at: Instant): Tariff | undefined {
  return spans.find(({ from, to }) => at >= from && (to === null || at < to))?.tariff
}

/**
 * What a kWh cost (import) or earned (export) at an instant.
 *
 * @returns price in `10^-10` currency units and the band's name; a tariff that pays nothing for export has price 0;
 *   `undefined` without a tariff or a fitting band
 */
export function priceAt(
  spans: readonly TariffSpan[],
  channel: 'import' | 'export',
  at: Instant,
  zone: string,
): { readonly perKwh: bigint; readonly name: string } | undefined {
  const tariff = tariffAt(spans, at)
  if (!tariff) return undefined
  const bands = channel === 'import' ? tariff.importBands : tariff.exportBands
  return bands.length === 0 && channel === 'export' ? { perKwh: 0n, name: '' } : bandAt(bands, at, zone)
}

/** Decimal text of `value × 10^scaler` without needless zeros: `0.2400` is `0.24`. */
export function decimalText(value: number | bigint, scaler: number): string {
  const text = formatScaled(value, scaler)
  const short = text.includes('.') ? text.replace(/\.?0+$/, '') : text
  return short === '-0' ? '0' : short
}
