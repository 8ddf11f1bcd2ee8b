import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatInstant, localDayOf, type MeterAssignment, type UsagePoint } from '@gridtally/metering'
import type { PlatformClock } from '#platform/clock'
import { Problem } from '#platform/http'
import type { Log } from '#platform/log'
import { type Peer, PeerError } from '#platform/peer'
import type { SimulatorConfig } from './config.ts'
import { DEMO_OPERATOR, demoCustomers, demoTariffs } from './demo-people.ts'
import type { Fleet, FleetDevice } from './fleet.ts'
import { type HistorySpan, historyLines, historySpan, monthsOf, registerLines } from './history.ts'
import { makeShipment } from './shipment.ts'

/** How far the platform was told of the fleet. */
export interface Provisioning {
  readonly phase: 'idle' | 'usage points' | 'customers' | 'shipment' | 'history' | 'done'
  readonly done: number
  readonly total: number
  /** Whether the first usage point is known everywhere, with its history: the demonstration may begin. */
  readonly demoReady: boolean
  /** Why it waits or gave up, for people; empty while it goes on. */
  readonly waiting: string
  /** A peer refused for a reason that time does not heal. */
  readonly failed: boolean
}

/** What provisioning needs. A peer that is absent is not told. */
export interface ProvisionPorts {
  readonly fleet: Fleet
  readonly config: SimulatorConfig
  readonly bornAt: number
  readonly folder: string
  readonly clock: PlatformClock
  readonly log: Log
  readonly headend?: Peer
  readonly mdms?: Peer
  readonly access?: Peer
  /** Real ms between two tries. */
  readonly retryMs?: number
}

/** Devices and usage points a request. */
const BATCH = 500
/** Meters of one import request while the fleet's history goes over: some 3 MB of lines. */
const METERS_PER_IMPORT = 8

/** What the MDMS says of an import. */
interface ImportAnswer {
  readonly failed?: number
  readonly errors?: readonly unknown[]
}

/** Which meters' history the MDMS took, so that a restart does not send it again. */
interface Marker extends HistorySpan {
  readonly imported: readonly string[]
}

function readMarker(path: string, span: HistorySpan): { span: HistorySpan; imported: Set<string> } {
  if (!existsSync(path)) return { span, imported: new Set() }
  // Our own file, written below.
  const { from, to, imported } = JSON.parse(readFileSync(path, 'utf8')) as Marker
  return { span: { from, to }, imported: new Set(imported) }
}

/**
 * Tells head-end, MDMS and access of the fleet, in the order in which a person would miss it: the demonstration's usage point
 * first, the others' history last. Every step may be repeated; peers that do not answer are tried again until `signal` aborts.
 */
