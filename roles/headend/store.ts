import type { Command, ObisCode } from '@gridtally/metering'
import type { Queryable, Store } from '#platform/store'
import type { CaptureColumn, CaptureList, Device, DeviceClients, DeviceEntry, DeviceState } from './device.ts'
import { type Changes, newStatus, Registry, splitProfileKey } from './registry.ts'
import type { SessionRecord } from './session-record.ts'

/** All that the head-end asks of its database. */
export interface HeadendStore {
  /** The whole registry, as it was when last stored. */
  loadRegistry(): Promise<Registry>
  /** Adds devices or replaces what their shipment says, and their state, all or none. */
  saveDevices(entries: readonly DeviceEntry[]): Promise<void>
  /** Stores what changed in the registry and the sessions that ended, in one transaction. */
  saveChanges(registry: Registry, changes: Changes, sessions: readonly SessionRecord[]): Promise<void>
  /** Sessions with a number above `after` begun at `since` or later, oldest first. */
  sessions(after: number, since: number, limit: number): Promise<SessionRecord[]>
  /** Sessions of a meter with a number below `before`, newest first. */
  sessionsOf(meterId: string, before: number, limit: number): Promise<SessionRecord[]>
  lastSessionSeq(): Promise<number>
  dropSessionsBefore(instant: number): Promise<void>
  /** Adds a command unless its id is known; gives the stored one. */
  addCommand(command: Command): Promise<Command>
  saveCommand(command: Command): Promise<void>
  command(id: string): Promise<Command | undefined>
  /** Commands changed after the change number `after`, in order of change. */
  commandsAfter(after: number, limit: number): Promise<{ command: Command; change: number }[]>
  /** Commands that are neither done nor given up. */
  openCommands(): Promise<Command[]>
  close(): Promise<void>
}

interface DeviceRow {
  meter_id: string
  system_title: string
  manufacturer: string
  model: string
  firmware: string
  logical_device_name: string
  zone: string
  host: string
  port: number
  cell: string
  server: number
  clients: DeviceClients
  usage_point_id: string | null
  state: DeviceState
  state_reason: string
  read_from: number | null
  imported_at: number
  last_contact: number | null
  clock_offset_ms: number | null
  failures: number
  read_at: number
}

interface CommandRow {
  id: string
  meter_id: string
  kind: 'read'
  state: Command['state']
  requested_at: number
  expires_at: number
  detail: string
  change: number
}

interface SessionRow {
  seq: number
  meter_id: string
  priority: SessionRecord['priority']
  started_at: number
  duration_ms: number
  outcome: SessionRecord['outcome']
  detail: string
  rows: number
  octets_in: number
  octets_out: number
}

function entryOf(row: DeviceRow): DeviceEntry {
  const device: Device = {
    meterId: row.meter_id,
    systemTitle: row.system_title,
    manufacturer: row.manufacturer,
    model: row.model,
    firmware: row.firmware,
    logicalDeviceName: row.logical_device_name,
    zone: row.zone,
    host: row.host,
    port: row.port,
    cell: row.cell,
    server: row.server,
    clients: row.clients,
    usagePointId: row.usage_point_id,
    readFrom: row.read_from,
  }
  const status = newStatus(row.imported_at)
  status.state = row.state
  status.stateReason = row.state_reason
  status.lastContact = row.last_contact
  status.clockOffsetMs = row.clock_offset_ms
  status.failures = row.failures
  status.readAt = row.read_at
  return { device, status }
}

const commandOf = (row: CommandRow): Command => ({
  id: row.id,
  meterId: row.meter_id,
  kind: row.kind,
  state: row.state,
  requestedAt: row.requested_at,
  expiresAt: row.expires_at,
  detail: row.detail,
})

const sessionOf = (row: SessionRow): SessionRecord => ({
  seq: row.seq,
  meterId: row.meter_id,
  priority: row.priority,
  startedAt: row.started_at,
  durationMs: row.duration_ms,
  outcome: row.outcome,
  detail: row.detail,
  rows: row.rows,
  octetsIn: row.octets_in,
  octetsOut: row.octets_out,
})

/** Devices written by one statement: larger statements hold up the others. */
const DEVICES_AT_ONCE = 1000

