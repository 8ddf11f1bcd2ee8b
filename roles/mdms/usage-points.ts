import { localDayRange, type TimeRange } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import { Problem } from '#platform/http'
import type { Channel } from './channel.ts'
import type { Directory } from './directory.ts'
import type { Series, Source } from './series.ts'

const ALWAYS: TimeRange = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }

/** Later capture lists first: where two know an interval, the newer holds. */
const newestFirst = (a: Channel, b: Channel): number => b.captureVersion - a.captureVersion || b.id - a.id

/**
 * What the final values of a usage point's channel are made of: the meters that were there, each for its time, and what was
 * imported or worked out for the usage point itself.
 */
export function pointSources(directory: Directory, usagePointId: string, name: string, asOf?: Instant): Source[] {
  const metered = directory.assignments(usagePointId, asOf).flatMap(({ meterId, from, to }) =>
    directory
      .channelsOf('meter', meterId, name)
      .toSorted(newestFirst)
      .map((channel) => ({ channel, range: { from, to: to ?? Number.POSITIVE_INFINITY } })),
  )
  const own = directory.channelsOf('usagePoint', usagePointId, name).toSorted(newestFirst)
  return [...metered, ...own.map((channel) => ({ channel, range: ALWAYS }))]
}

/** What a meter itself told, whatever usage point it was at. */
export function meterSources(directory: Directory, meterId: string, name: string): Source[] {
  return directory
    .channelsOf('meter', meterId, name)
    .toSorted(newestFirst)
    .map((channel) => ({ channel, range: ALWAYS }))
}

/** Names of the channels a usage point has data of; `import` and `export` first. */
export function pointChannels(directory: Directory, usagePointId: string): string[] {
  const meters = directory.assignments(usagePointId).flatMap(({ meterId }) => directory.channelsOf('meter', meterId))
  const names = new Set([...meters, ...directory.channelsOf('usagePoint', usagePointId)].map(({ name }) => name))
  const first = ['import', 'export'].filter((name) => names.delete(name))
  return [...first, ...[...names].sort()]
}

/** First instant of the first day any of the sources has blocks of, within the source's time; undefined when none has. */
function firstData(sources: readonly Source[]): Instant | undefined {
  const starts = sources.flatMap(({ channel: { minDay, zone }, range }) =>
    minDay === null ? [] : [Math.max(range.from, localDayRange(minDay, zone).from)],
  )
  return starts.length > 0 ? Math.min(...starts) : undefined
}

/** A stretch in which values are expected, and how often. */
export interface Expected extends TimeRange {
  readonly stepMs: number
  readonly phaseMs: number
}

/**
 * When values are expected of a channel: while a meter was there, and before that from the first imported value on; only
 * intervals that have ended by `now`.
 *
 * @param attended when a meter was there; empty for a meter's own channels, which are expected from their first value on
 * @param series what is known in `range`, for the steps that held
 */
export function expectedIn(
  range: TimeRange,
  attended: readonly { readonly from: Instant; readonly to: Instant | null }[],
  sources: readonly Source[],
  series: readonly Series[],
  now: Instant,
  standardStepMs: number,
): Expected[] {
  const begin = firstData(sources)
  // Within the first day the values themselves say when it began.
  const first =
    begin === undefined ? undefined : Math.max(begin, Math.min(series[0]?.start ?? begin, begin + 90_000_000))
  const stretches = attended.map(({ from, to }) => ({ from, to: to ?? Number.POSITIVE_INFINITY }))
  if (stretches.length === 0 && first !== undefined) stretches.push({ from: first, to: Number.POSITIVE_INFINITY })
  else if (first !== undefined && first < stretches[0].from) stretches.unshift({ from: first, to: stretches[0].from })
  const steps = series.length > 0 ? series : [{ start: range.from, stepMs: standardStepMs }]
  return stretches.flatMap((stretch) =>
    steps.map(({ start, stepMs }, i) => {
      const from = i === 0 ? range.from : start
      const to = steps[i + 1]?.start ?? range.to
      return {
        from: Math.max(from, stretch.from),
        to: Math.min(to, stretch.to, now - stepMs + 1),
        stepMs,
        phaseMs: start % stepMs,
      }
    }),
  )
}

/** @throws Problem `USAGE_POINT_UNKNOWN` */
export function knownPoint(directory: Directory, usagePointId: string) {
  const point = directory.usagePoints.get(usagePointId)
  if (!point) throw new Problem('USAGE_POINT_UNKNOWN', `no usage point ${usagePointId}`)
  return point
}
