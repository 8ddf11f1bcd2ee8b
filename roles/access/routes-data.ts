import { Readable } from 'node:stream'
import { localDayOf, localDayRange, parseLocalDay } from '@gridtally/metering'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type App, Problem } from '#platform/http'
import type { CustomerData, DayRange } from './customer-data.ts'
import type { Sight } from './policy.ts'
import {
  BucketLengthSchema,
  BucketsSchema,
  DayRangeQuery,
  IntervalsSchema,
  NowSchema,
  SummarySchema,
} from './schemas.ts'

const Id = Type.Object({ usagePointId: Type.String({ maxLength: 200 }) })

/** The usage point and period a policy has let see. */
function sightOf(request: FastifyRequest): Sight {
  if (!request.sight) throw new Problem('USAGE_POINT_UNKNOWN', 'there is no such usage point')
  return request.sight
}

/** Longest range anybody may ask for, in days: far more than any store holds. */
const MOST_DAYS = 40_000

function rangeOf({ from, to }: { readonly from: string; readonly to: string }): DayRange {
  try {
    const range = { from: parseLocalDay(from), to: parseLocalDay(to) }
    if (range.to - range.from > MOST_DAYS) throw new Problem('RANGE_TOO_LONG', `at most ${MOST_DAYS} days`)
    return range
  } catch (error) {
    if (error instanceof Problem) throw error
    throw new Problem('RANGE_INVALID', (error as Error).message)
  }
}

/** Data of one usage point, for its customer in their time and for operators. */
export function dataRoutes(app: App, data: CustomerData): void {
  const faces = '/usage-points/:usagePointId'
  app.get(
    `${faces}/now`,
    {
      config: { policy: 'usage-point', audit: 'data.now' },
      schema: {
        summary: 'Latest power, what it costs an hour, and whether that is usual',
        params: Id,
        response: { 200: NowSchema },
      },
    },
    async (request) => data.now(sightOf(request)),
  )
  app.get(
    `${faces}/summary`,
    {
      config: { policy: 'usage-point', audit: 'data.summary' },
      schema: { summary: 'Today so far against what is usual by now', params: Id, response: { 200: SummarySchema } },
    },
    async (request) => data.summary(sightOf(request)),
  )
  app.get(
    `${faces}/buckets`,
    {
      config: { policy: 'usage-point', audit: 'data.buckets' },
      schema: {
        summary: 'Energy and money by quarter hour, hour, day, week, month or year',
        params: Id,
        querystring: Type.Object({ ...DayRangeQuery, bucket: BucketLengthSchema }),
        response: { 200: BucketsSchema },
      },
    },
    async (request) => data.buckets(sightOf(request), rangeOf(request.query), request.query.bucket),
  )
  app.get(
    `${faces}/intervals`,
    {
      config: { policy: 'usage-point', audit: 'data.intervals' },
      schema: {
        summary: 'Single intervals with quality',
        params: Id,
        querystring: Type.Object(DayRangeQuery),
        response: { 200: IntervalsSchema },
      },
    },
    async (request) => data.intervals(sightOf(request), rangeOf(request.query)),
  )
  app.get(
    `${faces}/export.csv`,
    {
      config: { policy: 'usage-point', audit: 'data.export' },
      schema: {
        summary: 'Single intervals as CSV',
        description:
          'Columns: start, end (ISO 8601 with offset), import_kwh, import_quality, export_kwh, export_quality. ' +
          'kWh are exact decimals, empty when unknown; qualities are the words of docs/portal-api.md; export columns are empty without an export channel. Lines end with CRLF (RFC 4180).',
        params: Id,
        querystring: Type.Object(DayRangeQuery),
        produces: ['text/csv'],
      },
    },
    async (request, reply) => {
      const sight = sightOf(request)
      const range = rangeOf(request.query)
      const known = await data.extent(sight)
      // Days without data are not walked: a range of a century costs no more than the data there is.
      const bounded = known.dataFrom === null ? { from: range.from, to: range.from + 1 } : { ...range }
      if (known.dataFrom !== null && known.dataTo !== null) {
        bounded.from = Math.max(range.from, localDayOf(known.dataFrom, sight.place.zone))
        bounded.to = Math.max(bounded.from + 1, Math.min(range.to, localDayOf(known.dataTo, sight.place.zone) + 1))
      }
      if (range.to <= range.from) throw new Problem('RANGE_INVALID', '"to" must be a later day than "from"')
      const isEmpty =
        localDayRange(bounded.from, sight.place.zone).from >= localDayRange(range.to, sight.place.zone).from
      const pieces = data.exportCsv(sight, isEmpty ? { from: range.to - 1, to: range.to } : bounded)
      const name = `${sight.place.id.replace(/[^A-Za-z0-9._-]/g, '_')}_${request.query.from}_${request.query.to}.csv`
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="${name}"`)
        .send(Readable.from(pieces, { objectMode: false }))
    },
  )
}
