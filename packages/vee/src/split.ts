import { type IntervalRun, type LocalDay, localDayOf, localDayRange, type TimeRange } from '@gridtally/metering'
import { type IntervalBlock, MAX_BLOCK_INTERVALS, mark } from './block.ts'

/** The part of a run that begins in one local day. */
export interface DayBlock {
  readonly day: LocalDay
  readonly block: IntervalBlock
}

/** What {@link splitRun} needs of a run. */
export interface Splittable extends Pick<IntervalRun, 'start' | 'stepMs' | 'values' | 'flags'> {
  /** Quality code of each value, absent when all are RAW. */
  readonly qualities?: readonly number[]
}

/** Day ranges by zone, kept because loads ask for the same few days over and over. */
const known = new Map<string, Map<LocalDay, TimeRange>>()
const MOST_DAYS_KEPT = 20_000

function dayRange(day: LocalDay, zone: string): TimeRange {
  let days = known.get(zone)
  if (!days) {
    days = new Map()
    known.set(zone, days)
  }
  let range = days.get(day)
  if (!range) {
    if (days.size >= MOST_DAYS_KEPT) days.clear()
    range = localDayRange(day, zone)
    days.set(day, range)
  }
  return range
}

/**
 * Cuts a run at the local midnights of `zone`: days of 23, 24 and 25 hours each become one block. An interval belongs to the day
 * it begins in. Intervals without value and mark at either end of a day are left out, and so are days that have nothing else.
 *
 * @throws RangeError when a day has more than {@link MAX_BLOCK_INTERVALS} intervals
 */
export function splitRun(run: Splittable, zone: string): DayBlock[] {
  const { start, stepMs, values, flags, qualities } = run
  const days: DayBlock[] = []
  let day = localDayOf(start, zone)
  for (let from = 0; from < values.length; ) {
    const { to } = dayRange(day, zone)
    const end = Math.min(values.length, Math.ceil((to - start) / stepMs))
    const isNothing = (i: number): boolean => values[i] === null && !flags?.[i] && !qualities?.[i]
    let first = from
    while (first < end && isNothing(first)) first++
    let last = end
    while (last > first && isNothing(last - 1)) last--
    if (last - first > MAX_BLOCK_INTERVALS) throw new RangeError(`${last - first} intervals in one day`)
    if (last > first) {
      const n = last - first
      const numbers = new Float64Array(n)
      for (let i = 0; i < n; i++) numbers[i] = values[first + i] ?? Number.NaN
      let marks: Uint16Array | null = null
      if (flags || qualities) {
        marks = new Uint16Array(n)
        for (let i = 0; i < n; i++) marks[i] = mark(qualities?.[first + i] ?? 0, flags?.[first + i] ?? 0)
      }
      days.push({ day, block: { start: start + first * stepMs, stepMs, values: numbers, marks, arrivals: null } })
    }
    from = end
    // A step longer than a day may pass over whole days.
    day = to > start + end * stepMs ? day : localDayOf(start + end * stepMs, zone)
  }
  return days
}

/** Intervals of `stepMs` that begin in a local day of a zone: 92, 96 or 100 quarter hours. */
export function intervalsInDay(day: LocalDay, zone: string, stepMs: number): number {
  const { from, to } = dayRange(day, zone)
  return Math.ceil((to - from) / stepMs)
}
