/**
 * Why a session with a meter, or a meter's with its client, failed. Stable: callers switch on it; messages may change.
 *
 * - `ASSOCIATION_REJECTED` the meter refused the association; `detail` has its diagnostic
 * - `AUTHENTICATION_FAILED` the meter did not accept our password or token
 * - `PEER_NOT_AUTHENTIC` the meter could not prove who it is
 * - `TIMEOUT` an answer or the session took too long
 * - `CLOSED` the peer closed the channel, or the link broke
 * - `ABORTED` the caller gave up
 * - `COUNTER_REPLAYED` an APDU came with an invocation counter already seen
 * - `COUNTER_REJECTED` the meter wants a higher invocation counter; `detail.expected` says which, when it told
 * - `COUNTER_EXHAUSTED` no invocation counter is reserved, or none is left
 * - `TAG_MISMATCH` an APDU's authentication tag is wrong: other key, or altered on the way
 * - `NOT_PROTECTED` an answer came with less protection than the association demands
 * - `EXCEPTION_RESPONSE` the meter refused a request as such
 * - `ANSWER_TOO_LARGE` an answer grew beyond the cap
 * - `PROTOCOL` the peer broke the protocol, or its octets cannot be decoded (see `cause`)
 */
export type DlmsErrorCode =
  | 'ASSOCIATION_REJECTED'
  | 'AUTHENTICATION_FAILED'
  | 'PEER_NOT_AUTHENTIC'
  | 'TIMEOUT'
  | 'CLOSED'
  | 'ABORTED'
  | 'COUNTER_REPLAYED'
  | 'COUNTER_REJECTED'
  | 'COUNTER_EXHAUSTED'
  | 'TAG_MISMATCH'
  | 'NOT_PROTECTED'
  | 'EXCEPTION_RESPONSE'
  | 'ANSWER_TOO_LARGE'
  | 'PROTOCOL'

/** What a failure brought with it. Never secrets. */
export interface DlmsErrorDetail {
  /** Lowest invocation counter the meter would take. */
  readonly expected?: number
  /** What the peer said, in the standard's words. */
  readonly reason?: string
}

/** Thrown when a DLMS session cannot go on. A meter's refusal of one read or write is a value instead. */
export class DlmsError extends Error {
  override readonly name = 'DlmsError'
  readonly code: DlmsErrorCode
  readonly detail: DlmsErrorDetail

  constructor(
    code: DlmsErrorCode,
    message: string,
    options: ErrorOptions & { readonly detail?: DlmsErrorDetail } = {},
  ) {
    super(message, options)
    this.code = code
    this.detail = options.detail ?? {}
  }
}
