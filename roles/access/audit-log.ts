import { createHash } from 'node:crypto'
import type { Instant } from '@gridtally/wire'
import type { Store } from '#platform/store'

/** Something somebody did or saw. Never holds a secret. */
export interface AuditEntry {
  readonly at: Instant
  /** Account, or service by name. */
  readonly actor: string
  readonly actorRole: 'customer' | 'operator' | 'service' | 'anonymous'
  /** A stable word with dots: `data.intervals`, `signin.link`. */
  readonly action: string
  /** What it was done to: a usage point, a meter, an account; empty when nothing in particular. */
  readonly subject: string
  /** Why: `own data`, `operation`, … */
  readonly purpose: string
  readonly outcome: 'done' | 'refused'
}

/** An entry as it is kept. */
export interface AuditRecord extends AuditEntry {
  readonly seq: number
}

/** The log of who did and saw what; it only grows. */
export interface AuditLog {
  /** Keeps an entry; when it cannot, what was to be logged must not be done. @throws StoreError */
  append(entry: AuditEntry): Promise<void>
  /** Entries about a subject, newest first. */
  about(subjects: readonly string[], limit: number): Promise<AuditRecord[]>
  /** Entries before a number, newest first, of one subject or all. */
  page(before: number, limit: number, subject?: string): Promise<AuditRecord[]>
  /** Walks the whole chain. @returns the number of entries and the first whose hash does not fit, if any */
  verify(): Promise<{ readonly entries: number; readonly brokenAt: number | null }>
}

interface Row {
  readonly seq: number
  readonly at: number
  readonly actor: string
  readonly actor_role: AuditEntry['actorRole']
  readonly action: string
  readonly subject: string
  readonly purpose: string
  readonly outcome: AuditEntry['outcome']
  readonly hash: Uint8Array
}

const COLUMNS = 'seq, at, actor, actor_role, action, subject, purpose, outcome, hash'
const FIRST = new Uint8Array(32)

/** SHA-256 over the hash before and the entry's members in a fixed order, as JSON. */
function chainHash(before: Uint8Array, seq: number, entry: AuditEntry): Uint8Array {
  const { at, actor, actorRole, action, subject, purpose, outcome } = entry
  const text = JSON.stringify([seq, at, actor, actorRole, action, subject, purpose, outcome])
  return createHash('sha256').update(before).update(text).digest()
}

const recordOf = ({ seq, at, actor, actor_role, action, subject, purpose, outcome }: Row): AuditRecord => ({
  seq,
  at,
  actor,
  actorRole: actor_role,
  action,
  subject,
  purpose,
  outcome,
})

/**
 * Opens the audit log of a store. Entries that come while one write is under way go into the next together, so that a busy
 * minute costs few transactions; `append` settles only when its entry is in.
 */
export async function openAuditLog(store: Store): Promise<AuditLog> {
  const [last] = await store.query<{ seq: number; hash: Uint8Array }>(
    'SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1',
  )
  let seq = last?.seq ?? 0
  let hash: Uint8Array = last?.hash ?? FIRST
  const waiting: { entry: AuditEntry; resolve(): void; reject(error: unknown): void }[] = []
  let writing = false

  async function write(): Promise<void> {
    writing = true
    while (waiting.length > 0) {
      const batch = waiting.splice(0, 200)
      let nextSeq = seq
      let nextHash = hash
      let n = 0
      const values: (string | number | Uint8Array)[] = []
      const places = batch.map(({ entry }) => {
        nextHash = chainHash(nextHash, ++nextSeq, entry)
        const { at, actor, actorRole, action, subject, purpose, outcome } = entry
        values.push(nextSeq, at, actor, actorRole, action, subject, purpose, outcome, nextHash)
        return `(${Array.from({ length: 9 }, () => `$${++n}`).join(', ')})`
      })
      try {
        await store.query(`INSERT INTO audit (${COLUMNS}) VALUES ${places.join(', ')}`, values)
        seq = nextSeq
        hash = nextHash
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    writing = false
  }

  return {
    append: (entry) =>
      new Promise((resolve, reject) => {
        waiting.push({ entry, resolve, reject })
        if (!writing) void write()
      }),
    async about(subjects, limit) {
      const rows = await store.query<Row>(
        `SELECT ${COLUMNS} FROM audit WHERE subject = ANY($1) ORDER BY seq DESC LIMIT $2`,
        [subjects, limit],
      )
      return rows.map(recordOf)
    },
    async page(before, limit, subject) {
      const rows = await store.query<Row>(
        `SELECT ${COLUMNS} FROM audit WHERE seq < $1 AND ($3::text IS NULL OR subject = $3) ORDER BY seq DESC LIMIT $2`,
        [before, limit, subject ?? null],
      )
      return rows.map(recordOf)
    },
    async verify() {
      let before: Uint8Array = FIRST
      let entries = 0
      for (;;) {
        const rows = await store.query<Row>(`SELECT ${COLUMNS} FROM audit WHERE seq > $1 ORDER BY seq LIMIT 2000`, [
          entries,
        ])
        if (rows.length === 0) return { entries, brokenAt: null }
        for (const row of rows) {
          const expected = chainHash(before, entries + 1, recordOf(row))
          if (row.seq !== entries + 1 || Buffer.compare(expected, row.hash) !== 0)
            return { entries, brokenAt: entries + 1 }
          entries++
          before = row.hash
        }
      }
    },
  }
}