async function saveDeviceRows(tx: Queryable, entries: readonly DeviceEntry[]): Promise<void> {
  const rows = entries.map(({ device, status }) => ({
    meter_id: device.meterId,
    system_title: device.systemTitle,
    manufacturer: device.manufacturer,
    model: device.model,
    firmware: device.firmware,
    logical_device_name: device.logicalDeviceName,
    zone: device.zone,
    host: device.host,
    port: device.port,
    cell: device.cell,
    server: device.server,
    clients: device.clients,
    usage_point_id: device.usagePointId,
    state: status.state,
    state_reason: status.stateReason,
    read_from: device.readFrom,
    imported_at: status.importedAt,
  }))
  const columns = Object.keys(rows[0] ?? {})
  const list = columns.join(', ')
  await tx.query(
    `insert into devices (${list}) select ${list} from json_populate_recordset(null::devices, $1::json)
     on conflict (meter_id) do update set ${columns.slice(1).map((c) => `${c} = excluded.${c}`)}`,
    [JSON.stringify(rows)],
  )
}

async function saveStatuses(tx: Queryable, registry: Registry, ids: ReadonlySet<string>): Promise<void> {
  const found = [...ids].flatMap((id) => registry.get(id) ?? [])
  if (found.length === 0) return
  await tx.query(
    `update devices d set state = n.state, state_reason = n.reason, last_contact = n.contact, clock_offset_ms = n.clock,
       failures = n.failures, read_at = n.read_at
     from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::integer[], $7::bigint[])
       as n (id, state, reason, contact, clock, failures, read_at) where d.meter_id = n.id`,
    [
      found.map(({ device }) => device.meterId),
      found.map(({ status }) => status.state),
      found.map(({ status }) => status.stateReason),
      found.map(({ status }) => status.lastContact),
      found.map(({ status }) => status.clockOffsetMs),
      found.map(({ status }) => status.failures),
      found.map(({ status }) => status.readAt),
    ],
  )
}

async function saveReads(tx: Queryable, registry: Registry, keys: ReadonlySet<string>): Promise<void> {
  const found = [...keys].flatMap((key) => {
    const { meterId, profile } = splitProfileKey(key)
    const state = registry.get(meterId)?.status.reads.get(profile)
    return state ? [{ meterId, profile, ...state }] : []
  })
  if (found.length === 0) return
  await tx.query(
    `insert into read_states (meter_id, profile, at, count, seam)
     select * from unnest($1::text[], $2::text[], $3::bigint[], $4::integer[], $5::text[])
     on conflict (meter_id, profile) do update set at = excluded.at, count = excluded.count, seam = excluded.seam`,
    [
      found.map((r) => r.meterId),
      found.map((r) => r.profile),
      found.map((r) => r.at),
      found.map((r) => r.count),
      found.map((r) => r.seam),
    ],
  )
}

async function saveCaptures(tx: Queryable, registry: Registry, keys: ReadonlySet<string>): Promise<void> {
  const rows = [...keys].flatMap((key) => {
    const { meterId, profile } = splitProfileKey(key)
    const list = registry.get(meterId)?.status.captures.get(profile)
    return list ? [{ meter_id: meterId, ...list, period_ms: list.periodMs }] : []
  })
  if (rows.length === 0) return
  await tx.query(
    `insert into captures select * from json_populate_recordset(null::captures, $1::json) on conflict do nothing`,
    [JSON.stringify(rows)],
  )
}

async function saveSessions(tx: Queryable, sessions: readonly SessionRecord[]): Promise<void> {
  if (sessions.length === 0) return
  await tx.query(
    `insert into sessions (seq, meter_id, priority, started_at, duration_ms, outcome, detail, rows, octets_in, octets_out)
     select * from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::integer[], $6::text[], $7::text[], $8::integer[],
       $9::bigint[], $10::bigint[])
     on conflict do nothing`,
    [
      sessions.map((s) => s.seq),
      sessions.map((s) => s.meterId),
      sessions.map((s) => s.priority),
      sessions.map((s) => s.startedAt),
      sessions.map((s) => s.durationMs),
      sessions.map((s) => s.outcome),
      sessions.map((s) => s.detail),
      sessions.map((s) => s.rows),
      sessions.map((s) => s.octetsIn),
      sessions.map((s) => s.octetsOut),
    ],
  )
}

