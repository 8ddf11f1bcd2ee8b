import { localDayOf, localDayRange, zoneOffsetMs } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import { type ConnectionFate, type Fault, type FaultKind, fateOf, isUnreachable, outagesOf } from './faults.ts'
import type { Outage } from './load/day-energy.ts'
import type { EnergyCounter, Registers } from './load/energy-counter.ts'
import { MeterClock } from './meter-clock.ts'
import type { MeterKind } from './meter-kind.ts'
import type { MeterState, StateStore, StoredEvent } from './state.ts'

/** Bits of the profile status octet, as DSMR and IDIS meters use them. */
export const PROFILE_STATUS = {
  CLOCK_INVALID: 0x02,
  DAYLIGHT_SAVING: 0x08,
  CLOCK_ADJUSTED: 0x20,
  POWER_DOWN: 0x80,
} as const

/** Codes of the standard event log (IDIS numbering). */
export const EVENT_CODES = {
  POWER_DOWN: 1,
  POWER_UP: 2,
  DAYLIGHT_SAVING: 3,
  CLOCK_OLD: 4,
  CLOCK_NEW: 5,
  COVER_REMOVED: 40,
  COVER_CLOSED: 41,
  AUTHENTICATION_FAILED: 46,
  DECIPHERING_FAILED: 49,
  REPLAY: 50,
} as const

/** One captured row: stamp by the meter's clock, and the registers at that moment. */
export interface ProfileRow extends Registers {
  readonly stamp: Instant
  readonly status: number
}

/** What a meter needs of its fleet. */
export interface MeterOptions {
  readonly index: number
  readonly serial: string
  readonly systemTitle: Uint8Array
  readonly kind: MeterKind
  readonly counter: EnergyCounter
  readonly seed: number
  readonly zone: string
  readonly profileDays: number
  /** Planned faults; those switched on are in the state. */
  readonly planned: readonly Fault[]
  /** When the fleet was born: clocks begin to drift there. */
  readonly bornAt: Instant
  /** By how much the clock was off at birth, ms, and its drift. */
  readonly clockOffsetMs: number
  readonly driftPpm: number
  readonly store: StateStore
  readonly now: () => Instant
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

/**
 * A simulated meter, as its makers would say: metrology, clock, profiles and event log. It knows nothing of DLMS; see
 * `meter-objects.ts`. Rows are not stored: they are computed from the energy and the clock's history when asked for.
 */
export class SimulatedMeter {
  readonly index: number
  readonly serial: string
  readonly systemTitle: Uint8Array
  readonly kind: MeterKind
  readonly #o: MeterOptions
  readonly #clock: MeterClock
  #connections = 0
  #summerDay = Number.NaN
  #summer = false

  constructor(options: MeterOptions) {
    this.#o = options
    this.index = options.index
    this.serial = options.serial
    this.systemTitle = options.systemTitle
    this.kind = options.kind
    const { bornAt, clockOffsetMs, driftPpm } = options
    const jump = options.planned.find((fault) => fault.kind === 'wrong-clock')?.jumpSeconds ?? 0
    const atBirth = { at: bornAt, shown: bornAt + clockOffsetMs + jump * 1000, ppm: driftPpm }
    const moves = atBirth.shown !== bornAt || driftPpm !== 0
    this.#clock = new MeterClock([...(moves ? [atBirth] : []), ...this.state.clock])
  }

  /** What the meter must not forget. */
  get state(): MeterState {
    return this.#o.store.of(this.index)
  }

  /** IANA zone of its local time. */
  get zone(): string {
    return this.#o.zone
  }

  /** Capture period in ms. */
  get periodMs(): number {
    return this.kind.periodMinutes * MINUTE_MS
  }

