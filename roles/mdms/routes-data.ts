import { Readable } from 'node:stream'
import {
  deviceFlags,
  formatInstant,
  formatScaled,
  parseInstant,
  qualityCode,
  qualityOf,
  type TimeRange,
  unitSymbol,
} from '@gridtally/metering'
import { markFlags, markQuality } from '@gridtally/vee'
import type { Instant } from '@gridtally/wire'
import { type App, Problem } from '#platform/http'
import { bucketEdges, sumIntoBuckets } from './buckets.ts'
import { exportCsv } from './export-csv.ts'
import {
  BucketsQuery,
  BucketsView,
  ExportQuery,
  Intervals,
  IntervalsQuery,
  MeterChannelParams,
  PointChannelParams,
} from './schemas.ts'
import { columnsText, readSeries, type Series, type Source } from './series.ts'
import type { MdmsStore } from './store.ts'
import { expectedIn, knownPoint, meterSources, pointChannels, pointSources } from './usage-points.ts'

/** What routes need besides the store. */
export interface RouteContext {
  readonly store: MdmsStore
  readonly now: () => Instant
  readonly expectedStepMs: number
  /** Zone of meters without usage point. */
  readonly zone: string
}

/** Reads a time of a query. @throws Problem `RANGE_INVALID` or `ZONE_UNKNOWN` */
export function timeOf(text: string, zone: string): Instant {
  try {
    return parseInstant(text, zone)
  } catch (cause) {
    const words = (cause as Error).message
    throw new Problem(words.includes('time zone') ? 'ZONE_UNKNOWN' : 'RANGE_INVALID', words, {}, { cause })
  }
}

/** Reads a range of a query. @throws Problem `RANGE_INVALID` for empty and reversed ones */
export function rangeOf({ from, to }: { readonly from: string; readonly to: string }, zone: string): TimeRange {
  const range = { from: timeOf(from, zone), to: timeOf(to, zone) }
  if (range.to <= range.from) throw new Problem('RANGE_INVALID', '"to" must be after "from"')
  return range
}

/** Turns what cannot be worked out into a refusal. */
export function asRefusal(error: unknown): never {
  if (error instanceof RangeError) throw new Problem('RANGE_INVALID', error.message, {}, { cause: error })
  throw error
}

const MISSING = qualityCode('MISSING')

function* intervalObjects(series: readonly Series[], zone: string) {
  for (const { start, stepMs, scaler, values, marks } of series)
    for (let i = 0; i < values.length; i++) {
      const isMissing = Number.isNaN(values[i])
      const at = start + i * stepMs
      const flags = markFlags(marks[i])
      yield {
        start: formatInstant(at, zone),
        end: formatInstant(at + stepMs, zone),
        value: isMissing ? null : formatScaled(values[i], scaler),
        quality: qualityOf(isMissing ? MISSING : markQuality(marks[i])),
        ...(flags === 0 ? {} : { flags: deviceFlags(flags) }),
      }
    }
}

