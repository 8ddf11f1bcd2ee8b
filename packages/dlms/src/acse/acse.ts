import { ByteReader, ByteWriter, DecodeError } from '@gridtally/wire'
import { decodeLength, encodeLength } from '../axdr/length.ts'
import {
  type ApplicationContext,
  type AuthenticationMechanism,
  contextId,
  contextName,
  mechanismId,
  mechanismName,
} from './names.ts'

/** Request to associate. Octet fields are views on the input when decoded. */
export interface Aarq {
  readonly type: 'aarq'
  readonly applicationContext: ApplicationContext
  /** Absent means no authentication. */
  readonly mechanism?: AuthenticationMechanism
  /** The client's system title, 8 octets, in ciphered contexts. */
  readonly callingApTitle?: Uint8Array
  /** The client's public-key certificate, in suites 1 and 2. */
  readonly callingAeQualifier?: Uint8Array
  /** User of the client. */
  readonly callingAeInvocationId?: number
  /** Password (low) or challenge (high). */
  readonly callingAuthenticationValue?: Uint8Array
  /** An InitiateRequest, in clear or ciphered. */
  readonly userInformation?: Uint8Array
}

/** Answer to a request to associate. */
export interface Aare {
  readonly type: 'aare'
  readonly applicationContext: ApplicationContext
  /** 0 accepted, 1 rejected for good, 2 rejected for now. */
  readonly result: number
  /** Who gives the diagnostic, and what it is: see `diagnosticName`. */
  readonly source: 'user' | 'provider'
  readonly diagnostic: number
  readonly mechanism?: AuthenticationMechanism
  /** The meter's system title. */
  readonly respondingApTitle?: Uint8Array
  readonly respondingAeQualifier?: Uint8Array
  readonly respondingAeInvocationId?: number
  /** Challenge (high). */
  readonly respondingAuthenticationValue?: Uint8Array
  /** An InitiateResponse or ConfirmedServiceError, in clear or ciphered. Some meters leave it out when they reject. */
  readonly userInformation?: Uint8Array
}

/** Request to end an association (`rlrq`), and its answer (`rlre`). */
export interface Release {
  readonly type: 'rlrq' | 'rlre'
  /** 0 normal. */
  readonly reason?: number
  readonly userInformation?: Uint8Array
}

/** Any association control APDU. */
export type AcseApdu = Aarq | Aare | Release

/** Object identifiers 2.16.756.5.8: the Swiss arc of the DLMS user association. */
const OID_PREFIX = [0x60, 0x85, 0x74, 0x05, 0x08]

/** Tag and content of each field of `bytes` from `from` on. Long-form tags are not used by ACSE here. */
function* fields(bytes: Uint8Array, from: number, to: number): Generator<[tag: number, content: ByteReader]> {
  const reader = new ByteReader(bytes, from, to)
  while (reader.remaining > 0) {
    const tag = reader.uint8()
    yield [tag, reader.slice(decodeLength(reader))]
  }
}

/** Content of a field that wraps exactly one inner field. */
function inner(content: ByteReader): ByteReader {
  content.skip(1)
  return content.slice(decodeLength(content))
}

function objectId(content: ByteReader, kind: number): number {
  const at = content.offset
  if (OID_PREFIX.some((octet) => content.uint8() !== octet) || content.uint8() !== kind)
    throw new DecodeError('INVALID', at, 'not an object identifier of DLMS')
  return content.uint8()
}

function integer(content: ByteReader): number {
  return content.uint(Math.max(1, Math.min(4, content.remaining)))
}

/**
 * Decodes an AARQ, AARE, RLRQ or RLRE (BER, IEC 62056-5-3). Missing optional fields are let pass, unknown ones skipped.
 *
 * @throws DecodeError `INVALID` for other APDUs
 */
