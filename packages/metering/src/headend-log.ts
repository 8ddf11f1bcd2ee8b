import type { Instant } from '@gridtally/wire'
import type { EndDeviceEvent, IntervalRun, Reading } from './reading.ts'

/** Who may open a payload: billing values belong to the MDMS alone, operational ones to the head-end too (X.1332 §9.1, §10.1). */
export type DataClass = 'billing' | 'operational'

/** What a payload holds, opened. */
export type LogPayload =
  | { readonly kind: 'intervals'; readonly run: IntervalRun }
  | { readonly kind: 'readings'; readonly readings: readonly Reading[] }
  | { readonly kind: 'event'; readonly event: EndDeviceEvent }

/** The part of a log entry every stage may see; it is bound to the payload by its authentication tag. */
export interface LogHeader {
  /** Position in the head-end's log, from 1, no gaps. */
  readonly seq: number
  readonly kind: LogPayload['kind']
  readonly dataClass: DataClass
  readonly meterId: string
  /** First instant the payload speaks of. */
  readonly from: Instant
  /** End of what it speaks of; equal to `from` for an instant. */
  readonly to: Instant
  /** Rows, readings or events inside. */
  readonly count: number
  /** When the head-end stored it. */
  readonly recordedAt: Instant
}

/** One entry of the head-end's append-only log as it travels: header in clear, payload sealed (base64) or, if operational, in clear. */
export interface LogEntry {
  readonly header: LogHeader
  /** Exactly one of the two is there. */
  readonly sealed?: string
  readonly payload?: LogPayload
}

/** Answer to `GET /log?after=<cursor>`. The cursor is opaque to the reader. */
export interface LogPage {
  readonly entries: readonly LogEntry[]
  readonly cursor: string
}
