import { type LocalDay, localDayRange, type TimeRange } from '@gridtally/metering'
import { isEstimated } from '@gridtally/vee'
import type { Instant } from '@gridtally/wire'
import { slotsIn } from './buckets.ts'
import type { KnownAssignment } from './channel.ts'
import type { Directory } from './directory.ts'
import { readSeries, type Source } from './series.ts'
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
/** Days of usage points kept in memory, 6 octets each. */
const MOST_KEPT = 8_000_000

interface Point {
  readonly id: string
  readonly zone: string
  readonly meterId: string | null
  readonly assignments: readonly KnownAssignment[]
  readonly sources: readonly Source[]
}

/** One day of the whole fleet, a column each, in the order of the fleet. */
interface FleetDay {
  readonly expected: Int16Array
  readonly present: Int16Array
  readonly estimated: Int16Array
}

const NO_COUNTS: DayCounts = { channelIds: new Int32Array(), present: new Int16Array(), estimated: new Int16Array() }

/** Whether a stretch, open ended or not, has all of a range in it. */
const covers = (stretch: { from: Instant; to: Instant | null }, range: TimeRange): boolean =>
  stretch.from <= range.from && (stretch.to === null || stretch.to >= range.to)

/**
 * Keeps what was worked out of past days as long as nothing is written to them and the directory stays as it is: the sums of the
 * fleet are then additions in memory.
 */
export class Completeness {
  readonly #ports: CompletenessPorts
  readonly #days = new Map<string, FleetDay>()
  readonly #fleets = new Map<string, readonly Point[]>()
  #generation = -1
  /** Counts the writes, so that what was read before one is not kept after it. */
  #writes = 0

  constructor(ports: CompletenessPorts) {
    this.#ports = ports
  }

  /** To be told of every day that is written to. */
  forget(days: readonly LocalDay[]): void {
    this.#writes++
    // A block cut by another zone reaches into the days beside.
    for (const name of this.#fleets.keys())
      for (const day of days) for (const near of [day - 1, day, day + 1]) this.#days.delete(`${near} ${name}`)
  }

  #fleet(name: string): readonly Point[] {
    const { directory } = this.#ports
    if (directory.generation !== this.#generation) {
      this.#generation = directory.generation
      this.#days.clear()
      this.#fleets.clear()
    }
    let fleet = this.#fleets.get(name)
    if (!fleet) {
      fleet = [...directory.usagePoints.values()].flatMap(({ id, zone }) => {
        const assignments = directory.assignments(id)
        const sources = pointSources(directory, id, name)
        // Only the import channel is expected of every meter; others where there is one.
        if (sources.length === 0 && (name !== 'import' || assignments.length === 0)) return []
        return [{ id, zone, meterId: assignments.at(-1)?.meterId ?? null, assignments, sources }]
      })
      this.#fleets.set(name, fleet)
    }
    return fleet
  }

