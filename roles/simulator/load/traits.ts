import { chance, hash } from './hash.ts'

/** What a connection serves. `pv` is a household with panels: it imports, exports and uses some of its own. */
export const ARCHETYPES = ['household', 'shop', 'pv', 'vacant'] as const

/** Kind of a connection. */
export type Archetype = (typeof ARCHETYPES)[number]

/** Shares of a neighbourhood, each 0 … 1; what is left over is households. */
export interface Mix {
  readonly shop: number
  readonly pv: number
  readonly vacant: number
}

/** What makes one connection's load its own. All of it follows from the seed. */
export interface Traits {
  readonly archetype: Archetype
  /** Seed of this meter's days. */
  readonly seed: number
  /** Wh a year, without vehicle and heat pump. */
  readonly annualWh: number
  /** Load that is always there, W. */
  readonly alwaysOnW: number
  /** Mean of the load that follows people, W. */
  readonly activityW: number
  /** Extra when it is dark and people are up, W. */
  readonly lightingW: number
  readonly week: 'commuting' | 'atHome' | 'shop'
  /** W per degree below 16 °C; 0 without heat pump. */
  readonly heatPumpWPerDegree: number
  /** W per degree above 23 °C. */
  readonly coolingWPerDegree: number
  /** Charging power of the vehicle, W; 0 without. */
  readonly vehicleW: number
  /** Share of days the vehicle charges. */
  readonly vehicleDays: number
  /** Whether it charges when the night tariff begins, rather than on coming home. */
  readonly vehicleAtNight: boolean
  /** Installed panels, W. */
  readonly panelsWp: number
  /** 0 east, 1 south, 2 west. */
  readonly roof: 0 | 1 | 2
  /** Share of weeks nobody is there. */
  readonly awayWeeks: number
  /** What the registers showed when the fleet was born, Wh. */
  readonly importAtBirthWh: number
  readonly exportAtBirthWh: number
}

/** Streams of chance within a meter, so that adding one leaves the others as they were. */
const STREAM = {
  kind: 1,
  size: 2,
  habit: 3,
  vehicle: 4,
  heatPump: 5,
  panels: 6,
  roof: 7,
  age: 8,
  cooling: 9,
  away: 10,
  base: 11,
}

const FIRST: readonly Archetype[] = ['pv', 'household', 'shop', 'vacant']

/**
 * The kind of the meter at a place in the fleet. The first is always a household with panels, the one a demonstration shows first;
 * the next three are one of each other kind, so that the smallest fleet has them all.
 */
export function archetypeOf(fleetSeed: number, index: number, mix: Mix): Archetype {
  if (index <= FIRST.length) return FIRST[index - 1]
  const u = chance(fleetSeed, STREAM.kind, index)
  if (u < mix.vacant) return 'vacant'
  if (u < mix.vacant + mix.shop) return 'shop'
  return u < mix.vacant + mix.shop + mix.pv ? 'pv' : 'household'
}

/** Traits of the meter at a place in the fleet, from 1. */
export function traitsOf(fleetSeed: number, index: number, mix: Mix): Traits {
  const archetype = archetypeOf(fleetSeed, index, mix)
  const seed = hash(fleetSeed, 0x6d65_7472, index)
  const u = (stream: number): number => chance(seed, 0, stream)
  const lives = archetype === 'household' || archetype === 'pv'
  // Two draws lean sizes towards the small end, as they are in streets.
  const size = u(STREAM.size) * (0.45 + 0.55 * u(STREAM.base))
  const annualWh =
    archetype === 'vacant' ? 20_000 + 60_000 * size : archetype === 'shop' ? 11e6 + 28e6 * size : 2.05e6 + 2.9e6 * size
  const meanW = annualWh / 8766
  const alwaysOnW =
    archetype === 'vacant' ? meanW : archetype === 'shop' ? meanW * 0.32 : meanW * (0.22 + 0.12 * u(STREAM.base))
  const lightingW = archetype === 'vacant' ? 0 : archetype === 'shop' ? meanW * 0.15 : 30 + meanW * 0.22
  // Lights burn for a good eighth of the year's hours while people are up.
  const activityW = archetype === 'vacant' ? 0 : Math.max(20, meanW - alwaysOnW - lightingW * 0.16)
  const vehicle = lives && u(STREAM.vehicle) < (archetype === 'pv' ? 0.16 : 0.07)
  const heatPump = lives && u(STREAM.heatPump) < (archetype === 'pv' ? 0.12 : 0.05)
  const panelsWp = archetype === 'pv' ? 3000 + Math.round(3000 * u(STREAM.panels)) : 0
  const roof = u(STREAM.roof)
  const years = 3 + 6 * u(STREAM.age)
  const extraWh = (vehicle ? 2.2e6 : 0) + (heatPump ? 2.6e6 : 0)
  return {
    archetype,
    seed,
    annualWh,
    alwaysOnW,
    activityW,
    lightingW,
    week: archetype === 'shop' ? 'shop' : u(STREAM.habit) < 0.6 ? 'commuting' : 'atHome',
    heatPumpWPerDegree: heatPump ? 28 + 22 * u(STREAM.size) : 0,
    coolingWPerDegree: archetype === 'shop' ? meanW * 0.1 : lives && u(STREAM.cooling) < 0.12 ? 90 : 0,
    vehicleW: vehicle ? (u(STREAM.habit) < 0.5 ? 3700 : 7400) : 0,
    vehicleDays: 0.35 + 0.35 * u(STREAM.vehicle),
    vehicleAtNight: u(STREAM.habit) > 0.55,
    panelsWp,
    roof: roof < 0.2 ? 0 : roof < 0.8 ? 1 : 2,
    awayWeeks: lives ? 0.03 + 0.07 * u(STREAM.away) : 0,
    importAtBirthWh: Math.round((annualWh + extraWh) * years),
    exportAtBirthWh: Math.round(panelsWp * 620 * years),
  }
}
