import type { Log } from '#platform/log'
import type { Registry } from './registry.ts'
import type { SessionRecord } from './session-record.ts'
import type { HeadendStore } from './store.ts'

/** Brings what changed in memory to the database, a moment later and many changes at a time. */
export interface Journal {
  /** Keeps a session that ended. */
  record(session: Omit<SessionRecord, 'seq'>): void
  /** Sessions that wait to be stored. */
  readonly waiting: number
  /** Whether the last attempt to store failed. */
  readonly failing: boolean
  /** Resolves when all that was changed before the call is stored, or could not be. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** Pause between two writes: long enough to gather, short enough for people not to notice. */
const PAUSE_MS = 75
/** Pause after the database refused. */
const FAILED_PAUSE_MS = 2000
/** Sessions kept while the database does not answer; then the oldest are given up. */
const MOST_WAITING = 50_000

/** What the journal works with. */
export interface JournalPorts {
  readonly registry: Registry
  readonly store: Pick<HeadendStore, 'saveChanges'>
  readonly log: Log
  /** Number of the newest session stored. */
  readonly lastSeq: number
}

/**
 * Opens the journal. What it stores may be lost for its last moment without harm: read states follow from the event log, and are
 * taken from there after a crash.
 */
export function openJournal({ registry, store, log, lastSeq }: JournalPorts): Journal {
  let seq = lastSeq
  let sessions: SessionRecord[] = []
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> | undefined
  let failing = false
  let closed = false

  async function write(): Promise<void> {
    const changes = registry.takeChanges()
    const some = sessions
    sessions = []
    try {
      await store.saveChanges(registry, changes, some)
      failing = false
    } catch (error) {
      registry.giveBack(changes)
      sessions = [...some, ...sessions].slice(-MOST_WAITING)
      if (!failing) log.error('journal.failed', { error, waiting: sessions.length })
      failing = true
    }
  }

  function schedule(): void {
    if (timer || closed) return
    timer = setTimeout(
      async () => {
        timer = undefined
        await flush()
        if (registry.changed || sessions.length > 0) schedule()
      },
      failing ? FAILED_PAUSE_MS : PAUSE_MS,
    )
  }

  async function flush(): Promise<void> {
    while (writing) await writing
    if (!registry.changed && sessions.length === 0) return
    writing = write().finally(() => {
      writing = undefined
    })
    await writing
  }

  return {
    record(session) {
      sessions.push({ ...session, seq: ++seq })
      if (sessions.length > MOST_WAITING) sessions.shift()
      schedule()
    },
    get waiting() {
      return sessions.length
    },
    get failing() {
      return failing
    },
    flush,
    async close() {
      closed = true
      clearTimeout(timer)
      await flush()
    },
  }
}
