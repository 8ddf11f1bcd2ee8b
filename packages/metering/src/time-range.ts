import type { Instant } from '@gridtally/wire'

/** Half-open stretch of time, `from` ≤ t < `to`. */
export interface TimeRange {
  readonly from: Instant
  readonly to: Instant
}

/** ISO 8601 with the offset the zone has at that instant: `2026-03-29T03:00:00+02:00`. `UTC` gives `Z`. */
export function formatInstant(at: Instant, zone = 'UTC'): string {
  const offset = zone === 'UTC' ? 0 : zoneOffsetMs(at, zone)
  const local = new Date(at + offset)
    .toISOString()
    .replace(/\.000Z$/, 'Z')
    .slice(0, -1)
  if (zone === 'UTC') return `${local}Z`
  const minutes = Math.abs(offset) / 60_000
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0')
  return `${local}${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`
}

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?)?(Z|[+-]\d{2}:?\d{2})?$/

/**
 * Reads an ISO 8601 date or date-time. Without an offset the text is local time in `zone`; a repeated local time is the first
 * of the two, one that is skipped is read with the offset before the change.
 *
 * @throws TypeError when the text is no such time
 */
export function parseInstant(text: string, zone = 'UTC'): Instant {
  const m = ISO.exec(text.trim())
  if (!m)
    throw new TypeError(`"${text}" is not a time such as 2026-03-29, 2026-03-29T03:00 or 2026-03-29T03:00:00+02:00`)
  const [year, month, day, hour, minute, second] = [m[1], m[2], m[3], m[4] ?? 0, m[5] ?? 0, m[6] ?? 0].map(Number)
  const wall = Date.UTC(year, month - 1, day, hour, minute, second, Number((m[7] ?? '').padEnd(3, '0')))
  const check = new Date(wall)
  if (check.getUTCMonth() !== month - 1 || check.getUTCDate() !== day || hour > 24 || minute > 59 || second > 59)
    throw new TypeError(`"${text}" names a date or time that does not exist`)
  if (m[8] === 'Z') return wall
  if (m[8]) {
    const sign = m[8][0] === '-' ? -1 : 1
    const digits = m[8].slice(1).replace(':', '')
    return wall - sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * 60_000
  }
  return wallToInstant(wall, zone)
}

/** Instant at which clocks in `zone` show `wallMs` (a wall time as if it were UTC). See {@link parseInstant} for clock changes. */
export function wallToInstant(wallMs: number, zone: string): Instant {
  if (zone === 'UTC') return wallMs
  const before = zoneOffsetMs(wallMs - 86_400_000, zone)
  const after = zoneOffsetMs(wallMs + 86_400_000, zone)
  if (before === after) {
    // Zones may change twice within two days; the offset found at the guess decides.
    const guess = wallMs - before
    const there = zoneOffsetMs(guess, zone)
    return there === before ? guess : wallMs - there
  }
  const early = wallMs - before
  if (zoneOffsetMs(early, zone) === before) return early
  const late = wallMs - after
  return zoneOffsetMs(late, zone) === after ? late : early
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(zone: string): Intl.DateTimeFormat {
  let found = formats.get(zone)
  if (!found) {
    try {
      found = new Intl.DateTimeFormat('en-US', {
        timeZone: zone,
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      })
    } catch (cause) {
      throw new TypeError(`"${zone}" is not a time zone such as Europe/Amsterdam`, { cause })
    }
    formats.set(zone, found)
  }
  return found
}

function offsetAt(at: Instant, zone: string): number {
  const parts: Record<string, number> = {}
  for (const { type, value } of format(zone).formatToParts(at)) parts[type] = Number(value)
  const wall = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second)
  return wall - Math.floor(at / 1000) * 1000
}

/** Offsets by zone and UTC quarter hour, kept because asking Intl costs microseconds and loads ask millions of times. */
const offsets = new Map<string, Map<number, number>>()
const QUARTER_MS = 900_000
const MOST_QUARTERS_KEPT = 200_000

/** Offset of `zone` from UTC at an instant, in ms, east positive. Zones change offset on quarter hours. */
export function zoneOffsetMs(at: Instant, zone: string): number {
  if (zone === 'UTC') return 0
  let known = offsets.get(zone)
  if (!known) {
    known = new Map()
    offsets.set(zone, known)
  }
  // Whole days without a change are answered from their two ends.
  const day = Math.floor(at / 86_400_000)
  const start = remember(known, day * 96, zone)
  const end = remember(known, (day + 1) * 96, zone)
  return start === end ? start : remember(known, Math.floor(at / QUARTER_MS), zone)
}

function remember(known: Map<number, number>, quarter: number, zone: string): number {
  let offset = known.get(quarter)
  if (offset === undefined) {
    if (known.size >= MOST_QUARTERS_KEPT) known.clear()
    offset = offsetAt(quarter * QUARTER_MS, zone)
    known.set(quarter, offset)
  }
  return offset
}
