import { qualityCode } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'

/**
 * Interval energy of one channel without holes: slot `i` is `[start + i × stepMs, start + (i+1) × stepMs)`.
 * A slot nothing is known of is `null` with quality MISSING. Values are integers of `Wh × 10^scaler`.
 */
export interface Series {
  readonly start: Instant
  readonly stepMs: number
  readonly scaler: number
  readonly values: readonly (number | null)[]
  /** Quality code per slot (`QUALITIES`). */
  readonly qualities: readonly number[]
  /** Device flags per slot (`DEVICE_FLAGS`). */
  readonly flags: readonly number[]
}

const ESTIMATED: ReadonlySet<number> = new Set([
  qualityCode('ESTIMATED'),
  qualityCode('FINAL_ESTIMATED'),
  qualityCode('FORECAST'),
])
const WORTHLESS: ReadonlySet<number> = new Set([qualityCode('MISSING'), qualityCode('REJECTED')])

/** Whether a quality code says the value was worked out, not measured. */
export const isEstimated = (code: number): boolean => ESTIMATED.has(code)

/** The value of a slot, or null when there is none that may be used. */
export function usable(series: Series, slot: number): number | null {
  return WORTHLESS.has(series.qualities[slot]) ? null : (series.values[slot] ?? null)
}

/** A series of no slots. */
export const NO_SERIES: Series = { start: 0, stepMs: 900_000, scaler: 0, values: [], qualities: [], flags: [] }

/** The slots that begin in `[from, to)`. */
export function cut(series: Series, from: Instant, to: Instant): Series {
  const { start, stepMs, values, qualities, flags } = series
  const first = Math.max(0, Math.ceil((from - start) / stepMs))
  const end = Math.max(first, Math.min(values.length, Math.ceil((to - start) / stepMs)))
  return {
    ...series,
    start: start + first * stepMs,
    values: values.slice(first, end),
    qualities: qualities.slice(first, end),
    flags: flags.slice(first, end),
  }
}

/** The same energy in smaller units: `scaler` must not be above the series' own. */
export function inScaler(series: Series, scaler: number): Series {
  if (series.scaler === scaler) return series
  if (scaler > series.scaler) throw new RangeError(`scaler ${scaler} is coarser than ${series.scaler}`)
  const factor = 10 ** (series.scaler - scaler)
  return { ...series, scaler, values: series.values.map((value) => (value === null ? null : value * factor)) }
}
