import { parseScaled } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { Latest, RegisterValue } from './data-source.ts'
import { isSeen } from './series.ts'
import type { SeenSpan } from './store.ts'

const HOUR_MS = 3_600_000
/** Registers older than this are no "now". */
const FRESH_POWER_MS = 6 * HOUR_MS
const POWER_IMPORT = '1.0.1.7.0.255'
const POWER_EXPORT = '1.0.2.7.0.255'
/** Powers are kept in mW: finer than any meter tells them. */
const WATT_SCALER = -3

/** A net power: `value × 10^scaler` W, import positive. */
export interface NetPower {
  readonly at: Instant
  readonly value: bigint
  readonly scaler: number
  /** `instantaneous`: power registers; `interval-mean`: energy of the last interval over its length. */
  readonly source: 'instantaneous' | 'interval-mean'
}

/**
 * Net power of the power registers of one moment.
 *
 * @param exports whether the place gives energy back: then an import of 0 W says nothing without the export register
 */
function powerOf(registers: readonly RegisterValue[], exports: boolean): NetPower | null {
  const taken = registers.find(({ obis, unit }) => obis === POWER_IMPORT && unit === 'W')
  if (!taken) return null
  const given = registers.find(({ obis, unit, at }) => obis === POWER_EXPORT && unit === 'W' && at === taken.at)
  const watts = (text: string): bigint => parseScaled(text, WATT_SCALER).value
  const power = watts(taken.value)
  if (exports && !given && power === 0n) return null
  return {
    source: 'instantaneous',
    at: taken.at,
    value: power - (given ? watts(given.value) : 0n),
    scaler: WATT_SCALER,
  }
}

/** The newest net power there is for who may see `spans`: of power registers when they are newer than the last interval, else its mean. */
export function netPower({ registers, intervals }: Latest, spans: readonly SeenSpan[], at: Instant): NetPower | null {
  const [taken, given] = (['import', 'export'] as const).map((name) =>
    intervals.find(({ channel }) => channel === name),
  )
  const told = powerOf(registers, given !== undefined)
  const end = taken?.end ?? Number.NEGATIVE_INFINITY
  if (told && told.at >= end && at - told.at < FRESH_POWER_MS && isSeen(spans, told.at, told.at)) return told
  if (!taken || !isSeen(spans, taken.start, taken.end)) return null
  const energy = (text: string): bigint => parseScaled(text, WATT_SCALER).value
  // An export channel that lags behind leaves the net of the last interval unknown; import alone is said then.
  const net = energy(taken.value) - (given?.start === taken.start ? energy(given.value) : 0n)
  return {
    source: 'interval-mean',
    at: taken.end,
    value: (net * BigInt(HOUR_MS)) / BigInt(taken.end - taken.start),
    scaler: WATT_SCALER,
  }
}
