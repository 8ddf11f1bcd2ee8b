import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Instant } from '@gridtally/wire'
import { DEFAULTS, type SimulatorConfig } from '../config.ts'
import { type Fleet, type FleetOptions, startFleet } from '../fleet.ts'
import { openFleetIdentity } from '../identity.ts'
import { memoryStore, type StateStore } from '../state.ts'

/** A fleet for a test, with hands on its time. */
export interface TestFleet {
  readonly fleet: Fleet
  readonly config: SimulatorConfig
  readonly folder: string
  readonly store: StateStore
  now(): Instant
  setNow(at: Instant): void
  close(): Promise<void>
}

/** 20 November 2026, 12:00:30 UTC: a winter day, half a minute into a quarter hour. */
export const NOON = Date.UTC(2026, 10, 20, 12, 0, 30)

/** Starts a small fleet on free ports of the loopback. Without a session, meters answer with what they are sent. */
export async function startTestFleet(
  changes: Partial<SimulatorConfig> = {},
  more: { openSession?: FleetOptions['openSession']; bornAt?: Instant; store?: StateStore } = {},
): Promise<TestFleet> {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-fleet-'))
  let now = NOON
  // Tests of several processes look for ports at different places, so that they seldom meet.
  const basePort = 21_000 + (process.pid % 80) * 100
  const config = { ...DEFAULTS, meters: 6, basePort, perfect: true, ...changes }
  const store = more.store ?? memoryStore()
  const fleet = await startFleet({
    config,
    identity: openFleetIdentity(folder, config.firstSerial),
    store,
    bornAt: more.bornAt ?? NOON - 86_400_000,
    now: () => now,
    openSession: more.openSession ?? (() => ({ receive: (octets) => [octets], close() {} })),
  })
  return {
    fleet,
    config,
    folder,
    store,
    now: () => now,
    setNow(at) {
      now = at
    },
    async close() {
      await fleet.close()
      store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
