import { ByteReader, ByteWriter, DecodeError } from '@gridtally/wire'

/** Opens a long frame. */
export const MBUS_START = 0x68

/** Closes every frame. */
export const MBUS_STOP = 0x16

/** Data octets a long frame holds behind its C, A and CI fields and the two transport addresses. */
export const MAX_CARRIER_DATA = 250 - 5

/**
 * A wired M-Bus long frame that carries a piece of a DLMS APDU (EN 13757-2 §5, EN 13757-3 and IEC 62056-7-3:
 * CI fields 00 to 1F are the transport layer's segment numbers).
 */
export interface MbusCarrierFrame {
  /** C field: 53 when a meter sends unasked, 08 when it answers. */
  readonly control: number
  /** A field; FF is everybody. */
  readonly address: number
  /** Number of the segment, modulo 16, from 0. */
  readonly sequence: number
  /** Last segment of its APDU. */
  readonly final: boolean
  /** Transport addresses (service access points) of sender and receiver. */
  readonly sourceSap: number
  readonly destinationSap: number
  /** Piece of the APDU. A view on the input when decoded. */
  readonly data: Uint8Array
}

/** A carrier frame with its place in the input. */
export interface LocatedMbusFrame extends MbusCarrierFrame {
  readonly offset: number
  /** Octets of the whole frame, start to stop. */
  readonly length: number
  readonly dataOffset: number
}

/** The octets of a frame. Throws RangeError when the data are longer than {@link MAX_CARRIER_DATA}. */
export function encodeMbusFrame(frame: MbusCarrierFrame): Uint8Array {
  if (frame.data.length > MAX_CARRIER_DATA)
    throw new RangeError(`${frame.data.length} octets in an M-Bus frame, at most ${MAX_CARRIER_DATA}`)
  const length = frame.data.length + 5
  const writer = new ByteWriter(length + 6).uint8(MBUS_START).uint8(length).uint8(length).uint8(MBUS_START)
  writer
    .uint8(frame.control)
    .uint8(frame.address)
    .uint8((frame.final ? 0x10 : 0) | (frame.sequence & 0x0f))
    .uint8(frame.sourceSap)
    .uint8(frame.destinationSap)
    .bytes(frame.data)
  const octets = writer.finish()
  return writer
    .uint8(checksum(octets, 4, octets.length))
    .uint8(MBUS_STOP)
    .finish()
}

/**
 * Reads the frame at the reader.
 *
 * @throws DecodeError `INVALID`, `CHECKSUM`, `TRUNCATED`; `UNSUPPORTED` for frames whose CI field carries no DLMS
 */
export function readMbusFrame(reader: ByteReader): LocatedMbusFrame {
  const offset = reader.offset
  if (reader.uint8() !== MBUS_START) throw new DecodeError('INVALID', offset, 'no M-Bus long frame')
  const length = reader.uint8()
  if (reader.uint8() !== length) throw new DecodeError('INVALID', offset + 2, 'the two length fields differ')
  if (reader.uint8() !== MBUS_START) throw new DecodeError('INVALID', offset + 3, 'no second start octet')
  if (length < 3) throw new DecodeError('INVALID', offset + 1, `length ${length}`)
  const body = reader.slice(length)
  const end = reader.offset
  const sum = reader.uint8()
  if (sum !== checksum(reader.bytes, offset + 4, end)) throw new DecodeError('CHECKSUM', end, 'M-Bus checksum')
  if (reader.uint8() !== MBUS_STOP) throw new DecodeError('INVALID', end + 1, 'no stop octet')
  const control = body.uint8()
  const address = body.uint8()
  const ci = body.uint8()
  if (ci > 0x1f || length < 5)
    throw new DecodeError('UNSUPPORTED', offset + 6, `CI field 0x${ci.toString(16)} is not DLMS`)
  const sourceSap = body.uint8()
  const destinationSap = body.uint8()
  return {
    control,
    address,
    sequence: ci & 0x0f,
    final: (ci & 0x10) !== 0,
    sourceSap,
    destinationSap,
    dataOffset: body.offset,
    data: body.rest(),
    offset,
    length: length + 6,
  }
}

/** Decodes exactly one frame. Errors as {@link readMbusFrame}, and `TRAILING`. */
export function decodeMbusFrame(bytes: Uint8Array): LocatedMbusFrame {
  const reader = new ByteReader(bytes)
  const frame = readMbusFrame(reader)
  reader.expectEnd('M-Bus frame')
  return frame
}

function checksum(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0
  for (let i = from; i < to; i++) sum += bytes[i]
  return sum & 0xff
}
