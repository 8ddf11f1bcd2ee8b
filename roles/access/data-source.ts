import type { Instant } from '@gridtally/wire'
import type { Series } from './series.ts'

/** Energy channels of a usage point. */
export type Channel = 'import' | 'export'

/** What there is of a usage point's data. */
export interface DataExtent {
  /** `import` first. */
  readonly channels: readonly Channel[]
  /** First instant there is data for, null when nothing came yet. */
  readonly dataFrom: Instant | null
  /** End of the latest interval there is data for. */
  readonly dataTo: Instant | null
}

/** A register's latest value. */
export interface RegisterValue {
  readonly obis: string
  /** Exact decimal in `unit`. */
  readonly value: string
  readonly unit: string
  readonly at: Instant
  readonly reason: string
}

/** The newest a usage point's present meter told. */
export interface Latest {
  readonly registers: readonly RegisterValue[]
  /** Newest interval of each channel, energy in Wh. */
  readonly intervals: readonly {
    readonly channel: string
    readonly start: Instant
    readonly end: Instant
    readonly value: string
  }[]
}

/** Where interval data comes from: the meter data store, in the words the services here need. A usage point the store does not know yet has no data. */
export interface DataSource {
  extent(usagePointId: string): Promise<DataExtent>
  latest(usagePointId: string): Promise<Latest>
  /**
   * The channel's intervals that begin in `[from, to)`: one series without holes from end to end, or, where the length of
   * intervals changed, one after the other. At least one.
   */
  series(usagePointId: string, channel: Channel, from: Instant, to: Instant): Promise<readonly Series[]>
}
