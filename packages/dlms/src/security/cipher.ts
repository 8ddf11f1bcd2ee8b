import { concatBytes, DecodeError } from '@gridtally/wire'
import { type CipherKind, cipheredTag, decodeCiphered, encodeCiphered } from '../xdlms/ciphered.ts'
import { controlOctet, decodeControlOctet, type Protection, protectionOf } from './control.ts'
import { type CryptoProvider, type SecretKey, TAG_OCTETS } from './crypto-provider.ts'

/** Keys of one meter as one client holds them (suite 0). */
export interface CipherKeys {
  /** Global unicast encryption key. */
  readonly encryptionKey: SecretKey
  /** Global authentication key. */
  readonly authenticationKey: SecretKey
  /** Global broadcast encryption key. */
  readonly broadcastKey?: SecretKey
  /** Key of the running association alone. */
  readonly dedicatedKey?: SecretKey
}

/** An APDU and all it takes to close it. */
export interface SealOptions {
  readonly crypto: CryptoProvider
  readonly keys: CipherKeys
  readonly kind: Exclude<CipherKind, 'general-ciphering'>
  readonly protection: Protection
  /** The sender's, 8 octets. */
  readonly systemTitle: Uint8Array
  /** Never used before under the same key and title: see `CounterLease`. */
  readonly invocationCounter: number
}

const EMPTY = new Uint8Array()

/**
 * Closes an APDU (IEC 62056-5-3, security suite 0: AES-128-GCM, 12-octet tag).
 *
 * @throws TypeError for services that have no ciphered form of this kind
 */
export function sealApdu(apdu: Uint8Array, options: SealOptions): Uint8Array {
  const { crypto, keys, kind, protection, systemTitle, invocationCounter } = options
  const tag = cipheredTag(apdu[0], kind)
  if (tag === undefined) throw new TypeError(`APDU 0x${apdu[0].toString(16)} has no ${kind} form`)
  const key = kind === 'ded' || kind === 'general-ded' ? keys.dedicatedKey : keys.encryptionKey
  if (!key) throw new TypeError('no dedicated key')
  const control = controlOctet(protection)
  const iv = initializationVector(systemTitle, invocationCounter)
  return encodeCiphered({
    kind,
    tag,
    control,
    invocationCounter,
    ...((kind === 'general-glo' || kind === 'general-ded') && { systemTitle }),
    content: sealContent(crypto, key, keys.authenticationKey, iv, control, protection, apdu),
  })
}

function sealContent(
  crypto: CryptoProvider,
  key: SecretKey,
  authenticationKey: SecretKey,
  iv: Uint8Array,
  control: number,
  protection: Protection,
  apdu: Uint8Array,
): Uint8Array {
  switch (protection) {
    case 'authenticated-encrypted':
      return crypto.sealGcm(key, iv, associatedData(control, authenticationKey), apdu)
    case 'authenticated':
      return concatBytes(apdu, crypto.sealGcm(key, iv, associatedData(control, authenticationKey, apdu), EMPTY))
    case 'encrypted':
      return crypto.streamGcm(key, iv, apdu)
    default:
      return apdu
  }
}

/** What it takes to open an APDU. */
export interface OpenOptions {
  readonly crypto: CryptoProvider
  readonly keys: CipherKeys
  /** The sender's, for APDUs that do not carry it. */
  readonly systemTitle: Uint8Array
}

/** An opened APDU. Whether its protection and counter suffice is for the caller to judge. */
export interface OpenedApdu {
  readonly apdu: Uint8Array
  readonly kind: CipherKind
  readonly protection: Protection
  readonly broadcast: boolean
  readonly invocationCounter: number
  /** Title it was opened with: the one it carries, else the one given. */
  readonly systemTitle: Uint8Array
}

