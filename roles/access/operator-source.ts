import type { Command, EndDeviceEvent } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { DeviceRow, FleetSession } from './fleet.ts'
import type { DayCompleteness } from './schemas.ts'

/** All the head-end tells of one meter. */
export interface DeviceDetail extends DeviceRow {
  readonly manufacturer: string | null
  readonly model: string | null
  readonly endpoint: string | null
  readonly clockMeasuredAt: Instant | null
  readonly channels: readonly {
    readonly obis: string
    readonly unit: string
    readonly intervalMinutes: number | null
  }[]
  readonly keys: readonly {
    readonly type: string
    readonly generation: number
    readonly since: Instant | null
    readonly counter: string | null
  }[]
}

/** Part of a list; `next` goes into `after` of the next request. */
export interface ListPage<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

/** What operators' faces ask of the head-end. */
export interface HeadendSource {
  /** All meters, page by page. */
  devices(): AsyncIterable<readonly DeviceRow[]>
  /** @throws Problem `METER_UNKNOWN` */
  device(meterId: string): Promise<DeviceDetail>
  /** Sessions behind a cursor, oldest first; without a cursor from as far back as `since`. */
  sessionsAfter(
    cursor: string | null,
    since: Instant,
  ): Promise<{ readonly items: readonly FleetSession[]; readonly cursor: string }>
  /** Newest first. @throws Problem `METER_UNKNOWN` */
  sessionsOf(meterId: string, after: string | undefined, limit: number): Promise<ListPage<FleetSession>>
  /** Orders a reading. @throws Problem `METER_UNKNOWN` */
  orderRead(meterId: string): Promise<Command>
  /** @throws Problem `COMMAND_UNKNOWN` */
  command(id: string): Promise<Command>
}

/** A register's latest value. */
export interface RegisterValue {
  readonly obis: string
  readonly value: string
  readonly unit: string
  readonly at: Instant
  readonly reason: string
}

/** What operators' faces ask of the meter data store. */
export interface MdmsSource {
  /** Days ascending, and present values of the last of them by usage point in tenths of a per cent. */
  completeness(
    from: string,
    to: string,
  ): Promise<{ readonly days: readonly DayCompleteness[]; readonly usagePoints: ReadonlyMap<string, number> }>
  /** Latest value of each register at a usage point. */
  registers(usagePointId: string): Promise<readonly RegisterValue[]>
  /** Events, newest first, of one meter or all. */
  events(meterId: string | undefined, after: string | undefined, limit: number): Promise<ListPage<EndDeviceEvent>>
  /** Since when a meter is at its usage point; null when it is at none. */
  assignment(meterId: string): Promise<{ readonly usagePointId: string; readonly from: Instant } | null>
}
