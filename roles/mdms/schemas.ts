import { QUALITIES, type ReadingQuality } from '@gridtally/metering'
import { Type } from 'typebox'
import { BUCKET_LENGTHS } from './buckets.ts'

// Object.keys of a const table gives its literal keys.
const QUALITY_WORDS = Object.keys(QUALITIES) as ReadingQuality[]

const Name = Type.String({ minLength: 1, maxLength: 200 })
const Time = Type.String({ maxLength: 40, description: 'ISO 8601 with offset, or local date or time of the zone' })
const Decimal = Type.String({ description: 'Decimal number, exact' })
const Nullable = <T extends ReturnType<typeof Type.String> | ReturnType<typeof Type.Number>>(type: T) =>
  Type.Union([type, Type.Null()])
const Limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 }))
const After = Type.Optional(Type.String({ maxLength: 400, description: 'Cursor of the page before' }))
const Instants = Type.Union([Time, Type.Integer({ minimum: 0, description: 'ms since 1970' })])

/** `:usagePointId` */
export const PointParams = Type.Object({ usagePointId: Name })
/** `:meterId` */
export const MeterParams = Type.Object({ meterId: Name })
/** `:usagePointId/channels/:channel` */
export const PointChannelParams = Type.Object({ usagePointId: Name, channel: Name })
/** `:meterId/channels/:channel` */
export const MeterChannelParams = Type.Object({ meterId: Name, channel: Name })

/** A range of time. */
export const RangeQuery = Type.Object({ from: Time, to: Time, asOf: Type.Optional(Time) })
/** A range of intervals and how to write them. */
export const IntervalsQuery = Type.Object({
  from: Time,
  to: Time,
  asOf: Type.Optional(Time),
  form: Type.Optional(Type.Enum(['objects', 'columns'], { default: 'objects' })),
})
/** A range of buckets. */
export const BucketsQuery = Type.Object({
  from: Time,
  to: Time,
  asOf: Type.Optional(Time),
  bucket: Type.Enum(BUCKET_LENGTHS),
  zone: Type.Optional(Type.String({ maxLength: 60, description: "IANA zone; the usage point's unless given" })),
})
/** A page of a list. */
export const ListQuery = Type.Object({
  search: Type.Optional(Type.String({ maxLength: 100 })),
  after: After,
  limit: Limit,
})
/** A page of events. */
export const EventsQuery = Type.Object({
  meterId: Type.Optional(Name),
  order: Type.Optional(
    Type.Enum(['oldest', 'newest'], {
      default: 'oldest',
      description: 'By arrival: `oldest` first to follow what comes, `newest` first to look back',
    }),
  ),
  after: After,
  limit: Limit,
})
/** Days and page of completeness. */
export const CompletenessQuery = Type.Object({
  from: Type.String({ description: 'First local day, 2026-03-01' }),
  to: Type.String({ description: 'Last local day, inclusive' }),
  channel: Type.Optional(Type.String({ maxLength: 60, default: 'import' })),
  order: Type.Optional(Type.Enum(['usagePoint', 'missing'], { default: 'usagePoint' })),
  after: After,
  limit: Limit,
})
/** What to export. */
export const ExportQuery = Type.Object({
  usagePoint: Name,
  from: Time,
  to: Time,
  channel: Type.Optional(Type.String({ maxLength: 60, description: 'All channels unless given' })),
})

const UsagePointFields = {
  id: Name,
  zone: Type.String({ minLength: 1, maxLength: 60 }),
  commodity: Type.Enum(['electricity', 'gas', 'water', 'heat']),
  category: Type.String({ maxLength: 60 }),
}
/** Usage points to add or change. */
export const UsagePointsBody = Type.Array(Type.Object(UsagePointFields, { additionalProperties: false }), {
  maxItems: 100_000,
})
/** Assignments of the usage points named; they replace what was known of those. */
export const AssignmentsBody = Type.Array(
  Type.Object(
    { usagePointId: Name, meterId: Name, from: Instants, to: Type.Union([Instants, Type.Null()]) },
    { additionalProperties: false },
  ),
  { maxItems: 100_000 },
)
/** How many were sent and how many of them were new or different. */
export const Changed = Type.Object({ received: Type.Integer(), changed: Type.Integer() })

/** A page of usage points. */
export const UsagePointList = Type.Object({
  usagePoints: Type.Array(Type.Object({ ...UsagePointFields, meterId: Nullable(Type.String()) })),
  after: Nullable(Type.String()),
})

