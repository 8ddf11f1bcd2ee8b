import { localDayRange } from '@gridtally/metering'
import { CURVES } from './curves.ts'
import type { DayContext } from './day-context.ts'
import { chance, hash } from './hash.ts'
import type { Traits } from './traits.ts'

const HOUR_MS = 3_600_000

/** Streams of a meter's days; see `traits.ts` for those of the meter itself. */
const STREAM = { noise: 101, bursts: 102, mood: 103, away: 104, vehicle: 105, vehicleStart: 106, vehicleNeed: 107 }

/** Share of activity that comes in bursts: cooking, washing, tools. */
const BURST_SHARE = 0.42
/** Mean energy of a burst, Wh; between a fifth and nine fifths of it. */
const BURST_WH = 700

/** A stretch during which the supply was off, in ms since the epoch, half-open. */
export interface Outage {
  readonly from: number
  readonly to: number
}

interface Charge {
  readonly from: number
  readonly to: number
}

/** Charging that begins on a local day, or `undefined`. */
function chargeOf(traits: Traits, localDay: number, zone: string): Charge | undefined {
  if (chance(traits.seed, STREAM.vehicle, localDay) >= traits.vehicleDays) return undefined
  const start = traits.vehicleAtNight ? 23 : 17.5 + 3 * chance(traits.seed, STREAM.vehicleStart, localDay)
  const needWh = 5000 + 14_000 * chance(traits.seed, STREAM.vehicleNeed, localDay)
  const from = localDayRange(localDay, zone).from + start * HOUR_MS
  return { from, to: from + (needWh / traits.vehicleW) * HOUR_MS }
}

const overlap = (a: Charge | Outage, from: number, to: number): number =>
  Math.max(0, Math.min(a.to, to) - Math.max(a.from, from))

/**
 * Energy of one meter in each slot of one UTC day, whole Wh. Pure: the same traits, day and outages give the same numbers.
 * Fractions of a Wh are carried to the next slot within the day, never lost.
 *
 * @param importWh filled, one entry a slot
 * @param exportWh filled, one entry a slot
 * @param outages those that touch the day; nothing passes the meter in them
 */
export function fillDay(
  traits: Traits,
  context: DayContext,
  zone: string,
  outages: readonly Outage[],
  importWh: Uint32Array,
  exportWh: Uint32Array,
): void {
  const { seed, alwaysOnW, activityW, lightingW, heatPumpWPerDegree, coolingWPerDegree, panelsWp } = traits
  const { slots, slotMs, step, kind, nextDay, heating, cooling, darkness, firstLocalDay } = context
  const week = CURVES[traits.week]
  const sun = context.sun[traits.roof]
  const slotsPerHour = slots / 24
  const hours = slotMs / HOUR_MS
  const start = context.day * 86_400_000
  const noiseSeed = hash(seed, STREAM.noise, context.day)
  const burstSeed = hash(seed, STREAM.bursts, context.day)
  const lively0 = livelihood(traits, firstLocalDay)
  const lively1 = livelihood(traits, firstLocalDay + 1)
  const charges: Charge[] = []
  if (traits.vehicleW > 0)
    for (let d = firstLocalDay - 1; d <= firstLocalDay + 1; d++) {
      const charge = chargeOf(traits, d, zone)
      if (charge) charges.push(charge)
    }
  const smoothW = activityW * (1 - BURST_SHARE)
  const burstChance = (activityW * BURST_SHARE) / BURST_WH
  const isShop = traits.archetype === 'shop'
  let importRest = 0
  let exportRest = 0
  let burstFrom = 0
  let burstTo = 0
  let burstW = 0
  for (let i = 0; i < slots; i++) {
    const lively = nextDay[i] === 0 ? lively0 : lively1
    const curve = week[kind[i]][step[i]] * lively
    if (i % slotsPerHour === 0 && activityW > 0) {
      const h = hash(burstSeed, 0, i)
      burstW = 0
      if ((h & 0xffff) / 0x1_0000 < burstChance * curve || isShop) {
        const length = isShop ? slotsPerHour : 1 + (((h >>> 16) & 3) * slotsPerHour) / 4
        const first = ((h >>> 18) & 3) * (slotsPerHour / 4)
        burstFrom = i + Math.floor(Math.min(first, slotsPerHour - length))
        burstTo = burstFrom + Math.floor(length)
        const scale = 0.2 + 1.6 * (((h >>> 20) & 0xff) / 0xff)
        // Shops are many people: their bursts flow together.
        burstW = isShop
          ? activityW * BURST_SHARE * curve * (0.6 + scale * 0.4)
          : (BURST_WH * scale) / (Math.floor(length) * hours)
      }
    }
    const u = hash(noiseSeed, 0, i) / 0x1_0000_0000
    let watts =
      alwaysOnW * (0.85 + 0.3 * u) +
      smoothW * curve * (0.7 + 0.6 * u) +
      lightingW * darkness[i] * Math.min(1.6, curve) +
      (heatPumpWPerDegree * heating[i] + coolingWPerDegree * cooling[i] * Math.min(1.5, curve)) * (0.8 + 0.4 * u)
    if (burstW > 0 && i >= burstFrom && i < burstTo) watts += burstW
    for (const charge of charges) {
      const at = start + i * slotMs
      watts += traits.vehicleW * (overlap(charge, at, at + slotMs) / slotMs)
    }
    let inWh = watts * hours
    let outWh = 0
    if (panelsWp > 0 && sun[i] > 0) {
      const made = panelsWp * sun[i] * hours
      // Within a slot kettle and cloud take turns: some of what could cancel passes the meter both ways.
      const both = 0.12 * u * Math.min(made, inWh)
      const net = inWh - made
      inWh = (net > 0 ? net : 0) + both
      outWh = (net < 0 ? -net : 0) + both
    }
    if (outages.length > 0) {
      const at = start + i * slotMs
      let on = 1
      for (const outage of outages) on -= overlap(outage, at, at + slotMs) / slotMs
      inWh *= Math.max(0, on)
      outWh *= Math.max(0, on)
    }
    importRest += inWh
    exportRest += outWh
    const whole = Math.floor(importRest)
    importWh[i] = whole
    importRest -= whole
    const wholeOut = Math.floor(exportRest)
    exportWh[i] = wholeOut
    exportRest -= wholeOut
  }
}

/** How much goes on at a place on a local day: around 1, little when its people are away. */
function livelihood(traits: Traits, localDay: number): number {
  const week = Math.floor((localDay + (traits.seed % 7)) / 7)
  if (traits.awayWeeks > 0 && chance(traits.seed, STREAM.away, week) < traits.awayWeeks) return 0.12
  const mood = 0.78 + 0.44 * chance(traits.seed, STREAM.mood, localDay)
  // More goes on indoors in winter: around the tenth of January most.
  const season = traits.archetype === 'shop' ? 0.05 : 0.14
  return mood * (1 + season * Math.cos(((localDay - 10) / 365.2425) * 2 * Math.PI))
}
