import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LogHeader } from '@gridtally/metering'
import { DecodeError } from '@gridtally/wire'
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core'

/**
 * Protects payloads on their way from head-end to MDMS (X.1332 §10.1): only the MDMS holds the key that opens.
 *
 * A sealed payload is `1 | enc (65) | wrapped data key (48) | nonce (12) | ciphertext | tag (16)`. The data key is random, made
 * anew every `MOST_PER_KEY` payloads, and wrapped to the MDMS's public key by HPKE (RFC 9180, P-256, HKDF-SHA-256,
 * AES-256-GCM). The header is authenticated with every payload, so entries cannot be exchanged for one another.
 */
export interface Sealer {
  protect(header: LogHeader, payload: Uint8Array): Promise<Uint8Array>
}

/** The other half of {@link Sealer}. Throws DecodeError `AUTHENTICATION` for anything altered. */
export interface Opener {
  open(header: LogHeader, sealed: Uint8Array): Promise<Uint8Array>
}

const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
const INFO = new TextEncoder().encode('gridtally content v1 billing').buffer
const ENC_OCTETS = 65
const WRAPPED_OCTETS = 48
const KEY_END = 1 + ENC_OCTETS + WRAPPED_OCTETS
const NONCE_OCTETS = 12
const TAG_OCTETS = 16

/** Random nonces of 96 bits stay far from meeting each other below this count. */
const MOST_PER_KEY = 1_000_000

/** Data keys remembered by an opener, the oldest dropped first. */
const MOST_KEYS_KEPT = 256

function boundTo(h: LogHeader): Buffer {
  return Buffer.from([h.seq, h.kind, h.dataClass, h.meterId, h.from, h.to, h.count, h.recordedAt].join('\n'))
}

/** Makes the MDMS's key pair in `folder` unless it is there. Both files are JWK; the private one is readable by its owner alone. */
export async function ensureContentKeys(folder: string): Promise<{ publicKeyFile: string; privateKeyFile: string }> {
  const publicKeyFile = join(folder, 'content-public.jwk')
  const privateKeyFile = join(folder, 'content-private.jwk')
  if (!existsSync(privateKeyFile) || !existsSync(publicKeyFile)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const pair = await suite.kem.generateKeyPair()
    const jwk = async (key: CryptoKey): Promise<string> => JSON.stringify(await crypto.subtle.exportKey('jwk', key))
    writeFileSync(privateKeyFile, await jwk(pair.privateKey), { mode: 0o600 })
    writeFileSync(publicKeyFile, await jwk(pair.publicKey), { mode: 0o644 })
  }
  return { publicKeyFile, privateKeyFile }
}

const readJwk = (path: string): JsonWebKey => JSON.parse(readFileSync(path, 'utf8')) as JsonWebKey

/** A sealer for the holder of the private key that belongs to the JWK in `publicKeyFile`. */
export async function createSealer(publicKeyFile: string): Promise<Sealer> {
  const recipientPublicKey = await suite.kem.importKey('jwk', readJwk(publicKeyFile), true)
  const renew = async (): Promise<{ prefix: Uint8Array; key: Uint8Array; used: number }> => {
    const key = randomBytes(32)
    const sender = await suite.createSenderContext({ recipientPublicKey, info: INFO })
    const wrapped = new Uint8Array(await sender.seal(new Uint8Array(key).buffer))
    const prefix = Buffer.concat([Uint8Array.of(1), new Uint8Array(sender.enc), wrapped])
    return { prefix, key, used: 0 }
  }
  let current = renew()
  return {
    async protect(header, payload) {
      let epoch = await current
      if (++epoch.used > MOST_PER_KEY) {
        current = renew()
        epoch = await current
      }
      const nonce = randomBytes(NONCE_OCTETS)
      const cipher = createCipheriv('aes-256-gcm', epoch.key, nonce, { authTagLength: TAG_OCTETS })
      cipher.setAAD(boundTo(header))
      return Buffer.concat([epoch.prefix, nonce, cipher.update(payload), cipher.final(), cipher.getAuthTag()])
    },
  }
}

/** An opener with the private key in `privateKeyFile`. */
export async function createOpener(privateKeyFile: string): Promise<Opener> {
  const recipientKey = await suite.kem.importKey('jwk', readJwk(privateKeyFile), false)
  const dataKeys = new Map<string, Uint8Array>()
  const dataKey = async (prefix: Uint8Array): Promise<Uint8Array> => {
    const name = Buffer.from(prefix).toString('latin1')
    let key = dataKeys.get(name)
    if (!key) {
      const enc = new Uint8Array(prefix.subarray(1, 1 + ENC_OCTETS)).buffer
      const recipient = await suite.createRecipientContext({ recipientKey, enc, info: INFO })
      key = new Uint8Array(await recipient.open(new Uint8Array(prefix.subarray(1 + ENC_OCTETS)).buffer))
      const [oldest] = dataKeys.keys()
      if (dataKeys.size >= MOST_KEYS_KEPT && oldest !== undefined) dataKeys.delete(oldest)
      dataKeys.set(name, key)
    }
    return key
  }
  return {
    async open(header, sealed) {
      if (sealed.length < KEY_END + NONCE_OCTETS + TAG_OCTETS)
        throw new DecodeError('TRUNCATED', sealed.length, 'sealed payload is too short')
      if (sealed[0] !== 1) throw new DecodeError('UNSUPPORTED', 0, `sealed payload of version ${sealed[0]}`)
      try {
        const key = await dataKey(sealed.subarray(0, KEY_END))
        const nonce = sealed.subarray(KEY_END, KEY_END + NONCE_OCTETS)
        const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_OCTETS })
        decipher.setAAD(boundTo(header))
        decipher.setAuthTag(sealed.subarray(sealed.length - TAG_OCTETS))
        const body = sealed.subarray(KEY_END + NONCE_OCTETS, sealed.length - TAG_OCTETS)
        return Buffer.concat([decipher.update(body), decipher.final()])
      } catch (cause) {
        throw new DecodeError(
          'AUTHENTICATION',
          KEY_END,
          `payload ${header.seq} was altered or is not for this service`,
          { cause },
        )
      }
    },
  }
}