/**
 * Opens a glo-, ded-, general-glo or general-ded ciphered APDU of suite 0. The tag is checked when the control octet announces one;
 * the caller refuses APDUs whose `protection` is less than agreed.
 *
 * @throws DecodeError `AUTHENTICATION` for a wrong, short or missing tag, `UNSUPPORTED` for other suites, compression, or a key we do not hold
 */
export function openApdu(octets: Uint8Array, options: OpenOptions): OpenedApdu {
  const closed = decodeCiphered(octets)
  const { suite, broadcast, compressed, authenticated } = decodeControlOctet(closed.control)
  if (closed.kind === 'general-ciphering') throw new DecodeError('UNSUPPORTED', 0, 'general-ciphering is not opened')
  if (suite !== 0) throw new DecodeError('UNSUPPORTED', 0, `security suite ${suite}`)
  if (compressed) throw new DecodeError('UNSUPPORTED', 0, 'compressed APDU')
  const dedicated = closed.kind === 'ded' || closed.kind === 'general-ded'
  const key = dedicated ? options.keys.dedicatedKey : broadcast ? options.keys.broadcastKey : options.keys.encryptionKey
  if (!key) throw new DecodeError('UNSUPPORTED', 0, `no ${dedicated ? 'dedicated' : 'broadcast'} key`)
  const systemTitle = closed.systemTitle?.length === 8 ? closed.systemTitle : options.systemTitle
  const iv = initializationVector(systemTitle, closed.invocationCounter)
  const protection = protectionOf(closed.control)
  if (authenticated && closed.content.length < TAG_OCTETS)
    throw new DecodeError('AUTHENTICATION', octets.length, 'authentication tag missing or short')
  const apdu = openContent(options, key, iv, closed.control, protection, closed.content)
  if (apdu === null) throw new DecodeError('AUTHENTICATION', octets.length - TAG_OCTETS, 'authentication tag is wrong')
  // The outer tag of glo and ded forms is not covered by the authentication tag, so it is held against what is inside.
  if (apdu.length === 0 || cipheredTag(apdu[0], closed.kind) !== closed.tag)
    throw new DecodeError('AUTHENTICATION', 0, 'the service inside is not the one the outer tag names')
  return { apdu, kind: closed.kind, protection, broadcast, invocationCounter: closed.invocationCounter, systemTitle }
}

function openContent(
  { crypto, keys }: OpenOptions,
  key: SecretKey,
  iv: Uint8Array,
  control: number,
  protection: Protection,
  content: Uint8Array,
): Uint8Array | null {
  switch (protection) {
    case 'authenticated-encrypted':
      return crypto.openGcm(key, iv, associatedData(control, keys.authenticationKey), content)
    case 'authenticated': {
      const end = content.length - TAG_OCTETS
      const apdu = content.subarray(0, end)
      const aad = associatedData(control, keys.authenticationKey, apdu)
      return crypto.openGcm(key, iv, aad, content.subarray(end)) && apdu.slice()
    }
    case 'encrypted':
      return crypto.streamGcm(key, iv, content)
    default:
      return content.slice()
  }
}

/** System title ‖ invocation counter: 12 octets. */
export function initializationVector(systemTitle: Uint8Array, invocationCounter: number): Uint8Array {
  if (systemTitle.length !== 8) throw new DecodeError('INVALID', 0, `a system title of ${systemTitle.length} octets`)
  const iv = new Uint8Array(12)
  iv.set(systemTitle)
  iv[8] = invocationCounter >>> 24
  iv[9] = invocationCounter >>> 16
  iv[10] = invocationCounter >>> 8
  iv[11] = invocationCounter
  return iv
}

/** SC ‖ AK, and the octets that are authenticated but not encrypted. */
export function associatedData(control: number, authenticationKey: SecretKey, octets: Uint8Array = EMPTY): Uint8Array {
  const key = authenticationKey.reveal()
  const aad = new Uint8Array(1 + key.length + octets.length)
  aad[0] = control
  aad.set(key, 1)
  aad.set(octets, 1 + key.length)
  return aad
}
