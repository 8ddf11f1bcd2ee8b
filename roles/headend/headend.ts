import { join } from 'node:path'
import { ConfigError } from '#platform/config'
import { openKeyVault } from '#platform/key-vault'
import { createMetrics, type Metrics } from '#platform/metrics'
import { createSealer } from '#platform/protection'
import type { RoleOptions } from '#platform/role'
import { openStore } from '#platform/store'
import { commandDesk } from './commands.ts'
import type { HeadendConfig } from './config.ts'
import { openCounters } from './counters.ts'
import type { DeviceEntry, StateNote } from './device.ts'
import { openEventLog } from './event-log.ts'
import { type ImportedDevice, importShipment } from './import-shipment.ts'
import { openJournal } from './journal.ts'
import { readMeter } from './read-meter.ts'
import type { RoutePorts } from './routes.ts'
import { Scheduler, spreadOf } from './schedule.ts'
import { createSeamBox } from './seam.ts'
import { sessionOpener } from './session.ts'
import type { SessionOutcome } from './session-record.ts'
import { type HeadendStore, headendStore } from './store.ts'

/** A head-end at work, without its HTTP face. */
export interface Headend {
  readonly ports: RoutePorts
  readonly metrics: Metrics
  health(): Promise<{ status: string } & Record<string, unknown>>
  /** Begins to read meters and takes up open commands. */
  begin(): Promise<void>
  close(): Promise<void>
}

const DAY_MS = 86_400_000
const HOUSEKEEPING_MS = 600_000
/** Until then sessions may end by themselves when the head-end stops. */
const STOP_MS = 1500
/** A meter seen for the first time waits no longer than this for its turn, times the number of its peers. */
const FIRST_TURN_MS = 10

const HELP = {
  http_request_duration_seconds: 'Time to answer a request, by route and status',
  headend_sessions_total: 'Sessions with meters, by outcome and priority',
  headend_session_duration_seconds: 'Length of sessions with meters',
  headend_rows_total: 'Load profile rows stored',
  headend_sessions_open: 'Sessions open now',
  headend_sessions_waiting: 'Meters whose turn has come and who wait for a permit',
  headend_devices: 'Devices by state',
  headend_log_entries: 'Number of the newest entry of the event log',
  headend_journal_waiting: 'Sessions not yet in the database',
} as const

