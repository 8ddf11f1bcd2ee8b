/** Stable error codes of the HTTP faces: status and title. Listed for users in docs/errors.md. */
export const PROBLEMS = {
  REQUEST_INVALID: { status: 400, title: 'The request does not fit its description' },
  CURSOR_INVALID: { status: 400, title: 'The cursor is not one this service gave' },
  RANGE_INVALID: { status: 400, title: 'The range of time is empty, reversed or too long' },
  ZONE_UNKNOWN: { status: 400, title: 'The time zone is not known' },
  RANGE_TOO_LONG: { status: 400, title: 'The range of time holds more than one answer can' },
  PASSKEY_INVALID: { status: 400, title: 'The new passkey could not be registered' },
  SESSION_REQUIRED: { status: 401, title: 'Sign in first' },
  TOKEN_INVALID: { status: 401, title: 'The service token is missing or wrong' },
  PASSKEY_REFUSED: { status: 401, title: 'The passkey was not accepted' },
  NOT_ALLOWED: { status: 403, title: 'You may not do this' },
  ROLE_REQUIRED: { status: 403, title: 'Your account is not of the kind this is for' },
  CSRF_HEADER_REQUIRED: { status: 403, title: 'The request did not come from our own pages' },
  ROUTE_UNKNOWN: { status: 404, title: 'There is nothing at this address' },
  METER_UNKNOWN: { status: 404, title: 'No such meter' },
  USAGE_POINT_UNKNOWN: { status: 404, title: 'No such usage point' },
  CHANNEL_UNKNOWN: { status: 404, title: 'No such channel' },
  COMMAND_UNKNOWN: { status: 404, title: 'No such command' },
  ACCOUNT_UNKNOWN: { status: 404, title: 'No such account' },
  PASSKEY_UNKNOWN: { status: 404, title: 'No such passkey' },
  LINK_UNKNOWN: { status: 404, title: 'No such sign-in link' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'This address does not take that method' },
  CONFLICT: { status: 409, title: 'It is no longer as the request assumes' },
  LINK_EXPIRED: { status: 410, title: 'The sign-in link is too old' },
  LINK_USED: { status: 410, title: 'The sign-in link was used before' },
  CURSOR_GONE: { status: 410, title: 'The log no longer reaches back to this cursor' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is too large' },
  MEDIA_TYPE_UNSUPPORTED: { status: 415, title: 'The body is of a type this address does not take' },
  SHIPMENT_INVALID: { status: 422, title: 'The shipment file cannot be used' },
  IMPORT_INVALID: { status: 422, title: 'The import cannot be used' },
  TOO_MANY_REQUESTS: { status: 429, title: 'Too many requests, try again later' },
  INTERNAL: { status: 500, title: 'Something went wrong here; it has been logged' },
  PEER_UNAVAILABLE: { status: 502, title: 'A service behind this one does not answer' },
  STARTING: { status: 503, title: 'The service is starting' },
  PEER_TIMEOUT: { status: 504, title: 'A service behind this one took too long' },
} as const satisfies Record<string, { status: number; title: string }>

/** Code of a problem an HTTP face answers with. */
export type ProblemCode = keyof typeof PROBLEMS

/** A refusal with a stable code; `platform/http` turns it into an RFC 9457 answer. The message is for people and never holds secrets. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  /** More members for the answer, such as the line that failed. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: ProblemCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.code = code
    this.details = details
  }

  /** HTTP status that belongs to the code. */
  get status(): number {
    return PROBLEMS[this.code].status
  }
}
