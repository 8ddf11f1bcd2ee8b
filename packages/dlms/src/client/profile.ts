import type { ObisCode } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import { dateTimeOf } from '../axdr/date-time.ts'
import type { ColumnKind, ProfileRows } from '../axdr/profile.ts'
import { DemandRegister, ExtendedRegister, Register } from '../cosem/classes.ts'
import type { AttributeRef } from '../cosem/interface-table.ts'
import { type CaptureObject, CLOCK_TIME, encodeSelection } from '../cosem/selective-access.ts'
import type { SelectiveAccess } from '../xdlms/apdu.ts'

/** One column of a profile: what is captured, and in what unit. */
export interface ColumnDescription extends CaptureObject {
  readonly kind: ColumnKind
  /** Power of ten; `null` when the object has none or would not tell. */
  readonly scaler: number | null
  /** COSEM unit code; `null` when the object has none or would not tell. */
  readonly unit: number | null
}

/** What rows of a profile look like. Plain JSON: keep it, and later reads of the same meter need not ask again. */
export interface ProfileDescription {
  readonly obis: ObisCode
  /** 0 when rows are captured on demand. */
  readonly capturePeriodMs: number
  readonly columns: readonly ColumnDescription[]
}

/** Which rows to read. */
export interface ProfileQuery {
  /** A profile's logical name, or its description from an earlier read. */
  readonly profile: ObisCode | string | ProfileDescription
  /** Rows stamped in `from` ≤ t < `to`. Without both, all rows. */
  readonly from?: Instant
  readonly to?: Instant
  /**
   * How times are sent: minutes of local time from UTC (0, the default, sends UTC), or `unspecified` with the local wall time that
   * `localFromInstant` gives. Meters differ in which they take.
   */
  readonly offsetMinutes?: number | 'unspecified'
  /** Turns an instant to local wall time as if it were UTC, ms. For `unspecified`. Default: UTC. */
  readonly localFromInstant?: (at: Instant) => number
  /** Turns such a wall time to an instant, for rows without deviation. Default: UTC. */
  readonly localToInstant?: (wallMs: number) => Instant
  /** Positions of the columns to read; default all. Some meters cannot select columns. */
  readonly columns?: readonly number[]
  /** What a null means, see `ProfileOptions`. */
  readonly nulls?: 'repeat' | 'missing'
}

/** A profile being read: what its columns are, and its rows as blocks bring them. Read the rows once, to the end or until enough. */
export interface ProfileReading {
  readonly description: ProfileDescription
  readonly rows: AsyncIterable<ProfileRows>
}

/** Where the scaler and unit of a captured register value are; `undefined` for objects that have none. */
export function scalerUnitOf(
  column: CaptureObject,
): AttributeRef<{ readonly scaler: number; readonly unit: number }> | undefined {
  const { classId, attributeId, logicalName } = column
  if (classId === 3 && attributeId === 2) return Register.at(logicalName).scalerUnit
  if (classId === 4 && attributeId === 2) return ExtendedRegister.at(logicalName).scalerUnit
  if (classId === 5 && (attributeId === 2 || attributeId === 3)) return DemandRegister.at(logicalName).scalerUnit
  return undefined
}

/** How a captured object is read: class 8, attribute 2 is a clock. */
export function columnKind(column: CaptureObject): ColumnKind {
  return column.classId === 8 && column.attributeId === 2 ? 'clock' : 'value'
}

/** Selective access for a query; `undefined` for all rows. */
export function queryAccess(query: ProfileQuery, description: ProfileDescription): SelectiveAccess | undefined {
  const { from, to, offsetMinutes = 0, localFromInstant } = query
  if (from === undefined || to === undefined) return undefined
  const encode = (at: Instant): ReturnType<typeof dateTimeOf> =>
    offsetMinutes === 'unspecified'
      ? dateTimeOf(localFromInstant?.(at) ?? at, null, null)
      : dateTimeOf(at, offsetMinutes)
  const clock = description.columns.find((column) => column.kind === 'clock')
  const restricting = clock
    ? {
        classId: clock.classId,
        logicalName: clock.logicalName,
        attributeId: clock.attributeId,
        dataIndex: clock.dataIndex,
      }
    : CLOCK_TIME
  const columns = (query.columns ?? []).map((i) => {
    const { classId, logicalName, attributeId, dataIndex } = description.columns[i]
    return { classId, logicalName, attributeId, dataIndex }
  })
  // Both ends are included on the wire, and stamps are whole seconds.
  return encodeSelection({ kind: 'range', restricting, from: encode(from), to: encode(to - 1000), columns })
}
