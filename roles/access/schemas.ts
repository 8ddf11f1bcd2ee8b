import { type Static, type TNull, type TSchema, type TUnion, type TUnsafe, Type } from 'typebox'
import { BUCKET_LENGTHS } from './buckets.ts'

/** Shapes of what people's faces answer, as `web/src/api/types.ts` tells them; what is not in a schema is not sent. */

const orNull = <T extends TSchema>(schema: T): TUnion<[T, TNull]> => Type.Union([schema, Type.Null()])
const words = <const T extends readonly string[]>(list: T): TUnsafe<T[number]> =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...list] })

const Decimal = Type.String({ pattern: '^-?\\d+(\\.\\d+)?$', description: 'Exact decimal' })
const Time = Type.String({ description: 'ISO 8601 with offset' })
const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: 'Local day' })
const Count = Type.Integer({ minimum: 0 })
const Channel = words(['import', 'export'])
const Currency = Type.String({ description: 'ISO 4217' })

/** A problem document (RFC 9457). */
export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable; see docs/errors.md' }),
    detail: Type.Optional(Type.String()),
  },
  { additionalProperties: true },
)

/** Nothing in the body. */
export const NothingSchema = Type.Null({ description: 'No body' })

/** Who is signed in. */
export const MeSchema = Type.Object({
  accountId: Type.String(),
  name: Type.String(),
  role: words(['customer', 'operator']),
  signedInBy: words(['link', 'passkey']),
  sessionExpiresAt: Time,
  passkeys: Count,
  serverTime: Time,
})

/** A passkey. */
export const PasskeySchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  createdAt: Time,
  lastUsedAt: orNull(Time),
})

/** A session of the account. */
export const SessionInfoSchema = Type.Object({
  id: Type.String({ description: 'Names the session; opens nothing' }),
  signedInBy: words(['link', 'passkey']),
  createdAt: Time,
  lastSeenAt: Time,
  expiresAt: Time,
  current: Type.Boolean(),
})

/** Somebody looked at data. */
export const AccessRecordSchema = Type.Object({
  at: Time,
  who: words(['you', 'operator', 'service']),
  what: Type.String({ description: 'Stable word: data.intervals, data.export, …' }),
  subject: Type.String(),
  purpose: Type.String(),
  outcome: words(['done', 'refused']),
})

/** A row of the audit log, as operators see it. */
export const AuditRecordSchema = Type.Object({
  seq: Count,
  at: Time,
  actor: Type.String(),
  actorRole: words(['customer', 'operator', 'service', 'anonymous']),
  action: Type.String(),
  subject: Type.String(),
  purpose: Type.String(),
  outcome: words(['done', 'refused']),
})

/** A usage point of the account. */
export const CustomerUsagePointSchema = Type.Object({
  id: Type.String(),
  address: Type.String(),
  zone: Type.String(),
  category: Type.String(),
  currency: Currency,
  channels: Type.Array(Channel),
  dataFrom: orNull(Time),
  dataTo: orNull(Time),
})

/** `{ items: […] }` of something. */
export const itemsOf = <T extends TSchema>(item: T) => Type.Object({ items: Type.Array(item) })

/** A page of something. */
export const pageOf = <T extends TSchema>(item: T) =>
  Type.Object({ asOf: Time, items: Type.Array(item), next: orNull(Type.String()) })

/** Latest power and what it means. */
export const NowSchema = Type.Object({
  usagePointId: Type.String(),
  at: orNull(Time),
  source: orNull(words(['instantaneous', 'interval-mean'])),
  powerW: orNull(Decimal),
  costPerHour: orNull(Decimal),
  currency: Currency,
  price: orNull(Type.Object({ perKwh: Decimal, name: Type.String() })),
  usual: orNull(Type.Object({ lowW: Decimal, medianW: Decimal, highW: Decimal, days: Count })),
  level: orNull(words(['low', 'usual', 'high'])),
})

const EnergySchema = Type.Object({
  energyWh: orNull(Decimal),
  money: orNull(Decimal),
  expected: Count,
  present: Count,
  estimated: Count,
})

