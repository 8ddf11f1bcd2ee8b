/**
 * The JSON the portal and the console exchange with `/api/*`, as `docs/portal-api.md` tells it.
 * Quantities are decimal strings; times are ISO 8601 with offset; days are local dates of the usage point's zone.
 */

/** Exact decimal text such as `"12.034"` or `"-3"`. Never a float. */
export type Decimal = string

/** ISO 8601 date-time with offset: `2026-10-25T02:15:00+01:00`. */
export type Time = string

/** Local calendar day `2026-10-25`. */
export type LocalDate = string

/** Page of a list, in the list's order; `next` goes into `after` of the next request, null at the end. */
export interface Page<T> {
  /** When the server looked. */
  readonly asOf: Time
  readonly items: readonly T[]
  readonly next: string | null
}

/** RFC 9457 problem. `code` is stable; `detail` is for people. */
export interface Problem {
  readonly type?: string
  readonly title?: string
  readonly status: number
  readonly code: string
  readonly detail?: string
}

/** `GET /api/me`; also the answer to a redeemed link and to a passkey assertion. */
export interface Me {
  readonly accountId: string
  readonly name: string
  readonly role: 'customer' | 'operator'
  /** How this session began. */
  readonly signedInBy: 'link' | 'passkey'
  readonly sessionExpiresAt: Time
  /** Passkeys the account has; 0 makes the portal offer one. */
  readonly passkeys: number
  /** The server's clock: the web app shows ages and "today" by it, not by the device's clock. */
  readonly serverTime: Time
}

/** One registered passkey (`GET /api/passkeys` gives `{ items: Passkey[] }`). */
export interface Passkey {
  readonly id: string
  readonly name: string
  readonly createdAt: Time
  readonly lastUsedAt: Time | null
}

/** A place where the account is signed in (`GET /api/sessions` gives `{ items: SessionInfo[] }`). `id` names it and opens nothing. */
export interface SessionInfo {
  readonly id: string
  readonly signedInBy: 'link' | 'passkey'
  readonly createdAt: Time
  readonly lastSeenAt: Time
  readonly expiresAt: Time
  readonly current: boolean
}

/** Somebody looked at this account's data (`GET /api/me/accesses` gives `{ items: AccessRecord[] }`, newest first). */
export interface AccessRecord {
  readonly at: Time
  readonly who: 'you' | 'operator' | 'service'
  /** Stable word: `data.intervals`, `data.export`, … */
  readonly what: string
  /** Usage point or account it was about. */
  readonly subject: string
  readonly purpose: string
  readonly outcome: 'done' | 'refused'
}

/** Short names of a usage point's energy channels. */
export type Channel = 'import' | 'export'

/** `GET /api/me/usage-points` gives `{ items: CustomerUsagePoint[] }`. */
export interface CustomerUsagePoint {
  readonly id: string
  /** What the customer knows the place by, one line. */
  readonly address: string
  /** IANA zone of its local days. */
  readonly zone: string
  readonly category: string
  /** ISO 4217. */
  readonly currency: string
  /** Channels it has; `import` always. */
  readonly channels: readonly Channel[]
  /** First and last instant there is data for; null when nothing came yet. */
  readonly dataFrom: Time | null
  readonly dataTo: Time | null
}

/** Whether power is unusual for this customer at this hour of this kind of day. */
export type Level = 'low' | 'usual' | 'high'

/** `GET /api/usage-points/{id}/now` */
export interface Now {
  readonly usagePointId: string
  /** When the value held (end of the interval for `interval-mean`); null when there is none. */
  readonly at: Time | null
  /** `instantaneous`: a power register; `interval-mean`: energy of the last interval over its length. */
  readonly source: 'instantaneous' | 'interval-mean' | null
  /** Net power in W, import positive, export negative. */
  readonly powerW: Decimal | null
  /** Money per hour at this power, by the tariff at `at`; negative earns. Null without a tariff. */
  readonly costPerHour: Decimal | null
  readonly currency: string
  /** What a kWh costs now, and the tariff period's name (`day`, `night`, …; empty for a flat tariff). */
  readonly price: { readonly perKwh: Decimal; readonly name: string } | null
  /** 20th, 50th and 80th percentile of the same hour on days of the same kind (working day, weekend); null before there are ten. */
  readonly usual: {
    readonly lowW: Decimal
    readonly medianW: Decimal
    readonly highW: Decimal
    readonly days: number
  } | null
  readonly level: Level | null
}

/** Energy of one channel in one stretch of time. */
export interface Energy {
  /** Sum of what is known, in Wh; null when nothing is. */
  readonly energyWh: Decimal | null
  /** Energy price part by the dated tariff: import costs, export earns, both ≥ 0 usually; null without tariff or energy. */
  readonly money: Decimal | null
  /** Intervals that have ended in this stretch (future ones are not expected yet). */
  readonly expected: number
  /** Of those, how many have a value, estimated ones included. Missing = expected − present. */
  readonly present: number
  /** Of those present, how many are estimated. */
  readonly estimated: number
}

