import { type LocalDay, localDayOf, zoneOffsetMs } from '@gridtally/metering'
import type { DayKind } from './calendar.ts'
import type { Weather } from './weather.ts'

const DAY_MS = 86_400_000

/** Steps of the load curves: five minutes of a local day. */
export const CURVE_STEPS = 288

/** What all meters share of one UTC day, in `slots` equal slots. Arrays have one entry a slot. */
export interface DayContext {
  /** UTC day since 1970. */
  readonly day: number
  readonly slots: number
  readonly slotMs: number
  /** Position in the local day's curves, 0 … 287, at the slot's beginning. */
  readonly step: Uint16Array
  readonly kind: Uint8Array
  /** Local day each slot belongs to, less `firstLocalDay`: 0 or 1. */
  readonly nextDay: Uint8Array
  readonly firstLocalDay: LocalDay
  /** Degrees below 16 °C, above 23 °C. */
  readonly heating: Float32Array
  readonly cooling: Float32Array
  readonly darkness: Float32Array
  /** kW per kWp by roof: east, south, west. */
  readonly sun: readonly [Float32Array, Float32Array, Float32Array]
}

/** Gives the shared part of any day, kept for the days used last. */
export type DayContexts = (day: number, slots: number) => DayContext

/** Days kept in all: two years of quarter hours, 10 kB each at most. */
const MOST_KEPT = 900

/** Makes the contexts of a neighbourhood. */
export function createDayContexts(weather: Weather, calendar: (day: LocalDay) => DayKind, zone: string): DayContexts {
  const kept = new Map<number, DayContext>()
  return (day, slots) => {
    const key = day * 512 + slots
    let found = kept.get(key)
    if (!found) {
      found = build(day, slots, weather, calendar, zone)
      if (kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value as number)
      kept.set(key, found)
    }
    return found
  }
}

function build(
  day: number,
  slots: number,
  weather: Weather,
  calendar: (day: LocalDay) => DayKind,
  zone: string,
): DayContext {
  const slotMs = DAY_MS / slots
  const firstLocalDay = localDayOf(day * DAY_MS, zone)
  const context: DayContext = {
    day,
    slots,
    slotMs,
    step: new Uint16Array(slots),
    kind: new Uint8Array(slots),
    nextDay: new Uint8Array(slots),
    firstLocalDay,
    heating: new Float32Array(slots),
    cooling: new Float32Array(slots),
    darkness: new Float32Array(slots),
    sun: [new Float32Array(slots), new Float32Array(slots), new Float32Array(slots)],
  }
  const kinds = [calendar(firstLocalDay), calendar(firstLocalDay + 1)]
  for (let i = 0; i < slots; i++) {
    const at = day * DAY_MS + i * slotMs
    const local = at + zoneOffsetMs(at, zone)
    const localDay = Math.floor(local / DAY_MS)
    context.step[i] = Math.floor(((local - localDay * DAY_MS) / DAY_MS) * CURVE_STEPS)
    context.kind[i] = kinds[localDay - firstLocalDay]
    context.nextDay[i] = localDay - firstLocalDay
    const middle = at + slotMs / 2
    const temperature = weather.temperature(middle)
    context.heating[i] = Math.max(0, 16 - temperature)
    context.cooling[i] = Math.max(0, temperature - 23)
    const { east, south, west, darkness } = weather.sun(middle)
    context.darkness[i] = darkness
    context.sun[0][i] = east
    context.sun[1][i] = south
    context.sun[2][i] = west
  }
  return context
}
