import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { lockFolder } from './folder-lock.ts'
import type { Queryable, SqlValue, Store, StoreOptions } from './store.ts'
import { StoreError } from './store-error.ts'
import { migrate, readMigrations } from './store-migrations.ts'

/** What the thread is asked; `open` says a transaction stays open after it. */
export type PgliteTask = { readonly id: number; readonly open: boolean } & (
  | { readonly kind: 'query'; readonly sql: string; readonly params: readonly SqlValue[] }
  | { readonly kind: 'exec'; readonly sql: string }
  | {
      readonly kind: 'copy'
      readonly table: string
      readonly columns: readonly string[]
      readonly rows: Uint8Array<ArrayBuffer>
    }
  | { readonly kind: 'close' }
)

type Work =
  | { kind: 'query'; sql: string; params: readonly SqlValue[] }
  | { kind: 'exec'; sql: string }
  | { kind: 'copy'; table: string; columns: readonly string[]; rows: Uint8Array<ArrayBuffer> }
  | { kind: 'close' }

/** What the thread answers; id 0 says it is ready. */
export type PgliteAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly sqlState?: string } }

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** A thread with a database in it, asked by message. */
class Engine {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #next = 1
  #ended: Error | undefined

  constructor(folder: string, prepare: boolean) {
    const file = import.meta.url.endsWith('.ts') ? './store-pglite-worker.ts' : './store-pglite-worker.js'
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData: { folder, prepare } })
    this.#worker.on('message', (answer: PgliteAnswer) => {
      const waiting = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if ('error' in answer) {
        const { message, sqlState } = answer.error
        waiting?.reject(new StoreError('STORE_SQL', message, { sqlState }))
      } else waiting?.resolve(answer.value)
    })
    const end = (cause?: Error): void => {
      this.#ended ??= cause
        ? new StoreError('STORE_UNAVAILABLE', `the database in ${folder} stopped: ${cause.message}`, { cause })
        : new StoreError('STORE_CLOSED', 'the store is closed')
      for (const { reject } of this.#waiting.values()) reject(this.#ended)
      this.#waiting.clear()
    }
    this.#worker.on('error', end)
    this.#worker.on('exit', () => end())
  }

  /** Settles when the thread has opened the database, or, when only preparing, closed it again. */
  ready(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended) reject(this.#ended)
      else this.#waiting.set(0, { resolve, reject })
    })
  }

  ask(work: Work, open: boolean): Promise<unknown> {
    if (this.#ended) return Promise.reject(this.#ended)
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      const task: PgliteTask = { ...work, id, open }
      // The rows of a bulk load are handed over, not copied.
      this.#worker.postMessage(task, work.kind === 'copy' ? [work.rows.buffer] : [])
    })
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }
}

/** The database in a folder. One statement runs at a time; a transaction keeps all others waiting. */
class PgliteStore implements Store {
  readonly engine = 'pglite'
  readonly #engine: Engine
  readonly #onClose: () => void
  /** The end of the line: everything waits for what was asked before it. */
  #tail: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor(engine: Engine, onClose: () => void) {
    this.#engine = engine
    this.#onClose = onClose
  }

  #inLine<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing) return Promise.reject(new StoreError('STORE_CLOSED', 'the store is closed'))
    const turn = this.#tail.then(work, work)
    this.#tail = turn.catch(() => undefined)
    return turn
  }

  #via(open: boolean): Queryable {
    const engine = this.#engine
    return {
      // The caller names the type of the rows its own SQL gives.
      query: <Row>(sql: string, params: readonly SqlValue[] = []) =>
        engine.ask({ kind: 'query', sql, params }, open) as Promise<Row[]>,
      exec: async (sql) => void (await engine.ask({ kind: 'exec', sql }, open)),
      copyIn: async (table, columns, rows) =>
        // CopyWriter's buffers are never shared memory.
        void (await engine.ask({ kind: 'copy', table, columns, rows: rows as Uint8Array<ArrayBuffer> }, open)),
    }
  }

  query<Row>(sql: string, params: readonly SqlValue[] = []): Promise<Row[]> {
    return this.#inLine(() => this.#via(false).query<Row>(sql, params))
  }

  exec(sql: string): Promise<void> {
    return this.#inLine(() => this.#via(false).exec(sql))
  }

  copyIn(table: string, columns: readonly string[], rows: Uint8Array): Promise<void> {
    return this.#inLine(() => this.#via(false).copyIn(table, columns, rows))
  }

  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#inLine(async () => {
      await this.#engine.ask({ kind: 'exec', sql: 'BEGIN' }, true)
      try {
        const result = await work(this.#via(true))
        await this.#engine.ask({ kind: 'exec', sql: 'COMMIT' }, false)
        return result
      } catch (error) {
        await this.#engine.ask({ kind: 'exec', sql: 'ROLLBACK' }, false)
        throw error
      }
    })
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#tail
      try {
        await this.#engine.ask({ kind: 'close' }, false)
      } finally {
        await this.#engine.terminate()
        this.#onClose()
      }
    })()
    return this.#closing
  }
}

/** Opens PGlite with its files in `options.folder`. See `openStore`. */
export async function openPglite(options: StoreOptions): Promise<Store> {
  const migrations = readMigrations(options.migrations)
  const lock = await lockFolder(options.folder)
  const files = join(options.folder, 'database')
  let engine: Engine | undefined
  try {
    if (!existsSync(join(files, 'PG_VERSION'))) {
      // Making a database takes hundreds of megabytes that only the end of the thread gives back.
      const maker = new Engine(files, true)
      await maker.ready()
      await maker.terminate()
    }
    engine = new Engine(files, false)
    await engine.ready()
    const store = new PgliteStore(engine, () => lock.release())
    await migrate(store, migrations)
    return store
  } catch (cause) {
    await engine?.terminate()
    lock.release()
    throw cause
  }
}
