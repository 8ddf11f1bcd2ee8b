import type { Instant } from '@gridtally/wire'
import type { DayContexts } from './day-context.ts'
import { fillDay, type Outage } from './day-energy.ts'
import { hash } from './hash.ts'
import type { Traits } from './traits.ts'

const DAY_MS = 86_400_000

/** Register values of a meter at an instant, Wh. */
export interface Registers {
  readonly importWh: number
  readonly exportWh: number
}

/** Energy counted since the beginning of a UTC day: entry `i` is the sum of the slots before slot `i`. */
export interface DaySums {
  readonly importWh: Uint32Array
  readonly exportWh: Uint32Array
}

/** Days of many meters, the ones used last. Shared by a fleet, so that memory is bounded whatever is asked. */
export interface DayCache {
  get(key: number): DaySums | undefined
  set(key: number, sums: DaySums): void
  deleteMeter(index: number): void
}

/** Days per meter index in a cache key; UTC day numbers stay below it until the year 2149. */
const DAYS_PER_METER = 65_536

/** A cache of the last `size` to `2 × size` days. */
export function createDayCache(size: number): DayCache {
  let young = new Map<number, DaySums>()
  let old = new Map<number, DaySums>()
  return {
    get(key) {
      let found = young.get(key)
      if (!found) {
        found = old.get(key)
        if (found) this.set(key, found)
      }
      return found
    },
    set(key, sums) {
      if (young.size >= size) {
        old = young
        young = new Map()
      }
      young.set(key, sums)
    },
    deleteMeter(index) {
      for (const map of [young, old])
        for (const key of map.keys()) if (Math.floor(key / DAYS_PER_METER) === index) map.delete(key)
    },
  }
}

/** What a counter needs of its fleet. */
export interface CounterOptions {
  readonly index: number
  readonly traits: Traits
  readonly contexts: DayContexts
  readonly cache: DayCache
  readonly zone: string
  /** Slots a day the load is drawn in: 96, or 288 for meters that capture every five minutes. */
  readonly slots: 96 | 288
  /** UTC day at whose beginning the registers show the traits' birth values. Sums are walked from there, both ways. */
  readonly birthDay: number
  /** Outages that touch a stretch of time. */
  readonly outages: (from: Instant, to: Instant) => readonly Outage[]
}

/**
 * The metrological part of a simulated meter: two registers that only rise, readable at any instant.
 * Days are drawn when asked for; sums at midnights are kept as far as they were needed.
 */
export class EnergyCounter {
  readonly #o: CounterOptions
  /** Import and export at the beginning of day `birthDay + i`, interleaved; and the same backwards from the birth. */
  #after: Float64Array
  #afterDays = 0
  #before: Float64Array
  #beforeDays = 0
  #today = Number.NaN
  #todaySums: DaySums = { importWh: new Uint32Array(), exportWh: new Uint32Array() }
  #todayMidnight: readonly [number, number] = [0, 0]

  constructor(options: CounterOptions) {
    this.#o = options
    const { importAtBirthWh, exportAtBirthWh } = options.traits
    this.#after = Float64Array.of(importAtBirthWh, exportAtBirthWh)
    this.#before = this.#after
  }

  /** Forgets sums from the day of `at` on, after an outage was added or changed there. */
  forgetFrom(at: Instant): void {
    this.#o.cache.deleteMeter(this.#o.index)
    this.#today = Number.NaN
    const day = Math.floor(at / DAY_MS) - this.#o.birthDay
    this.#afterDays = Math.max(0, Math.min(this.#afterDays, day))
    if (day < 0) this.#beforeDays = 0
  }

  /** Sums of a UTC day. Valid until the next call that draws days; do not keep. */
  day(day: number): DaySums {
    const { cache, index, slots } = this.#o
    const key = index * DAYS_PER_METER + day
    let sums = cache.get(key)
    if (!sums) {
      sums = { importWh: new Uint32Array(slots + 1), exportWh: new Uint32Array(slots + 1) }
      this.#draw(day, sums)
      cache.set(key, sums)
    }
    return sums
  }

