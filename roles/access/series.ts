import { qualityCode } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { SeenSpan } from './store.ts'

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

/** The same energy in smaller units: `scaler` must not be above the series' own. */
export function inScaler(series: Series, scaler: number): Series {
  if (series.scaler === scaler) return series
  if (scaler > series.scaler) throw new RangeError(`scaler ${scaler} is coarser than ${series.scaler}`)
  const factor = 10 ** (series.scaler - scaler)
  return { ...series, scaler, values: series.values.map((value) => (value === null ? null : value * factor)) }
}

/** Whether all of `[from, to)` lies in one of the spans. */
export function isSeen(spans: readonly SeenSpan[], from: Instant, to: Instant): boolean {
  return spans.some((span) => from >= span.from && (span.to === null || to <= span.to))
}

/** The series with nothing known outside the spans. */
export function masked(series: Series, spans: readonly SeenSpan[]): Series {
  const { start, stepMs } = series
  const hidden = qualityCode('MISSING')
  const sees = (slot: number): boolean => isSeen(spans, start + slot * stepMs, start + (slot + 1) * stepMs)
  return {
    ...series,
    values: series.values.map((value, slot) => (sees(slot) ? value : null)),
    qualities: series.qualities.map((code, slot) => (sees(slot) ? code : hidden)),
    flags: series.flags.map((bits, slot) => (sees(slot) ? bits : 0)),
  }
}

/** Series slot for slot beside another; where they have no slot of the same beginning and length, nothing is known. */
export function beside(parts: readonly Series[], other: Series): Series {
  const hidden = qualityCode('MISSING')
  const values = new Array<number | null>(other.values.length).fill(null)
  const qualities = new Array<number>(other.values.length).fill(hidden)
  const flags = new Array<number>(other.values.length).fill(0)
  for (const part of parts) {
    const shift = (part.start - other.start) / other.stepMs
    if (part.stepMs !== other.stepMs || !Number.isInteger(shift)) continue
    const first = Math.max(0, shift)
    const end = Math.min(values.length, shift + part.values.length)
    for (let slot = first; slot < end; slot++) {
      values[slot] = part.values[slot - shift]
      qualities[slot] = part.qualities[slot - shift]
      flags[slot] = part.flags[slot - shift]
    }
  }
  return {
    start: other.start,
    stepMs: other.stepMs,
    scaler: parts[0]?.scaler ?? other.scaler,
    values,
    qualities,
    flags,
  }
}