async function loadRegistry(store: Store): Promise<Registry> {
  const [{ applied_seq }] = await store.query<{ applied_seq: number }>('select applied_seq from progress')
  const registry = new Registry(applied_seq)
  for (const row of await store.query<DeviceRow>('select * from devices order by imported_at, meter_id')) {
    const { device, status } = entryOf(row)
    registry.put(device, status)
  }
  const captures = await store.query<{
    meter_id: string
    profile: ObisCode
    version: number
    period_ms: number
    columns: CaptureColumn[]
    since: number
  }>('select distinct on (meter_id, profile) * from captures order by meter_id, profile, version desc')
  for (const { meter_id, profile, version, period_ms, columns, since } of captures) {
    const list: CaptureList = { profile, version, periodMs: period_ms, columns, since }
    registry.get(meter_id)?.status.captures.set(profile, list)
  }
  const reads = await store.query<{ meter_id: string; profile: ObisCode; at: number; count: number; seam: string }>(
    'select * from read_states',
  )
  for (const { meter_id, profile, at, count, seam } of reads)
    registry.get(meter_id)?.status.reads.set(profile, { at, count, seam })
  return registry
}

const COMMAND_VALUES = (c: Command): (string | number)[] => [
  c.id,
  c.meterId,
  c.kind,
  c.state,
  c.requestedAt,
  c.expiresAt,
  c.detail,
]

/** The head-end's tables. */
export function headendStore(store: Store): HeadendStore {
  const nextChange = '(select coalesce(max(change), 0) + 1 from commands)'
  return {
    loadRegistry: () => loadRegistry(store),
    saveDevices: (entries) =>
      store.transaction(async (tx) => {
        for (let i = 0; i < entries.length; i += DEVICES_AT_ONCE)
          await saveDeviceRows(tx, entries.slice(i, i + DEVICES_AT_ONCE))
      }),
    saveChanges: (registry, changes, sessions) =>
      store.transaction(async (tx) => {
        await saveStatuses(tx, registry, changes.statuses)
        await saveReads(tx, registry, changes.reads)
        await saveCaptures(tx, registry, changes.captures)
        await saveSessions(tx, sessions)
        await tx.query('update progress set applied_seq = $1 where applied_seq < $1', [changes.appliedSeq])
      }),
    async sessions(after, since, limit) {
      const rows = await store.query<SessionRow>(
        'select * from sessions where seq > $1 and started_at >= $2 order by seq limit $3',
        [after, since, limit],
      )
      return rows.map(sessionOf)
    },
    async sessionsOf(meterId, before, limit) {
      const rows = await store.query<SessionRow>(
        'select * from sessions where meter_id = $1 and seq < $2 order by seq desc limit $3',
        [meterId, before, limit],
      )
      return rows.map(sessionOf)
    },
    async lastSessionSeq() {
      const [{ last }] = await store.query<{ last: number }>('select coalesce(max(seq), 0) as last from sessions')
      return Number(last)
    },
    async dropSessionsBefore(instant) {
      await store.query('delete from sessions where started_at < $1', [instant])
    },
    async addCommand(command) {
      await store.query(
        `insert into commands (id, meter_id, kind, state, requested_at, expires_at, detail, change)
         values ($1, $2, $3, $4, $5, $6, $7, ${nextChange}) on conflict (id) do nothing`,
        COMMAND_VALUES(command),
      )
      const [row] = await store.query<CommandRow>('select * from commands where id = $1', [command.id])
      return commandOf(row)
    },
    async saveCommand(command) {
      await store.query(
        `update commands set state = $2, detail = $3, change = ${nextChange} where id = $1 and state <> $2`,
        [command.id, command.state, command.detail],
      )
    },
    async command(id) {
      const [row] = await store.query<CommandRow>('select * from commands where id = $1', [id])
      return row && commandOf(row)
    },
    async commandsAfter(after, limit) {
      const rows = await store.query<CommandRow>('select * from commands where change > $1 order by change limit $2', [
        after,
        limit,
      ])
      return rows.map((row) => ({ command: commandOf(row), change: row.change }))
    },
    async openCommands() {
      const rows = await store.query<CommandRow>(
        "select * from commands where state in ('requested', 'dispatched') order by change",
      )
      return rows.map(commandOf)
    },
    close: () => store.close(),
  }
}
