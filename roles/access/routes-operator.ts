import { Readable } from 'node:stream'
import { formatInstant } from '@gridtally/metering'
import { type TUnsafe, Type } from 'typebox'
import { decodeCursor, encodeCursor } from '#platform/cursor'
import type { App } from '#platform/http'
import type { AuditLog } from './audit-log.ts'
import { METER_SORTS } from './fleet.ts'
import type { OperatorData } from './operator-data.ts'
import {
  AuditRecordSchema,
  CommandViewSchema,
  METER_STATES,
  MeterDetailSchema,
  MeterEventSchema,
  MeterListSchema,
  MeterSessionSchema,
  OverviewSchema,
  PageQuery,
  pageOf,
} from './schemas.ts'

const Meter = Type.Object({ meterId: Type.String({ maxLength: 200 }) })
const oneOf = <const T extends readonly string[]>(list: T): TUnsafe<T[number]> =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...list] })

const ListQuery = {
  search: Type.Optional(
    Type.String({ maxLength: 100, description: 'Part of serial, usage point, address or system title' }),
  ),
  state: Type.Optional(oneOf(METER_STATES)),
  sort: Type.Optional(
    Type.String({ pattern: `^-?(${METER_SORTS.join('|')})$`, description: 'A leading - turns the order round' }),
  ),
}

const LIMIT = 50

/** What the audit faces need. */
export interface AuditPorts {
  readonly audit: Pick<AuditLog, 'page' | 'verify'>
  readonly zone: string
  /** The machine's time. */
  readonly now: () => number
}

/** The operators' faces. */
export function operatorRoutes(app: App, data: OperatorData, { audit, zone, now }: AuditPorts): void {
  app.get(
    '/operator/overview',
    {
      config: { policy: 'operator', audit: 'operator.overview' },
      schema: { summary: 'How collection stands', response: { 200: OverviewSchema } },
    },
    () => data.overview(),
  )
  app.get(
    '/operator/meters',
    {
      config: { policy: 'operator', audit: 'operator.meters' },
      schema: {
        summary: 'Meters, filtered and sorted',
        querystring: Type.Object({ ...ListQuery, ...PageQuery }),
        response: { 200: MeterListSchema },
      },
    },
    async (request) => data.meters({ limit: LIMIT, ...request.query }),
  )
  app.get(
    '/operator/meters.csv',
    {
      config: { policy: 'operator', audit: 'operator.metersExport' },
      schema: {
        summary: 'The same list as CSV, all pages',
        querystring: Type.Object(ListQuery),
        produces: ['text/csv'],
      },
    },
    async (request, reply) =>
      reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', 'attachment; filename="meters.csv"')
        .send(Readable.from(data.metersCsv(request.query), { objectMode: false })),
  )
  app.get(
    '/operator/meters/:meterId',
    {
      config: { policy: 'operator', audit: 'operator.meter' },
      schema: { summary: 'All there is to know of a meter', params: Meter, response: { 200: MeterDetailSchema } },
    },
    (request) => data.meter(request.params.meterId),
  )
  app.get(
    '/operator/meters/:meterId/sessions',
    {
      config: { policy: 'operator', audit: 'operator.meterSessions' },
      schema: {
        summary: 'Talks with a meter, newest first',
        params: Meter,
        querystring: Type.Object(PageQuery),
        response: { 200: pageOf(MeterSessionSchema) },
      },
    },
    (request) => data.meterSessions(request.params.meterId, request.query.after, request.query.limit ?? LIMIT),
  )
  app.post(
    '/operator/meters/:meterId/commands',
    {
      config: { policy: 'operator', audit: 'operator.command.read' },
      schema: {
        summary: 'Read a meter now',
        params: Meter,
        body: Type.Object({ kind: oneOf(['read']) }),
        response: { 202: CommandViewSchema },
      },
    },
    async (request, reply) => reply.code(202).send(await data.orderRead(request.params.meterId)),
  )
  app.get(
    '/operator/commands/:commandId',
    {
      config: { policy: 'operator' },
      schema: {
        summary: 'Where a command is on its way',
        params: Type.Object({ commandId: Type.String({ maxLength: 200 }) }),
        response: { 200: CommandViewSchema },
      },
    },
    (request) => data.command(request.params.commandId),
  )
  app.get(
    '/operator/sessions',
    {
      config: { policy: 'operator', audit: 'operator.sessions' },
      schema: {
        summary: 'Talks with all meters, newest first',
        querystring: Type.Object({ ...PageQuery, outcome: Type.Optional(oneOf(['running', 'ok', 'failed'])) }),
        response: { 200: pageOf(MeterSessionSchema) },
      },
    },
    async (request) => data.sessions({ limit: LIMIT, ...request.query }),
  )
  app.get(
    '/operator/events',
    {
      config: { policy: 'operator', audit: 'operator.events' },
      schema: {
        summary: 'What meters and the head-end noticed, newest first',
        querystring: Type.Object(PageQuery),
        response: { 200: pageOf(MeterEventSchema) },
      },
    },
    (request) => data.events(request.query.after, request.query.limit ?? LIMIT),
  )
  app.get(
    '/operator/audit',
    {
      config: { policy: 'operator', audit: 'operator.audit' },
      schema: {
        summary: 'Who did and saw what, newest first',
        querystring: Type.Object({
          ...PageQuery,
          subject: Type.Optional(Type.String({ maxLength: 200, description: 'Usage point, meter or account' })),
        }),
        response: { 200: pageOf(AuditRecordSchema) },
      },
    },
    async ({ query: { after, limit = LIMIT, subject } }) => {
      const before = after === undefined ? Number.MAX_SAFE_INTEGER : Number(decodeCursor(after, 1)[0])
      const records = await audit.page(before, limit, subject)
      const last = records.at(-1)
      return {
        asOf: formatInstant(now(), zone),
        items: records.map((record) => ({ ...record, at: formatInstant(record.at, zone) })),
        next: last && records.length === limit && last.seq > 1 ? encodeCursor([last.seq]) : null,
      }
    },
  )
  app.get(
    '/operator/audit/verification',
    {
      config: { policy: 'operator', audit: 'operator.auditVerification' },
      schema: {
        summary: 'Checks the chain of the audit log from its first entry to its last',
        response: {
          200: Type.Object({
            entries: Type.Integer({ description: 'Entries whose hash fits the one before' }),
            brokenAt: Type.Union([Type.Integer(), Type.Null()], { description: 'First entry that does not fit' }),
          }),
        },
      },
    },
    () => audit.verify(),
  )
}
