import type { Level, Now, StreamReading } from '../api/types.ts'
import { multiplyDecimals } from './decimal.ts'

/** Power below which the word "usual" is meant even outside the usual band: a lamp more is not worth a warning. */
const NOT_WORTH_A_WORD_W = 40

/** Where a power lies against the usual band of the hour. */
export function levelOf(powerW: number, usual: { readonly lowW: string; readonly highW: string }): Level {
  if (powerW < Number(usual.lowW) - NOT_WORTH_A_WORD_W) return 'low'
  return powerW > Number(usual.highW) + NOT_WORTH_A_WORD_W ? 'high' : 'usual'
}

/** The "now" view after a live reading. Readings of other usage points and older ones leave it as it is. */
export function applyReading(now: Now, reading: StreamReading): Now {
  if (reading.usagePointId !== now.usagePointId) return now
  if (now.at !== null && Date.parse(reading.at) < Date.parse(now.at)) return now
  return {
    ...now,
    at: reading.at,
    source: 'instantaneous',
    powerW: reading.powerW,
    costPerHour: costPerHour(now, reading.powerW),
    level: now.usual === null ? null : levelOf(Number(reading.powerW), now.usual),
  }
}

/** Money per hour at the current price. Export is priced by the server alone, which knows its tariff: until then nothing is said. */
function costPerHour(now: Now, powerW: string): string | null {
  if (now.price === null || Number(powerW) < 0) return null
  return multiplyDecimals(multiplyDecimals(powerW, '0.001'), now.price.perKwh)
}
