import type { Instant } from '@gridtally/wire'

/** What a link layer has to say to whoever drives it. */
export type FramingEvent =
  /** Octets to put on the channel now. */
  | { readonly type: 'send'; readonly octets: Uint8Array }
  /** The link is up: APDUs may be sent. */
  | { readonly type: 'connected' }
  /** One whole APDU has come. `client` and `server` are the upper-layer addresses, whoever sent it. */
  | { readonly type: 'apdu'; readonly apdu: Uint8Array; readonly client: number; readonly server: number }
  /** The link is down. `error` says why when neither side asked for it. */
  | { readonly type: 'closed'; readonly error?: Error }

/**
 * A link layer under the COSEM application layer, as a state machine: octets and time in, events out. One per channel.
 *
 * Octets that cannot be decoded throw DecodeError from `feed`; the link is then of no further use.
 */
export interface Framing {
  /** Opens the link. The wrapper is connected at once, HDLC sends SNRM first. */
  open(now: Instant): FramingEvent[]
  /** Sends an APDU to the peer of the other role; `client` (server side only) says which client the answer is for. */
  send(apdu: Uint8Array, now: Instant, client?: number): FramingEvent[]
  /** Takes octets as they come, cut anywhere. */
  feed(octets: Uint8Array, now: Instant): FramingEvent[]
  /** Does what is due at `now`, such as repeating a frame. */
  tick(now: Instant): FramingEvent[]
  /** When `tick` wants to be called; `undefined` when nothing is pending. */
  nextDeadline(): Instant | undefined
  /** Takes the link down. */
  close(now: Instant): FramingEvent[]
}
