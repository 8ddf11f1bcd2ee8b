import { linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { makeFolders } from './data-folder.ts'
import { StoreError } from './store-error.ts'

/** A held folder. */
export interface FolderLock {
  release(): void
}

interface Holder {
  readonly pid: number
  /** When that process began, as the system counts it: a pid may have been given to another since. */
  readonly started: string
  readonly host: string
}

const HEARTBEAT_MS = 2_000
const SILENT_MS = 10_000
const RETRY_MS = 100

/** Folders this very process holds: pid and start alone cannot tell two stores in one process apart. */
const held = new Set<string>()

/** When a process began, or `undefined` when there is none with that pid. Empty where the system does not tell. */
function processStart(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined
  }
  try {
    // Field 22 of proc(5) `stat`; the name in field 2 may hold spaces and ends with the last bracket.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A process that was killed but not yet waited for holds no files any more.
    return fields[0] === 'Z' ? undefined : `${boot}:${fields[19]}`
  } catch {
    return ''
  }
}

function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder
  } catch {
    return undefined
  }
}

function isAlive(holder: Holder, path: string): boolean {
  if (holder.host !== hostname()) {
    // Another container or machine on a shared folder: its pids say nothing here, its heartbeat does.
    try {
      return Date.now() - statSync(path).mtimeMs < SILENT_MS
    } catch {
      return false
    }
  }
  if (holder.pid === process.pid) return held.has(path)
  const started = processStart(holder.pid)
  return started !== undefined && (started === '' || holder.started === '' || started === holder.started)
}

/** Takes away a lock whose holder is gone; a lock somebody took in the meantime is put back. */
function removeStale(path: string, stale: Holder | undefined, aside: string): void {
  try {
    renameSync(path, aside)
    const taken = readHolder(aside)
    if (taken && JSON.stringify(taken) !== JSON.stringify(stale)) linkSync(aside, path)
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

/** Takes the lock file if nobody alive holds it. Gives the holder otherwise. */
function tryTake(path: string, mine: string): Holder | undefined {
  const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`
  writeFileSync(draft, mine, { mode: 0o600 })
  const stolen = `${draft}.stolen`
  try {
    // A link is made whole or not at all, so nobody ever reads half a lock.
    linkSync(draft, path)
    return undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const holder = readHolder(path)
    if (holder && isAlive(holder, path)) return holder
    removeStale(path, holder, stolen)
  } finally {
    rmSync(draft, { force: true })
    rmSync(stolen, { force: true })
  }
  return tryTake(path, mine)
}

/**
 * Makes `folder` this process's alone until released or until the process ends, however it ends. Waits `waitMs` for another
 * process that is just ending.
 *
 * @throws StoreError `STORE_LOCKED` naming folder and pid, `STORE_FOLDER` when the folder cannot be made or written
 */
export async function lockFolder(folder: string, waitMs = 5_000): Promise<FolderLock> {
  const path = join(folder, 'lock')
  const mine = JSON.stringify({ pid: process.pid, started: processStart(process.pid) ?? '', host: hostname() })
  const deadline = Date.now() + waitMs
  try {
    makeFolders(folder)
    for (;;) {
      const holder = tryTake(path, mine)
      if (!holder) break
      if (Date.now() >= deadline)
        throw new StoreError(
          'STORE_LOCKED',
          `${folder} is in use by process ${holder.pid}${holder.host === hostname() ? '' : ` on ${holder.host}`}; stop it first or use another data folder`,
        )
      await delay(Math.min(RETRY_MS, Math.max(1, deadline - Date.now())))
    }
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    throw new StoreError('STORE_FOLDER', `the data folder ${folder} cannot be written (${code ?? message})`, { cause })
  }
  held.add(path)
  const beat = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date())
    } catch {
      // The folder went away under us; the database will say so.
    }
  }, HEARTBEAT_MS)
  beat.unref()
  return {
    release() {
      clearInterval(beat)
      if (held.delete(path)) rmSync(path, { force: true })
    },
  }
}