/** A tariff as it held from a day on; older data keeps its older tariff. */
export interface TariffPeriod {
  readonly name: string
  readonly from: LocalDate
  /** First day it no longer holds; null while it lasts. */
  readonly to: LocalDate | null
  /** Prices per kWh by name; one entry named '' for a flat tariff. */
  readonly importPrices: readonly { readonly name: string; readonly perKwh: Decimal }[]
  readonly exportPrices: readonly { readonly name: string; readonly perKwh: Decimal }[]
  readonly standingPerDay: Decimal
}

/** `GET /api/usage-points/{id}/summary`: today so far. */
export interface Summary {
  readonly usagePointId: string
  readonly asOf: Time
  readonly zone: string
  readonly currency: string
  readonly date: LocalDate
  /** End of the latest interval known today or before; null when nothing came yet. */
  readonly dataTo: Time | null
  readonly import: Energy
  /** Null when the usage point has no export channel. */
  readonly export: Energy | null
  /** Standing charge of today. */
  readonly standing: Decimal | null
  /** Cumulative import since local midnight at the end of each local hour of today (23 … 25 points). `energyWh` null where unknown or future. */
  readonly curve: readonly {
    readonly at: Time
    readonly energyWh: Decimal | null
    readonly usualLowWh: Decimal | null
    readonly usualMedianWh: Decimal | null
    readonly usualHighWh: Decimal | null
  }[]
  /** Usual cumulative import at `dataTo` (20th, 50th, 80th percentile of days of the same kind); null before there are ten. */
  readonly usualByNow: {
    readonly lowWh: Decimal
    readonly medianWh: Decimal
    readonly highWh: Decimal
    readonly days: number
  } | null
  readonly tariff: TariffPeriod | null
}

/** Lengths of a bucket. Days and longer are local: a day with a clock change has 23 or 25 hours. */
export type BucketLength = 'PT15M' | 'PT30M' | 'PT1H' | 'P1D' | 'P1W' | 'P1M' | 'P1Y'

/** One bar of a chart. */
export interface Bucket {
  readonly start: Time
  readonly end: Time
  readonly import: Energy
  readonly export: Energy | null
}

/** `GET /api/usage-points/{id}/buckets?from&to&bucket`; `from` and `to` are local dates, half-open, at most 400 buckets. */
export interface Buckets {
  readonly usagePointId: string
  readonly asOf: Time
  readonly zone: string
  readonly currency: string
  readonly bucket: BucketLength
  readonly from: Time
  readonly to: Time
  readonly dataTo: Time | null
  /** Ascending, covering `from` … `to` without holes, future ones included (expected 0). */
  readonly buckets: readonly Bucket[]
  readonly total: {
    readonly import: Energy
    readonly export: Energy | null
    /** Standing charges of the days that have begun. */
    readonly standing: Decimal | null
  }
  /** Tariffs that hold somewhere in the range, ascending. */
  readonly tariffs: readonly TariffPeriod[]
}

/** One interval of one channel. `quality` is a word of metering's `QUALITIES`. */
export interface IntervalValue {
  readonly energyWh: Decimal | null
  readonly quality: string
  /** Names of metering's `DEVICE_FLAGS`. */
  readonly flags: readonly string[]
}

/** `GET /api/usage-points/{id}/intervals?from&to` (local dates, at most 40 days). */
export interface Intervals {
  readonly usagePointId: string
  readonly asOf: Time
  readonly zone: string
  readonly intervals: readonly {
    readonly start: Time
    readonly end: Time
    readonly import: IntervalValue
    readonly export: IntervalValue | null
  }[]
}

/** Where a meter stands with collection: `ok`, `late` (due, not yet read), `failing` (last session failed), `new` (never reached). */
export type MeterState = 'ok' | 'late' | 'failing' | 'new' | 'imported'

/** How complete one local day is over all meters. */
export interface DayCompleteness {
  readonly date: LocalDate
  /** Interval values that should be there, are there, and of those are estimated. */
  readonly expected: number
  readonly present: number
  readonly estimated: number
  readonly meters: number
  readonly metersComplete: number
}

/** `GET /api/operator/overview`; each part tells the age of what it shows. */
export interface Overview {
  readonly serverTime: Time
  readonly completeness: {
    readonly asOf: Time
    readonly targetPercent: Decimal
    readonly zone: string
    /** Ended days, oldest first, yesterday last; 14 … 31 of them. */
    readonly days: readonly DayCompleteness[]
  }
  readonly meters: {
    readonly asOf: Time
    readonly total: number
    readonly states: readonly { readonly state: MeterState; readonly count: number }[]
  }
  readonly sessions: {
    readonly asOf: Time
    /** One entry a minute, the last 60 ended minutes, oldest first. */
    readonly minutes: readonly { readonly at: Time; readonly ok: number; readonly failed: number }[]
    /** Reasons of failed sessions in the last 24 hours, most frequent first. */
    readonly errors: readonly { readonly reason: string; readonly count: number }[]
  }
}

