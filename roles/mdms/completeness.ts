import { type LocalDay, localDayRange, type TimeRange } from '@gridtally/metering'
import { isEstimated } from '@gridtally/vee'
import type { Instant } from '@gridtally/wire'
import { slotsIn } from './buckets.ts'
import type { Channel, KnownAssignment } from './channel.ts'
import type { Directory } from './directory.ts'
import { readSeries } from './series.ts'
import { type DayCounts, type Queryable, readDayCounts } from './store-queries.ts'
import { pointSources } from './usage-points.ts'

/** How complete something is. */
export interface Count {
  expected: number
  present: number
  estimated: number
}

/** How complete one day of the fleet is. */
export interface DayCompleteness extends Count {
  readonly day: LocalDay
  /** Usage points anything was expected of. */
  usagePoints: number
  /** Those of them that have all of it. */
  complete: number
}

/** How complete one usage point is over the days asked for. */
export interface PointCompleteness extends Count {
  readonly usagePointId: string
  readonly meterId: string | null
}

/** What completeness needs. */
export interface CompletenessPorts {
  readonly db: Queryable
  readonly directory: Directory
  readonly now: () => Instant
  /** Step expected of a channel nothing came from yet. */
  readonly expectedStepMs: number
}

/** Most days asked for at once. */
export const MOST_DAYS = 400
/** Channel-days kept in memory, 8 octets each. */
const MOST_KEPT = 4_000_000

interface DaySource {
  readonly present: number
  readonly estimated: number
}

/** Keeps the counts of days as long as nothing is written to them: the sums of the fleet are then additions in memory. */
export class Completeness {
  readonly #ports: CompletenessPorts
  readonly #days = new Map<LocalDay, DayCounts>()
  #kept = 0

  constructor(ports: CompletenessPorts) {
    this.#ports = ports
  }

  /** To be told of every day that is written to. */
  forget(days: readonly LocalDay[]): void {
    for (const day of days) {
      this.#kept -= this.#days.get(day)?.channelIds.length ?? 0
      this.#days.delete(day)
    }
  }

  async #counts(first: LocalDay, last: LocalDay): Promise<Map<LocalDay, DayCounts>> {
    const found = new Map<LocalDay, DayCounts>()
    let from: LocalDay | undefined
    const fetch = async (to: LocalDay): Promise<void> => {
      if (from === undefined) return
      const read = await readDayCounts(this.#ports.db, from, to)
      const none = { channelIds: new Int32Array(), present: new Int16Array(), estimated: new Int16Array() }
      for (let day = from; day <= to; day++) {
        const counts = read.get(day) ?? none
        found.set(day, counts)
        if (this.#kept + counts.channelIds.length > MOST_KEPT) {
          this.#days.clear()
          this.#kept = 0
        }
        this.#days.set(day, counts)
        this.#kept += counts.channelIds.length
      }
      from = undefined
    }
    for (let day = first; day <= last; day++) {
      const known = this.#days.get(day)
      if (known) {
        await fetch(day - 1)
        found.set(day, known)
      } else from ??= day
    }
    await fetch(last)
    return found
  }

