import { formatLocalDay, type LocalDay, localDayOf, parseLocalDay } from '@gridtally/metering'
import type { BucketLength } from '../api/types.ts'

/** How long a history view is. */
export type Span = 'day' | 'week' | 'month' | 'year' | 'custom'

/** The spans in the order people step through them. */
export const SPANS: readonly Span[] = ['day', 'week', 'month', 'year', 'custom']

/** A stretch of local days, half-open. Days are counted, not hours, so clock changes cannot shift it. */
export interface Period {
  readonly span: Span
  readonly from: LocalDay
  readonly to: LocalDay
}

/** Longest custom period: ten years, which still fits one request by months. */
export const MOST_DAYS = 3660

/** 1970-01-01 was a Thursday: this many days after a Monday. */
const EPOCH_AFTER_MONDAY = 3

function monthStart(day: LocalDay, months: number): LocalDay {
  const date = new Date(day * 86_400_000)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1) / 86_400_000
}

/** The day, ISO week (from Monday), month or year that holds `day`; for `custom` the seven days that end with it. */
export function periodAround(span: Span, day: LocalDay): Period {
  switch (span) {
    case 'day':
      return { span, from: day, to: day + 1 }
    case 'week': {
      const from = day - ((day + EPOCH_AFTER_MONDAY) % 7)
      return { span, from, to: from + 7 }
    }
    case 'month':
      return { span, from: monthStart(day, 0), to: monthStart(day, 1) }
    case 'year': {
      const year = new Date(day * 86_400_000).getUTCFullYear()
      return { span, from: Date.UTC(year, 0, 1) / 86_400_000, to: Date.UTC(year + 1, 0, 1) / 86_400_000 }
    }
    case 'custom':
      return { span, from: day - 6, to: day + 1 }
  }
}

/** The period before (`-1`) or after (`1`): the next calendar one, or for `custom` the neighbour of the same length. */
export function shiftPeriod(period: Period, by: -1 | 1): Period {
  if (period.span === 'custom') {
    const length = (period.to - period.from) * by
    return { span: 'custom', from: period.from + length, to: period.to + length }
  }
  return periodAround(period.span, by < 0 ? period.from - 1 : period.to)
}

/** A custom period from two days in either order, the last one included; cut to {@link MOST_DAYS}. */
export function customPeriod(first: LocalDay, last: LocalDay): Period {
  const from = Math.min(first, last)
  return { span: 'custom', from, to: Math.min(Math.max(first, last) + 1, from + MOST_DAYS) }
}

/** How finely a period is drawn. `fine` asks for 15 minutes, which only single days have room for. */
export function bucketOf(period: Period, fine: boolean): BucketLength {
  const days = period.to - period.from
  if (days <= 1) return fine ? 'PT15M' : 'PT1H'
  if (days <= 3) return 'PT1H'
  if (days <= 62) return 'P1D'
  if (days <= 190) return 'P1W'
  return days <= 1100 ? 'P1M' : 'P1Y'
}

/** The next closer look at something that starts on `day`: a year's bar opens its month, a month's its day. */
export function closerLook(bucket: BucketLength, day: LocalDay): Period | undefined {
  if (bucket === 'P1Y') return periodAround('year', day)
  if (bucket === 'P1M') return periodAround('month', day)
  if (bucket === 'P1W') return periodAround('week', day)
  return bucket === 'P1D' ? periodAround('day', day) : undefined
}

/** Today in a zone. */
export function todayIn(zone: string, now: number): LocalDay {
  return localDayOf(now, zone)
}

/** `2026-10-25`, or undefined when the text is no day. */
export function dayFromText(text: string | null): LocalDay | undefined {
  if (text === null) return undefined
  try {
    return parseLocalDay(text)
  } catch {
    // A hand-edited link is no reason to fail: the view falls back to today.
    return undefined
  }
}

/** `from` and `to` as the API takes them. */
export function periodQuery(period: Period): { readonly from: string; readonly to: string } {
  return { from: formatLocalDay(period.from), to: formatLocalDay(period.to) }
}
