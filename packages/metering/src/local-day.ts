import type { Instant } from '@gridtally/wire'
import { type TimeRange, wallToInstant, zoneOffsetMs } from './time-range.ts'

/** A calendar day of a zone as the count of days since 1970-01-01: blocks of intervals are keyed by it. */
export type LocalDay = number

const DAY_MS = 86_400_000

/** The local day of `zone` in which an instant falls. */
export function localDayOf(at: Instant, zone: string): LocalDay {
  return Math.floor((at + zoneOffsetMs(at, zone)) / DAY_MS)
}

/** From one local midnight to the next: 23, 24 or 25 hours where clocks change (other lengths in a few zones). */
export function localDayRange(day: LocalDay, zone: string): TimeRange {
  return { from: wallToInstant(day * DAY_MS, zone), to: wallToInstant((day + 1) * DAY_MS, zone) }
}

/** `2026-03-29` */
export function formatLocalDay(day: LocalDay): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

/** Reads `2026-03-29`. Throws TypeError for anything else. */
export function parseLocalDay(text: string): LocalDay {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(ms) || formatLocalDay(ms / DAY_MS) !== text)
    throw new TypeError(`"${text}" is not a day such as 2026-03-29`)
  return ms / DAY_MS
}