export function decodeAcse(octets: Uint8Array): AcseApdu {
  const reader = new ByteReader(octets)
  const tag = reader.uint8()
  switch (tag) {
    case 0x60:
    case 0x61: {
      const length = decodeLength(reader)
      const start = reader.offset
      reader.skip(length)
      return tag === 0x60 ? readAarq(octets, start, start + length) : readAare(octets, start, start + length)
    }
    case 0x62:
    case 0x63:
      return readRelease(tag === 0x62 ? 'rlrq' : 'rlre', octets, reader)
    default:
      throw new DecodeError('INVALID', 0, `0x${tag.toString(16)} is no association control APDU`)
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function readAarq(bytes: Uint8Array, from: number, to: number): Aarq {
  const aarq: Mutable<Aarq> = { type: 'aarq', applicationContext: 'ln' }
  let context = false
  for (const [tag, content] of fields(bytes, from, to))
    switch (tag) {
      case 0xa1:
        aarq.applicationContext = contextName(objectId(inner(content), 1))
        context = true
        break
      case 0xa6:
        aarq.callingApTitle = inner(content).rest()
        break
      case 0xa7:
        aarq.callingAeQualifier = inner(content).rest()
        break
      case 0xa9:
        aarq.callingAeInvocationId = integer(inner(content))
        break
      case 0x8b:
        aarq.mechanism = mechanismName(objectId(content, 2))
        break
      case 0xac:
        aarq.callingAuthenticationValue = inner(content).rest()
        break
      case 0xbe:
        aarq.userInformation = inner(content).rest()
        break
    }
  if (!context) throw new DecodeError('INVALID', from, 'an AARQ without application context')
  return aarq
}

function readAare(bytes: Uint8Array, from: number, to: number): Aare {
  const aare: Mutable<Aare> = { type: 'aare', applicationContext: 'ln', result: 0, source: 'user', diagnostic: 0 }
  let result = false
  for (const [tag, content] of fields(bytes, from, to))
    switch (tag) {
      case 0xa1:
        aare.applicationContext = contextName(objectId(inner(content), 1))
        break
      case 0xa2:
        aare.result = integer(inner(content))
        result = true
        break
      case 0xa3:
        aare.source = content.peek() === 0xa2 ? 'provider' : 'user'
        aare.diagnostic = integer(inner(inner(content)))
        break
      case 0xa4:
        aare.respondingApTitle = inner(content).rest()
        break
      case 0xa5:
        aare.respondingAeQualifier = inner(content).rest()
        break
      case 0xa7:
        aare.respondingAeInvocationId = integer(inner(content))
        break
      case 0x89:
        aare.mechanism = mechanismName(objectId(content, 2))
        break
      case 0xaa:
        aare.respondingAuthenticationValue = inner(content).rest()
        break
      case 0xbe:
        aare.userInformation = inner(content).rest()
        break
    }
  if (!result) throw new DecodeError('INVALID', from, 'an AARE without result')
  return aare
}

/** The outer length is not relied on: some meters count it too short, and what follows is still theirs. */
function readRelease(type: 'rlrq' | 'rlre', bytes: Uint8Array, reader: ByteReader): Release {
  if (reader.remaining === 0) return { type }
  decodeLength(reader)
  const release: Mutable<Release> = { type }
  for (const [tag, content] of fields(bytes, reader.offset, bytes.length))
    if (tag === 0x80) release.reason = integer(content)
    else if (tag === 0xbe) {
      release.userInformation = inner(content).rest()
      break
    }
  return release
}

function field(writer: ByteWriter, tag: number, content: Uint8Array): void {
  writer.uint8(tag)
  encodeLength(writer, content.length)
  writer.bytes(content)
}

function wrapped(writer: ByteWriter, tag: number, innerTag: number, content: Uint8Array | undefined): void {
  if (!content) return
  const body = new ByteWriter(content.length + 4)
  field(body, innerTag, content)
  field(writer, tag, body.finish())
}

const oid = (kind: number, arc: number): Uint8Array => Uint8Array.of(...OID_PREFIX, kind, arc)
/** sender- or responder-acse-requirements: authentication functional unit. */
const AUTHENTICATION_UNIT = Uint8Array.of(0x07, 0x80)
const octet = (value: number | undefined): Uint8Array | undefined =>
  value === undefined ? undefined : Uint8Array.of(value)

function outer(tag: number, content: Uint8Array): Uint8Array {
  const writer = new ByteWriter(content.length + 6)
  field(writer, tag, content)
  return writer.finish()
}

/** Encodes an association control APDU. */
export function encodeAcse(apdu: AcseApdu): Uint8Array {
  const w = new ByteWriter(128)
  switch (apdu.type) {
    case 'aarq':
      wrapped(w, 0xa1, 0x06, oid(1, contextId(apdu.applicationContext)))
      wrapped(w, 0xa6, 0x04, apdu.callingApTitle)
      wrapped(w, 0xa7, 0x04, apdu.callingAeQualifier)
      wrapped(w, 0xa9, 0x02, octet(apdu.callingAeInvocationId))
      if (apdu.mechanism !== undefined && apdu.mechanism !== 'lowest') {
        field(w, 0x8a, AUTHENTICATION_UNIT)
        field(w, 0x8b, oid(2, mechanismId(apdu.mechanism)))
      }
      wrapped(w, 0xac, 0x80, apdu.callingAuthenticationValue)
      wrapped(w, 0xbe, 0x04, apdu.userInformation)
      return outer(0x60, w.finish())
    case 'aare': {
      wrapped(w, 0xa1, 0x06, oid(1, contextId(apdu.applicationContext)))
      wrapped(w, 0xa2, 0x02, octet(apdu.result))
      const diagnostic = Uint8Array.of(0x02, 1, apdu.diagnostic)
      wrapped(w, 0xa3, apdu.source === 'user' ? 0xa1 : 0xa2, diagnostic)
      wrapped(w, 0xa4, 0x04, apdu.respondingApTitle)
      wrapped(w, 0xa5, 0x04, apdu.respondingAeQualifier)
      wrapped(w, 0xa7, 0x02, octet(apdu.respondingAeInvocationId))
      if (apdu.mechanism !== undefined && apdu.mechanism !== 'lowest') {
        field(w, 0x88, AUTHENTICATION_UNIT)
        field(w, 0x89, oid(2, mechanismId(apdu.mechanism)))
      }
      wrapped(w, 0xaa, 0x80, apdu.respondingAuthenticationValue)
      wrapped(w, 0xbe, 0x04, apdu.userInformation)
      return outer(0x61, w.finish())
    }
    default:
      if (apdu.reason !== undefined) field(w, 0x80, Uint8Array.of(apdu.reason))
      wrapped(w, 0xbe, 0x04, apdu.userInformation)
      return outer(apdu.type === 'rlrq' ? 0x62 : 0x63, w.finish())
  }
}
