import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

/** What a key is for. Purposes never share a key. */
export type KeyPurpose = 'dlms-guek' | 'dlms-gak' | 'dlms-gbek' | 'dlms-kek' | 'dlms-lls' | 'content' | 'session'

/** What may be shown of a key: never its value. */
export interface KeyInfo {
  readonly owner: string
  readonly purpose: KeyPurpose
  /** Counts up with each replacement, from 1. */
  readonly generation: number
  readonly createdAt: number
}

/** Keys by owner (a meter, a service) and purpose, wrapped at rest. */
export interface KeyVault {
  /** Stores keys durably, all or none of this call's; the same value again changes nothing. */
  put(keys: readonly { owner: string; purpose: KeyPurpose; value: Uint8Array }[], now: number): void
  /** The key's value, or `undefined`. Hold it no longer than the work takes. */
  key(owner: string, purpose: KeyPurpose): Uint8Array | undefined
  /** What is known of an owner's keys. */
  info(owner: string): KeyInfo[]
  close(): void
}

const TAG_OCTETS = 16
const NONCE_OCTETS = 12

interface Stored extends KeyInfo {
  readonly wrapped: string
}

/**
 * A vault in a folder: `kek` (32 random octets, mode 0600) wraps every key with AES-256-GCM, bound to owner, purpose and
 * generation, in `vault.jsonl`, which only grows and is synced to disk before `put` returns. A half-written last line, as a
 * crash leaves it, is dropped.
 *
 * @throws Error when the folder cannot be written or a key does not unwrap (wrong `kek`)
 */
export function openKeyVault(folder: string): KeyVault {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const kekFile = join(folder, 'kek')
  if (!existsSync(kekFile)) writeFileSync(kekFile, randomBytes(32), { mode: 0o600 })
  const kek = readFileSync(kekFile)
  if (kek.length !== 32) throw new Error(`${kekFile} must hold 32 octets, not ${kek.length}`)
  const path = join(folder, 'vault.jsonl')
  const keys = new Map<string, Stored>()
  const nameOf = (owner: string, purpose: KeyPurpose): string => `${owner}\n${purpose}`
  const boundTo = (info: KeyInfo): Buffer => Buffer.from(`${info.owner}\n${info.purpose}\n${info.generation}`)

  const file = openSync(path, existsSync(path) ? 'r+' : 'w+', 0o600)
  const text = readFileSync(path, 'utf8')
  const whole = text.lastIndexOf('\n') + 1
  for (const line of text.slice(0, whole).split('\n')) {
    if (line === '') continue
    for (const stored of JSON.parse(line) as Stored[]) keys.set(nameOf(stored.owner, stored.purpose), stored)
  }
  let end = Buffer.byteLength(text.slice(0, whole))
  ftruncateSync(file, end)

  const unwrap = (stored: Stored): Uint8Array => {
    const octets = Buffer.from(stored.wrapped, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', kek, octets.subarray(0, NONCE_OCTETS), {
      authTagLength: TAG_OCTETS,
    })
    decipher.setAAD(boundTo(stored))
    decipher.setAuthTag(octets.subarray(octets.length - TAG_OCTETS))
    return Buffer.concat([decipher.update(octets.subarray(NONCE_OCTETS, octets.length - TAG_OCTETS)), decipher.final()])
  }
  return {
    put(entries, now) {
      const fresh: Stored[] = []
      for (const { owner, purpose, value } of entries) {
        const old = keys.get(nameOf(owner, purpose))
        if (old && Buffer.compare(unwrap(old), value) === 0) continue
        const info: KeyInfo = { owner, purpose, generation: (old?.generation ?? 0) + 1, createdAt: now }
        const nonce = randomBytes(NONCE_OCTETS)
        const cipher = createCipheriv('aes-256-gcm', kek, nonce, { authTagLength: TAG_OCTETS })
        cipher.setAAD(boundTo(info))
        const sealed = Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()])
        fresh.push({ ...info, wrapped: sealed.toString('base64') })
      }
      if (fresh.length === 0) return
      const line = Buffer.from(`${JSON.stringify(fresh)}\n`)
      writeSync(file, line, 0, line.length, end)
      fsyncSync(file)
      end += line.length
      for (const stored of fresh) keys.set(nameOf(stored.owner, stored.purpose), stored)
    },
    key(owner, purpose) {
      const stored = keys.get(nameOf(owner, purpose))
      return stored && unwrap(stored)
    },
    info(owner) {
      const found: KeyInfo[] = []
      for (const { wrapped: _, ...info } of keys.values()) if (info.owner === owner) found.push(info)
      return found
    },
    close() {
      closeSync(file)
    },
  }
}
