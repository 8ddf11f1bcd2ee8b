import { formatScaled } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import { decodeCursor, encodeCursor } from '#platform/cursor'
import type { MeterSession } from './schemas.ts'
import { METER_STATES } from './schemas.ts'

/** Where a meter stands with collection. */
export type MeterState = (typeof METER_STATES)[number]

/** What the head-end says of a meter in its list. */
export interface DeviceRow {
  readonly meterId: string
  /** Null for a usage point whose data comes from files: no meter of it is read. */
  readonly systemTitle: string | null
  readonly firmware: string | null
  readonly usagePointId: string | null
  readonly lastContact: Instant | null
  /** Failed sessions since the last good one. */
  readonly failures: number
  readonly lastError: string | null
  readonly clockOffsetMs: number | null
}

/** A session as the head-end's feed tells it. */
export interface FleetSession extends Omit<MeterSession, 'startedAt' | 'endedAt'> {
  readonly startedAt: Instant
  readonly endedAt: Instant | null
}

/** One meter in the joined list. */
export interface FleetRow extends DeviceRow {
  readonly address: string | null
  /** Yesterday's values present in tenths of a per cent. */
  readonly completeness: number | null
  readonly state: MeterState
}

/** What the list can be sorted by. */
export const METER_SORTS = ['meterId', 'address', 'state', 'lastContact', 'completeness', 'clockOffset'] as const

/** What is asked of the list. `sort` may begin with `-`. */
export interface FleetQuery {
  readonly search?: string
  readonly state?: MeterState
  readonly sort?: string
  readonly after?: string
  readonly limit?: number
}

/** Counts of one minute. */
export interface MinuteCount {
  readonly at: Instant
  readonly ok: number
  readonly failed: number
}

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const SESSIONS_KEPT = 20_000
const SORTED_KEPT = 16
/** Stands for "not known" in sorts: behind everything that is. */
const LAST_NUMBER = Number.MAX_SAFE_INTEGER
const LAST_TEXT = '\uffff'

/** Present of expected in tenths of a per cent, rounded down: what is not whole never shows as 100.0. */
export function tenthsOf(present: number, expected: number): number | null {
  return expected > 0 ? Math.floor((Math.min(present, expected) * 1000) / expected) : null
}

/** Tenths of a per cent as text: `99.9`. */
export const tenthsText = (tenths: number): string => formatScaled(tenths, -1)

const KEYS: Record<(typeof METER_SORTS)[number], (row: FleetRow) => string | number> = {
  meterId: (row) => row.meterId,
  address: (row) => row.address ?? LAST_TEXT,
  state: (row) => METER_STATES.indexOf(row.state),
  lastContact: (row) => row.lastContact ?? LAST_NUMBER,
  completeness: (row) => row.completeness ?? LAST_NUMBER,
  clockOffset: (row) => (row.clockOffsetMs === null ? LAST_NUMBER : Math.abs(row.clockOffsetMs)),
}

const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0)

function compareKeys(a: string | number, b: string | number, down: boolean): number {
  const aUnknown = a === LAST_NUMBER || a === LAST_TEXT
  const bUnknown = b === LAST_NUMBER || b === LAST_TEXT
  if (aUnknown !== bUnknown) return aUnknown ? 1 : -1
  return down ? compare(b, a) : compare(a, b)
}

interface Entry {
  readonly row: DeviceRow
  readonly address: string | null
  completeness: number | null
  readonly text: string
}

/**
 * All meters as the operator's list shows them: head-end's devices joined with addresses and completeness, kept in memory and
 * moved on by the feed of sessions. 100 000 meters take some 60 MB and a search over them some 10 ms.
 */
export class Fleet {
  readonly #lateAfterMs: number
  #entries = new Map<string, Entry>()
  #generation = 0
  readonly #sorted = new Map<string, FleetRow[]>()
  #sessions: FleetSession[] = []
  readonly #minutes = new Map<number, { ok: number; failed: number }>()
  readonly #reasons = new Map<number, Map<string, number>>()
  /** When the device list was last taken over whole; null before the first time. */
  devicesAt: Instant | null = null
  /** When the session feed was last asked. */
  sessionsAt: Instant | null = null

