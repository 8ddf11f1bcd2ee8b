import { zoneOffsetMs } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import { createCalendar } from './calendar.ts'
import { createDayContexts, type DayContexts } from './day-context.ts'
import type { Outage } from './day-energy.ts'
import { createDayCache, EnergyCounter } from './energy-counter.ts'
import { type Mix, type Traits, traitsOf } from './traits.ts'
import { createWeather, type Place, type Weather } from './weather.ts'

/** What a neighbourhood of meters follows from. Equal settings give equal energy, to the last Wh. */
export interface NeighbourhoodOptions {
  /** A whole number of 32 bits. */
  readonly seed: number
  /** IANA zone people live by. */
  readonly zone: string
  readonly place: Place
  readonly mix: Mix
  /** More holidays, as `MM-DD`. */
  readonly holidays: readonly string[]
  /** UTC day on which registers show the traits' birth values. */
  readonly birthDay: number
  /** Days of single meters kept in memory at least, over the whole fleet (0.8 kB each, 2.3 kB for five-minute meters). */
  readonly daysKept: number
}

/** Makes the energy of any meter of a neighbourhood. */
export interface Neighbourhood {
  readonly zone: string
  readonly weather: Weather
  readonly contexts: DayContexts
  traits(index: number): Traits
  /** @param slots 96, or 288 for meters that capture every five minutes */
  counter(index: number, slots: 96 | 288, outages: (from: Instant, to: Instant) => readonly Outage[]): EnergyCounter
}

/** A neighbourhood of a seed: shared weather and calendar, and the meters in it. */
export function createNeighbourhood(options: NeighbourhoodOptions): Neighbourhood {
  const { seed, zone, place, mix, holidays, birthDay, daysKept } = options
  zoneOffsetMs(0, zone)
  const weather = createWeather(seed, place)
  const contexts = createDayContexts(weather, createCalendar(holidays), zone)
  const cache = createDayCache(Math.ceil(daysKept / 2))
  const traits = (index: number): Traits => traitsOf(seed, index, mix)
  return {
    zone,
    weather,
    contexts,
    traits,
    counter: (index, slots, outages) =>
      new EnergyCounter({ index, traits: traits(index), contexts, cache, zone, slots, birthDay, outages }),
  }
}
