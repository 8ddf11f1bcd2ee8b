import {
  type EndDeviceEvent,
  formatInstant,
  localDayRange,
  parseInstant,
  parseLocalDay,
  qualityCode,
} from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { Peer } from '#platform/peer'
import type { Channel, DataExtent, DataSource, Latest } from './data-source.ts'
import { tenthsOf } from './fleet.ts'
import type { ListPage, MdmsSource } from './operator-source.ts'
import type { Series } from './series.ts'
import { answered } from './upstream.ts'

/** Intervals as the meter data store gives them: one series, or several where step or grid changed. */
interface SeriesJson {
  readonly start: string
  readonly stepMs: number
  readonly unit: number
  readonly scaler: number
  readonly values: readonly (number | null)[]
  /** Runs of quality code, device flags, number of intervals. */
  readonly marks: readonly (readonly [number, number, number])[]
}

interface UsagePointJson {
  readonly zone: string
  readonly channels: readonly { readonly channel: string; readonly firstDay: string | null }[]
  readonly assignments: readonly { readonly meterId: string; readonly from: string; readonly to: string | null }[]
}

interface LatestJson {
  readonly registers: readonly {
    readonly obis: string
    readonly at: string
    readonly value: string
    readonly unit: string
    readonly reason: string
  }[]
  readonly intervals: readonly {
    readonly channel: string
    readonly start: string
    readonly end: string
    readonly value: string
  }[]
}

interface CompletenessJson {
  readonly days: readonly {
    readonly day: string
    readonly expected: number
    readonly present: number
    readonly estimated: number
    readonly usagePoints: number
    readonly complete: number
  }[]
  readonly usagePoints: readonly {
    readonly usagePointId: string
    readonly expected: number
    readonly present: number
  }[]
  readonly after: string | null
}

interface EventsJson {
  readonly events: readonly (Omit<EndDeviceEvent, 'at'> & { readonly at: string })[]
  readonly after: string | null
}

const STEP_MS = 900_000
const MISSING = qualityCode('MISSING')
const WH = 30
const PAGE = 1000
/** The same question within this is answered once: one screen asks several things at a time. */
const SAME_MS = 1000
const MOST_KEPT = 5000

/** A series of `[from, to)` on the grid of one the store gave; what is not in it is missing. */
function stretch(json: SeriesJson, from: Instant, to: Instant): Series {
  const { stepMs, scaler } = json
  const given = parseInstant(json.start)
  const start = given + Math.ceil((from - given) / stepMs) * stepMs
  const count = Math.max(0, Math.ceil((to - start) / stepMs))
  const values = new Array<number | null>(count).fill(null)
  const qualities = new Array<number>(count).fill(MISSING)
  const flags = new Array<number>(count).fill(0)
  const shift = (given - start) / stepMs
  let i = 0
  for (const [quality, bits, length] of json.marks)
    for (const end = i + length; i < end; i++) {
      const slot = i + shift
      if (slot < 0 || slot >= count) continue
      values[slot] = json.values[i]
      qualities[slot] = json.values[i] === null ? MISSING : quality
      flags[slot] = bits
    }
  return { start, stepMs, scaler, values, qualities, flags }
}

/**
 * Series of `[from, to)` without holes out of what the store gave. Where the length of intervals changed, each stretch begins
 * where the store's series does.
 */
export function seriesOf(given: readonly SeriesJson[], from: Instant, to: Instant): Series[] {
  const energy = given.filter(({ unit, values }) => unit === WH && values.length > 0)
  if (energy.length === 0)
    return [
      stretch({ start: formatInstant(from), stepMs: STEP_MS, unit: WH, scaler: 0, values: [], marks: [] }, from, to),
    ]
  const starts = energy.map(({ start }) => parseInstant(start))
  return energy.map((json, i) => stretch(json, i === 0 ? from : starts[i], starts[i + 1] ?? to))
}

/** Answers kept for a moment, and shared while they are under way. */
function sharing<T>(keptMs: number, ask: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const kept = new Map<string, { readonly at: number; readonly answer: Promise<T> }>()
  return (key) => {
    const known = kept.get(key)
    if (known && performance.now() - known.at < keptMs) return known.answer
    if (kept.size >= MOST_KEPT) kept.clear()
    const answer = ask(key)
    kept.set(key, { at: performance.now(), answer })
    answer.catch(() => kept.delete(key))
    return answer
  }
}