  /** @param lateAfterMs a meter not reached for longer is late */
  constructor(lateAfterMs: number) {
    this.#lateAfterMs = lateAfterMs
  }

  get size(): number {
    return this.#entries.size
  }

  #changed(): void {
    this.#generation++
    this.#sorted.clear()
  }

  /** Takes over the whole list. Contact and failures the feed has told since are kept when they are newer. */
  replace(
    devices: readonly DeviceRow[],
    addresses: ReadonlyMap<string, string>,
    completeness: ReadonlyMap<string, number>,
    at: Instant,
  ): void {
    const entries = new Map<string, Entry>()
    for (const device of devices) {
      const known = this.#entries.get(device.meterId)?.row
      const isNewer = known && (known.lastContact ?? 0) > (device.lastContact ?? 0)
      const row = isNewer ? { ...device, lastContact: known.lastContact, failures: known.failures } : device
      const address = (device.usagePointId && addresses.get(device.usagePointId)) || null
      const text = [device.meterId, device.usagePointId, address, device.systemTitle].join('\n').toLowerCase()
      const lastError = device.lastError ?? (device.failures > 0 ? (known?.lastError ?? null) : null)
      entries.set(device.meterId, {
        row: { ...row, lastError },
        address,
        completeness: (device.usagePointId && completeness.get(device.usagePointId)) ?? null,
        text,
      } as Entry)
    }
    this.#entries = entries
    this.devicesAt = at
    this.#changed()
  }

  /** Takes sessions of the feed, oldest first. */
  note(sessions: readonly FleetSession[], at: Instant): void {
    this.sessionsAt = at
    if (sessions.length === 0) return
    for (const session of sessions) {
      if (session.outcome === 'running') continue
      const ended = session.endedAt ?? session.startedAt
      const minute = Math.floor(ended / MINUTE_MS)
      const counts = this.#minutes.get(minute) ?? { ok: 0, failed: 0 }
      counts[session.outcome]++
      this.#minutes.set(minute, counts)
      if (session.outcome === 'failed') {
        const hour = Math.floor(ended / HOUR_MS)
        const reasons = this.#reasons.get(hour) ?? new Map<string, number>()
        const reason = session.reason ?? 'UNKNOWN'
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
        this.#reasons.set(hour, reasons)
      }
      const entry = this.#entries.get(session.meterId)
      if (!entry || ended < (entry.row.lastContact ?? 0)) continue
      const row =
        session.outcome === 'ok'
          ? { ...entry.row, lastContact: ended, failures: 0, lastError: null }
          : { ...entry.row, failures: entry.row.failures + 1, lastError: session.reason }
      this.#entries.set(session.meterId, { ...entry, row })
    }
    this.#sessions.push(...sessions)
    if (this.#sessions.length > SESSIONS_KEPT * 1.2) this.#sessions = this.#sessions.slice(-SESSIONS_KEPT)
    for (const minute of this.#minutes.keys()) if (minute < at / MINUTE_MS - 70) this.#minutes.delete(minute)
    for (const hour of this.#reasons.keys()) if (hour < at / HOUR_MS - 25) this.#reasons.delete(hour)
    this.#changed()
  }

  #stateOf(row: DeviceRow, now: Instant): MeterState {
    if (row.systemTitle === null) return 'imported'
    if (row.failures > 0) return 'failing'
    if (row.lastContact === null) return 'new'
    return now - row.lastContact > this.#lateAfterMs ? 'late' : 'ok'
  }

  #rowOf({ row, address, completeness }: Entry, now: Instant): FleetRow {
    return { ...row, address, completeness, state: this.#stateOf(row, now) }
  }

  /** One meter; `undefined` when it is not in the list. */
  meter(meterId: string, now: Instant): FleetRow | undefined {
    const entry = this.#entries.get(meterId)
    return entry && this.#rowOf(entry, now)
  }

  /** All rows a query fits, in its order. */
  rows({ search = '', state, sort = 'meterId' }: FleetQuery, now: Instant): FleetRow[] {
    const wanted = search.trim().toLowerCase()
    // States move with time: a sorted list holds for a few seconds at most.
    const key = JSON.stringify([this.#generation, Math.floor(now / 5000), wanted, state, sort])
    const kept = this.#sorted.get(key)
    if (kept) return kept
    const down = sort.startsWith('-')
    // The route's schema lets no other names in.
    const keyOf = KEYS[sort.replace('-', '') as (typeof METER_SORTS)[number]]
    const rows: FleetRow[] = []
    for (const entry of this.#entries.values()) {
      if (wanted !== '' && !entry.text.includes(wanted)) continue
      const row = this.#rowOf(entry, now)
      if (state === undefined || row.state === state) rows.push(row)
    }
    rows.sort((a, b) => compareKeys(keyOf(a), keyOf(b), down) || compare(a.meterId, b.meterId))
    if (this.#sorted.size >= SORTED_KEPT) this.#sorted.delete(this.#sorted.keys().next().value ?? '')
    this.#sorted.set(key, rows)
    return rows
  }

  /** One page. The cursor is the last row's place in the order, so that a page holds while meters come and go. @throws Problem `CURSOR_INVALID` */
  page(query: FleetQuery, now: Instant): { rows: FleetRow[]; total: number; next: string | null } {
    const { sort = 'meterId', after, limit = 50 } = query
    const rows = this.rows(query, now)
    const down = sort.startsWith('-')
    const keyOf = KEYS[sort.replace('-', '') as (typeof METER_SORTS)[number]]
    let first = 0
    if (after !== undefined) {
      const [key, meterId] = decodeCursor(after, 2)
      let end = rows.length
      while (first < end) {
        const middle = (first + end) >> 1
        const order = compareKeys(keyOf(rows[middle]), key, down) || compare(rows[middle].meterId, String(meterId))
        if (order <= 0) first = middle + 1
        else end = middle
      }
    }
    const page = rows.slice(first, first + limit)
    const last = page.at(-1)
    const more = last && first + limit < rows.length
    return { rows: page, total: rows.length, next: more ? encodeCursor([keyOf(last), last.meterId]) : null }
  }

  /** How many meters stand where. */
  states(now: Instant): { state: MeterState; count: number }[] {
    const counts = new Map<MeterState, number>(METER_STATES.map((state) => [state, 0]))
    for (const { row } of this.#entries.values()) {
      const state = this.#stateOf(row, now)
      counts.set(state, (counts.get(state) ?? 0) + 1)
    }
    return [...counts].map(([state, count]) => ({ state, count }))
  }

  /** The last 60 ended minutes, oldest first. */
  minutes(now: Instant): MinuteCount[] {
    const current = Math.floor(now / MINUTE_MS)
    return Array.from({ length: 60 }, (_, i) => {
      const minute = current - 60 + i
      return { at: minute * MINUTE_MS, ...(this.#minutes.get(minute) ?? { ok: 0, failed: 0 }) }
    })
  }

  /** Reasons of failed sessions of the last 24 hours, most frequent first. */
  errors(now: Instant): { reason: string; count: number }[] {
    const sum = new Map<string, number>()
    for (const [hour, reasons] of this.#reasons)
      if (hour >= Math.floor(now / HOUR_MS) - 24)
        for (const [reason, count] of reasons) sum.set(reason, (sum.get(reason) ?? 0) + count)
    return [...sum].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count)
  }

  /** Sessions kept, newest first. @param after id of the last session of the page before */
  sessions(query: { readonly after?: string; readonly limit: number; readonly outcome?: string }): {
    items: FleetSession[]
    next: string | null
  } {
    const items: FleetSession[] = []
    const before = query.after === undefined ? Number.POSITIVE_INFINITY : Number(decodeCursor(query.after, 1)[0])
    for (let i = this.#sessions.length - 1; i >= 0; i--) {
      const session = this.#sessions[i]
      if (Number(session.id) >= before || (query.outcome && session.outcome !== query.outcome)) continue
      if (items.length === query.limit) return { items, next: encodeCursor([Number(items[items.length - 1].id)]) }
      items.push(session)
    }
    return { items, next: null }
  }
}
