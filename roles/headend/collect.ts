import type { ProfileRows } from '@gridtally/dlms'
import {
  type EndDeviceEvent,
  formatObis,
  type LogPayload,
  localDayOf,
  localDayRange,
  type ObisCode,
  type Reading,
  type ReadingReason,
} from '@gridtally/metering'
import { type Clock, DecodeError, type Instant } from '@gridtally/wire'
import { type HeadendConfig, obisOf } from './config.ts'
import type { CaptureList, DeviceEntry, ReadState, StateNote } from './device.ts'
import type { EventLog, LogDraft } from './event-log.ts'
import { eventDraft } from './events.ts'
import type { CaptureObjects, MeterSession, Survey } from './meter-session.ts'
import type { SeamBox } from './seam.ts'
import { SECURITY_OUTCOMES, SessionError } from './session-record.ts'
import { convertBillingProfile, convertEventLog, convertLoadProfile } from './to-readings.ts'

/** What collection needs besides a session. */
export interface CollectPorts {
  readonly clock: Clock
  readonly log: Pick<EventLog, 'append'>
  readonly seams: SeamBox
  readonly config: HeadendConfig['readings']
}

/** What a collection brought. */
export interface Collected {
  /** Rows of the load profile stored. */
  readonly rows: number
  readonly clockOffsetMs: number | null
}

const DAY_MS = 86_400_000

/** Meters whose clock runs wild are not asked for rows further ahead than this. */
const MOST_AHEAD_MS = DAY_MS

/**
 * Reads one meter: clock, registers, load profile since the last stored stamp, the billing profile once a local day, the event log.
 *
 * What was read becomes durable in the log first; the read state follows from the log. So a crash or a repeat at any point neither
 * loses nor doubles a value. A failure that speaks of an attack throws away what this session read and has not stored.
 *
 * @throws SessionError with the reason when the session cannot go on; what was read until then is stored
 */
export async function collectMeter(
  entry: DeviceEntry,
  session: MeterSession,
  reason: ReadingReason,
  ports: CollectPorts,
): Promise<Collected> {
  const work = new Collection(entry, session, ports)
  try {
    await work.run(reason)
  } catch (error) {
    if (!(error instanceof SessionError && SECURITY_OUTCOMES.has(error.code))) await work.store()
    throw error
  }
  await work.store()
  return { rows: work.rows, clockOffsetMs: work.clockOffsetMs }
}

interface MutableNote {
  reads: Record<string, ReadState>
  captures: CaptureList[]
  readAt?: Instant
}

class Collection {
  readonly #entry: DeviceEntry
  readonly #session: MeterSession
  readonly #ports: CollectPorts
  readonly #meterId: string
  #drafts: LogDraft[] = []
  #note: MutableNote = { reads: {}, captures: [] }
  #pendingRows = 0
  rows = 0
  clockOffsetMs: number | null = null

  constructor(entry: DeviceEntry, session: MeterSession, ports: CollectPorts) {
    this.#entry = entry
    this.#session = session
    this.#ports = ports
    this.#meterId = entry.device.meterId
  }

  async run(reason: ReadingReason): Promise<void> {
    const { config, clock } = this.#ports
    const survey = await this.#session.survey(obisOf(config.loadProfile), config.registers.map(obisOf))
    const now = clock.now()
    const meterNow = Math.min(survey.clock ?? now, now + MOST_AHEAD_MS)
    this.#judgeClock(survey.clock, now)
    this.#takeRegisters(survey, meterNow, reason)
    if (survey.capture) await this.#loadProfile(survey.capture, meterNow)
    await this.#billing(meterNow)
    await this.#events(meterNow)
  }

  /** Makes what was gathered durable, and with it moves the read state. */
  async store(): Promise<void> {
    // A state that moves without entries can wait: the next session finds the same again.
    if (this.#drafts.length === 0) return
    const note: StateNote = { meterId: this.#meterId, ...this.#note }
    const drafts = this.#drafts
    this.#drafts = []
    this.#note = { reads: {}, captures: [] }
    await this.#ports.log.append({ drafts, note })
    this.rows += this.#pendingRows
    this.#pendingRows = 0
  }

  #draft(payload: LogPayload, from: Instant, to: Instant, count: number): void {
    this.#drafts.push({ dataClass: 'billing', meterId: this.#meterId, from, to, count, payload })
  }

  #event(type: string, severity: EndDeviceEvent['severity'], at: Instant, text: string): void {
    this.#drafts.push(eventDraft({ meterId: this.#meterId, at, type, severity, text }))
  }