const Prices = Type.Array(Type.Object({ name: Type.String(), perKwh: Decimal }))

const TariffPeriodSchema = Type.Object({
  name: Type.String(),
  from: Day,
  to: orNull(Day),
  importPrices: Prices,
  exportPrices: Prices,
  standingPerDay: Decimal,
})

/** Today so far. */
export const SummarySchema = Type.Object({
  usagePointId: Type.String(),
  asOf: Time,
  zone: Type.String(),
  currency: Currency,
  date: Day,
  dataTo: orNull(Time),
  import: EnergySchema,
  export: orNull(EnergySchema),
  standing: orNull(Decimal),
  curve: Type.Array(
    Type.Object({
      at: Time,
      energyWh: orNull(Decimal),
      usualLowWh: orNull(Decimal),
      usualMedianWh: orNull(Decimal),
      usualHighWh: orNull(Decimal),
    }),
  ),
  usualByNow: orNull(Type.Object({ lowWh: Decimal, medianWh: Decimal, highWh: Decimal, days: Count })),
  tariff: orNull(TariffPeriodSchema),
})

/** Bars of a chart. */
export const BucketsSchema = Type.Object({
  usagePointId: Type.String(),
  asOf: Time,
  zone: Type.String(),
  currency: Currency,
  bucket: words(BUCKET_LENGTHS),
  from: Time,
  to: Time,
  dataTo: orNull(Time),
  buckets: Type.Array(Type.Object({ start: Time, end: Time, import: EnergySchema, export: orNull(EnergySchema) })),
  total: Type.Object({ import: EnergySchema, export: orNull(EnergySchema), standing: orNull(Decimal) }),
  tariffs: Type.Array(TariffPeriodSchema),
})

const IntervalValueSchema = Type.Object({
  energyWh: orNull(Decimal),
  quality: Type.String(),
  flags: Type.Array(Type.String()),
})

/** Single intervals. */
export const IntervalsSchema = Type.Object({
  usagePointId: Type.String(),
  asOf: Time,
  zone: Type.String(),
  intervals: Type.Array(
    Type.Object({ start: Time, end: Time, import: IntervalValueSchema, export: orNull(IntervalValueSchema) }),
  ),
})

/** Where a meter stands with collection. `imported`: data comes from files, no meter is read. */
export const METER_STATES = ['ok', 'late', 'failing', 'new', 'imported'] as const

/** How complete a local day is. */
export const DayCompletenessSchema = Type.Object({
  date: Day,
  expected: Count,
  present: Count,
  estimated: Count,
  meters: Count,
  metersComplete: Count,
})

/** The operator’s first screen. */
export const OverviewSchema = Type.Object({
  serverTime: Time,
  completeness: Type.Object({
    asOf: Time,
    targetPercent: Decimal,
    zone: Type.String(),
    days: Type.Array(DayCompletenessSchema),
  }),
  meters: Type.Object({
    asOf: Time,
    total: Count,
    states: Type.Array(Type.Object({ state: words(METER_STATES), count: Count })),
  }),
  sessions: Type.Object({
    asOf: Time,
    minutes: Type.Array(Type.Object({ at: Time, ok: Count, failed: Count })),
    errors: Type.Array(Type.Object({ reason: Type.String(), count: Count })),
  }),
})

const MeterRowSchema = Type.Object({
  meterId: Type.String(),
  usagePointId: orNull(Type.String()),
  address: orNull(Type.String()),
  state: words(METER_STATES),
  lastContactAt: orNull(Time),
  lastError: orNull(Type.String()),
  completenessPercent: orNull(Decimal),
  clockOffsetSeconds: orNull(Decimal),
  firmware: orNull(Type.String()),
})

/** A page of meters. */
export const MeterListSchema = Type.Object({
  asOf: Time,
  items: Type.Array(MeterRowSchema),
  next: orNull(Type.String()),
  total: Count,
})