  /** What the registers show at an instant. Between two slot boundaries they rise evenly, in whole Wh. */
  at(instant: Instant): Registers {
    const day = Math.floor(instant / DAY_MS)
    if (day !== this.#today) this.#turnTo(day)
    const { importWh, exportWh } = this.#todaySums
    const slotMs = DAY_MS / this.#o.slots
    const inDay = instant - day * DAY_MS
    const slot = Math.floor(inDay / slotMs)
    const inSlot = inDay - slot * slotMs
    const [midnightImport, midnightExport] = this.#todayMidnight
    if (inSlot === 0) return { importWh: midnightImport + importWh[slot], exportWh: midnightExport + exportWh[slot] }
    const share = this.#shareOfSlot(instant - inSlot, slotMs, instant)
    return {
      importWh: midnightImport + importWh[slot] + Math.floor((importWh[slot + 1] - importWh[slot]) * share),
      exportWh: midnightExport + exportWh[slot] + Math.floor((exportWh[slot + 1] - exportWh[slot]) * share),
    }
  }

  /** Makes a day the one that is read without looking anything up: readers go through days one after the other. */
  #turnTo(day: number): void {
    const { importWh, exportWh } = this.#atMidnight(day)
    this.#todaySums = this.day(day)
    this.#todayMidnight = [importWh, exportWh]
    this.#today = day
  }

  /** Mean power of the slot an instant lies in, with the restlessness of ten seconds: W, import positive. */
  powerW(instant: Instant): number {
    const day = Math.floor(instant / DAY_MS)
    const sums = this.day(day)
    const { slots, traits } = this.#o
    const slot = Math.floor(((instant - day * DAY_MS) / DAY_MS) * slots)
    const net = sums.importWh[slot + 1] - sums.importWh[slot] - (sums.exportWh[slot + 1] - sums.exportWh[slot])
    const restless = 0.92 + (0.16 * (hash(traits.seed, 201, Math.floor(instant / 10_000)) & 0xffff)) / 0xffff
    return Math.round(((net * slots) / 24) * restless)
  }

  /** Voltage in tenths of a volt: the neighbourhood's, less what the own line drops. */
  voltage(instant: Instant): number {
    const { traits } = this.#o
    const common = hash(0x766f_6c74, 0, Math.floor(instant / 600_000)) & 0x1f
    const own = hash(traits.seed, 202, Math.floor(instant / 10_000)) & 0xf
    return Math.round(2300 + common + own - 20 - this.powerW(instant) / 250)
  }

  /** Share of a slot's energy that has passed at an instant in it: even over the time with supply. */
  #shareOfSlot(start: Instant, slotMs: number, instant: Instant): number {
    if (instant === start) return 0
    const outages = this.#o.outages(start, start + slotMs)
    const on = (until: Instant): number => {
      let ms = until - start
      for (const { from, to } of outages) ms -= Math.max(0, Math.min(to, until) - Math.max(from, start))
      return ms
    }
    const whole = outages.length === 0 ? slotMs : on(start + slotMs)
    return whole <= 0 ? 0 : Math.min(1, on(instant) / whole)
  }

  #draw(day: number, sums: DaySums): void {
    const { traits, contexts, zone, slots, outages } = this.#o
    const start = day * DAY_MS
    fillDay(
      traits,
      contexts(day, slots),
      zone,
      outages(start, start + DAY_MS),
      sums.importWh.subarray(1),
      sums.exportWh.subarray(1),
    )
    for (let i = 1; i <= slots; i++) {
      sums.importWh[i] += sums.importWh[i - 1]
      sums.exportWh[i] += sums.exportWh[i - 1]
    }
  }

  #atMidnight(day: number): Registers {
    const { birthDay, slots } = this.#o
    const i = day - birthDay
    if (i >= 0) {
      if (i >= this.#after.length / 2) this.#after = grown(this.#after, i)
      while (this.#afterDays < i) {
        const sums = this.day(birthDay + this.#afterDays)
        const at = this.#afterDays * 2
        this.#after[at + 2] = this.#after[at] + sums.importWh[slots]
        this.#after[at + 3] = this.#after[at + 1] + sums.exportWh[slots]
        this.#afterDays++
      }
      return { importWh: this.#after[i * 2], exportWh: this.#after[i * 2 + 1] }
    }
    const back = -i
    if (back >= this.#before.length / 2) this.#before = grown(this.#before, back)
    while (this.#beforeDays < back) {
      const sums = this.day(birthDay - this.#beforeDays - 1)
      const at = this.#beforeDays * 2
      this.#before[at + 2] = this.#before[at] - sums.importWh[slots]
      this.#before[at + 3] = this.#before[at + 1] - sums.exportWh[slots]
      this.#beforeDays++
    }
    const [importWh, exportWh] = [this.#before[back * 2], this.#before[back * 2 + 1]]
    if (importWh < 0 || exportWh < 0) throw new RangeError(`the meter was not there ${back} days before its fleet`)
    return { importWh, exportWh }
  }
}

function grown(values: Float64Array, index: number): Float64Array {
  const larger = new Float64Array(Math.max((index + 8) * 2, values.length * 2))
  larger.set(values)
  return larger
}
