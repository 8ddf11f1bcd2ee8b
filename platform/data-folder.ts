import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** A data folder that cannot be used: says which and why. */
export class FolderError extends Error {
  override readonly name = 'FolderError'
  readonly code = 'FOLDER_UNUSABLE'
}

/** How long a dying process may keep a folder before it counts as in use. */
const PATIENCE_MS = 5000

/** Whether a process lives; where /proc tells, also whether it is one of ours and not a later one with the same number. */
function isOurs(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as { code?: string }).code === 'ESRCH') return false
  }
  try {
    const [name] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(')').slice(-1)
    if (name.trim().startsWith('Z')) return false
    return /gridtally|main\.ts/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'))
  } catch {
    return !existsSync('/proc/self')
  }
}

/** Like a recursive mkdir, step by step: Node's own never returns below folders that refuse, such as /proc. */
function makeFolders(path: string): void {
  if (existsSync(path)) return
  makeFolders(dirname(path))
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if ((error as { code?: string }).code !== 'EEXIST') throw error
  }
}

/** Makes a folder (mode 0700) unless it is there, and makes sure it can be written. @throws FolderError */
export function ensureFolder(path: string): string {
  try {
    makeFolders(path)
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
    const probe = join(path, `.probe-${process.pid}`)
    writeFileSync(probe, '')
    rmSync(probe)
  } catch (cause) {
    throw new FolderError(`cannot write to the data folder ${path}: ${(cause as Error).message}`, { cause })
  }
  return path
}

/**
 * Takes a folder for this process alone by a file `lock` with its number in it. A lock left by a dead process is taken over;
 * one held by a live process is waited for, five seconds at most.
 *
 * @returns gives the folder back
 * @throws FolderError naming folder and process
 */
export async function lockFolder(path: string): Promise<() => void> {
  const file = join(ensureFolder(path), 'lock')
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    try {
      writeFileSync(file, `${process.pid}\n`, { flag: 'wx' })
      break
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST')
        throw new FolderError(`cannot lock ${path}: ${(error as Error).message}`, { cause: error })
    }
    let holder = Number.NaN
    try {
      holder = Number(readFileSync(file, 'utf8'))
    } catch {
      continue
    }
    if (!Number.isInteger(holder) || !isOurs(holder)) {
      rmSync(file, { force: true })
      continue
    }
    if (Date.now() > deadline)
      throw new FolderError(
        `the data folder ${path} is in use by process ${holder}; stop that first, or name another with --data-dir`,
      )
    await delay(100)
  }
  return () => rmSync(file, { force: true })
}

/** Writes a small file so that a crash leaves the old or the new content, never half of one. */
export function writeFileAtomically(path: string, content: string, mode = 0o600): void {
  const next = `${path}.next`
  writeFileSync(next, content, { mode, flush: true })
  renameSync(next, path)
}
