/** TEST FIXTURE, not part of the product: a made-up fleet of 10 000 meters with sessions, events and completeness for the console. */
import { formatInstant, formatLocalDay, localDayOf } from '@gridtally/metering'
import type { DayCompleteness, MeterDetail, MeterRow, MeterState, Overview, Session } from '../src/api/types.ts'
import { noise, PLACES, ZONE } from './fixture-data.ts'

/** How many meters the fixture fleet has. */
export const FLEET = 10_000
const STREETS = [
  'Mill Lane',
  'Harbour View',
  'Station Road',
  'Elm Street',
  'Canal Walk',
  'Orchard Close',
  'Market Square',
  'Tower Hill',
]
const TOWNS = ['Easton', 'Weston', 'Norwick', 'Sutham']
const ERRORS = ['TIMEOUT', 'CONNECTION_REFUSED', 'HLS_REFUSED', 'COUNTER_TOO_LOW', 'PROFILE_CHANGED'] as const
const iso = (t: number): string => formatInstant(Math.floor(t / 1000) * 1000, ZONE)

/** Row `n` of the fleet. */
export function row(n: number, now: number): MeterRow {
  const dice = noise(n * 31 + 5)
  const state: MeterState = n === 0 || dice < 0.962 ? 'ok' : dice < 0.98 ? 'late' : dice < 0.994 ? 'failing' : 'new'
  const age =
    state === 'ok' ? noise(n) * 14 * 60_000 : state === 'late' ? (3 + noise(n) * 40) * 3_600_000 : noise(n) * 7_200_000
  const part = state === 'ok' ? (noise(n + 7) < 0.97 ? 100 : 96 + noise(n) * 4) : 40 + noise(n) * 50
  return {
    meterId: `GTL${String(10_000_001 + n)}`,
    usagePointId: n < PLACES.length ? PLACES[n].id : `8716909300${String(10_000_000 + n * 17)}`,
    address:
      n < PLACES.length
        ? PLACES[n].address
        : `${1 + Math.floor(noise(n + 3) * 180)} ${STREETS[n % 8]}, ${TOWNS[Math.floor(n / 8) % 4]}`,
    state,
    lastContactAt: state === 'new' ? null : iso(now - age),
    lastError: state === 'failing' ? ERRORS[Math.floor(noise(n + 1) * ERRORS.length)] : null,
    completenessPercent: state === 'new' ? null : part.toFixed(1),
    clockOffsetSeconds: state === 'new' ? null : ((noise(n + 2) - 0.5) * (n % 97 === 0 ? 90 : 6)).toFixed(1),
    firmware: n % 5 === 0 ? '2.4.1' : '2.5.0',
  }
}

/** The fleet filtered and sorted as the API would. */
export function rows(now: number, query: URLSearchParams): MeterRow[] {
  const search = (query.get('search') ?? '').toLowerCase()
  const state = query.get('state')
  const sort = query.get('sort') ?? 'meterId'
  const list = Array.from({ length: FLEET }, (_, n) => row(n, now)).filter(
    (one) =>
      (!state || one.state === state) &&
      (!search || [one.meterId, one.usagePointId, one.address].some((text) => text?.toLowerCase().includes(search))),
  )
  const key = sort.replace('-', '')
  const value = (one: MeterRow): string | number =>
    key === 'lastContact'
      ? (one.lastContactAt ?? '')
      : key === 'completeness'
        ? Number(one.completenessPercent ?? -1)
        : key === 'clockOffset'
          ? Math.abs(Number(one.clockOffsetSeconds ?? 0))
          : key === 'address'
            ? (one.address ?? '')
            : key === 'state'
              ? one.state
              : one.meterId
  const turn = sort.startsWith('-') ? -1 : 1
  return list.sort((a, b) => (value(a) < value(b) ? -turn : value(a) > value(b) ? turn : 0))
}

/** Completeness of the last 21 ended days. */
export function days(now: number): DayCompleteness[] {
  const today = localDayOf(now, ZONE)
  return Array.from({ length: 21 }, (_, n) => {
    const day = today - 21 + n
    const hours = formatLocalDay(day) === '2026-10-25' ? 25 : 24
    const expected = FLEET * hours * 8
    const share = formatLocalDay(day) === '2026-10-14' ? 0.912 : 0.9946 + noise(day) * 0.005
    return {
      date: formatLocalDay(day),
      expected,
      present: Math.round(expected * share),
      estimated: Math.round(expected * (share < 0.95 ? 0.031 : 0.0021 * noise(day + 1))),
      meters: FLEET,
      metersComplete: Math.round(FLEET * (share - 0.012)),
    }
  })
}

