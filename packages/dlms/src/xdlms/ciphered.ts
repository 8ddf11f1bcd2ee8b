import { ByteReader, ByteWriter, DecodeError } from '@gridtally/wire'
import { readFlag, readOctets, writeOctets } from './fields.ts'

/** How a ciphered APDU names its keys and parties. */
export type CipherKind = 'glo' | 'ded' | 'general-glo' | 'general-ded' | 'general-ciphering'

/** Which key a general-ciphering APDU is under. */
export type KeyInfo =
  /** 0 the global unicast, 1 the global broadcast encryption key. */
  | { readonly kind: 'identified'; readonly keyId: number }
  | { readonly kind: 'wrapped'; readonly kekId: number; readonly wrapped: Uint8Array }
  | { readonly kind: 'agreed'; readonly parameters: Uint8Array; readonly data: Uint8Array }

/** A ciphered APDU, closed. */
export interface CipheredApdu {
  readonly kind: CipherKind
  /** Tag on the wire; for `glo` and `ded` it says which service is inside. */
  readonly tag: number
  /** System title of the sender, in the general forms; may be empty when the parties know each other. */
  readonly systemTitle?: Uint8Array
  /** Only in general-ciphering. */
  readonly general?: {
    readonly transactionId: Uint8Array
    readonly recipientSystemTitle: Uint8Array
    readonly dateTime: Uint8Array
    readonly otherInformation: Uint8Array
    readonly keyInfo?: KeyInfo
  }
  /** Security control octet, see `securityControl`. */
  readonly control: number
  readonly invocationCounter: number
  /** Ciphered or clear APDU, then the tag when authenticated. */
  readonly content: Uint8Array
}

/** Service tag in clear → tag with the global and the dedicated key (IEC 62056-5-3, xDLMS-APDU). */
const SERVICE_TAGS: readonly (readonly [clear: number, glo: number, ded: number])[] = [
  [0x01, 0x21, 0x41],
  [0x05, 0x25, 0x45],
  [0x06, 0x26, 0x46],
  [0x08, 0x28, 0x48],
  [0x0c, 0x2c, 0x4c],
  [0x0d, 0x2d, 0x4d],
  [0x0e, 0x2e, 0x4e],
  [0x16, 0x36, 0x56],
  [0x18, 0x38, 0x58],
  [0xc0, 0xc8, 0xd0],
  [0xc1, 0xc9, 0xd1],
  [0xc2, 0xca, 0xd2],
  [0xc3, 0xcb, 0xd3],
  [0xc4, 0xcc, 0xd4],
  [0xc5, 0xcd, 0xd5],
  [0xc7, 0xcf, 0xd7],
]
const GLO = new Map(SERVICE_TAGS.map(([clear, glo]) => [clear, glo]))
const DED = new Map(SERVICE_TAGS.map(([clear, , ded]) => [clear, ded]))
const KINDS = new Map<number, CipherKind>([
  ...SERVICE_TAGS.map(([, glo]): [number, CipherKind] => [glo, 'glo']),
  ...SERVICE_TAGS.map(([, , ded]): [number, CipherKind] => [ded, 'ded']),
  [0xdb, 'general-glo'],
  [0xdc, 'general-ded'],
  [0xdd, 'general-ciphering'],
])

/** Kind of ciphering an APDU's first octet stands for; `undefined` when it is in clear. */
export function cipherKind(tag: number): CipherKind | undefined {
  return KINDS.get(tag)
}

/** Tag a service gets when ciphered; `undefined` when it has none (such as exception-response, sent in clear or in general forms). */
export function cipheredTag(clearTag: number, kind: CipherKind): number | undefined {
  switch (kind) {
    case 'glo':
      return GLO.get(clearTag)
    case 'ded':
      return DED.get(clearTag)
    case 'general-glo':
      return 0xdb
    case 'general-ded':
      return 0xdc
    case 'general-ciphering':
      return 0xdd
  }
}

/** Takes a ciphered APDU apart, without any key. Octet fields are views. */
export function decodeCiphered(octets: Uint8Array): CipheredApdu {
  const reader = new ByteReader(octets)
  const tag = reader.uint8()
  const kind = KINDS.get(tag)
  if (!kind) throw new DecodeError('INVALID', 0, `0x${tag.toString(16)} is no ciphered APDU`)
  if (kind === 'glo' || kind === 'ded') return { kind, tag, ...readContent(reader) }
  if (kind !== 'general-ciphering') return { kind, tag, systemTitle: readOctets(reader), ...readContent(reader) }
  const transactionId = readOctets(reader)
  const systemTitle = readOctets(reader)
  const recipientSystemTitle = readOctets(reader)
  const dateTime = readOctets(reader)
  const otherInformation = readOctets(reader)
  const keyInfo = readFlag(reader) ? readKeyInfo(reader) : undefined
  const general = { transactionId, recipientSystemTitle, dateTime, otherInformation, ...(keyInfo && { keyInfo }) }
  return { kind, tag, systemTitle, general, ...readContent(reader) }
}

function readContent(reader: ByteReader): { control: number; invocationCounter: number; content: Uint8Array } {
  const body = new ByteReader(readOctets(reader))
  return { control: body.uint8(), invocationCounter: body.uint32(), content: body.rest() }
}

function readKeyInfo(reader: ByteReader): KeyInfo {
  const at = reader.offset
  const choice = reader.uint8()
  switch (choice) {
    case 0:
      return { kind: 'identified', keyId: reader.uint8() }
    case 1:
      return { kind: 'wrapped', kekId: reader.uint8(), wrapped: readOctets(reader) }
    case 2:
      return { kind: 'agreed', parameters: readOctets(reader), data: readOctets(reader) }
    default:
      throw new DecodeError('INVALID', at, `key-info has no choice ${choice}`)
  }
}

/** Puts a ciphered APDU together. */
export function encodeCiphered(apdu: CipheredApdu): Uint8Array {
  const writer = new ByteWriter(apdu.content.length + 48)
  writer.uint8(apdu.tag)
  if (apdu.general) {
    writeOctets(writer, apdu.general.transactionId)
    writeOctets(writer, apdu.systemTitle ?? new Uint8Array())
    writeOctets(writer, apdu.general.recipientSystemTitle)
    writeOctets(writer, apdu.general.dateTime)
    writeOctets(writer, apdu.general.otherInformation)
    writeKeyInfo(writer, apdu.general.keyInfo)
  } else if (apdu.systemTitle) writeOctets(writer, apdu.systemTitle)
  const body = new ByteWriter(apdu.content.length + 5)
  body.uint8(apdu.control).uint32(apdu.invocationCounter).bytes(apdu.content)
  writeOctets(writer, body.finish())
  return writer.finish()
}

function writeKeyInfo(writer: ByteWriter, info: KeyInfo | undefined): void {
  if (!info) {
    writer.uint8(0)
    return
  }
  writer.uint8(1)
  if (info.kind === 'identified') writer.uint8(0).uint8(info.keyId)
  else if (info.kind === 'wrapped') writeOctets(writer.uint8(1).uint8(info.kekId), info.wrapped)
  else {
    writeOctets(writer.uint8(2), info.parameters)
    writeOctets(writer, info.data)
  }
}
