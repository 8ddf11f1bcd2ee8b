/** Why a store cannot be used or a statement failed. */
export type StoreCode =
  /** Another live process has the folder. */
  | 'STORE_LOCKED'
  /** The folder cannot be made or written. */
  | 'STORE_FOLDER'
  /** The database does not answer or cannot be opened. */
  | 'STORE_UNAVAILABLE'
  /** The migrations in the program do not fit those applied. */
  | 'STORE_MIGRATION'
  /** The database refused a statement; `sqlState` says why. */
  | 'STORE_SQL'
  /** The store was closed. */
  | 'STORE_CLOSED'

/** A store's failure. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreCode
  /** PostgreSQL's five-character code, `23505` for a key that exists. */
  readonly sqlState: string | undefined

  constructor(code: StoreCode, message: string, options: ErrorOptions & { sqlState?: string } = {}) {
    super(message, options)
    this.code = code
    this.sqlState = options.sqlState
  }
}
