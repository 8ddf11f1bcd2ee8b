import { concatBytes } from '@gridtally/wire'
import { associatedData, type CipherKeys, initializationVector } from './cipher.ts'
import { type CryptoProvider, TAG_OCTETS } from './crypto-provider.ts'

/** Control octet in the token: authenticated, suite 0. */
const CONTROL = 0x10
const EMPTY = new Uint8Array()
/** Octets of a token: control, counter, tag. */
const TOKEN_OCTETS = 1 + 4 + TAG_OCTETS

/**
 * Answer to a challenge in high-level security with GMAC (IEC 62056-5-3, mechanism 5, passes 3 and 4):
 * `SC ‖ IC ‖ GMAC(SC ‖ AK ‖ challenge)`, 17 octets.
 *
 * @param systemTitle of the side that answers
 * @param invocationCounter never used before under the same key and title
 */
export function gmacToken(
  crypto: CryptoProvider,
  keys: CipherKeys,
  systemTitle: Uint8Array,
  challenge: Uint8Array,
  invocationCounter: number,
): Uint8Array {
  const iv = initializationVector(systemTitle, invocationCounter)
  const tag = crypto.sealGcm(keys.encryptionKey, iv, associatedData(CONTROL, keys.authenticationKey, challenge), EMPTY)
  return concatBytes(Uint8Array.of(CONTROL), iv.subarray(8), tag)
}

/** Whether `token` answers `challenge` under our keys and the peer's title. */
export function verifyGmacToken(
  crypto: CryptoProvider,
  keys: CipherKeys,
  systemTitle: Uint8Array,
  challenge: Uint8Array,
  token: Uint8Array,
): boolean {
  if (token.length !== TOKEN_OCTETS || token[0] !== CONTROL) return false
  const iv = concatBytes(systemTitle, token.subarray(1, 5))
  if (iv.length !== 12) return false
  const aad = associatedData(CONTROL, keys.authenticationKey, challenge)
  return crypto.openGcm(keys.encryptionKey, iv, aad, token.subarray(5)) !== null
}
