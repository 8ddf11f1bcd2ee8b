const DATA_ACCESS = {
  0: 'success',
  1: 'hardware-fault',
  2: 'temporary-failure',
  3: 'read-write-denied',
  4: 'object-undefined',
  9: 'object-class-inconsistent',
  11: 'object-unavailable',
  12: 'type-unmatched',
  13: 'scope-of-access-violated',
  14: 'data-block-unavailable',
  15: 'long-get-aborted',
  16: 'no-long-get-in-progress',
  17: 'long-set-aborted',
  18: 'no-long-set-in-progress',
  19: 'data-block-number-invalid',
  250: 'other-reason',
} as const

const ACTION = {
  0: 'success',
  1: 'hardware-fault',
  2: 'temporary-failure',
  3: 'read-write-denied',
  4: 'object-undefined',
  9: 'object-class-inconsistent',
  11: 'object-unavailable',
  12: 'type-unmatched',
  13: 'scope-of-access-violated',
  14: 'data-block-unavailable',
  15: 'long-action-aborted',
  16: 'no-long-action-in-progress',
  250: 'other-reason',
} as const

const STATE_ERRORS = { 1: 'service-not-allowed', 2: 'service-unknown' } as const

const SERVICE_ERRORS = {
  1: 'operation-not-possible',
  2: 'service-not-supported',
  3: 'other-reason',
  4: 'pdu-too-long',
  5: 'deciphering-error',
  6: 'invocation-counter-error',
} as const

/** A code the standard does not name, kept as it came. */
export type UnknownCode = `code-${number}`

/** Answer of a meter to a read or write (IEC 62056-5-3, Data-Access-Result). A value, never an exception. */
export type DataAccessResult = (typeof DATA_ACCESS)[keyof typeof DATA_ACCESS] | UnknownCode

/** Answer of a meter to a method call (IEC 62056-5-3, Action-Result). */
export type ActionResult = (typeof ACTION)[keyof typeof ACTION] | UnknownCode

/** First half of an exception-response. */
export type StateError = (typeof STATE_ERRORS)[keyof typeof STATE_ERRORS] | UnknownCode

/** Second half of an exception-response. */
export type ServiceError = (typeof SERVICE_ERRORS)[keyof typeof SERVICE_ERRORS] | UnknownCode

interface Names<N extends string> {
  name(code: number): N | UnknownCode
  code(name: N | UnknownCode): number
}

function names<N extends string>(table: Readonly<Record<number, N>>): Names<N> {
  const codes = new Map(Object.entries(table).map(([code, name]) => [name as string, Number(code)]))
  return {
    name: (code) => table[code] ?? `code-${code}`,
    code: (name) => codes.get(name) ?? Number(name.replace('code-', '')),
  }
}

/** Names and codes of Data-Access-Result. */
export const dataAccessResults: Names<DataAccessResult> = names<DataAccessResult>(DATA_ACCESS)
/** Names and codes of Action-Result. */
export const actionResults: Names<ActionResult> = names<ActionResult>(ACTION)
/** Names and codes of the state error of an exception-response. */
export const stateErrors: Names<StateError> = names<StateError>(STATE_ERRORS)
/** Names and codes of the service error of an exception-response. */
export const serviceErrors: Names<ServiceError> = names<ServiceError>(SERVICE_ERRORS)
