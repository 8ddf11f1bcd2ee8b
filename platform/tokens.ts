import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { readSecretFile } from './config.ts'

/** Who is calling, or `undefined` for a token nobody here was given. */
export type TokenCheck = (token: string) => string | undefined

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/**
 * Makes a service token unless the file is there: 32 random octets, base64url, readable by the owner alone.
 *
 * @returns the path, for chaining
 */
export function ensureTokenFile(path: string): string {
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(path, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 })
  }
  return path
}

/** Checks tokens against the files of the callers let in. Compares digests in constant time, and against every caller. */
export function tokenCheck(callers: Readonly<Record<string, string>>): TokenCheck {
  const known = Object.entries(callers).map(([caller, file]) => ({ caller, hash: digest(readSecretFile(file)) }))
  return (token) => {
    const hash = digest(token)
    let found: string | undefined
    for (const { caller, hash: expected } of known) if (timingSafeEqual(hash, expected)) found = caller
    return found
  }
}