const ChannelView = Type.Object({
  channel: Type.String(),
  obis: Type.String(),
  unit: Type.String(),
  scaler: Type.Integer(),
  stepMs: Type.Integer(),
  firstDay: Nullable(Type.String()),
  lastDay: Nullable(Type.String()),
})
/** A usage point with its meters and channels. */
export const UsagePointView = Type.Object({
  ...UsagePointFields,
  assignments: Type.Array(Type.Object({ meterId: Type.String(), from: Type.String(), to: Nullable(Type.String()) })),
  channels: Type.Array(ChannelView),
})
/** A meter with its channels, one for each capture list. */
export const MeterView = Type.Object({
  meterId: Type.String(),
  channels: Type.Array(Type.Object({ ...ChannelView.properties, captureVersion: Type.Integer(), zone: Type.String() })),
})

const Interval = Type.Object({
  start: Type.String(),
  end: Type.String(),
  value: Nullable(Type.String()),
  quality: Type.Enum(QUALITY_WORDS),
  flags: Type.Optional(Type.Array(Type.String())),
})
/** Intervals one by one, or, asked for in columns, as runs. */
export const Intervals = Type.Object({
  channel: Type.String(),
  unit: Type.String(),
  zone: Type.String(),
  intervals: Type.Optional(Type.Array(Interval)),
  runs: Type.Optional(
    Type.Array(
      Type.Object({
        start: Type.String(),
        stepMs: Type.Integer(),
        unit: Type.Integer({ description: 'COSEM unit code' }),
        scaler: Type.Integer(),
        values: Type.Array(Type.Union([Type.Integer(), Type.Null()])),
        marks: Type.Array(Type.Array(Type.Integer()), {
          description: 'Runs: quality code, device flags, number of intervals',
        }),
      }),
    ),
  ),
})

/** Sums by bucket. */
export const BucketsView = Type.Object({
  channel: Type.String(),
  unit: Type.String(),
  zone: Type.String(),
  bucket: Type.String(),
  buckets: Type.Array(
    Type.Object({
      start: Type.String(),
      end: Type.String(),
      sum: Decimal,
      min: Nullable(Decimal),
      max: Nullable(Decimal),
      mean: Nullable(Type.Number({ description: 'Rounded to the resolution of a double' })),
      count: Type.Integer(),
      expected: Type.Integer(),
      estimated: Type.Integer(),
    }),
  ),
})

/** What a usage point has in all. */
export const SummaryView = Type.Object({
  usagePointId: Type.String(),
  channels: Type.Array(
    Type.Object({
      channel: Type.String(),
      unit: Type.String(),
      first: Nullable(Type.String()),
      last: Nullable(Type.String()),
      sum: Decimal,
      present: Type.Integer(),
      estimated: Type.Integer(),
      missing: Type.Integer(),
    }),
  ),
})

const RegisterReading = Type.Object({
  meterId: Type.String(),
  obis: Type.String(),
  at: Type.String(),
  value: Decimal,
  unit: Type.String(),
  reason: Type.String(),
  version: Type.Integer(),
  recordedAt: Type.String(),
})
/** Register readings. */
export const RegistersView = Type.Object({ readings: Type.Array(RegisterReading) })
/** The latest of everything a usage point's present meter told. */
export const LatestView = Type.Object({
  usagePointId: Type.String(),
  meterId: Nullable(Type.String()),
  registers: Type.Array(RegisterReading),
  intervals: Type.Array(
    Type.Object({
      channel: Type.String(),
      start: Type.String(),
      end: Type.String(),
      value: Decimal,
      unit: Type.String(),
      quality: Type.String(),
    }),
  ),
})

/** A page of events. */
export const EventsView = Type.Object({
  events: Type.Array(
    Type.Object({
      meterId: Type.String(),
      at: Type.String(),
      type: Type.String(),
      severity: Type.String(),
      text: Type.String(),
    }),
  ),
  after: Type.String(),
})

const Counted = { expected: Type.Integer(), present: Type.Integer(), estimated: Type.Integer() }
/** How complete the fleet is by day, and a page of usage points over all the days. */
export const CompletenessView = Type.Object({
  channel: Type.String(),
  days: Type.Array(
    Type.Object({ day: Type.String(), ...Counted, usagePoints: Type.Integer(), complete: Type.Integer() }),
  ),
  usagePoints: Type.Array(
    Type.Object({ usagePointId: Type.String(), meterId: Nullable(Type.String()), ...Counted, missing: Type.Integer() }),
  ),
  after: Nullable(Type.String()),
})

const Blocks = Type.Object({
  created: Type.Integer(),
  filled: Type.Integer(),
  changed: Type.Integer(),
  same: Type.Integer(),
})
const ImportAnswer = Type.Object({
  importId: Type.Integer(),
  lines: Type.Integer(),
  failed: Type.Integer(),
  intervals: Type.Integer(),
  blocks: Blocks,
  errors: Type.Array(Type.Object({ line: Type.Integer(), error: Type.String() })),
})
/** What an import came to; 207 when some lines failed. */
export const ImportResponses = { 200: ImportAnswer, 207: ImportAnswer }
