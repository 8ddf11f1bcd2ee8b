import { type LocalDay, localDayRange } from '@gridtally/metering'
import { type Series, usable } from './series.ts'

/** Days looked back for what is usual: enough for ten weekend days with some missing. */
export const USUAL_DAYS_BACK = 56

/** Fewer days of a kind than this say nothing about what is usual. */
export const FEWEST_DAYS = 10

const HOUR_MS = 3_600_000
const DAY_HOURS = 24

/** Lower, middle and upper value, and of how many days. */
export interface Usual {
  readonly low: number
  readonly median: number
  readonly high: number
  readonly days: number
}

/** Whether a local day is a Saturday or Sunday. */
export function isWeekend(day: LocalDay): boolean {
  // 1970-01-01 was a Thursday.
  const weekday = (((day + 3) % 7) + 7) % 7
  return weekday >= 5
}

/** The `share` quantile (0 … 1) of ascending numbers, straight between neighbours, rounded to an integer. */
export function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share
  const below = Math.floor(place)
  const above = Math.min(below + 1, sorted.length - 1)
  return Math.round(sorted[below] + (sorted[above] - sorted[below]) * (place - below))
}

function usualOf(values: number[]): Usual | null {
  if (values.length < FEWEST_DAYS) return null
  const sorted = values.sort((a, b) => a - b)
  return { low: quantile(sorted, 0.2), median: quantile(sorted, 0.5), high: quantile(sorted, 0.8), days: values.length }
}

/** What is usual on days of one kind at one usage point. */
export interface UsualDays {
  /** Net energy (import less export) of the local hour 0 … 23, in the series' unit; mean power when read as W. */
  netInHour(hour: number): Usual | null
  /** Import from local midnight up to so many milliseconds of the day, in the series' unit. */
  importUpTo(dayMs: number): Usual | null
}

/** One past day in slots from its midnight; undefined where a slot is unknown. */
type DaySlots = readonly (number | null)[]

function slotsOfDay(series: Series, day: LocalDay, zone: string): DaySlots | undefined {
  const { from, to } = localDayRange(day, zone)
  // Days of other length are two a year and would be compared at the wrong hour.
  if (to - from !== DAY_HOURS * HOUR_MS || HOUR_MS % series.stepMs !== 0) return undefined
  const first = (from - series.start) / series.stepMs
  const count = (to - from) / series.stepMs
  if (!Number.isInteger(first) || first < 0 || first + count > series.values.length) return undefined
  return Array.from({ length: count }, (_, i) => usable(series, first + i))
}

/**
 * Learns what is usual from the days before `today` that are of its kind (working day or weekend). Only whole hours count for
 * an hour, and only days without a gap up to a time for that time.
 *
 * @param exported absent for usage points that only take; else with the scaler of `imported`
 */
export function learnUsual(imported: Series, exported: Series | undefined, today: LocalDay, zone: string): UsualDays {
  const days: { readonly imported: DaySlots; readonly exported: DaySlots | undefined }[] = []
  for (let day = today - USUAL_DAYS_BACK; day < today; day++) {
    if (isWeekend(day) !== isWeekend(today)) continue
    const slots = slotsOfDay(imported, day, zone)
    if (slots) {
      // Other steps cannot be set against each other slot by slot: what the net was is then unknown.
      const isAlike = exported?.stepMs === imported.stepMs
      days.push({ imported: slots, exported: isAlike ? slotsOfDay(exported, day, zone) : undefined })
    }
  }
  const perHour = HOUR_MS / imported.stepMs
  return {
    netInHour(hour) {
      const found: number[] = []
      for (const day of days) {
        let net = 0
        let whole = !exported || day.exported !== undefined
        for (let slot = hour * perHour; whole && slot < (hour + 1) * perHour; slot++) {
          const taken = day.imported[slot]
          const given = day.exported ? day.exported[slot] : 0
          if (taken === null || given === null) whole = false
          else net += taken - given
        }
        if (whole) found.push(net)
      }
      return usualOf(found)
    },
    importUpTo(dayMs) {
      const end = Math.min(Math.floor(dayMs / imported.stepMs), DAY_HOURS * perHour)
      const found: number[] = []
      for (const day of days) {
        let sum = 0
        let slot = 0
        for (; slot < end; slot++) {
          const value = day.imported[slot]
          if (value === null) break
          sum += value
        }
        if (slot === end) found.push(sum)
      }
      return usualOf(found)
    },
  }
}
