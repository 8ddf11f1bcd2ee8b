import {
  formatInstant,
  formatLocalDay,
  formatScaled,
  localDayRange,
  parseLocalDay,
  qualityOf,
  type UsagePoint,
  unitSymbol,
  zoneOffsetMs,
} from '@gridtally/metering'
import { markQuality } from '@gridtally/vee'
import type { FastifyRequest } from 'fastify'
import { decodeCursor, encodeCursor } from '#platform/cursor'
import { type App, Problem } from '#platform/http'
import { type Channel, channelObis } from './channel.ts'
import { type Completeness, MOST_DAYS } from './completeness.ts'
import { dataRoutes, type RouteContext, rangeOf, timeOf } from './routes-data.ts'
import {
  AssignmentsBody,
  Changed,
  CompletenessQuery,
  CompletenessView,
  EventsQuery,
  EventsView,
  LatestView,
  ListQuery,
  MeterParams,
  MeterView,
  PointParams,
  RangeQuery,
  RegistersView,
  SummaryView,
  UsagePointList,
  UsagePointsBody,
  UsagePointView,
} from './schemas.ts'
import { readSeries } from './series.ts'
import {
  latestReadings,
  listUsagePoints,
  readChannelSums,
  readEvents,
  readReadings,
  type StoredReading,
} from './store-queries.ts'
import { expectedIn, knownPoint, pointChannels, pointSources } from './usage-points.ts'

/** Readings one answer holds. */
const MOST_READINGS = 10_000
const WRITE_LIMIT = 64 * 1024 * 1024
const TWO_DAYS_MS = 2 * 86_400_000

/** Refuses callers that may only read. */
export function checkWriter(request: FastifyRequest, writers: readonly string[]): void {
  if (!writers.includes(request.caller)) throw new Problem('NOT_ALLOWED', `${request.caller} may only read here`)
}

function channelView(channels: readonly Channel[]) {
  const last = channels[channels.length - 1]
  const days = channels.flatMap(({ minDay, maxDay }) => (minDay === null || maxDay === null ? [] : [minDay, maxDay]))
  return {
    channel: last.name,
    obis: channelObis(last.name),
    unit: unitSymbol(last.unit),
    scaler: last.scaler,
    stepMs: last.stepMs,
    firstDay: days.length > 0 ? formatLocalDay(Math.min(...days)) : null,
    lastDay: days.length > 0 ? formatLocalDay(Math.max(...days)) : null,
  }
}

function readingView(reading: StoredReading, zone: string) {
  const { meterId, obis, at, value, scaler, unit, reason, version, recordedAt } = reading
  return {
    meterId,
    obis,
    at: formatInstant(at, zone),
    value: formatScaled(BigInt(value), scaler),
    unit: unitSymbol(unit),
    reason,
    version,
    recordedAt: formatInstant(recordedAt, zone),
  }
}

