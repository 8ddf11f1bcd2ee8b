import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PlatformClock } from '#platform/clock'
import { createLog } from '#platform/log'
import { ensureContentKeys } from '#platform/protection'
import { type HeadendConfig, headendConfig } from '../roles/headend/config.ts'
import { shipmentOf } from '../roles/headend/dev/scripted-meter.ts'
import { type Headend, openHeadend } from '../roles/headend/headend.ts'
import type { FleetMessage, FleetState } from './fleet-process.ts'

/** A head-end in this process, all of it but its HTTP face, and a fleet in others. */
export interface HeadendBench {
  readonly headend: Headend
  /** Moves the time of both. */
  advance(ms: number): Promise<void>
  /** Tells all of the fleet, and gives the sum of its answers. */
  tell(message: FleetMessage): Promise<FleetState>
  close(): Promise<void>
}

/** A process may have so many files open; a meter takes two, for listening and for its connection. */
const METERS_A_PROCESS = 5000

/** Starts both; the head-end knows the fleet and begins to read it when told to begin. */
export async function openBench(
  meters: number,
  section: Partial<Record<keyof HeadendConfig, unknown>>,
): Promise<HeadendBench> {
  let now = Date.UTC(2026, 2, 2, 12, 3)
  const clock: PlatformClock = {
    speed: 1,
    now: () => now,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }
  const script = fileURLToPath(new URL('./fleet-process.ts', import.meta.url))
  const fleets: ChildProcess[] = []
  const identities: Parameters<typeof shipmentOf>[0][number][] = []
  for (let first = 1; first <= meters; first += METERS_A_PROCESS) {
    const count = Math.min(METERS_A_PROCESS, meters - first + 1)
    const fleet = fork(script, [String(first), String(count), String(now)], {
      execArgv: ['--conditions=@gridtally/source'],
    })
    const [some] = (await once(fleet, 'message')) as [typeof identities]
    fleets.push(fleet)
    identities.push(...some)
  }
  const folder = await mkdtemp(join(tmpdir(), 'gt-bench-'))
  const { publicKeyFile } = await ensureContentKeys(join(folder, 'content'))
  const headend = await openHeadend(
    {
      dataDir: join(folder, 'headend'),
      host: '127.0.0.1',
      port: 0,
      peers: {},
      callers: {},
      contentPublicKeyFile: publicKeyFile,
      clock,
      log: createLog('headend', 'error'),
    },
    headendConfig(section),
  )
  await headend.ports.importShipment(shipmentOf(identities))
  const tell = async (message: FleetMessage): Promise<FleetState> => {
    const sum = { cpuMs: 0, connections: 0, held: 0 }
    for (const fleet of fleets) {
      fleet.send(message)
      const [state] = (await once(fleet, 'message')) as [FleetState]
      sum.cpuMs += state.cpuMs
      sum.connections += state.connections
      sum.held += state.held
    }
    return sum
  }
  return {
    headend,
    tell,
    async advance(ms) {
      now += ms
      await tell({ now })
    },
    async close() {
      await headend.close()
      for (const fleet of fleets) fleet.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Sessions that ended so far, by outcome OK or not, from the metrics. */
export function sessionsEnded(headend: Headend): { ok: number; failed: number } {
  let ok = 0
  let failed = 0
  for (const [, outcome, count] of headend.metrics
    .text()
    .matchAll(/headend_sessions_total\{outcome="(\w+)"[^}]*\} (\d+)/g))
    if (outcome === 'OK') ok += Number(count)
    else failed += Number(count)
  return { ok, failed }
}

/** Waits until `what` holds. Throws after `mostMs`. */
export async function untilTrue(what: () => boolean, mostMs: number): Promise<void> {
  const end = performance.now() + mostMs
  while (!what()) {
    if (performance.now() > end) throw new Error('it did not come about in time')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
