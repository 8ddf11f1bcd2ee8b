import { mkdirSync } from 'node:fs'
import { createClock } from '#platform/clock'
import { keepBirth } from './birth.ts'
import { readSimulatorConfig } from './config.ts'
import { startFleet } from './fleet.ts'
import { openFleetIdentity } from './identity.ts'
import { createSessions } from './meter-session.ts'
import { makeShipment } from './shipment.ts'
import { openStateStore } from './state.ts'

/** What a test bench is asked for. */
export interface TestBenchOptions {
  /** Folder that keeps the fleet's secret and its meters' counters; made when missing. */
  readonly folder: string
  /** Section `simulator` of a configuration file. */
  readonly config: unknown
  /** Seconds of the meters' time per second. */
  readonly speed: number
}

/** A fleet that stands alone: no HTTP face, nobody is told of it. */
export interface TestBench {
  readonly size: number
  readonly host: string
  readonly basePort: number
  /** The one of the folder's first start, whatever was asked for now. */
  readonly seed: number
  /** Shipment file of the fleet; holds keys. */
  shipment(): object
  /** Faulty meters, a line each, for people. */
  faults(): string[]
  connections(): { readonly open: number; readonly total: number }
  close(): Promise<void>
}

/** Starts a fleet by itself, for testing somebody's own head-end against it. @throws ConfigError, the socket's error */
export async function startTestBench({ folder, config: section, speed }: TestBenchOptions): Promise<TestBench> {
  const wanted = readSimulatorConfig(section)
  const real = Date.now()
  const clock = createClock(speed === 1 ? undefined : { real, platform: real, speed })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // A bench may grow and shrink: its meters stay the same. Only the seed is for good.
  const { bornAt, seed } = keepBirth(folder, { bornAt: real, seed: wanted.seed, meters: wanted.meters })
  const config = { ...wanted, seed }
  const identity = openFleetIdentity(folder, config.firstSerial)
  const store = openStateStore(folder)
  const openSession = createSessions(store, config.profileDays, clock.now)
  const fleet = await startFleet({ config, identity, store, bornAt, now: clock.now, openSession })
  return {
    size: fleet.size,
    host: config.meterHost,
    basePort: fleet.basePort,
    seed: config.seed,
    shipment: () => makeShipment(fleet, config, clock.now()),
    faults() {
      const lines: string[] = []
      for (let index = 1; index <= fleet.size; index++) {
        const { serial, port, faults } = fleet.device(index)
        if (faults.length > 0) lines.push(`${serial}  port ${port}  ${faults.map(({ kind }) => kind).join(', ')}`)
      }
      return lines
    },
    connections: () => ({ open: fleet.connections(), total: fleet.accepted() }),
    async close() {
      await fleet.close()
      store.close()
    },
  }
}