/** Opens all a head-end keeps, recovers what a crash left, and puts its services together. */
export async function openHeadend(options: RoleOptions, config: HeadendConfig): Promise<Headend> {
  const { dataDir, databaseUrl, clock, log, contentPublicKeyFile } = options
  if (!contentPublicKeyFile && !config.allowClearPayloads)
    throw new ConfigError(
      'headend: no public key to seal readings with; name one, or set "headend.allowClearPayloads" to true for a trial',
    )
  const metrics = createMetrics(HELP)
  const store = headendStore(
    await openStore({
      folder: join(dataDir, 'database'),
      ...(databaseUrl !== undefined && { databaseUrl }),
      schema: 'headend',
      migrations: new URL('./migrations/', import.meta.url),
    }),
  )
  const registry = await store.loadRegistry()
  const vault = openKeyVault(join(dataDir, 'keys'))
  const counters = await openCounters(join(dataDir, 'counters'))
  const eventLog = await openEventLog({
    folder: join(dataDir, 'log'),
    clock,
    ...(contentPublicKeyFile && { sealer: await createSealer(contentPublicKeyFile) }),
    projectAfter: registry.appliedSeq,
    // Notes are written by this role alone, from values of that type.
    project: (note, seq) => registry.project(note as StateNote, seq),
    onTornTail: (octets, savedAs) => log.warn('log.recovered', { octets, savedAs }),
  })
  const journal = openJournal({ registry, store, log, lastSeq: await store.lastSessionSeq() })
  await journal.flush()
  const stop = new AbortController()
  const lastOutcomes = new Map<string, { outcome: SessionOutcome; detail: string }>()
  const withSession = sessionOpener({ vault, counters, clock, limits: config.sessions, signal: stop.signal })
  const readPorts = {
    registry,
    collect: { clock, log: eventLog, seams: createSeamBox(vault, clock.now()), config: config.readings },
    withSession,
    clock,
    config,
    log,
    metrics,
    record: journal.record,
  }
  const scheduler = new Scheduler({
    clock,
    limits: config.sessions,
    cellOf: (meterId) => registry.get(meterId)?.device.cell ?? '',
    async run(turn) {
      const { nextAt, ...last } = await readMeter(turn, readPorts)
      lastOutcomes.set(turn.meterId, last)
      return nextAt
    },
  })
  const commands = commandDesk({
    store,
    registry,
    scheduler,
    clock,
    log,
    waitMs: config.commandMinutes * 60_000,
    lastOutcome: (meterId) => lastOutcomes.get(meterId),
  })
  const planFirst = ({ device, status }: DeviceEntry): void => {
    if (status.state === 'quarantined') {
      scheduler.forget(device.meterId)
      return
    }
    const spreadMs = Math.min(config.readings.spreadSeconds * 1000, 2000 + registry.size * FIRST_TURN_MS)
    scheduler.plan(device.meterId, clock.now() + spreadOf(device.meterId) * spreadMs)
  }
  // One import at a time: each decides by what the one before left.
  let importing: Promise<unknown> = Promise.resolve()
  const doImport = async (json: string): Promise<ImportedDevice[]> => {
    const items = await importShipment(json, { registry, store, vault, log: eventLog, clock })
    for (const { serial, outcome } of items) {
      const entry = outcome === 'refused' || outcome === 'unchanged' ? undefined : registry.get(serial)
      if (entry) planFirst(entry)
    }
    log.info('shipment.imported', { devices: items.length })
    return items
  }
  let housekeeping: NodeJS.Timeout | undefined
  const measure = (): Record<string, number> => {
    const devices: Record<string, number> = { registered: 0, active: 0, unreachable: 0, quarantined: 0 }
    for (const { status } of registry.all()) devices[status.state]++
    metrics.gauge('headend_sessions_open', scheduler.open)
    metrics.gauge('headend_sessions_waiting', scheduler.waiting)
    metrics.gauge('headend_log_entries', eventLog.lastSeq)
    metrics.gauge('headend_journal_waiting', journal.waiting)
    for (const [state, count] of Object.entries(devices)) metrics.gauge('headend_devices', count, { state })
    return devices
  }
  return {
    metrics: {
      ...metrics,
      text() {
        measure()
        return metrics.text()
      },
    },
    ports: {
      registry,
      store,
      log: eventLog,
      vault,
      counters,
      commands,
      importShipment(json) {
        const result = importing.then(() => doImport(json))
        importing = result.catch(() => undefined)
        return result
      },
      release(meterId) {
        registry.release(meterId)
        const entry = registry.get(meterId)
        if (entry) planFirst(entry)
        void journal.flush()
      },
    },
    async health() {
      const devices = measure()
      return {
        status: journal.failing ? 'degraded' : 'ok',
        devices,
        sessions: { open: scheduler.open, waiting: scheduler.waiting },
        log: { first: eventLog.firstSeq, last: eventLog.lastSeq },
      }
    },
    async begin() {
      for (const entry of registry.all()) planFirst(entry)
      scheduler.start()
      await commands.resume()
      housekeeping = setInterval(() => void tidy(config, clock.now(), store, eventLog, log), HOUSEKEEPING_MS)
      housekeeping.unref()
    },
    async close() {
      clearInterval(housekeeping)
      const timer = setTimeout(() => stop.abort(new Error('the head-end stops')), STOP_MS)
      await scheduler.stop()
      clearTimeout(timer)
      await importing
      await commands.idle()
      await eventLog.close()
      await journal.close()
      await counters.close()
      vault.close()
      await store.close()
    },
  }
}

/** Lets go of what is older than it is kept for. */
async function tidy(
  { keep }: HeadendConfig,
  now: number,
  store: HeadendStore,
  eventLog: { dropBefore(instant: number): Promise<number> },
  log: RoleOptions['log'],
): Promise<void> {
  try {
    if (keep.logDays > 0) await eventLog.dropBefore(now - keep.logDays * DAY_MS)
    await store.dropSessionsBefore(now - keep.sessionDays * DAY_MS)
  } catch (error) {
    log.error('tidy.failed', { error })
  }
}
