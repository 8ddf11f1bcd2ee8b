import type { Instant } from '@gridtally/wire'
import type { ObisCode } from './obis.ts'

/** Why a register was read (IEC 61968-9 `reason`). */
export type ReadingReason = 'scheduled' | 'on-demand' | 'billing' | 'move' | 'switch' | 'check' | 'push' | 'imported'

/** What a column or register measures: OBIS code with the scaler and unit the meter gave for it. */
export interface Quantity {
  readonly obis: ObisCode
  /** Power of ten to multiply integers with. */
  readonly scaler: number
  /** COSEM unit code, 30 = Wh. */
  readonly unit: number
}

/** One instantaneous register value of one meter. The quantity is `value × 10^scaler` in `unit`. */
export interface Reading extends Quantity {
  readonly meterId: string
  /** When the register had this value, by the meter's clock. */
  readonly at: Instant
  /** Decimal digits of an integer, since registers may be longer than doubles hold. */
  readonly value: string
  readonly reason: ReadingReason
}

/**
 * A run of equally spaced interval values of one meter and one quantity, oldest first, as it leaves the head-end.
 *
 * Value `i` is the energy (or volume) that passed in `[start + i × stepMs, start + (i+1) × stepMs)`.
 * A `null` value is an interval the meter has no row for.
 */
export interface IntervalRun extends Quantity {
  readonly meterId: string
  /** Beginning of the first interval. */
  readonly start: Instant
  /** Length of an interval in ms, > 0. */
  readonly stepMs: number
  readonly values: readonly (number | null)[]
  /** Device flags per value (see `DEVICE_FLAGS`), absent when all are 0. */
  readonly flags?: readonly number[]
  /** Which capture list of the meter the column came from: a counter that steps when the list changes. */
  readonly captureVersion: number
}

/** What {@link IntervalRun} columns hold. */
export type IntervalKind = 'delta' | 'register'

/** Something a device or the head-end noticed (IEC 61968-9 EndDeviceEvent). */
export interface EndDeviceEvent {
  readonly meterId: string
  readonly at: Instant
  /** Four-part code `type.domain.subDomain.eventOrAction`, or a stable word of ours with dots. */
  readonly type: string
  readonly severity: 'info' | 'warning' | 'alarm'
  /** For people. Never holds secrets. */
  readonly text: string
}