  /** Slots that begin while a meter was there and have ended. */
  #expected(range: TimeRange, assignments: readonly KnownAssignment[], stepMs: number): number {
    const now = this.#ports.now()
    if (now >= range.to && assignments.some((one) => covers(one, range)))
      return Math.ceil((range.to - range.from) / stepMs)
    let slots = 0
    for (const { from, to } of assignments) {
      const end = Math.min(range.to, to ?? range.to, now - stepMs + 1)
      slots += slotsIn(Math.max(range.from, from), end, stepMs, range.from % stepMs)
    }
    return slots
  }

  /** Present and estimated values of a usage point in a range, from the values themselves. */
  async #exact({ sources }: Point, range: TimeRange): Promise<[number, number]> {
    let present = 0
    let estimated = 0
    for (const { values, marks } of await readSeries(this.#ports.db, sources, range))
      for (let i = 0; i < values.length; i++) {
        if (Number.isNaN(values[i])) continue
        present++
        if (isEstimated(marks[i])) estimated++
      }
    return [present, estimated]
  }

  async #day(day: LocalDay, fleet: readonly Point[], counts: DayCounts): Promise<FleetDay> {
    const slots = new Map<number, number>()
    for (let i = 0; i < counts.channelIds.length; i++) slots.set(counts.channelIds[i], i)
    const ranges = new Map<string, TimeRange>()
    const n = fleet.length
    const result = { expected: new Int16Array(n), present: new Int16Array(n), estimated: new Int16Array(n) }
    for (let p = 0; p < n; p++) {
      const point = fleet[p]
      const { zone, assignments, sources } = point
      let range = ranges.get(zone)
      if (!range) {
        range = localDayRange(day, zone)
        ranges.set(zone, range)
      }
      let source: Source | undefined
      let slot = -1
      let known = 0
      for (const one of sources) {
        const found = slots.get(one.channel.id)
        if (found === undefined) continue
        known++
        source = one
        slot = found
      }
      const stepMs = source?.channel.stepMs ?? sources[0]?.channel.stepMs ?? this.#ports.expectedStepMs
      let expected = this.#expected(range, assignments, stepMs)
      let [present, estimated] = [0, 0]
      // The sum kept beside a block is the point's own if the block is all there is and all of it belongs to the point's day.
      if (known === 1 && source && source.channel.zone === zone && covers(source.range, range))
        [present, estimated] = [counts.present[slot], counts.estimated[slot]]
      else if (known > 0 || sources.some(({ channel }) => channel.zone !== zone))
        [present, estimated] = await this.#exact(point, range)
      // Imported before any meter was there.
      if (sources.some(({ channel }) => channel.ownerKind === 'usagePoint')) expected = Math.max(expected, present)
      result.expected[p] = expected
      result.present[p] = Math.min(present, expected)
      result.estimated[p] = estimated
    }
    return result
  }

  async #fleetDays(first: LocalDay, last: LocalDay, name: string, fleet: readonly Point[]): Promise<FleetDay[]> {
    const { db, now } = this.#ports
    const writes = this.#writes
    const missing: LocalDay[] = []
    for (let day = first; day <= last; day++) if (!this.#days.has(`${day} ${name}`)) missing.push(day)
    const counts =
      missing.length > 0
        ? await readDayCounts(db, missing[0], missing[missing.length - 1])
        : new Map<LocalDay, DayCounts>()
    const days: FleetDay[] = []
    for (let day = first; day <= last; day++) {
      const known = this.#days.get(`${day} ${name}`)
      const found = known ?? (await this.#day(day, fleet, counts.get(day) ?? NO_COUNTS))
      days.push(found)
      // Of a day that goes on anywhere more is expected by the minute.
      const isOver = now() > (day + 2) * 86_400_000
      if (known || !isOver || writes !== this.#writes || this.#generation !== this.#ports.directory.generation) continue
      if (this.#days.size * fleet.length > MOST_KEPT) this.#days.clear()
      this.#days.set(`${day} ${name}`, found)
    }
    return days
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
    const fleet = this.#fleet(name)
    const points = fleet.map(({ id, meterId }): PointCompleteness => {
      return { usagePointId: id, meterId, expected: 0, present: 0, estimated: 0 }
    })
    const days = (await this.#fleetDays(first, last, name, fleet)).map((columns, i): DayCompleteness => {
      const day = { day: first + i, expected: 0, present: 0, estimated: 0, usagePoints: 0, complete: 0 }
      for (let p = 0; p < points.length; p++) {
        const expected = columns.expected[p]
        if (expected === 0) continue
        const present = columns.present[p]
        const estimated = columns.estimated[p]
        day.usagePoints++
        if (present === expected) day.complete++
        day.expected += expected
        day.present += present
        day.estimated += estimated
        points[p].expected += expected
        points[p].present += present
        points[p].estimated += estimated
      }
      return day
    })
    return { days, points }
  }
}