/** The overview of the console. */
export function overview(now: number): Overview {
  const minute = Math.floor(now / 60_000) * 60_000
  const all = Array.from({ length: FLEET }, (_, n) => row(n, now).state)
  return {
    serverTime: iso(now),
    completeness: { asOf: iso(now - 95_000), targetPercent: '99.5', zone: ZONE, days: days(now) },
    meters: {
      asOf: iso(now - 4_000),
      total: FLEET,
      states: (['ok', 'late', 'failing', 'new'] as const).map((state) => ({
        state,
        count: all.filter((one) => one === state).length,
      })),
    },
    sessions: {
      asOf: iso(now - 2_000),
      minutes: Array.from({ length: 60 }, (_, n) => {
        const at = minute - (60 - n) * 60_000
        const wave = 600 + Math.round(140 * Math.sin(at / 420_000) + 60 * noise(at / 60_000))
        return { at: iso(at), ok: wave, failed: Math.round(noise(at / 60_000 + 9) * (n > 38 && n < 44 ? 90 : 9)) }
      }),
      errors: ERRORS.map((reason, n) => ({ reason, count: [812, 240, 37, 9, 2][n] })),
    },
  }
}

/** Session `n` counted back from now, of one meter or of all. */
export function session(n: number, now: number, only?: string): Session {
  const start = now - (now % 1000) - (only ? n * 900_000 : n * 1400) - 900
  const seed = Math.floor(start / 1000) + (only ? Number(only.slice(3)) : 0)
  const failed = noise(seed) > (only ? 0.93 : 0.97)
  return {
    id: `s${Math.floor(start / 100)}${only ?? ''}`,
    meterId: only ?? row(Math.floor(noise(seed + 5) * FLEET), now).meterId,
    startedAt: iso(start),
    endedAt: iso(start + 1000),
    outcome: failed ? 'failed' : 'ok',
    purpose: 'scheduled',
    reason: failed ? ERRORS[Math.floor(noise(seed + 1) * 3)] : null,
    detail: failed ? 'no answer within 5 s' : '',
    rows: failed ? 0 : 1 + Math.floor(noise(seed + 2) * 4),
    octetsIn: failed ? 0 : 410 + Math.floor(noise(seed + 3) * 300),
    octetsOut: 220,
  }
}

/** One meter in full. */
export function meter(n: number, now: number): MeterDetail {
  const one = row(n, now)
  const place = PLACES[n % PLACES.length]
  const last = one.lastContactAt ?? iso(now)
  return {
    asOf: iso(now),
    meterId: one.meterId,
    systemTitle: `47544c${(10_000_001 + n).toString(16).padStart(10, '0')}`,
    manufacturer: 'GTL',
    model: 'E1-Sim',
    firmware: one.firmware,
    endpoint: `127.0.0.1:${20_000 + n}`,
    state: one.state,
    lastContactAt: one.lastContactAt,
    lastError: one.lastError,
    usagePoint: {
      id: place.id,
      address: one.address ?? '',
      zone: ZONE,
      category: 'household',
      channels: place.solar ? ['import', 'export'] : ['import'],
      since: '2024-11-01T00:00:00+01:00',
    },
    channels: [
      { obis: '1.0.1.8.0.255', name: 'import', unit: 'Wh', intervalMinutes: 15 },
      { obis: '1.0.2.8.0.255', name: 'export', unit: 'Wh', intervalMinutes: 15 },
      { obis: '1.0.1.7.0.255', name: 'power', unit: 'W', intervalMinutes: null },
    ],
    registers: one.lastContactAt
      ? [
          {
            obis: '1.0.1.8.0.255',
            name: 'Import, all tariffs',
            value: '8412773',
            unit: 'Wh',
            at: last,
            reason: 'scheduled',
          },
          {
            obis: '1.0.2.8.0.255',
            name: 'Export, all tariffs',
            value: '3120044',
            unit: 'Wh',
            at: last,
            reason: 'scheduled',
          },
          { obis: '1.0.1.7.0.255', name: 'Power, import', value: '1212', unit: 'W', at: last, reason: 'scheduled' },
        ]
      : [],
    clock: one.clockOffsetSeconds ? { offsetSeconds: one.clockOffsetSeconds, measuredAt: last } : null,
    keys: [
      { type: 'block-cipher', generation: 1, since: '2026-09-01T10:00:00+02:00', counter: '48213' },
      { type: 'authentication', generation: 1, since: '2026-09-01T10:00:00+02:00', counter: null },
      { type: 'master', generation: 1, since: '2024-10-11T09:00:00+02:00', counter: null },
    ],
    events: [
      {
        meterId: one.meterId,
        at: '2026-10-25T02:00:00+01:00',
        type: '3.36.56.24',
        severity: 'info',
        text: 'Clock went back one hour: end of summer time',
      },
      {
        meterId: one.meterId,
        at: '2026-10-20T12:03:00+02:00',
        type: '3.26.0.216',
        severity: 'info',
        text: 'Power restored',
      },
      {
        meterId: one.meterId,
        at: '2026-10-20T11:41:00+02:00',
        type: '3.26.0.185',
        severity: 'warning',
        text: 'Power failed',
      },
      {
        meterId: one.meterId,
        at: '2026-08-02T08:10:00+02:00',
        type: '3.12.29.212',
        severity: 'alarm',
        text: 'Terminal cover opened',
      },
    ],
  }
}
