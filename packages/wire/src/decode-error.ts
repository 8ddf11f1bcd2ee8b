/** Why octets could not be decoded. Stable: callers switch on it; messages may change. */
export type DecodeCode = 'TRUNCATED' | 'TRAILING' | 'CHECKSUM' | 'INVALID' | 'UNSUPPORTED' | 'LIMIT' | 'AUTHENTICATION'

/** Thrown by every decoder in this house, and only by decoders. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  readonly code: DecodeCode
  /** Octet offset into the input at which decoding stopped. */
  readonly offset: number

  constructor(code: DecodeCode, offset: number, message: string, options?: ErrorOptions) {
    super(`${message} (at octet ${offset})`, options)
    this.code = code
    this.offset = offset
  }
}
