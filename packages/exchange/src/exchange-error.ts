/** Why a document could not be understood. */
export type ExchangeCode = 'CSV_INVALID' | 'COLUMN_UNKNOWN' | 'VALUE_INVALID' | 'TIME_INVALID'

/** Thrown by the readers of this package: says what is wrong and in which line. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError'
  readonly code: ExchangeCode
  /** Line of the document, from 1; 0 when no line is to blame. */
  readonly line: number

  constructor(code: ExchangeCode, line: number, message: string) {
    super(line > 0 ? `line ${line}: ${message}` : message)
    this.code = code
    this.line = line
  }
}
