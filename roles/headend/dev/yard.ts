import assert from 'node:assert/strict'
import { type IntervalRun, obisCode } from '@gridtally/metering'
import { handClock, openRig, type Rig } from './rig.ts'
import { type ScriptedMeter, shipmentOf, startMeter } from './scripted-meter.ts'

/** Short limits, so that tests of slow meters are quick. */
export const LIMITS = { connectTimeoutMs: 500, responseTimeoutMs: 400, deadlineMs: 1500 } as const

/** OBIS code of imported energy. */
export const IMPORT = obisCode('1.0.1.8.0.255')

/** A rig opened at the first use, and the meters made for it. */
export interface Yard {
  readonly clock: ReturnType<typeof handClock>
  readonly meters: ScriptedMeter[]
  rig(): Promise<Rig>
  /** A fresh meter, known to the head-end. */
  meter(): Promise<{ meter: ScriptedMeter; rig: Rig; id: string }>
  /** A number no meter here has yet. */
  nextIndex(): number
  close(): Promise<void>
}

/** A yard whose clock shows `at`. */
export function openYard(at: number): Yard {
  const clock = handClock(at)
  const meters: ScriptedMeter[] = []
  let shared: Rig | undefined
  let index = 0
  const rig = async (): Promise<Rig> => {
    shared ??= await openRig(clock, { sessions: LIMITS })
    return shared
  }
  return {
    clock,
    meters,
    rig,
    nextIndex: () => ++index,
    async meter() {
      const made = await startMeter(++index, () => clock.now())
      meters.push(made)
      const head = await rig()
      await head.import(shipmentOf([made]))
      return { meter: made, rig: head, id: made.serial }
    },
    async close() {
      await Promise.all(meters.map((meter) => meter.close()))
      await shared?.close()
    },
  }
}

/** The runs of imported energy. */
export const importRuns = (runs: readonly IntervalRun[]): IntervalRun[] => runs.filter(({ obis }) => obis === IMPORT)

/** Interval values of imported energy by the instant they begin, asserting that none is there twice. */
export function byStart(runs: readonly IntervalRun[]): Map<number, number | null> {
  const all = new Map<number, number | null>()
  for (const { start, stepMs, values } of importRuns(runs))
    values.forEach((value, i) => {
      const at = start + i * stepMs
      assert.ok(!all.has(at), `interval ${new Date(at).toISOString()} twice`)
      all.set(at, value)
    })
  return all
}
