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

/** A power as a register told it: `value × 10^scaler` W, import positive. */
export interface Power {
  readonly at: Instant
  readonly value: bigint
  readonly scaler: number
}

/** Where interval data comes from: the meter data store, in the words the services here need. */
export interface DataSource {
  /** @throws Problem `USAGE_POINT_UNKNOWN` never: a usage point the store does not know yet has no data */
  extent(usagePointId: string): Promise<DataExtent>
  /**
   * The channel's intervals that begin in `[from, to)`: one series without holes from end to end, or, where the length of
   * intervals changed, one after the other. At least one.
   */
  series(usagePointId: string, channel: Channel, from: Instant, to: Instant): Promise<readonly Series[]>
  /** Latest net power registers told since `since`; null when there is none. */
  power(usagePointId: string, since: Instant): Promise<Power | null>
}
