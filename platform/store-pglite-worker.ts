import { parentPort, workerData } from 'node:worker_threads'
import { PGlite, types } from '@electric-sql/pglite'
import type { PgliteAnswer, PgliteTask } from './store-pglite.ts'

/**
 * The thread PGlite lives in: runs one task after another and answers each. A query of seconds here never holds up the
 * sockets of the role.
 */

/** PGlite has no checkpointer of its own: without ours the write-ahead log would grow for ever. */
const CHECKPOINT_EVERY_MS = 60_000
const CHECKPOINT_AFTER_OCTETS = 64 * 1024 * 1024

const { folder, prepare } = workerData as { folder: string; prepare: boolean }
if (!parentPort) throw new TypeError('this file is the entry of a worker thread')
const port = parentPort

const db = await PGlite.create({
  dataDir: folder,
  parsers: {
    [types.INT8]: (text: string) => {
      const value = Number(text)
      return Number.isSafeInteger(value) ? value : BigInt(text)
    },
    [types.NUMERIC]: (text: string) => text,
    // PGlite's own parser takes ten times as long. The copy keeps Node's shared pool from travelling along.
    [types.BYTEA]: (text: string) => Uint8Array.from(Buffer.from(text.slice(2), 'hex')),
  },
  postgresqlconf: ['shared_buffers=64MB', 'wal_recycle=off', 'min_wal_size=32MB', 'max_wal_size=256MB', 'jit=off'],
})

async function run(task: PgliteTask): Promise<unknown> {
  if (task.kind === 'query') return (await db.query(task.sql, task.params as unknown[])).rows
  if (task.kind === 'exec') return void (await db.exec(task.sql))
  if (task.kind === 'copy') {
    await db.query(`COPY ${task.table} (${task.columns.join(', ')}) FROM '/dev/blob' WITH (FORMAT binary)`, [], {
      blob: new Blob([task.rows]),
    })
    return undefined
  }
  await checkpoint()
  return void (await db.close())
}

let checkpointed = 0
async function walOctets(): Promise<number> {
  const { rows } = await db.query<{ octets: string }>(`SELECT pg_current_wal_lsn() - '0/0' AS octets`)
  return Number(rows[0].octets)
}
async function checkpoint(): Promise<void> {
  await db.exec('CHECKPOINT')
  checkpointed = await walOctets()
}

let inTransaction = false
let weighed = 0
async function checkpointIfDue(): Promise<void> {
  if (inTransaction || weighed < CHECKPOINT_AFTER_OCTETS / 8) return
  weighed = 0
  if ((await walOctets()) - checkpointed > CHECKPOINT_AFTER_OCTETS) await checkpoint()
}

let chain: Promise<void> = Promise.resolve()
const enqueue = (work: () => Promise<void>): void => {
  chain = chain.then(work)
}

async function answer(task: PgliteTask): Promise<void> {
  let reply: PgliteAnswer
  try {
    reply = { id: task.id, value: await run(task) }
  } catch (error) {
    const { message, code, detail } = error as { message: string; code?: string; detail?: string }
    reply = { id: task.id, error: { message: detail ? `${message} (${detail})` : message, sqlState: code } }
  }
  port.postMessage(reply)
  if (task.kind === 'close') port.close()
  else {
    inTransaction = task.open
    weighed += task.kind === 'copy' ? task.rows.length : 16_384
    // A failing checkpoint must not end the thread: the next task will tell of a database that is broken.
    await checkpointIfDue().catch(() => undefined)
  }
}

if (prepare) {
  await db.close()
  port.postMessage({ id: 0, value: undefined } satisfies PgliteAnswer)
  port.close()
} else {
  checkpointed = await walOctets()
  const timer = setInterval(
    () =>
      enqueue(async () => {
        if (!inTransaction && (await walOctets()) > checkpointed + 1_000_000) await checkpoint()
      }),
    CHECKPOINT_EVERY_MS,
  )
  port.on('close', () => clearInterval(timer))
  port.on('message', (task: PgliteTask) => enqueue(() => answer(task)))
  port.postMessage({ id: 0, value: undefined } satisfies PgliteAnswer)
}
