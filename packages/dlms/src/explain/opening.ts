import { DecodeError, toHex } from '@gridtally/wire'
import { initializationVector, openApdu } from '../security/cipher.ts'
import { decodeControlOctet } from '../security/control.ts'
import { type CryptoProvider, type SecretKey, TAG_OCTETS } from '../security/crypto-provider.ts'
import { type CipheredApdu, decodeCiphered } from '../xdlms/ciphered.ts'
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
 * Opens a ciphered APDU with whatever keys there are.
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
  const control = decodeControlOctet(closed.control)
  const { invocationCounter } = closed
  if (control.authenticated && !keys.authenticationKey) {
    const apdu = openUnverified(closed, keys, systemTitle, options.crypto)
    return expectApdu({ apdu, systemTitle, invocationCounter, verified: false })
  }
  // Without an authentication tag the authentication key is not used: any stands in for it.
  const authenticationKey = keys.authenticationKey ?? keys.encryptionKey
  const { apdu } = openApdu(octets, { crypto: options.crypto, keys: { ...keys, authenticationKey }, systemTitle })
  return expectApdu({ apdu, systemTitle, invocationCounter, verified: control.authenticated })
}

function openUnverified(
  closed: CipheredApdu,
  keys: OpeningKeys,
  systemTitle: Uint8Array,
  crypto: CryptoProvider,
): Uint8Array {
  const control = decodeControlOctet(closed.control)
  if (control.suite !== 0 || control.compressed || closed.kind === 'general-ciphering')
    throw new DecodeError('UNSUPPORTED', 0, 'this protection is not opened')
  const content = closed.content.subarray(0, Math.max(0, closed.content.length - TAG_OCTETS))
  if (!control.encrypted) return content
  const dedicated = closed.kind === 'ded' || closed.kind === 'general-ded'
  const key = dedicated ? keys.dedicatedKey : control.broadcast ? keys.broadcastKey : keys.encryptionKey
  if (!key) throw new DecodeError('UNSUPPORTED', 0, `no ${dedicated ? 'dedicated' : 'broadcast'} key`)
  return crypto.streamGcm(key, initializationVector(systemTitle, closed.invocationCounter), content)
}

function expectApdu(opened: Opened): Opened {
  if (opened.apdu.length > 0 && apduName(opened.apdu[0]) !== undefined) return opened
  throw new DecodeError('INVALID', 0, 'what comes out is no APDU: the key does not fit')
}
