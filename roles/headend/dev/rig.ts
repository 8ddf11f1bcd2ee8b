import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EndDeviceEvent, IntervalRun, LogPage, Reading } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { PlatformClock } from '#platform/clock'
import { openKeyVault } from '#platform/key-vault'
import { silentLog } from '#platform/log'
import { createMetrics } from '#platform/metrics'
import { type HeadendConfig, headendConfig } from '../config.ts'
import { type CounterStore, openCounters } from '../counters.ts'
import type { StateNote } from '../device.ts'
import { type EventLog, openEventLog } from '../event-log.ts'
import { type ImportedDevice, importShipment } from '../import-shipment.ts'
import { type ReadResult, readMeter } from '../read-meter.ts'
import { Registry } from '../registry.ts'
import { createSeamBox } from '../seam.ts'
import { sessionOpener } from '../session.ts'
import type { Priority, SessionRecord } from '../session-record.ts'

/** All that reads meters, without database and HTTP: for tests of sessions and collection. */
export interface Rig {
  readonly registry: Registry
  readonly log: EventLog
  readonly counters: CounterStore
  readonly records: Omit<SessionRecord, 'seq'>[]
  readonly folder: string
  import(json: string): Promise<ImportedDevice[]>
  read(meterId: string, priority?: Priority): Promise<ReadResult>
  /** Everything in the log about a meter. */
  stored(meterId: string): Promise<{ runs: IntervalRun[]; readings: Reading[]; events: EndDeviceEvent[] }>
  /** Loses all memory, as a crash does, and starts again from the folder; devices are imported anew. */
  restart(json: string): Promise<void>
  close(): Promise<void>
}

/** A clock that stands still until it is moved; its waits are real. */
export function handClock(at: Instant): PlatformClock & { at: Instant } {
  return {
    at,
    speed: 1,
    now() {
      return this.at
    },
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }
}

/** Opens a rig in a folder of its own. Payloads are in clear, so that tests can look. */
export async function openRig(
  clock: PlatformClock,
  section: Partial<Record<keyof HeadendConfig, unknown>> = {},
): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'gt-headend-'))
  const config = headendConfig({ allowClearPayloads: true, ...section })
  const records: Rig['records'] = []
  const stop = new AbortController()
  const build = async () => {
    const registry = new Registry()
    const vault = openKeyVault(join(folder, 'keys'))
    const counters = await openCounters(join(folder, 'counters'))
    const log = await openEventLog({
      folder: join(folder, 'log'),
      clock,
      project: (note, seq) => registry.project(note as StateNote, seq),
    })
    const ports = {
      registry,
      collect: { clock, log, seams: createSeamBox(vault, clock.now()), config: config.readings },
      withSession: sessionOpener({ vault, counters, clock, limits: config.sessions, signal: stop.signal }),
      clock,
      config,
      log: silentLog,
      metrics: createMetrics({
        headend_sessions_total: '',
        headend_rows_total: '',
        headend_session_duration_seconds: '',
      }),
      record: (record: Omit<SessionRecord, 'seq'>) => records.push(record),
    }
    const doImport = (json: string): Promise<ImportedDevice[]> =>
      importShipment(json, { registry, store: { saveDevices: async () => {} }, vault, log, clock })
    return { registry, vault, counters, log, ports, doImport }
  }
  let built = await build()
  return {
    get registry() {
      return built.registry
    },
    get log() {
      return built.log
    },
    get counters() {
      return built.counters
    },
    records,
    folder,
    import: (json) => built.doImport(json),
    read: (meterId, priority = 'scheduled') => readMeter({ meterId, priority }, built.ports),
    async stored(meterId) {
      const page = JSON.parse((await built.log.page(0, 100_000)).toString()) as LogPage
      const found = { runs: [] as IntervalRun[], readings: [] as Reading[], events: [] as EndDeviceEvent[] }
      for (const { header, payload } of page.entries) {
        if (header.meterId !== meterId || !payload) continue
        if (payload.kind === 'intervals') found.runs.push(payload.run)
        else if (payload.kind === 'readings') found.readings.push(...payload.readings)
        else found.events.push(payload.event)
      }
      return found
    },
    async restart(json) {
      await built.log.close()
      await built.counters.close()
      built.vault.close()
      built = await build()
      await built.doImport(json)
    },
    async close() {
      stop.abort(new Error('the test is over'))
      await built.log.close()
      await built.counters.close()
      built.vault.close()
      await rm(folder, { recursive: true })
    },
  }
}