export function startProvisioning(
  ports: ProvisionPorts,
  signal: AbortSignal,
): { state(): Provisioning; ended: Promise<void> } {
  const { fleet, config, bornAt, clock, log, headend, mdms, access, retryMs = 500 } = ports
  let state: Provisioning = { phase: 'idle', done: 0, total: 0, demoReady: false, waiting: '', failed: false }
  const markerPath = join(ports.folder, 'history.json')
  const marker = readMarker(markerPath, historySpan(bornAt, config.zone, config.historyDays, config.historyTailDays))
  const { span, imported } = marker
  const count = config.meters
  const devices = (first: number, last: number): FleetDevice[] =>
    Array.from({ length: Math.max(0, Math.min(last, count) - first + 1) }, (_, i) => fleet.device(first + i))

  /** Repeats until it works, or refuses for a reason that time does not heal. */
  const insist = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    for (let wait = retryMs; ; wait = Math.min(wait * 2, retryMs * 20)) {
      signal.throwIfAborted()
      try {
        await work()
        state = { ...state, waiting: '' }
        return
      } catch (error) {
        signal.throwIfAborted()
        const answered =
          error instanceof PeerError && error.status < 500 && error.status !== 429 && error.status !== 404
        if (!(error instanceof PeerError || error instanceof Problem) || answered) throw error
        state = { ...state, waiting: error.message }
        log.debug('provision.waits', { what, reason: error.message })
        // Peers start in real time, whatever the platform's clock does.
        await clock.sleep(wait * clock.speed, signal)
      }
    }
  }
  const step = (phase: Provisioning['phase'], done: number, total: number): void => {
    state = { ...state, phase, done, total }
  }
  const tellUsagePoints = async (first: number, last: number): Promise<void> => {
    if (!mdms) return
    const usagePoints: UsagePoint[] = []
    const assignments: (Omit<MeterAssignment, 'from' | 'to'> & { from: string; to: null })[] = []
    for (const { usagePointId, archetype, serial } of devices(first, last)) {
      usagePoints.push({ id: usagePointId, zone: config.zone, commodity: 'electricity', category: archetype })
      assignments.push({ usagePointId, meterId: serial, from: formatInstant(span.from, config.zone), to: null })
    }
    await insist('usage points', () => mdms.json('/usage-points', { method: 'PUT', body: usagePoints, signal }))
    await insist('assignments', () => mdms.json('/assignments', { method: 'PUT', body: assignments, signal }))
  }
  const birthYear = new Date(bornAt).getUTCFullYear()
  const tellCustomers = async (first: number, last: number): Promise<void> => {
    if (!access) return
    const people = demoCustomers(config, devices(first, last), birthYear, localDayOf(span.from, config.zone))
    const body =
      first === 1
        ? {
            tariffs: demoTariffs(config, birthYear),
            operators: [{ id: DEMO_OPERATOR, name: 'Demo operator' }],
            ...people,
          }
        : people
    await insist('customers', () => access.json('/customers', { method: 'POST', body, signal }))
  }
  const tellHistory = async (first: number, last: number): Promise<void> => {
    if (!mdms) return
    const wanted = devices(first, last).filter(({ serial }) => !imported.has(serial))
    if (wanted.length === 0) return
    const lines: string[] = []
    for (const { index } of wanted) {
      const meter = fleet.meter(index)
      // Registers at the beginning of each month, so that their advance can be held against the intervals.
      for (const month of monthsOf(span, config.zone))
        for (const line of [...registerLines(meter, month.from), ...historyLines(meter, month)])
          lines.push(JSON.stringify(line))
      // A meter's year takes a few milliseconds; other work gets its turn between two.
      await new Promise((resolve) => setImmediate(resolve))
    }
    const body = `${lines.join('\n')}\n`
    const request = { method: 'POST', body, contentType: 'application/x-ndjson', timeoutMs: 120_000, signal } as const
    if (lines.length > 0)
      await insist('history', async () => {
        const { failed = 0, errors } = await mdms.json<ImportAnswer>('/imports', request)
        if (failed > 0) log.warn('provision.refused', { failed, errors: errors?.slice(0, 3) })
      })
    for (const { serial } of wanted) imported.add(serial)
    const text = JSON.stringify({ ...span, imported: [...imported] } satisfies Marker)
    writeFileSync(`${markerPath}.new`, text)
    renameSync(`${markerPath}.new`, markerPath)
  }
  const inBatches = async (
    phase: Provisioning['phase'],
    from: number,
    size: number,
    work: (first: number, last: number) => Promise<void>,
  ): Promise<void> => {
    for (let first = from; first <= count; first += size) {
      step(phase, first - 1, count)
      await work(first, Math.min(count, first + size - 1))
    }
  }
  const work = async (): Promise<void> => {
    step('usage points', 0, 1)
    await tellUsagePoints(1, 1)
    await tellCustomers(1, 1)
    await tellHistory(1, 1)
    state = { ...state, demoReady: true }
    await inBatches('usage points', 2, BATCH, tellUsagePoints)
    await inBatches('customers', 2, BATCH, tellCustomers)
    if (headend)
      for (let first = 1; first <= fleet.size; first += BATCH) {
        step('shipment', first - 1, fleet.size)
        const body = makeShipment(fleet, config, clock.now(), {
          first,
          last: first + BATCH - 1,
          // Without an MDMS nobody got the history: then the head-end begins where it likes.
          ...(mdms ? { readFrom: span.to } : {}),
        })
        await insist('shipment', () => headend.json('/shipments', { method: 'POST', body, timeoutMs: 120_000, signal }))
      }
    await inBatches('history', 2, METERS_PER_IMPORT, tellHistory)
    step('done', count, count)
    log.info('provision.done', { meters: count })
  }
  const ended = work().catch((error: unknown) => {
    if (signal.aborted) return
    state = { ...state, waiting: (error as Error).message, failed: true }
    log.error('provision.failed', { error })
  })
  return { state: () => state, ended }
}
