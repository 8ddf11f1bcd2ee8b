import { setTimeout as delay } from 'node:timers/promises'
import { type Command, type EndDeviceEvent, formatInstant, formatLocalDay, localDayOf } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { PlatformClock } from '#platform/clock'
import type { Log } from '#platform/log'
import type { DataSource } from './data-source.ts'
import { type DeviceRow, Fleet, type FleetQuery, type FleetRow, type FleetSession, tenthsText } from './fleet.ts'
import type { DeviceDetail, HeadendSource, MdmsSource } from './operator-source.ts'
import type {
  CommandView,
  DayCompleteness,
  MeterDetail,
  MeterEvent,
  MeterList,
  MeterRow,
  MeterSession,
  Overview,
} from './schemas.ts'
import type { AccessStore } from './store.ts'
import type { StreamHub } from './stream-hub.ts'
import { decimalText } from './tariff.ts'

/** What operators' data needs. */
export interface OperatorPorts {
  readonly headend: HeadendSource
  readonly mdms: MdmsSource & Pick<DataSource, 'extent' | 'latest'>
  readonly store: Pick<AccessStore, 'places' | 'place'>
  readonly hub: StreamHub
  readonly clock: PlatformClock
  readonly log: Log
  readonly zone: string
  readonly targetPercent: string
  readonly refreshMs: number
  readonly lateAfterMs: number
}

/** A page as the faces give it. */
export interface Paged<T> {
  asOf: string
  items: T[]
  next: string | null
}

const DAYS_SHOWN = 30
const SESSION_POLL_MS = 2000
const FEED_REACH_MS = 24 * 3_600_000
/** Sessions told to live streams at once; more at a time nobody can read. */
const MOST_TOLD = 20
const EVENTS_ON_PAGE = 50

/** What operators see, and the loops that keep it fresh. */
export interface OperatorData {
  overview(): Promise<Overview>
  meters(query: FleetQuery): MeterList
  /** All matching rows, in pieces. */
  metersCsv(query: FleetQuery): Generator<string>
  meter(meterId: string): Promise<MeterDetail>
  meterSessions(meterId: string, after: string | undefined, limit: number): Promise<Paged<MeterSession>>
  sessions(query: { after?: string; limit: number; outcome?: string }): Paged<MeterSession>
  events(after: string | undefined, limit: number): Promise<Paged<MeterEvent>>
  orderRead(meterId: string): Promise<CommandView>
  command(id: string): Promise<CommandView>
  /** Keeps device list, completeness and sessions fresh until aborted. Never throws; failures are logged and tried again. */
  run(signal: AbortSignal): Promise<void>
}