/** Something a meter or the head-end noticed. */
export const MeterEventSchema = Type.Object({
  meterId: Type.String(),
  at: Time,
  type: Type.String(),
  severity: words(['info', 'warning', 'alarm']),
  text: Type.String(),
})

/** All there is to know of a meter, never a key value. */
export const MeterDetailSchema = Type.Object({
  asOf: Time,
  meterId: Type.String(),
  systemTitle: Type.String(),
  manufacturer: orNull(Type.String()),
  model: orNull(Type.String()),
  firmware: orNull(Type.String()),
  endpoint: orNull(Type.String()),
  state: words(METER_STATES),
  lastContactAt: orNull(Time),
  lastError: orNull(Type.String()),
  usagePoint: orNull(
    Type.Object({
      id: Type.String(),
      address: Type.String(),
      zone: Type.String(),
      category: Type.String(),
      channels: Type.Array(Channel),
      since: Time,
    }),
  ),
  channels: Type.Array(
    Type.Object({
      obis: Type.String(),
      name: Type.String(),
      unit: Type.String(),
      intervalMinutes: orNull(Type.Number()),
    }),
  ),
  registers: Type.Array(
    Type.Object({
      obis: Type.String(),
      name: Type.String(),
      value: Decimal,
      unit: Type.String(),
      at: Time,
      reason: Type.String(),
    }),
  ),
  clock: orNull(Type.Object({ offsetSeconds: Decimal, measuredAt: Time })),
  keys: Type.Array(
    Type.Object({
      type: Type.String(),
      generation: Count,
      since: orNull(Time),
      counter: orNull(Type.String()),
    }),
  ),
  events: Type.Array(MeterEventSchema),
})

/** One talk with a meter. */
export const MeterSessionSchema = Type.Object({
  id: Type.String(),
  meterId: Type.String(),
  startedAt: Time,
  endedAt: orNull(Time),
  outcome: words(['running', 'ok', 'failed']),
  purpose: words(['scheduled', 'on-demand']),
  reason: orNull(Type.String()),
  detail: Type.String(),
  rows: Count,
  octetsIn: Count,
  octetsOut: Count,
})

/** A command and its state. */
export const CommandViewSchema = Type.Object({
  id: Type.String(),
  meterId: Type.String(),
  kind: words(['read']),
  state: words(['requested', 'dispatched', 'confirmed', 'failed', 'expired']),
  requestedAt: Time,
  expiresAt: Time,
  detail: Type.String(),
})

/** One of the bucket lengths. */
export const BucketLengthSchema = words(BUCKET_LENGTHS)

/** Query of faces that take a range of local days. */
export const DayRangeQuery = { from: Day, to: Day }

/** Query of lists. */
export const PageQuery = {
  after: Type.Optional(Type.String({ maxLength: 500 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
}

/** See MeSchema. */
export type Me = Static<typeof MeSchema>
/** See NowSchema. */
export type Now = Static<typeof NowSchema>
/** See SummarySchema. */
export type Summary = Static<typeof SummarySchema>
/** See BucketsSchema. */
export type Buckets = Static<typeof BucketsSchema>
/** See IntervalsSchema. */
export type Intervals = Static<typeof IntervalsSchema>
/** See TariffPeriodSchema. */
export type TariffPeriod = Static<typeof TariffPeriodSchema>
/** See DayCompletenessSchema. */
export type DayCompleteness = Static<typeof DayCompletenessSchema>
/** See OverviewSchema. */
export type Overview = Static<typeof OverviewSchema>
/** See MeterRowSchema. */
export type MeterRow = Static<typeof MeterRowSchema>
/** See MeterListSchema. */
export type MeterList = Static<typeof MeterListSchema>
/** See MeterDetailSchema. */
export type MeterDetail = Static<typeof MeterDetailSchema>
/** See MeterEventSchema. */
export type MeterEvent = Static<typeof MeterEventSchema>
/** See MeterSessionSchema. */
export type MeterSession = Static<typeof MeterSessionSchema>
/** See CommandViewSchema. */
export type CommandView = Static<typeof CommandViewSchema>