/** Interval values: raw of meters, final of usage points, sums by bucket, CSV. */
export function dataRoutes(app: App, { store, now, expectedStepMs, zone: standardZone }: RouteContext): void {
  const { directory, db } = store

  function pointChannel(usagePointId: string, channel: string, asOf?: Instant): { zone: string; sources: Source[] } {
    const { zone } = knownPoint(directory, usagePointId)
    const sources = pointSources(directory, usagePointId, channel, asOf)
    // Every usage point has an import channel, even before anything came of it.
    if (sources.length === 0 && channel !== 'import')
      throw new Problem('CHANNEL_UNKNOWN', `usage point ${usagePointId} has no channel ${channel}`)
    return { zone, sources }
  }

  function meterChannel(meterId: string, channel: string): { zone: string; sources: Source[] } {
    if (directory.channelsOf('meter', meterId).length === 0) throw new Problem('METER_UNKNOWN', `no meter ${meterId}`)
    const sources = meterSources(directory, meterId, channel)
    if (sources.length === 0) throw new Problem('CHANNEL_UNKNOWN', `meter ${meterId} has no channel ${channel}`)
    return { zone: directory.zoneOfMeter(meterId) ?? standardZone, sources }
  }

  async function sendIntervals(
    reply: { serializer(make: () => string): unknown },
    { zone, sources }: { zone: string; sources: Source[] },
    channel: string,
    query: { from: string; to: string; asOf?: string; form?: 'objects' | 'columns' },
  ) {
    const asOf = query.asOf === undefined ? undefined : timeOf(query.asOf, zone)
    const series = await readSeries(db, sources, rangeOf(query, zone), asOf).catch(asRefusal)
    const head = { channel, unit: unitSymbol(sources[0]?.channel.unit ?? 30), zone }
    if (query.form !== 'columns') return { ...head, intervals: [...intervalObjects(series, zone)] }
    // The text is made straight from the typed arrays, several times faster than by way of objects and the schema.
    const runs = series.map((one) => columnsText(one, zone)).join(',')
    reply.serializer(() => `${JSON.stringify(head).slice(0, -1)},"runs":[${runs}]}`)
    return { ...head, runs: [] }
  }
  const description =
    '`form=columns` answers `{channel, unit, zone, runs: [{start, stepMs, unit, scaler, values, marks}]}`: values are integers ' +
    'to be scaled by `10^scaler`, null where missing; marks are runs of [quality code, device flags, number of intervals].'

  app.get(
    '/usage-points/:usagePointId/channels/:channel/intervals',
    {
      schema: {
        summary: 'Final intervals of a usage point',
        description,
        params: PointChannelParams,
        querystring: IntervalsQuery,
        response: { 200: Intervals },
      },
    },
    async ({ params, query }, reply) => {
      const { zone } = knownPoint(directory, params.usagePointId)
      const asOf = query.asOf === undefined ? undefined : timeOf(query.asOf, zone)
      const channel = pointChannel(params.usagePointId, params.channel, asOf)
      return sendIntervals(reply.type('application/json'), channel, params.channel, query)
    },
  )

  app.get(
    '/meters/:meterId/channels/:channel/intervals',
    {
      schema: {
        summary: 'Raw intervals as a meter told them',
        description,
        params: MeterChannelParams,
        querystring: IntervalsQuery,
        response: { 200: Intervals },
      },
    },
    async ({ params, query }, reply) => {
      const channel = meterChannel(params.meterId, params.channel)
      return sendIntervals(reply.type('application/json'), channel, params.channel, query)
    },
  )

  app.get(
    '/usage-points/:usagePointId/channels/:channel/buckets',
    {
      schema: {
        summary: 'Sums by quarter hour, half hour, hour, local day, week, month or year',
        params: PointChannelParams,
        querystring: BucketsQuery,
        response: { 200: BucketsView },
      },
    },
    async ({ params: { usagePointId, channel }, query }) => {
      const point = knownPoint(directory, usagePointId)
      const zone = query.zone ?? point.zone
      const range = rangeOf(query, zone)
      const asOf = query.asOf === undefined ? undefined : timeOf(query.asOf, zone)
      const { sources } = pointChannel(usagePointId, channel, asOf)
      try {
        const edges = bucketEdges(range, query.bucket, zone)
        const series = await readSeries(db, sources, range, asOf)
        const attended = directory.assignments(usagePointId, asOf)
        const expected = expectedIn(range, attended, sources, series, now(), expectedStepMs)
        const sums = sumIntoBuckets(series, edges, expected)
        const text = (value: number): string | null => (Number.isNaN(value) ? null : formatScaled(value, sums.scaler))
        const times = Array.from(edges, (at) => formatInstant(at, zone))
        return {
          channel,
          unit: unitSymbol(sums.unit),
          zone,
          bucket: query.bucket,
          buckets: Array.from(sums.sum, (sum, i) => ({
            start: times[i],
            end: times[i + 1],
            sum: formatScaled(sum, sums.scaler),
            min: text(sums.min[i]),
            max: text(sums.max[i]),
            mean: sums.count[i] === 0 ? null : (sum / sums.count[i]) * 10 ** sums.scaler,
            count: sums.count[i],
            expected: sums.expected[i],
            estimated: sums.estimated[i],
          })),
        }
      } catch (error) {
        return asRefusal(error)
      }
    },
  )

  app.get(
    '/exports/intervals.csv',
    { schema: { summary: 'Final intervals as CSV', querystring: ExportQuery, produces: ['text/csv'] } },
    async ({ query }, reply) => {
      const { zone } = knownPoint(directory, query.usagePoint)
      const range = rangeOf(query, zone)
      const channels = query.channel === undefined ? pointChannels(directory, query.usagePoint) : [query.channel]
      const parts = channels.map((channel) => ({ channel, ...pointChannel(query.usagePoint, channel) }))
      return reply
        .type('text/csv; charset=utf-8')
        .send(Readable.from(exportCsv(db, query.usagePoint, parts, range), { objectMode: false }))
    },
  )
}
