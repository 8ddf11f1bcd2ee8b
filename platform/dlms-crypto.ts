import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { type CryptoProvider, SecretKey, TAG_OCTETS } from '@gridtally/dlms'
import { concatBytes } from '@gridtally/wire'

/** Key objects are costly to make and cheap to keep; they go when their key does. */
const objects = new WeakMap<SecretKey, KeyObject>()

function keyObject(key: SecretKey): KeyObject {
  let object = objects.get(key)
  if (!object) {
    object = createSecretKey(key.reveal())
    objects.set(key, object)
  }
  return object
}

const gcm = (key: KeyObject): 'aes-128-gcm' | 'aes-256-gcm' =>
  key.symmetricKeySize === 32 ? 'aes-256-gcm' : 'aes-128-gcm'
const wrap = (key: KeyObject): string => (key.symmetricKeySize === 32 ? 'aes256-wrap' : 'aes128-wrap')
const GCM_OPTIONS = { authTagLength: TAG_OCTETS }
/** Initial value of RFC 3394. */
const WRAP_IV = new Uint8Array(8).fill(0xa6)

/** A view without Buffer's methods, so that what leaves here prints and compares as plain octets. */
const plain = (octets: Uint8Array): Uint8Array => new Uint8Array(octets.buffer, octets.byteOffset, octets.byteLength)

/** The ciphers of DLMS over node:crypto. */
export const dlmsCrypto: CryptoProvider = {
  sealGcm(key, iv, aad, octets) {
    const object = keyObject(key)
    const cipher = createCipheriv(gcm(object), object, iv, GCM_OPTIONS)
    cipher.setAAD(aad)
    const body = cipher.update(octets)
    cipher.final()
    return concatBytes(body, cipher.getAuthTag())
  },
  openGcm(key, iv, aad, sealed) {
    const end = sealed.length - TAG_OCTETS
    if (end < 0) return null
    const object = keyObject(key)
    const decipher = createDecipheriv(gcm(object), object, iv, GCM_OPTIONS)
    decipher.setAAD(aad)
    decipher.setAuthTag(sealed.subarray(end))
    const body = decipher.update(sealed.subarray(0, end))
    try {
      decipher.final()
    } catch {
      // The one way node has of saying that the tag, which it compares in constant time, is wrong.
      return null
    }
    return plain(body)
  },
  streamGcm(key, iv, octets) {
    const object = keyObject(key)
    const cipher = createCipheriv(gcm(object), object, iv, GCM_OPTIONS)
    return plain(cipher.update(octets))
  },
  wrapKey(kek, key) {
    const object = keyObject(kek)
    const cipher = createCipheriv(wrap(object), object, WRAP_IV)
    return concatBytes(cipher.update(key.reveal()), cipher.final())
  },
  unwrapKey(kek, wrapped) {
    const object = keyObject(kek)
    const decipher = createDecipheriv(wrap(object), object, WRAP_IV)
    try {
      return new SecretKey(concatBytes(decipher.update(wrapped), decipher.final()))
    } catch {
      // Wrong length or failed integrity check: the same answer for both.
      return null
    }
  },
  randomBytes: (count) => plain(randomBytes(count)),
}