/** The meter data store over HTTP. */
export function createMdms(peer: Peer): DataSource & MdmsSource {
  const pointPath = (id: string): string => `/usage-points/${encodeURIComponent(id)}`
  const none: UsagePointJson = { zone: 'UTC', channels: [], assignments: [] }

  const point = sharing(SAME_MS, (id) =>
    answered(peer.json<UsagePointJson>(pointPath(id)), { USAGE_POINT_UNKNOWN: () => none }),
  )
  const latest = sharing(SAME_MS, (id) =>
    answered(peer.json<LatestJson>(`${pointPath(id)}/latest`), {
      USAGE_POINT_UNKNOWN: () => ({ registers: [], intervals: [] }),
    }),
  )

  async function columns(id: string, channel: string, from: Instant, to: Instant): Promise<readonly SeriesJson[]> {
    const query = `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}&form=columns`
    const nothing = (): { runs: SeriesJson[] } => ({ runs: [] })
    const { runs } = await answered(
      peer.json<{ runs: readonly SeriesJson[] }>(`${pointPath(id)}/channels/${channel}/intervals?${query}`),
      { USAGE_POINT_UNKNOWN: nothing, CHANNEL_UNKNOWN: nothing },
    )
    return runs
  }

  /** First known instant, by usage point and first day: it moves only when older data comes, and then the day does. */
  const firstInstant = sharing(3_600_000, async (key) => {
    const [id, day, zone] = JSON.parse(key) as [string, string, string]
    const range = localDayRange(parseLocalDay(day), zone)
    const given = await columns(id, 'import', range.from, range.to)
    return given.length > 0 ? Math.min(...given.map(({ start }) => parseInstant(start))) : range.from
  })

  return {
    async extent(usagePointId): Promise<DataExtent> {
      const { zone, channels } = await point(usagePointId)
      const has = (name: string): boolean => channels.some(({ channel }) => channel === name)
      const names: Channel[] = has('export') ? ['import', 'export'] : ['import']
      const firstDay = channels.find(({ channel }) => channel === 'import')?.firstDay
      const { intervals } = await latest(usagePointId)
      const newest = intervals.find(({ channel }) => channel === 'import')
      if (!firstDay || !newest) return { channels: names, dataFrom: null, dataTo: null }
      const dataFrom = await firstInstant(JSON.stringify([usagePointId, firstDay, zone]))
      return { channels: names, dataFrom, dataTo: parseInstant(newest.end) }
    },
    async latest(usagePointId): Promise<Latest> {
      const { registers, intervals } = await latest(usagePointId)
      return {
        registers: registers.map((one) => ({ ...one, at: parseInstant(one.at) })),
        intervals: intervals.map((one) => ({ ...one, start: parseInstant(one.start), end: parseInstant(one.end) })),
      }
    },
    async series(usagePointId, channel, from, to): Promise<Series[]> {
      return seriesOf(await columns(usagePointId, channel, from, to), from, to)
    },
    async days(from, to) {
      const { days } = await answered(peer.json<CompletenessJson>(`/completeness?from=${from}&to=${to}&limit=1`))
      return days.map(({ day, usagePoints, complete, ...counts }) => ({
        date: day,
        ...counts,
        meters: usagePoints,
        metersComplete: complete,
      }))
    },
    async usagePointsOn(day) {
      const tenths = new Map<string, number>()
      let after = ''
      do {
        const query = `from=${day}&to=${day}&limit=${PAGE}&after=${encodeURIComponent(after)}`
        const page: CompletenessJson = await answered(peer.json(`/completeness?${query}`))
        for (const { usagePointId, expected, present } of page.usagePoints) {
          const share = tenthsOf(present, expected)
          if (share !== null) tenths.set(usagePointId, share)
        }
        after = page.after ?? ''
      } while (after !== '')
      return tenths
    },
    async events(meterId, after, limit): Promise<ListPage<EndDeviceEvent>> {
      const query = new URLSearchParams({ limit: String(limit), order: 'newest' })
      if (meterId !== undefined) query.set('meterId', meterId)
      if (after !== undefined) query.set('after', after)
      const page = await answered(peer.json<EventsJson>(`/events?${query}`))
      return {
        items: page.events.map((event) => ({ ...event, at: parseInstant(event.at) })),
        next: page.events.length === limit ? page.after : null,
      }
    },
    async since(meterId, usagePointId) {
      const { assignments } = await point(usagePointId)
      const current = assignments.find((one) => one.meterId === meterId && one.to === null)
      return current ? parseInstant(current.from) : null
    },
  }
}
