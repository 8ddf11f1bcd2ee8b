import pg from 'pg'
import type { Queryable, SqlValue, Store, StoreOptions } from './store.ts'
import { StoreError } from './store-error.ts'
import { migrate, readMigrations } from './store-migrations.ts'

const MOST_CONNECTIONS = 8
const CONNECT_TIMEOUT_MS = 5_000
const CHUNK_OCTETS = 65_536

const parsers = new Map<number, (text: string) => unknown>([
  [
    pg.types.builtins.INT8,
    (text) => {
      const value = Number(text)
      return Number.isSafeInteger(value) ? value : BigInt(text)
    },
  ],
  [pg.types.builtins.BYTEA, (text) => Uint8Array.from(Buffer.from(text.slice(2), 'hex'))],
])

/** pg keeps parsers in one global table; this one looks here first and leaves that table alone. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    parsers.get(oid) ?? (format === 'binary' ? pg.types.getTypeParser(oid, 'binary') : pg.types.getTypeParser(oid)),
}

/** The part of pg's connection a COPY needs; pg has no typed face for it. */
interface CopyConnection {
  query(sql: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
  sendCopyFail(message: string): void
}

/** A query pg's client can carry that feeds `COPY … FROM STDIN`. */
class CopyIn {
  readonly done: Promise<void>
  readonly #sql: string
  readonly #rows: Buffer
  #resolve!: () => void
  #reject!: (error: Error) => void

  constructor(sql: string, rows: Uint8Array) {
    this.#sql = sql
    this.#rows = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength)
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  submit(connection: CopyConnection): void {
    connection.query(this.#sql)
  }

  handleCopyInResponse(connection: CopyConnection): void {
    for (let at = 0; at < this.#rows.length; at += CHUNK_OCTETS)
      connection.sendCopyFromChunk(this.#rows.subarray(at, at + CHUNK_OCTETS))
    connection.endCopyFrom()
  }

  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}

  handleReadyForQuery(): void {
    this.#resolve()
  }

  handleError(error: Error): void {
    this.#reject(error)
  }
}

function toStoreError(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  const { message, code, detail } = cause as { message: string; code?: string; detail?: string }
  const isSql = code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !/^(08|57P|53)/.test(code)
  return new StoreError(isSql ? 'STORE_SQL' : 'STORE_UNAVAILABLE', detail ? `${message} (${detail})` : message, {
    cause,
    ...(code === undefined ? {} : { sqlState: code }),
  })
}

function via(
  client: pg.Pool | pg.PoolClient,
  withClient: (work: (c: pg.PoolClient) => Promise<void>) => Promise<void>,
) {
  return {
    async query<Row>(sql: string, params: readonly SqlValue[] = []): Promise<Row[]> {
      try {
        const { rows } = await client.query({ text: sql, values: [...params] })
        return rows as Row[]
      } catch (cause) {
        throw toStoreError(cause)
      }
    },
    async exec(sql: string): Promise<void> {
      try {
        await client.query(sql)
      } catch (cause) {
        throw toStoreError(cause)
      }
    },
    async copyIn(table: string, columns: readonly string[], rows: Uint8Array): Promise<void> {
      try {
        await withClient(async (c) => {
          const copy = new CopyIn(`COPY ${table} (${columns.join(', ')}) FROM STDIN WITH (FORMAT binary)`, rows)
          // CopyIn has every method the client calls on a query it carries.
          c.query(copy as unknown as pg.Submittable)
          await copy.done
        })
      } catch (cause) {
        throw toStoreError(cause)
      }
    },
  } satisfies Queryable
}

async function withPooled<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  let client: pg.PoolClient
  try {
    client = await pool.connect()
  } catch (cause) {
    throw toStoreError(cause)
  }
  let broken: Error | undefined
  try {
    return await work(client)
  } catch (error) {
    const failure = error as { code?: unknown }
    if (failure.code === 'STORE_UNAVAILABLE') broken = error as Error
    throw error
  } finally {
    client.release(broken)
  }
}

/** Opens one schema of a PostgreSQL. See `openStore`. */
export async function openPostgresql(options: StoreOptions, databaseUrl: string): Promise<Store> {
  const migrations = readMigrations(options.migrations)
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    options: `-c search_path=${options.schema}`,
    application_name: `gridtally-${options.schema}`,
    max: MOST_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    types,
  })
  // An idle connection the server closed is replaced at the next query.
  pool.on('error', () => undefined)
  let closed: Promise<void> | undefined
  const store: Store = {
    engine: 'postgresql',
    ...via(pool, (work) => withPooled(pool, work)),
    transaction: (work) =>
      withPooled(pool, async (client) => {
        const tx = via(client, (run) => run(client))
        await tx.exec('BEGIN')
        try {
          const result = await work(tx)
          await tx.exec('COMMIT')
          return result
        } catch (error) {
          await tx.exec('ROLLBACK').catch((failed: StoreError) => {
            throw new StoreError('STORE_UNAVAILABLE', failed.message, { cause: error })
          })
          throw error
        }
      }),
    close() {
      closed ??= pool.end()
      return closed
    },
  }
  try {
    await store.exec(`CREATE SCHEMA IF NOT EXISTS ${options.schema}`)
    await migrate(store, migrations)
    return store
  } catch (cause) {
    await store.close()
    const error = toStoreError(cause)
    if (error.code !== 'STORE_UNAVAILABLE') throw error
    const where = URL.canParse(databaseUrl) ? new URL(databaseUrl).host : 'the address in DATABASE_URL'
    throw new StoreError('STORE_UNAVAILABLE', `the database at ${where} cannot be used: ${error.message}`, { cause })
  }
}
