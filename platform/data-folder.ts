import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A data folder that cannot be used: says which and why. */
export class FolderError extends Error {
  override readonly name = 'FolderError'
  readonly code = 'FOLDER_UNUSABLE'
}

/** Like a recursive mkdir, step by step: Node's own never returns below folders that refuse, such as /proc. */
export function makeFolders(path: string): void {
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

/** Writes a small file so that a crash leaves the old or the new content, never half of one. */
export function writeFileAtomically(path: string, content: string, mode = 0o600): void {
  const next = `${path}.next`
  writeFileSync(next, content, { mode, flush: true })
  renameSync(next, path)
}
