import type { ProfileRows } from '@gridtally/dlms'
import type { ObisCode } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { CaptureColumn, CaptureList } from './device.ts'

/** A register as read: the quantity is `value × 10^scaler` in `unit`. */
export interface RegisterValue {
  readonly obis: ObisCode
  readonly value: bigint
  readonly scaler: number
  readonly unit: number
}

/** Captured objects of a profile as the meter lists them now, and its period. */
export interface CaptureObjects {
  readonly periodMs: number
  readonly columns: readonly Omit<CaptureColumn, 'scaler' | 'unit'>[]
}

/** What is asked of a meter first, in one exchange. */
export interface Survey {
  /** The meter's clock; `null` when it names no instant. */
  readonly clock: Instant | null
  /** `undefined` when the meter has no such profile. */
  readonly capture: CaptureObjects | undefined
  /** Registers the meter has, of those asked for. */
  readonly registers: readonly RegisterValue[]
}

/**
 * An open session with a meter that has proved who it is. All calls throw SessionError with the reason when it cannot go on;
 * what the meter merely does not have or give is a value.
 */
export interface MeterSession {
  survey(profile: ObisCode, registers: readonly ObisCode[]): Promise<Survey>
  readCapture(profile: ObisCode): Promise<CaptureObjects | undefined>
  /** Scaler and unit of each column's register; 0 and 255 for columns that have none. */
  readScalers(
    columns: CaptureObjects['columns'],
  ): Promise<readonly { readonly scaler: number; readonly unit: number }[]>
  /**
   * Rows stamped `from` ≤ t ≤ `to`.
   *
   * @throws DecodeError when rows do not fit `list`, as when the meter changed it
   */
  readRows(list: CaptureList, from: Instant, to: Instant): Promise<ProfileRows>
}