  /** What was expected of a point on a day of its zone, as far as the day has passed. */
  #expected(range: TimeRange, assignments: readonly KnownAssignment[], stepMs: number): number {
    const now = this.#ports.now()
    if (now >= range.to && assignments.some(({ from, to }) => from <= range.from && (to === null || to >= range.to)))
      return Math.ceil((range.to - range.from) / stepMs)
    let slots = 0
    for (const { from, to } of assignments) {
      const end = Math.min(range.to, to ?? range.to, now - stepMs + 1)
      slots += slotsIn(Math.max(range.from, from), end, stepMs, range.from % stepMs)
    }
    return slots
  }

  /** What a usage point has on a day, worked out from the values themselves: for days more than one source knows. */
  async #exact(usagePointId: string, name: string, day: LocalDay, zone: string): Promise<DaySource> {
    const { db, directory } = this.#ports
    const series = await readSeries(db, pointSources(directory, usagePointId, name), localDayRange(day, zone))
    let present = 0
    let estimated = 0
    for (const { values, marks } of series)
      for (let i = 0; i < values.length; i++) {
        if (Number.isNaN(values[i])) continue
        present++
        if (isEstimated(marks[i])) estimated++
      }
    return { present, estimated }
  }

  /**
   * Completeness of every usage point's channel over local days, `first` to `last` inclusive, by day and by usage point. Each
   * usage point counts its own zone's days.
   */
  async over(
    first: LocalDay,
    last: LocalDay,
    name: string,
  ): Promise<{ days: DayCompleteness[]; points: PointCompleteness[] }> {
    const { directory, expectedStepMs } = this.#ports
    const counts = await this.#counts(first, last)
    const days = Array.from({ length: last - first + 1 }, (_, i): DayCompleteness => {
      return { day: first + i, expected: 0, present: 0, estimated: 0, usagePoints: 0, complete: 0 }
    })
    const slots = new Map<number, number>()
    const points = new Map<string, PointCompleteness>()
    const doubtful: { point: PointCompleteness; day: DayCompleteness; zone: string; expected: number }[] = []
    const add = (point: PointCompleteness, day: DayCompleteness, expected: number, has: DaySource): void => {
      // A day of another cut may hold a few more than expected; they are no surplus.
      const present = Math.min(has.present, expected)
      for (const count of [day, point]) {
        count.expected += expected
        count.present += present
        count.estimated += has.estimated
      }
      if (expected > 0) day.usagePoints++
      if (expected > 0 && present === expected) day.complete++
    }
    const fleet = [...directory.usagePoints.values()].map(({ id, zone }) => {
      const assignments = directory.assignments(id)
      const sources = pointSources(directory, id, name)
      const meterId = assignments.at(-1)?.meterId ?? null
      const point: PointCompleteness = { usagePointId: id, meterId, expected: 0, present: 0, estimated: 0 }
      points.set(id, point)
      return { id, zone, assignments, sources, point }
    })
    for (const day of days) {
      const { channelIds, present, estimated } = counts.get(day.day) as DayCounts
      const ranges = new Map<string, TimeRange>()
      slots.clear()
      for (let i = 0; i < channelIds.length; i++) slots.set(channelIds[i], i)
      for (const { zone, assignments, sources, point } of fleet) {
        if (assignments.length === 0 && sources.length === 0) continue
        // A channel that does not exist is expected only where every meter has it.
        if (name !== 'import' && sources.length === 0) continue
        let channel: Channel | undefined
        let has: DaySource = { present: 0, estimated: 0 }
        let known = 0
        for (const source of sources) {
          const slot = slots.get(source.channel.id)
          if (slot === undefined) continue
          known++
          channel = source.channel
          has = { present: present[slot], estimated: estimated[slot] }
        }
        const stepMs = channel?.stepMs ?? sources[0]?.channel.stepMs ?? expectedStepMs
        let range = ranges.get(zone)
        if (!range) {
          range = localDayRange(day.day, zone)
          ranges.set(zone, range)
        }
        let expected = this.#expected(range, assignments, stepMs)
        // Imported before any meter was there.
        if (expected < has.present && channel?.ownerKind === 'usagePoint') expected = has.present
        // The sum kept for a channel's day is the point's only if all of it falls into the point's day and the meter's time there.
        const isWhole = known === 0 || (known === 1 && channel?.zone === zone && has.present <= expected)
        if (!isWhole) doubtful.push({ point, day, zone, expected })
        else add(point, day, expected, has)
      }
    }
    for (const { point, day, zone, expected } of doubtful)
      add(point, day, expected, await this.#exact(point.usagePointId, name, day.day, zone))
    return { days, points: [...points.values()] }
  }
}