  #readings(readings: readonly Reading[]): void {
    if (readings.length === 0) return
    const stamps = readings.map(({ at }) => at)
    this.#draft({ kind: 'readings', readings }, Math.min(...stamps), Math.max(...stamps), readings.length)
  }

  #judgeClock(meterClock: Instant | null, now: Instant): void {
    const limitMs = this.#ports.config.clockLimitSeconds * 1000
    const before = this.#entry.status.clockOffsetMs
    if (meterClock === null) {
      if (before !== null) this.#event('clock.invalid', 'warning', now, 'the meter does not know the time')
      return
    }
    this.clockOffsetMs = meterClock - now
    const isOff = Math.abs(this.clockOffsetMs) > limitMs
    const wasOff = before !== null && Math.abs(before) > limitMs
    if (isOff === wasOff) return
    const seconds = Math.round(this.clockOffsetMs / 1000)
    if (isOff) this.#event('clock.offsetExceeded', 'warning', now, `the meter's clock is ${seconds} s from ours`)
    else this.#event('clock.offsetNormal', 'info', now, `the meter's clock is ${seconds} s from ours again`)
  }

  #takeRegisters({ registers }: Survey, meterNow: Instant, reason: ReadingReason): void {
    const meterId = this.#meterId
    // Stamps are to the second, as meters give them; the same second again is the same reading.
    const at = Math.floor(meterNow / 1000) * 1000
    if (registers.length === 0 || at <= this.#entry.status.readAt) return
    this.#readings(registers.map(({ value, ...quantity }) => ({ ...quantity, meterId, at, value: `${value}`, reason })))
    this.#note.readAt = at
  }

  /** Where a profile that was never read is begun. */
  #beginning(meterNow: Instant): Instant {
    const { readFrom } = this.#entry.device
    return Math.max(meterNow - this.#ports.config.catchUpDays * DAY_MS, readFrom ?? 0)
  }

  /** The list of a profile in its current version; a new version when the meter's differs. */
  async #listOf(profile: ObisCode, found: CaptureObjects): Promise<CaptureList> {
    const known = this.#entry.status.captures.get(profile)
    if (known && sameObjects(known, found)) return known
    const scalers = await this.#session.readScalers(found.columns)
    const columns = found.columns.map((column, i) => ({ ...column, ...scalers[i] }))
    const since = this.#ports.clock.now()
    const list = { profile, version: (known?.version ?? 0) + 1, periodMs: found.periodMs, columns, since }
    this.#note.captures.push(list)
    const words = `profile ${formatObis(profile)} captures ${columns.length} columns, period ${found.periodMs / 1000} s`
    if (known) this.#event('meter.captureListChanged', 'warning', since, words)
    else this.#event('meter.captureListLearned', 'info', since, words)
    return list
  }

  async #loadProfile(capture: CaptureObjects, meterNow: Instant): Promise<void> {
    const profile = obisOf(this.#ports.config.loadProfile)
    const list = await this.#listOf(profile, capture)
    const { periodMs } = list
    if (periodMs <= 0) return
    const chunkMs = this.#ports.config.chunkDays * DAY_MS
    const end = Math.floor(meterNow / periodMs) * periodMs
    const state = this.#entry.status.reads.get(profile)
    let seam = this.#ports.seams.open(this.#meterId, profile, state)
    // Without a seam the row before the first interval is read too: it is where the register starts from.
    let from = seam ? seam.at + 1000 : (state?.at ?? Math.floor(this.#beginning(meterNow) / periodMs) * periodMs)
    while (from <= end) {
      const to = Math.min(from + chunkMs, end)
      const rows = await this.#session.readRows(list, from, to)
      const converted = convertLoadProfile(this.#meterId, list, rows, seam)
      for (const run of converted.runs)
        this.#draft(
          { kind: 'intervals', run },
          run.start,
          run.start + run.values.length * run.stepMs,
          run.values.length,
        )
      this.#readings(converted.readings)
      this.#drafts.push(...converted.events.map(eventDraft))
      if (converted.seam && converted.seam !== seam) {
        seam = converted.seam
        const sealed = this.#ports.seams.close(this.#meterId, profile, seam)
        this.#note.reads[profile] = { at: seam.at, count: 1, seam: sealed }
      }
      this.#pendingRows += converted.stored
      from = to + 1000
      if (from <= end) await this.store()
    }
  }

  /** Reads rows of a profile whose list is cached; when they do not fit, the list is read again. */
  async #rowsOf(
    profile: ObisCode,
    from: Instant,
    to: Instant,
  ): Promise<{ list: CaptureList; rows: ProfileRows } | undefined> {
    const known = this.#entry.status.captures.get(profile)
    if (known)
      try {
        return { list: known, rows: await this.#session.readRows(known, from, to) }
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    const found = await this.#session.readCapture(profile)
    if (!found) return undefined
    const list = await this.#listOf(profile, found)
    return { list, rows: await this.#session.readRows(list, from, to) }
  }

  async #billing(meterNow: Instant): Promise<void> {
    const profile = obisOf(this.#ports.config.billingProfile)
    const { zone } = this.#entry.device
    const midnight = localDayRange(localDayOf(meterNow, zone), zone).from
    const state = this.#entry.status.reads.get(profile)
    if (state && state.at >= midnight) return
    const after = state?.at ?? this.#beginning(meterNow) - 1
    const found = await this.#rowsOf(profile, after + 1, meterNow)
    if (!found) return
    const { readings, at, stored } = convertBillingProfile(this.#meterId, found.list, found.rows, after)
    this.#readings(readings)
    if (stored > 0) this.#note.reads[profile] = { at, count: 1, seam: '' }
  }

  async #events(meterNow: Instant): Promise<void> {
    const profile = obisOf(this.#ports.config.eventLog)
    const state = this.#entry.status.reads.get(profile)
    const after = { at: state?.at ?? this.#beginning(meterNow), count: state?.count ?? 0 }
    const found = await this.#rowsOf(profile, after.at, meterNow)
    if (!found) return
    const { events, at, count } = convertEventLog(this.#meterId, found.list, found.rows, after)
    this.#drafts.push(...events.map(eventDraft))
    if (events.length > 0) this.#note.reads[profile] = { at, count, seam: '' }
  }
}

function sameObjects(list: CaptureList, found: CaptureObjects): boolean {
  return (
    list.periodMs === found.periodMs &&
    list.columns.length === found.columns.length &&
    list.columns.every((column, i) => {
      const other = found.columns[i]
      return (
        column.obis === other.obis &&
        column.classId === other.classId &&
        column.attribute === other.attribute &&
        column.dataIndex === other.dataIndex
      )
    })
  )
}
