import { type LocalDay, parseLocalDay } from '@gridtally/metering'

/** What kind of day people live: it decides the shape of their load. */
export const DAY_KINDS = { workday: 0, saturday: 1, holiday: 2 } as const

/** Code of a kind of day; `holiday` is Sundays too. */
export type DayKind = (typeof DAY_KINDS)[keyof typeof DAY_KINDS]

/** Local day of Easter Sunday, by the anonymous Gregorian computus. */
export function easterSunday(year: number): LocalDay {
  const a = year % 19
  const b = Math.floor(year / 100)
  const c = year % 100
  const d = Math.floor(b / 4)
  const e = b % 4
  const f = Math.floor((b + 8) / 25)
  const g = Math.floor((b - f + 1) / 3)
  const h = (19 * a + b - d - g + 15) % 30
  const i = Math.floor(c / 4)
  const k = c % 4
  const l = (32 + 2 * e + 2 * i - h - k) % 7
  const m = Math.floor((a + 11 * h + 22 * l) / 451)
  const month = Math.floor((h + l - 7 * m + 114) / 31)
  const day = ((h + l - 7 * m + 114) % 31) + 1
  return Date.UTC(year, month - 1, day) / 86_400_000
}

/** Tells the kind of a local day. New Year, Easter Monday, Ascension, Whit Monday and both days of Christmas are holidays; `extra` adds `MM-DD` days. */
export function createCalendar(extra: readonly string[]): (day: LocalDay) => DayKind {
  for (const text of extra) parseLocalDay(`2024-${text}`)
  const fixed = new Set(['01-01', '12-25', '12-26', ...extra])
  return (day) => {
    const date = new Date(day * 86_400_000)
    const weekday = date.getUTCDay()
    if (weekday === 0) return DAY_KINDS.holiday
    if (fixed.has(date.toISOString().slice(5, 10))) return DAY_KINDS.holiday
    const afterEaster = day - easterSunday(date.getUTCFullYear())
    if (afterEaster === 1 || afterEaster === 39 || afterEaster === 50) return DAY_KINDS.holiday
    return weekday === 6 ? DAY_KINDS.saturday : DAY_KINDS.workday
  }
}
