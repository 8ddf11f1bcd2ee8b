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

/** What operators' faces ask of the meter data store. */
export interface MdmsSource {
  /** Completeness of the fleet on local days, ascending; `to` is the last. */
  days(from: string, to: string): Promise<readonly DayCompleteness[]>
  /** Values present on a local day, by usage point, in tenths of a per cent. */
  usagePointsOn(day: string): Promise<ReadonlyMap<string, number>>
  /** Events, newest first, of one meter or all. */
  events(meterId: string | undefined, after: string | undefined, limit: number): Promise<ListPage<EndDeviceEvent>>
  /** Since when a meter is at a usage point; null when it is not. */
  since(meterId: string, usagePointId: string): Promise<Instant | null>
}