/** HTTP face of the meter data store. Parse, ask, answer: no decision is taken here. */
export function mdmsRoutes(
  app: App,
  context: RouteContext & { readonly writers: readonly string[]; readonly completeness: Completeness },
): void {
  const { store, now, writers, completeness, expectedStepMs, zone: standardZone } = context
  const { directory, db } = store
  dataRoutes(app, context)

  app.put(
    '/usage-points',
    {
      bodyLimit: WRITE_LIMIT,
      schema: { summary: 'Add or change usage points', body: UsagePointsBody, response: { 200: Changed } },
    },
    async (request) => {
      checkWriter(request, writers)
      for (const { zone } of request.body) {
        try {
          zoneOffsetMs(0, zone)
        } catch (cause) {
          throw new Problem('ZONE_UNKNOWN', (cause as Error).message, {}, { cause })
        }
      }
      // The schema allows exactly the words of the type.
      const changed = await store.putUsagePoints(request.body as UsagePoint[])
      return { received: request.body.length, changed }
    },
  )

  app.put(
    '/assignments',
    {
      bodyLimit: WRITE_LIMIT,
      schema: {
        summary: 'Say which meters are and were at usage points',
        description:
          'Replaces what was known of each usage point named; what was known before can still be asked by `asOf`.',
        body: AssignmentsBody,
        response: { 200: Changed },
      },
    },
    async (request) => {
      checkWriter(request, writers)
      const assignments = request.body.map(({ usagePointId, meterId, from, to }) => {
        const { zone } = knownPoint(directory, usagePointId)
        const at = (time: string | number): number => (typeof time === 'number' ? time : timeOf(time, zone))
        const one = { usagePointId, meterId, from: at(from), to: to === null ? null : at(to) }
        if (one.to !== null && one.to <= one.from) throw new Problem('RANGE_INVALID', `${meterId}: "to" before "from"`)
        return one
      })
      return { received: assignments.length, changed: await store.putAssignments(assignments) }
    },
  )

  app.get(
    '/usage-points',
    { schema: { summary: 'Usage points', querystring: ListQuery, response: { 200: UsagePointList } } },
    async ({ query: { search = '', after = '', limit = 100 } }) => {
      const last = after === '' ? '' : String(decodeCursor(after, 1)[0])
      const usagePoints = await listUsagePoints(db, search, last, limit)
      const end = usagePoints.at(-1)
      return { usagePoints, after: end && usagePoints.length === limit ? encodeCursor([end.id]) : null }
    },
  )

  app.get(
    '/usage-points/:usagePointId',
    {
      schema: {
        summary: 'A usage point, its meters and channels',
        params: PointParams,
        response: { 200: UsagePointView },
      },
    },
    async ({ params: { usagePointId } }) => {
      const point = knownPoint(directory, usagePointId)
      const { zone } = point
      return {
        ...point,
        assignments: directory.assignments(usagePointId).map(({ meterId, from, to }) => ({
          meterId,
          from: formatInstant(from, zone),
          to: to === null ? null : formatInstant(to, zone),
        })),
        channels: pointChannels(directory, usagePointId).map((name) =>
          channelView(
            pointSources(directory, usagePointId, name)
              .map(({ channel }) => channel)
              .toReversed(),
          ),
        ),
      }
    },
  )

  app.get(
    '/usage-points/:usagePointId/summary',
    {
      schema: { summary: 'What there is of each channel in all', params: PointParams, response: { 200: SummaryView } },
    },
    async ({ params: { usagePointId } }) => {
      const { zone } = knownPoint(directory, usagePointId)
      const channels = []
      for (const channel of pointChannels(directory, usagePointId)) {
        const sources = pointSources(directory, usagePointId, channel)
        const days = sources.flatMap(({ channel: { minDay, maxDay } }) =>
          minDay === null ? [] : [minDay, maxDay ?? minDay],
        )
        if (days.length === 0) continue
        const range = {
          from: localDayRange(Math.min(...days), zone).from - TWO_DAYS_MS,
          to: localDayRange(Math.max(...days), zone).to + TWO_DAYS_MS,
        }
        const series = await readSeries(db, sources, range)
        const scaler = Math.min(...series.map((one) => one.scaler))
        let [sum, present, estimated] = [0, 0, 0]
        const single = sources.length === 1 ? sources[0] : undefined
        if (single && single.range.from <= range.from && single.range.to >= range.to) {
          const [known] = await readChannelSums(db, [single.channel.id])
          ;({ sum, present, estimated } = known)
        } else
          for (const { values, marks, scaler: own } of series)
            for (let i = 0; i < values.length; i++) {
              if (Number.isNaN(values[i])) continue
              present++
              sum += values[i] * 10 ** (own - scaler)
              if (markQuality(marks[i]) >= 4 && markQuality(marks[i]) <= 6) estimated++
            }
        const last = series.at(-1)
        const expected = expectedIn(range, directory.assignments(usagePointId), sources, series, now(), expectedStepMs)
        let wanted = 0
        for (const { from, to, stepMs } of expected) wanted += Math.max(0, Math.ceil((to - from) / stepMs))
        channels.push({
          channel,
          unit: unitSymbol(series[0]?.unit ?? 30),
          first: series[0] ? formatInstant(series[0].start, zone) : null,
          last: last ? formatInstant(last.start + last.values.length * last.stepMs, zone) : null,
          sum: formatScaled(sum, series.length > 0 ? scaler : 0),
          present,
          estimated,
          missing: Math.max(0, wanted - present),
        })
      }
      return { usagePointId, channels }
    },
  )

  app.get(
    '/usage-points/:usagePointId/latest',
    {
      schema: {
        summary: 'The latest register readings and intervals',
        params: PointParams,
        response: { 200: LatestView },
      },
    },
    async ({ params: { usagePointId } }) => {
      const { zone } = knownPoint(directory, usagePointId)
      const at = now()
      const current = directory.assignments(usagePointId).find(({ from, to }) => from <= at && (to === null || to > at))
      const registers = current ? await latestReadings(db, current.meterId) : []
      const intervals = []
      for (const channel of pointChannels(directory, usagePointId)) {
        const sources = pointSources(directory, usagePointId, channel)
        const lastDay = Math.max(...sources.map((source) => source.channel.maxDay ?? 0))
        const { from, to } = localDayRange(lastDay, zone)
        const series = await readSeries(db, sources, { from: from - TWO_DAYS_MS, to: to + TWO_DAYS_MS })
        const last = series.at(-1)
        if (!last) continue
        const slot = last.values.findLastIndex((value) => !Number.isNaN(value))
        if (slot < 0) continue
        const start = last.start + slot * last.stepMs
        intervals.push({
          channel,
          start: formatInstant(start, zone),
          end: formatInstant(start + last.stepMs, zone),
          value: formatScaled(last.values[slot], last.scaler),
          unit: unitSymbol(last.unit),
          quality: qualityOf(markQuality(last.marks[slot])),
        })
      }
      return {
        usagePointId,
        meterId: current?.meterId ?? null,
        registers: registers.map((reading) => readingView(reading, zone)),
        intervals,
      }
    },
  )

  app.get(
    '/usage-points/:usagePointId/registers',
    {
      schema: {
        summary: 'Register readings of the meters that were there',
        params: PointParams,
        querystring: RangeQuery,
        response: { 200: RegistersView },
      },
    },
    async ({ params: { usagePointId }, query }) => {
      const { zone } = knownPoint(directory, usagePointId)
      const range = rangeOf(query, zone)
      const asOf = query.asOf === undefined ? Number.MAX_SAFE_INTEGER : timeOf(query.asOf, zone)
      const assignments = directory.assignments(usagePointId, query.asOf === undefined ? undefined : asOf)
      const meters = [...new Set(assignments.map(({ meterId }) => meterId))]
      const readings = await readReadings(db, meters, range.from, range.to, asOf, MOST_READINGS)
      const wasHere = ({ meterId, at }: StoredReading): boolean =>
        assignments.some((one) => one.meterId === meterId && at >= one.from && (one.to === null || at <= one.to))
      return { readings: readings.filter(wasHere).map((reading) => readingView(reading, zone)) }
    },
  )

  app.get(
    '/meters/:meterId',
    { schema: { summary: 'A meter and its channels', params: MeterParams, response: { 200: MeterView } } },
    async ({ params: { meterId } }) => {
      const channels = directory.channelsOf('meter', meterId)
      if (channels.length === 0) throw new Problem('METER_UNKNOWN', `nothing is stored of a meter ${meterId}`)
      return {
        meterId,
        channels: channels.map((channel) => ({
          ...channelView([channel]),
          captureVersion: channel.captureVersion,
          zone: channel.zone,
        })),
      }
    },
  )

  app.get(
    '/events',
    {
      schema: {
        summary: 'Events of meters and of this service',
        querystring: EventsQuery,
        response: { 200: EventsView },
      },
    },
    async ({ query: { meterId, order = 'oldest', after = '', limit = 100 } }) => {
      const start = order === 'oldest' ? 0 : Number.MAX_SAFE_INTEGER
      const last = after === '' ? start : Number(decodeCursor(after, 1)[0])
      const events = await readEvents(db, meterId, order, last, limit)
      const zone = (meterId !== undefined && directory.zoneOfMeter(meterId)) || standardZone
      return {
        events: events.map(({ meterId: id, at, type, severity, text }) => ({
          meterId: id,
          at: formatInstant(at, zone),
          type,
          severity,
          text,
        })),
        after: encodeCursor([events.at(-1)?.id ?? last]),
      }
    },
  )

  app.get(
    '/completeness',
    {
      schema: {
        summary: 'How complete the data is, by day and by usage point',
        description: 'Days are those of each usage point. Intervals that have not ended are not expected.',
        querystring: CompletenessQuery,
        response: { 200: CompletenessView },
      },
    },
    async ({ query: { from, to, channel = 'import', order, after = '', limit = 100 } }) => {
      let [first, last] = [0, 0]
      try {
        ;[first, last] = [parseLocalDay(from), parseLocalDay(to)]
      } catch (cause) {
        throw new Problem('RANGE_INVALID', (cause as Error).message, {}, { cause })
      }
      if (last < first) throw new Problem('RANGE_INVALID', '"to" must not be before "from"')
      if (last - first >= MOST_DAYS) throw new Problem('RANGE_INVALID', `at most ${MOST_DAYS} days`)
      const { days, points } = await completeness.over(first, last, channel)
      const skip = after === '' ? 0 : Number(decodeCursor(after, 1)[0])
      const byId = (a: { usagePointId: string }, b: { usagePointId: string }): number =>
        a.usagePointId < b.usagePointId ? -1 : 1
      points.sort((a, b) =>
        order === 'missing' ? b.expected - b.present - (a.expected - a.present) || byId(a, b) : byId(a, b),
      )
      const page = points.slice(skip, skip + limit)
      return {
        channel,
        days: days.map(({ day, ...counts }) => ({ day: formatLocalDay(day), ...counts })),
        usagePoints: page.map((point) => ({ ...point, missing: point.expected - point.present })),
        after: skip + limit < points.length ? encodeCursor([skip + limit]) : null,
      }
    },
  )
}