  /** Rows the load profile can hold. */
  get capacity(): number {
    return (this.#o.profileDays * 1440) / this.kind.periodMinutes
  }

  /** What the meter's clock shows. */
  time(): Instant {
    return this.#clock.shownAt(this.#o.now())
  }

  /** Puts the clock to `time`, as a client with the right to may. */
  setTime(time: Instant): void {
    const now = this.#o.now()
    const old = this.#clock.shownAt(now)
    this.#o.store.record([this.index, 'clock', this.#clock.set(now, time)])
    this.log(EVENT_CODES.CLOCK_OLD, old)
    this.log(EVENT_CODES.CLOCK_NEW, time)
  }

  /** Registers now. */
  registers(): Registers {
    return this.#o.counter.at(this.#o.now())
  }

  /** True registers at any true instant, for those who check the chain. */
  registersAt(at: Instant): Registers {
    return this.#o.counter.at(at)
  }

  /** Registers at the moment the meter's clock showed a time; at the true instant where it never did. Rows agree with it. */
  registersShownAt(time: Instant): Registers {
    return this.#o.counter.at(this.#clock.trueOf(time) ?? time)
  }

  /** Net power now, W, import positive. */
  powerW(): number {
    return this.#o.counter.powerW(this.#o.now())
  }

  /** Voltage now, tenths of a volt. */
  voltage(): number {
    return this.#o.counter.voltage(this.#o.now())
  }

  /** Writes an event that clients can cause at will: at most one of a kind a minute, so that nobody can flush the log. */
  logOften(code: number): void {
    const now = this.time()
    if (!this.state.events.some((event) => event.code === code && now - event.at < MINUTE_MS)) this.log(code, now)
  }

  /** Status octet as the next row would have it. */
  status(): number {
    const now = this.time()
    return isSummerTime(now, this.zone) ? PROFILE_STATUS.DAYLIGHT_SAVING : 0
  }

  /** Writes an event, stamped by the meter's clock unless told when. */
  log(code: number, at: Instant = this.time()): void {
    this.#o.store.record([this.index, 'event', { at, code }])
  }

  /** Stamps of the oldest and newest row the load profile can hold now. */
  span(): { readonly oldest: Instant; readonly newest: Instant } {
    const newest = Math.floor(this.time() / this.periodMs) * this.periodMs
    return { oldest: newest - (this.capacity - 1) * this.periodMs, newest }
  }

  /** Rows of the load profile with stamps from `from` to `to`, both included, oldest first. */
  rows(from: Instant, to: Instant): ProfileRow[] {
    const { oldest, newest } = this.span()
    const first = Math.max(oldest, Math.ceil(from / this.periodMs) * this.periodMs)
    const last = Math.min(newest, to)
    if (last < first) return []
    const outages = this.#outagesAround(first - this.periodMs, last)
    const rows: ProfileRow[] = []
    for (let stamp = first; stamp <= last; stamp += this.periodMs) {
      const row = this.#capture(stamp, stamp - this.periodMs, outages)
      if (row) rows.push(row)
    }
    return rows
  }

  /** Rows of the daily billing profile, stamped by local midnights from `from` to `to`, both included. */
  dailyRows(from: Instant, to: Instant): ProfileRow[] {
    const { zone } = this.#o
    const earliest = this.span().oldest
    const latest = Math.min(to, this.time())
    const start = Math.max(from, earliest)
    if (latest < start) return []
    const outages = this.#outagesAround(start - 2 * DAY_MS, latest)
    const rows: ProfileRow[] = []
    for (let day = localDayOf(start, zone); ; day++) {
      const { from: stamp } = localDayRange(day, zone)
      if (stamp > latest) return rows
      if (stamp < start) continue
      const row = this.#capture(stamp, localDayRange(day - 1, zone).from, outages)
      if (row) rows.push(row)
    }
  }

  /** The event log of the last 60 days, oldest first: supply, daylight saving, clock, tamper. */
  events(from: Instant, to: Instant): StoredEvent[] {
    const now = this.#o.now()
    const since = now - 60 * DAY_MS
    const found: StoredEvent[] = [...this.state.events]
    for (const outage of this.#outagesAround(since, now)) {
      if (outage.from >= since && outage.from <= now)
        found.push({ at: this.#clock.shownAt(outage.from), code: EVENT_CODES.POWER_DOWN })
      if (outage.to >= since && outage.to <= now)
        found.push({ at: this.#clock.shownAt(outage.to), code: EVENT_CODES.POWER_UP })
    }
    for (let day = localDayOf(since, this.zone); day <= localDayOf(now, this.zone); day++) {
      const range = localDayRange(day, this.zone)
      if (range.to - range.from === DAY_MS) continue
      // Clocks change where the offset does: found to the quarter hour, as zones do it.
      const before = zoneOffsetMs(range.from, this.zone)
      let at = range.from
      while (at < range.to && zoneOffsetMs(at, this.zone) === before) at += 900_000
      if (at <= now) found.push({ at, code: EVENT_CODES.DAYLIGHT_SAVING })
    }
    return found.filter(({ at }) => at >= from && at <= to).sort((a, b) => a.at - b.at)
  }

  /** Stretches without supply that touch [from, to), true time. */
  outages(from: Instant, to: Instant): readonly Outage[] {
    return outagesOf(this.#o.seed, this.index, this.faults, from, to)
  }

  /** All faults, planned and switched on, also those that are over. */
  get faults(): readonly Fault[] {
    const set = this.state.faults
    return set.length === 0 ? this.#o.planned : [...this.#o.planned, ...set]
  }

  /** Whether the meter can be connected to now. */
  isReachable(): boolean {
    const { seed, now } = this.#o
    return !isUnreachable(seed, this.index, this.faults, now())
  }

  /** Decides about a new connection. */
  nextConnection(): ConnectionFate {
    return fateOf(this.#o.seed, this.index, this.faults, this.#connections++, this.#o.now())
  }

  /** Switches a fault on. A wrong clock jumps at once. */
  breakDown(kind: FaultKind, details: Pick<Fault, 'latencyMs' | 'octetsPerSecond' | 'jumpSeconds'>): void {
    const now = this.#o.now()
    const fault: Fault = { kind, origin: 'set', from: now, to: null, ...details }
    this.#record([...this.state.faults, fault], kind === 'power-outage' ? now : null)
    if (kind === 'cover-open') this.log(EVENT_CODES.COVER_REMOVED)
    if (kind === 'wrong-clock') {
      const jump = (details.jumpSeconds ?? 600) * 1000
      this.#o.store.record([this.index, 'clock', this.#clock.set(now, this.time() + jump)])
    }
  }

  /** Ends the faults of a kind that were switched on; a wrong clock stays until somebody sets it. */
  repair(kind: FaultKind): void {
    const now = this.#o.now()
    if (kind === 'cover-open' && this.state.faults.some((fault) => fault.kind === kind && fault.to === null))
      this.log(EVENT_CODES.COVER_CLOSED)
    const faults = this.state.faults.map((fault) =>
      fault.kind === kind && fault.to === null ? { ...fault, to: now } : fault,
    )
    this.#record(faults, kind === 'power-outage' ? now : null)
  }

  #record(faults: readonly Fault[], energyChangedAt: Instant | null): void {
    this.#o.store.record([this.index, 'faults', faults])
    if (energyChangedAt === null) return
    this.#o.counter.forgetFrom(energyChangedAt)
  }

  /** Outages between two times of the meter's clock, generously. */
  #outagesAround(from: Instant, to: Instant): readonly Outage[] {
    const slack = 2 * DAY_MS
    return this.outages(from - slack, to + slack)
  }

  #capture(stamp: Instant, previous: Instant, outages: readonly Outage[]): ProfileRow | undefined {
    const at = this.#clock.trueOf(stamp)
    if (at === null || at > this.#o.now()) return undefined
    let status = this.#isSummer(stamp) ? PROFILE_STATUS.DAYLIGHT_SAVING : 0
    const { steps } = this.#clock
    if (outages.length > 0 || steps.length > 0) {
      const before = this.#clock.trueOf(previous) ?? at - (stamp - previous)
      for (const outage of outages) {
        if (at >= outage.from && at < outage.to) return undefined
        if (outage.from <= at && outage.to > before) status |= PROFILE_STATUS.POWER_DOWN
      }
      for (const step of steps)
        if (step.at > before && step.at <= at && step.at !== this.#o.bornAt) status |= PROFILE_STATUS.CLOCK_ADJUSTED
    }
    const { importWh, exportWh } = this.#o.counter.at(at)
    return { stamp, status, importWh, exportWh }
  }

  /** Whether daylight saving holds; kept for the UTC day asked last, since rows come by the day. */
  #isSummer(at: Instant): boolean {
    const day = Math.floor(at / DAY_MS)
    if (day === this.#summerDay) return this.#summer
    const summer = isSummerTime(at, this.zone)
    const isWhole = isSummerTime(day * DAY_MS, this.zone) === isSummerTime((day + 1) * DAY_MS, this.zone)
    if (isWhole) {
      this.#summerDay = day
      this.#summer = summer
    }
    return summer
  }
}

/** Whether clocks in a zone are ahead of their standard time. */
export function isSummerTime(at: Instant, zone: string): boolean {
  return zoneOffsetMs(at, zone) > standardOffset(at, zone)
}

const standards = new Map<string, number>()

/** Offset without daylight saving: the lesser of January's and July's. */
export function standardOffset(at: Instant, zone: string): number {
  const year = new Date(at).getUTCFullYear()
  const key = `${zone} ${year}`
  let offset = standards.get(key)
  if (offset === undefined) {
    offset = Math.min(zoneOffsetMs(Date.UTC(year, 0, 15), zone), zoneOffsetMs(Date.UTC(year, 6, 15), zone))
    standards.set(key, offset)
  }
  return offset
}
