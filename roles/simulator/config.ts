import { ConfigError, mergeConfig } from '#platform/config'
import { createCalendar } from './load/calendar.ts'

/** Everything that may be set of a fleet. */
export interface SimulatorConfig {
  /** What energy, habits, weather and planned faults follow from; never keys. */
  readonly seed: number
  /** How many meters, the cloned one not counted. */
  readonly meters: number
  /** Address the meters listen on, and where to look for a free range of ports, one a meter; 0 looks from 20000 on. */
  readonly meterHost: string
  readonly basePort: number
  /** Number in the first serial, for several fleets at one head-end. */
  readonly firstSerial: number
  /** IANA zone of people and meters, and where the sun stands. */
  readonly zone: string
  readonly latitude: number
  readonly longitude: number
  /** Shares of kinds of connection; the rest are households. */
  readonly mix: { readonly shop: number; readonly pv: number; readonly vacant: number }
  /** Days without work besides the usual ones, `MM-DD`. */
  readonly holidays: readonly string[]
  /** Shares of meters that capture at other than 15 minutes. */
  readonly capture: { readonly fiveMinutes: number; readonly thirtyMinutes: number; readonly hourly: number }
  /** Shares of meters whose profiles are laid out otherwise, see `meter-kind.ts`. */
  readonly layouts: {
    readonly noStatus: number
    readonly reordered: number
    readonly importOnly: number
    readonly utc: number
  }
  /** Days a load profile reaches back. */
  readonly profileDays: number
  /** Days of history handed to the MDMS at first start, but for the last ones, which the head-end reads from the meters. */
  readonly historyDays: number
  readonly historyTailDays: number
  /** No planned faults, no drift, no clone: every meter must agree to the last unit. */
  readonly perfect: boolean
  readonly faults: {
    /** Share of meters with a planned fault. */
    readonly share: number
    /** Whether one more device answers with the system title of another. */
    readonly clone: boolean
  }
  /** Largest drift of a meter's clock, parts per million. */
  readonly driftPpm: number
  /** Connections a meter serves at once; more are closed at once. */
  readonly connectionsPerMeter: number
  /** Whether to tell head-end, MDMS and access of the fleet. */
  readonly provision: boolean
  /** ISO 4217, of the demonstration tariff. */
  readonly currency: string
}

/** What holds unless set. */
export const DEFAULTS: SimulatorConfig = {
  seed: 1,
  meters: 200,
  meterHost: '127.0.0.1',
  basePort: 0,
  firstSerial: 1,
  zone: 'Europe/Amsterdam',
  latitude: 52.1,
  longitude: 5.2,
  mix: { shop: 0.06, pv: 0.2, vacant: 0.03 },
  holidays: [],
  capture: { fiveMinutes: 0.01, thirtyMinutes: 0.01, hourly: 0.02 },
  layouts: { noStatus: 0.05, reordered: 0.05, importOnly: 0.5, utc: 0.05 },
  profileDays: 400,
  historyDays: 396,
  historyTailDays: 3,
  perfect: false,
  faults: { share: 0.05, clone: true },
  driftPpm: 20,
  connectionsPerMeter: 3,
  provision: true,
  currency: 'EUR',
}

/** Most meters one process is meant for: TCP has 65 535 ports. */
const MOST_METERS = 40_000

/**
 * The fleet's configuration from the section of the configuration file.
 *
 * @throws ConfigError for unknown keys, wrong types and values out of range
 */
export function readSimulatorConfig(section: unknown): SimulatorConfig {
  const config = mergeConfig(DEFAULTS, section, 'simulator')
  const whole = (name: keyof SimulatorConfig, least: number, most: number): void => {
    const value = config[name] as number
    if (!Number.isInteger(value) || value < least || value > most)
      throw new ConfigError(`simulator: "${name}" must be a whole number from ${least} to ${most}, not ${value}`)
  }
  const share = (name: string, value: number): void => {
    if (value < 0 || value > 1) throw new ConfigError(`simulator: "${name}" is a share from 0 to 1, not ${value}`)
  }
  whole('seed', 0, 0xffff_ffff)
  whole('meters', 1, MOST_METERS)
  whole('basePort', 0, 65_535)
  whole('firstSerial', 1, 90_000_000)
  whole('profileDays', 1, 800)
  whole('historyDays', 0, 800)
  whole('historyTailDays', 0, config.profileDays)
  whole('connectionsPerMeter', 1, 1000)
  for (const group of ['mix', 'capture', 'layouts'] as const)
    for (const [name, value] of Object.entries(config[group])) share(`${group}.${name}`, value)
  share('faults.share', config.faults.share)
  try {
    createCalendar(config.holidays)
    new Intl.DateTimeFormat('en', { timeZone: config.zone })
  } catch (cause) {
    throw new ConfigError(`simulator: ${(cause as Error).message}`, { cause })
  }
  return config
}
