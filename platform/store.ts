export { type StoreCode, StoreError } from './store-error.ts'

import { openPglite } from './store-pglite.ts'
import { openPostgresql } from './store-postgresql.ts'

/** What may stand for `$1`, `$2` …: JSON columns take text made by JSON.stringify. */
export type SqlValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | Date
  | readonly (string | number | bigint | boolean | null | Uint8Array)[]

/**
 * Where SQL is run. Answers are alike on both engines: `bigint` columns come as number where that is exact and as bigint where
 * not, `numeric` as text, `bytea` as Uint8Array, `timestamptz` as Date, `json` parsed.
 */
export interface Queryable {
  /** Runs one statement and gives its rows. @throws StoreError `STORE_SQL` */
  query<Row = Record<string, unknown>>(sql: string, params?: readonly SqlValue[]): Promise<Row[]>
  /** Runs several statements without parameters. @throws StoreError `STORE_SQL` */
  exec(sql: string): Promise<void>
  /**
   * Adds rows in bulk, the fastest way in: `rows` is what `CopyWriter` (platform/store-copy) made, columns in its order.
   * Conflicts are errors.
   */
  copyIn(table: string, columns: readonly string[], rows: Uint8Array): Promise<void>
}

/** The database of one role. */
export interface Store extends Queryable {
  readonly engine: 'pglite' | 'postgresql'
  /**
   * Runs `work` in one transaction: all of it is kept or, when `work` throws, nothing. Only `tx` may be used inside; asking the
   * store itself from within would wait for the transaction's own end.
   */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>
  /** Lets what is under way finish, then lets go of files, locks and connections. */
  close(): Promise<void>
}

/** Where a role's tables live. */
export interface StoreOptions {
  /** Folder for the embedded database; made when missing. */
  readonly folder: string
  /** A PostgreSQL to use instead, `postgresql://user:password@host/database`. */
  readonly databaseUrl?: string
  /** Name of the role's schema in that PostgreSQL: lower case letters, digits, underscores. */
  readonly schema: string
  /** Folder of `001-name.sql`, `002-name.sql` …: no gaps, never changed once released. */
  readonly migrations: URL
}

/**
 * Opens a role's database, with all migrations applied: PGlite in a thread of its own with its files in `folder`, or, when
 * `databaseUrl` is given, one schema of a PostgreSQL.
 *
 * PGlite never calls fsync: what was committed survives the end of the process, however sudden, but a power cut may lose the
 * last seconds. PostgreSQL loses nothing.
 *
 * @throws StoreError `STORE_LOCKED`, `STORE_FOLDER`, `STORE_UNAVAILABLE` or `STORE_MIGRATION`, in words for people
 */
export function openStore(options: StoreOptions): Promise<Store> {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(options.schema)) throw new RangeError(`"${options.schema}" cannot name a schema`)
  return options.databaseUrl ? openPostgresql(options, options.databaseUrl) : openPglite(options)
}