/** One row of `GET /api/operator/meters`. */
export interface MeterRow {
  readonly meterId: string
  readonly usagePointId: string | null
  readonly address: string | null
  readonly state: MeterState
  readonly lastContactAt: Time | null
  /** Reason code of the last failed session, if the last one failed. */
  readonly lastError: string | null
  /** Yesterday's values present, per cent with one decimal; null when unknown. */
  readonly completenessPercent: Decimal | null
  readonly clockOffsetSeconds: Decimal | null
  readonly firmware: string | null
}

/** What the meters list can be sorted by; a leading `-` turns it round. */
export type MeterSort = 'meterId' | 'address' | 'state' | 'lastContact' | 'completeness' | 'clockOffset'

/** `GET /api/operator/meters?search&state&sort&after&limit`; `search` takes serial, usage point, address or system title. */
export interface MeterList extends Page<MeterRow> {
  /** Rows that match, all pages together. */
  readonly total: number
}

/** `GET /api/operator/meters/{id}`: all there is to know, never a key value. */
export interface MeterDetail {
  readonly asOf: Time
  readonly meterId: string
  readonly systemTitle: string
  readonly manufacturer: string | null
  readonly model: string | null
  readonly firmware: string | null
  /** Where it answers: `127.0.0.1:40001`. */
  readonly endpoint: string | null
  readonly state: MeterState
  readonly lastContactAt: Time | null
  readonly lastError: string | null
  readonly usagePoint: {
    readonly id: string
    readonly address: string
    readonly zone: string
    readonly category: string
    readonly channels: readonly Channel[]
    readonly since: Time
  } | null
  readonly channels: readonly {
    readonly obis: string
    readonly name: string
    readonly unit: string
    readonly intervalMinutes: number | null
  }[]
  readonly registers: readonly {
    readonly obis: string
    readonly name: string
    readonly value: Decimal
    readonly unit: string
    readonly at: Time
    /** Why it was read: `scheduled`, `on-demand`, … */
    readonly reason: string
  }[]
  readonly clock: { readonly offsetSeconds: Decimal; readonly measuredAt: Time } | null
  readonly keys: readonly {
    /** `block-cipher`, `authentication`, `master`, `password`. */
    readonly type: string
    readonly generation: number
    readonly since: Time | null
    /** Next invocation counter the head-end will send, for keys that have one. */
    readonly counter: string | null
  }[]
  readonly events: readonly MeterEvent[]
}

/** Something a meter or the head-end noticed. */
export interface MeterEvent {
  readonly meterId: string
  readonly at: Time
  readonly type: string
  readonly severity: 'info' | 'warning' | 'alarm'
  readonly text: string
}

/** One row of the audit log (`GET /api/operator/audit?subject&after&limit`, newest first). */
export interface AuditRecord {
  readonly seq: number
  readonly at: Time
  readonly actor: string
  readonly actorRole: 'customer' | 'operator' | 'service' | 'anonymous'
  readonly action: string
  readonly subject: string
  readonly purpose: string
  readonly outcome: 'done' | 'refused'
}

/** `GET /api/operator/audit/verification`: entries whose hash fits the one before, and the first that does not. */
export interface AuditVerification {
  readonly entries: number
  readonly brokenAt: number | null
}

/** One talk with a meter: `GET /api/operator/sessions?after&limit`, `…/meters/{id}/sessions`; newest first. */
export interface Session {
  readonly id: string
  readonly meterId: string
  readonly startedAt: Time
  readonly endedAt: Time | null
  readonly outcome: 'running' | 'ok' | 'failed'
  readonly purpose: 'scheduled' | 'on-demand'
  /** Stable error code when failed. */
  readonly reason: string | null
  /** For people; empty when all went well. */
  readonly detail: string
  /** Load-profile rows read. */
  readonly rows: number
  readonly octetsIn: number
  readonly octetsOut: number
}

/** `POST /api/operator/meters/{id}/commands` `{ kind: 'read' }` → 202; `GET /api/operator/commands/{id}`. */
export interface CommandView {
  readonly id: string
  readonly meterId: string
  readonly kind: 'read'
  readonly state: 'requested' | 'dispatched' | 'confirmed' | 'failed' | 'expired'
  readonly requestedAt: Time
  readonly expiresAt: Time
  readonly detail: string
}

/** `/api/stream`, event `reading`: new power of a usage point the caller may see. */
export interface StreamReading {
  readonly usagePointId: string
  readonly at: Time
  readonly powerW: Decimal
}

/** Events of `/api/stream` (Server-Sent Events) and what their `data` holds. `session` and `completeness` go to operators only. */
export interface StreamEvents {
  readonly reading: StreamReading
  readonly session: Session
  readonly completeness: DayCompleteness
}
