import { DecodeError, toHex } from '@gridtally/wire'
import { associatedData, initializationVector } from '../security/cipher.ts'
import { decodeControlOctet } from '../security/control.ts'
import { type CryptoProvider, type SecretKey, TAG_OCTETS } from '../security/crypto-provider.ts'
import { type CipheredApdu, cipheredTag, decodeCiphered } from '../xdlms/ciphered.ts'
import { apduName } from './apdu.ts'

/** Keys of one meter as a listener holds them. */
export interface OpeningKeys {
  /** Global unicast encryption key (GUEK). */
  readonly encryptionKey: SecretKey
  /** Global authentication key (GAK). Without it what is encrypted is opened all the same, but nothing vouches for it. */
  readonly authenticationKey?: SecretKey
  readonly broadcastKey?: SecretKey
  readonly dedicatedKey?: SecretKey
}

/** What it takes to open ciphered APDUs of a capture. */
export interface OpeningOptions {
  readonly crypto: CryptoProvider
  /** Keys of the meter with this system title; `undefined` when there are none. */
  readonly keysFor: (systemTitle: Uint8Array) => OpeningKeys | undefined
  /** Title for APDUs that do not carry one. */
  readonly systemTitle?: Uint8Array
}

/** A ciphered APDU, opened. */
export interface Opened {
  readonly apdu: Uint8Array
  readonly systemTitle: Uint8Array
  readonly invocationCounter: number
  /** `true` when an authentication tag was checked, `false` when there is none or the key for it is missing. */
  readonly verified: boolean
}

/**
 * Opens a ciphered APDU with whatever keys there are. Suites 0, 1 and 2: the symmetric part is the same, with keys of 16,
 * 16 and 32 octets.
 *
 * @throws DecodeError `AUTHENTICATION` for a wrong tag, `UNSUPPORTED` when there is no key for it or no way to open it;
 *   `INVALID` when what comes out is no APDU: the key is another meter's
 */
export function openWith(octets: Uint8Array, options: OpeningOptions): Opened {
  const closed = decodeCiphered(octets)
  const systemTitle = closed.systemTitle?.length === 8 ? closed.systemTitle : options.systemTitle
  if (!systemTitle) throw new DecodeError('UNSUPPORTED', 0, 'the APDU carries no system title, and none is known')
  const keys = options.keysFor(systemTitle)
  if (!keys) throw new DecodeError('UNSUPPORTED', 0, `no key for system title ${toHex(systemTitle)}`)
  const { authenticated } = decodeControlOctet(closed.control)
  const verified = authenticated && keys.authenticationKey !== undefined
  if (authenticated && closed.content.length < TAG_OCTETS)
    throw new DecodeError('AUTHENTICATION', octets.length, 'authentication tag missing or short')
  const apdu = openContent(closed, keys, systemTitle, options.crypto)
  if (apdu === null) throw new DecodeError('AUTHENTICATION', octets.length - TAG_OCTETS, 'authentication tag is wrong')
  if (apdu.length === 0 || apduName(apdu[0]) === undefined)
    throw new DecodeError('INVALID', 0, 'what comes out is no APDU: the key does not fit')
  if (cipheredTag(apdu[0], closed.kind) !== closed.tag)
    throw new DecodeError('AUTHENTICATION', 0, 'the service inside is not the one the outer tag names')
  return { apdu, systemTitle, invocationCounter: closed.invocationCounter, verified }
}

/** The plaintext; `null` when the tag is wrong. Tags are checked where there is a key for it. */
function openContent(
  closed: CipheredApdu,
  keys: OpeningKeys,
  systemTitle: Uint8Array,
  crypto: CryptoProvider,
): Uint8Array | null {
  const { control, content, kind } = closed
  const { suite, authenticated, encrypted, broadcast, compressed } = decodeControlOctet(control)
  if (suite > 2) throw new DecodeError('UNSUPPORTED', 0, `security suite ${suite}`)
  if (compressed) throw new DecodeError('UNSUPPORTED', 0, 'compressed APDU')
  if (kind === 'general-ciphering') throw new DecodeError('UNSUPPORTED', 0, 'general-ciphering is not opened')
  const dedicated = kind === 'ded' || kind === 'general-ded'
  const key = dedicated ? keys.dedicatedKey : broadcast ? keys.broadcastKey : keys.encryptionKey
  if (!key) throw new DecodeError('UNSUPPORTED', 0, `no ${dedicated ? 'dedicated' : 'broadcast'} key`)
  if (key.reveal().length !== (suite === 2 ? 32 : 16))
    throw new DecodeError('UNSUPPORTED', 0, `security suite ${suite} takes a key of another length`)
  const iv = initializationVector(systemTitle, closed.invocationCounter)
  const { authenticationKey } = keys
  const end = content.length - (authenticated ? TAG_OCTETS : 0)
  const body = content.subarray(0, end)
  if (!authenticated || !authenticationKey) return encrypted ? crypto.streamGcm(key, iv, body) : body
  if (encrypted) return crypto.openGcm(key, iv, associatedData(control, authenticationKey), content)
  return crypto.openGcm(key, iv, associatedData(control, authenticationKey, body), content.subarray(end)) && body
}