/** A CSV field that no spreadsheet takes for a formula. */
function csvField(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** The operators' side of access. */
export function createOperatorData(ports: OperatorPorts): OperatorData {
  const { headend, mdms, store, hub, clock, log, zone, refreshMs } = ports
  const fleet = new Fleet(ports.lateAfterMs)
  let days: readonly DayCompleteness[] = []
  let completenessAt: Instant | null = null
  let completenessBy: ReadonlyMap<string, number> = new Map()

  const seconds = (at: Instant): string => formatInstant(Math.floor(at / 1000) * 1000, zone)
  const timeOrNull = (at: Instant | null): string | null => (at === null ? null : seconds(at))
  const offsetText = (ms: number | null): string | null => (ms === null ? null : decimalText(ms, -3))

  const rowView = (row: FleetRow): MeterRow => ({
    meterId: row.meterId,
    usagePointId: row.usagePointId,
    address: row.address,
    state: row.state,
    lastContactAt: timeOrNull(row.lastContact),
    lastError: row.lastError,
    completenessPercent: row.completeness === null ? null : tenthsText(row.completeness),
    clockOffsetSeconds: offsetText(row.clockOffsetMs),
    firmware: row.firmware,
  })
  const sessionView = (session: FleetSession): MeterSession => ({
    ...session,
    startedAt: seconds(session.startedAt),
    endedAt: timeOrNull(session.endedAt),
  })
  const eventView = ({ meterId, at, type, severity, text }: EndDeviceEvent): MeterEvent => ({
    meterId,
    at: seconds(at),
    type,
    severity,
    text,
  })
  const commandView = (command: Command): CommandView => ({
    id: command.id,
    meterId: command.meterId,
    kind: command.kind,
    state: command.state,
    requestedAt: seconds(command.requestedAt),
    expiresAt: seconds(command.expiresAt),
    detail: command.detail,
  })

  async function refreshDevices(): Promise<void> {
    const devices: DeviceRow[] = []
    for await (const page of headend.devices()) devices.push(...page)
    const places = await store.places()
    const addresses = new Map(places.map(({ id, address }) => [id, address]))
    const metered = new Set(devices.map(({ usagePointId }) => usagePointId))
    for (const { id } of places) if (!metered.has(id)) devices.push(importedRow(id))
    fleet.replace(devices, addresses, completenessBy, clock.now())
  }

  async function refreshCompleteness(): Promise<void> {
    const today = localDayOf(clock.now(), zone)
    const before = JSON.stringify(days.at(-1))
    days = await mdms.days(formatLocalDay(today - DAYS_SHOWN), formatLocalDay(today - 1))
    completenessAt = clock.now()
    const yesterday = days.at(-1)
    if (!yesterday || JSON.stringify(yesterday) === before) return
    hub.tell('completeness', null, yesterday)
    completenessBy = await mdms.usagePointsOn(yesterday.date)
  }

  let cursor: string | null = null
  async function pollSessions(): Promise<void> {
    for (;;) {
      const isFirst = cursor === null
      const page = await headend.sessionsAfter(cursor, clock.now() - FEED_REACH_MS)
      fleet.note(page.items, clock.now())
      const isLast = page.items.length === 0 || page.cursor === cursor
      // What was there before this process began is history, not news.
      if (!isFirst && cursor !== null && told)
        for (const session of page.items.slice(-MOST_TOLD)) hub.tell('session', null, sessionView(session))
      cursor = page.cursor
      if (isLast) {
        told = true
        return
      }
    }
  }
  let told = false

  /** A small fleet is listed often, since that costs nothing and somebody may be setting it up. */
  const pace = (): number => Math.min(refreshMs, 1000 + fleet.size * 5)

  async function loop(
    name: string,
    everyMs: () => number,
    work: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    let failing = false
    while (!signal.aborted) {
      const began = performance.now()
      try {
        await work()
        if (failing) log.info('refresh.recovered', { what: name })
        failing = false
      } catch (error) {
        if (!failing) log.warn('refresh.failed', { what: name, error })
        failing = true
      }
      // A fleet that takes long to list is listed less often.
      const wait = Math.max(everyMs(), (performance.now() - began) * 5)
      await delay(failing ? Math.min(wait, 2000) : wait, undefined, { signal }).catch(() => undefined)
    }
  }

  return {
    async overview() {
      const now = clock.now()
      return {
        serverTime: seconds(now),
        completeness: {
          asOf: seconds(completenessAt ?? now),
          targetPercent: ports.targetPercent,
          zone,
          days: [...days],
        },
        meters: { asOf: seconds(fleet.devicesAt ?? now), total: fleet.size, states: fleet.states(now) },
        sessions: {
          asOf: seconds(fleet.sessionsAt ?? now),
          minutes: fleet.minutes(now).map(({ at, ok, failed }) => ({ at: seconds(at), ok, failed })),
          errors: fleet.errors(now),
        },
      }
    },
    meters(query) {
      const now = clock.now()
      const { rows, total, next } = fleet.page(query, now)
      return { asOf: seconds(fleet.devicesAt ?? now), items: rows.map(rowView), next, total }
    },
    *metersCsv(query) {
      yield 'meter,usage_point,address,state,last_contact,last_error,completeness_percent,clock_offset_seconds,firmware\r\n'
      const rows = fleet.rows(query, clock.now())
      for (let i = 0; i < rows.length; i += 500)
        yield rows
          .slice(i, i + 500)
          .map(rowView)
          .map((row) =>
            [
              row.meterId,
              row.usagePointId,
              row.address,
              row.state,
              row.lastContactAt,
              row.lastError,
              row.completenessPercent,
            ]
              .map((field) => csvField(field ?? ''))
              // A number with a sign is no formula.
              .concat(row.clockOffsetSeconds ?? '', csvField(row.firmware ?? ''))
              .join(','),
          )
          .join('\r\n')
          .concat('\r\n')
    },
    async meter(meterId) {
      const now = clock.now()
      const listedAs = fleet.meter(meterId, now)
      const device = listedAs?.state === 'imported' ? importedDevice(meterId) : await headend.device(meterId)
      const { usagePointId } = device
      const at = <T>(ask: (id: string) => Promise<T>): Promise<T | null> | null =>
        usagePointId === null ? null : ask(usagePointId)
      const [events, place, extent, latest, since] = await Promise.all([
        mdms.events(meterId, undefined, EVENTS_ON_PAGE),
        at(store.place),
        at(mdms.extent),
        at(mdms.latest),
        at((id) => (device.systemTitle === null ? Promise.resolve(0) : mdms.since(meterId, id))),
      ])
      return {
        asOf: seconds(now),
        meterId,
        systemTitle: device.systemTitle ?? '',
        manufacturer: device.manufacturer,
        model: device.model,
        firmware: device.firmware,
        endpoint: device.endpoint,
        state: listedAs?.state ?? 'new',
        lastContactAt: timeOrNull(device.lastContact),
        lastError: device.lastError ?? listedAs?.lastError ?? null,
        usagePoint:
          place && since !== null
            ? {
                id: place.id,
                address: place.address,
                zone: place.zone,
                category: place.category,
                channels: [...(extent?.channels ?? [])],
                // What was imported is there since its first value.
                since: formatInstant(device.systemTitle === null ? (extent?.dataFrom ?? now) : since, place.zone),
              }
            : null,
        channels: device.channels.map((channel) => ({ ...channel, name: registerName(channel.obis) })),
        registers: (latest?.registers ?? []).map(({ obis, value, unit, at, reason }) => ({
          obis,
          name: registerName(obis),
          value,
          unit,
          at: seconds(at),
          reason,
        })),
        clock:
          device.clockOffsetMs === null || device.clockMeasuredAt === null
            ? null
            : { offsetSeconds: decimalText(device.clockOffsetMs, -3), measuredAt: seconds(device.clockMeasuredAt) },
        keys: device.keys.map((key) => ({ ...key, since: timeOrNull(key.since) })),
        events: events.items.map(eventView),
      }
    },
    async meterSessions(meterId, after, limit) {
      if (fleet.meter(meterId, clock.now())?.state === 'imported')
        return { asOf: seconds(clock.now()), items: [], next: null }
      const { items, next } = await headend.sessionsOf(meterId, after, limit)
      return { asOf: seconds(clock.now()), items: items.map(sessionView), next }
    },
    sessions(query) {
      const { items, next } = fleet.sessions(query)
      return { asOf: seconds(fleet.sessionsAt ?? clock.now()), items: items.map(sessionView), next }
    },
    async events(after, limit) {
      const { items, next } = await mdms.events(undefined, after, limit)
      return { asOf: seconds(clock.now()), items: items.map(eventView), next }
    },
    orderRead: async (meterId) => commandView(await headend.orderRead(meterId)),
    command: async (id) => commandView(await headend.command(id)),
    async run(signal) {
      await Promise.all([
        loop('completeness', pace, refreshCompleteness, signal),
        loop('devices', pace, refreshDevices, signal),
        loop('sessions', () => SESSION_POLL_MS, pollSessions, signal),
      ])
    },
  }
}

/** A usage point without a meter of ours, as the list shows it: under its own id. */
const importedRow = (usagePointId: string): DeviceRow => ({
  meterId: usagePointId,
  systemTitle: null,
  firmware: null,
  usagePointId,
  lastContact: null,
  failures: 0,
  lastError: null,
  clockOffsetMs: null,
})

const importedDevice = (usagePointId: string): DeviceDetail => ({
  ...importedRow(usagePointId),
  manufacturer: null,
  model: null,
  endpoint: null,
  clockMeasuredAt: null,
  channels: [],
  keys: [],
})

const NAMES: Readonly<Record<string, string>> = {
  '1.0.1.8.0.255': 'Energy imported',
  '1.0.2.8.0.255': 'Energy exported',
  '1.0.1.7.0.255': 'Power imported',
  '1.0.2.7.0.255': 'Power exported',
}

/** What a register is called; its code when we have no name for it. */
export function registerName(obis: string): string {
  return NAMES[obis] ?? obis
}
