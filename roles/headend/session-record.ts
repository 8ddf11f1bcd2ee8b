import type { Instant } from '@gridtally/wire'

/** How a session with a meter ended. Stable: operators and metrics go by it. */
export const OUTCOMES = {
  OK: 'read and stored',
  CONNECT_REFUSED: 'nobody listens at the address of the meter',
  CONNECT_TIMEOUT: 'no connection within the limit',
  UNREACHABLE: 'no way to the address of the meter',
  CLOSED_BY_PEER: 'the meter closed the connection',
  TIMEOUT: 'an answer did not come within the limit',
  TOO_SLOW: 'the session as a whole took too long',
  ASSOCIATION_REJECTED: 'the meter refused the association',
  AUTHENTICATION_FAILED: 'the meter did not accept our proof',
  PEER_NOT_AUTHENTIC: 'the meter could not prove who it is',
  IDENTITY_MISMATCH: 'another meter answered than the one registered',
  REPLAY: 'an old message was sent again',
  TAG_MISMATCH: 'a message was altered, or sealed with another key',
  NOT_PROTECTED: 'an answer came with less protection than agreed',
  COUNTER_REJECTED: 'the meter wants a higher invocation counter',
  COUNTER_EXHAUSTED: 'the invocation counter is used up: the keys must be replaced',
  REFUSED_BY_METER: 'the meter refused a request',
  ANSWER_TOO_LARGE: 'an answer was larger than allowed',
  PROTOCOL: 'the meter sent what cannot be understood',
  KEYS_MISSING: 'no keys of this meter are known',
  QUARANTINED: 'the meter is in quarantine',
  CANCELLED: 'the head-end was stopped',
  INTERNAL: 'the head-end failed; it has been logged',
} as const

/** Name of an outcome. */
export type SessionOutcome = keyof typeof OUTCOMES

/** Outcomes that speak of an attack or a wrong key: nothing of such a session is stored, and an event tells of it. */
export const SECURITY_OUTCOMES: ReadonlySet<SessionOutcome> = new Set([
  'AUTHENTICATION_FAILED',
  'PEER_NOT_AUTHENTIC',
  'IDENTITY_MISMATCH',
  'REPLAY',
  'TAG_MISMATCH',
  'NOT_PROTECTED',
])

/** Who is served first. */
export type Priority = 'interactive' | 'scheduled'

/** What is kept of a session. */
export interface SessionRecord {
  readonly seq: number
  readonly meterId: string
  readonly priority: Priority
  /** By the platform's clock. */
  readonly startedAt: Instant
  /** By the machine's clock. */
  readonly durationMs: number
  readonly outcome: SessionOutcome
  /** For people: what failed and where. Never secrets or readings. */
  readonly detail: string
  /** Profile rows stored. */
  readonly rows: number
  /** Octets on the connection, link layer included. */
  readonly octetsIn: number
  readonly octetsOut: number
}

/** Thrown where a session cannot go on. */
export class SessionError extends Error {
  override readonly name = 'SessionError'
  readonly code: Exclude<SessionOutcome, 'OK'>
  /** System title the peer showed instead of the registered one, in hex. */
  readonly claimedTitle: string | undefined

  constructor(
    code: Exclude<SessionOutcome, 'OK'>,
    message: string,
    options: ErrorOptions & { readonly claimedTitle?: string } = {},
  ) {
    super(message, options)
    this.code = code
    this.claimedTitle = options.claimedTitle
  }
}
