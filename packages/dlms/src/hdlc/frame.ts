import { ByteReader, ByteWriter, crc16X25, type DecodeCode, DecodeError } from '@gridtally/wire'
import { decodeAddress, encodeAddress, type HdlcAddress } from './address.ts'
import { controlOf, encodeControl, type HdlcControl } from './control.ts'

/** Opens and closes each frame. It may also stand inside: frames of type 3 go by their length, not by stuffing. */
export const HDLC_FLAG = 0x7e

/** Longest frame its 11-bit length can tell, flags not counted. */
export const MAX_FRAME_LENGTH = 0x7ff

/** Shortest frame: format, two one-octet addresses, control, FCS. */
const MIN_FRAME_LENGTH = 7

/** One HDLC frame of format type 3 (IEC 62056-46 §6.4). */
export interface HdlcFrame {
  readonly destination: HdlcAddress
  readonly source: HdlcAddress
  readonly control: HdlcControl
  /** More segments of the same message follow. */
  readonly segmented: boolean
  /** Information field; empty where there is none. A view on the input when decoded. */
  readonly information: Uint8Array
}

/** A frame with its place in the input, for those who show octets to people. */
export interface LocatedHdlcFrame extends HdlcFrame {
  /** Offset of the first octet after the opening flag. */
  readonly offset: number
  /** Octets from format to FCS, flags not counted. */
  readonly length: number
  /** Offset of the information field; of the FCS when there is none. */
  readonly informationOffset: number
}

/**
 * The octets of a frame with both flags.
 *
 * @throws RangeError when the frame would be longer than 2047 octets
 */
export function encodeFrame(frame: HdlcFrame): Uint8Array {
  const { information } = frame
  const header = 2 + frame.destination.octets + frame.source.octets + 1
  const length = header + 2 + (information.length > 0 ? information.length + 2 : 0)
  if (length > MAX_FRAME_LENGTH) throw new RangeError(`a frame of ${length} octets, at most ${MAX_FRAME_LENGTH}`)
  const writer = new ByteWriter(length + 2)
  writer.uint8(HDLC_FLAG).uint16(0xa000 | (frame.segmented ? 0x0800 : 0) | length)
  encodeAddress(writer, frame.destination)
  encodeAddress(writer, frame.source)
  writer.uint8(encodeControl(frame.control))
  if (information.length > 0) {
    writer.uint16(crc16X25(writer.finish(), 1), true)
    writer.bytes(information)
  }
  return writer.uint16(crc16X25(writer.finish(), 1), true).uint8(HDLC_FLAG).finish()
}

/** Why octets are no frame. Plain data: noise makes many of these, and errors are dear. */
export interface HdlcFault {
  readonly code: DecodeCode
  readonly offset: number
  readonly reason: string
}

/** What stands behind an opening flag. */
export type FrameScan =
  | { readonly status: 'frame'; readonly frame: LocatedHdlcFrame }
  /** So far nothing is wrong, but octets are missing. */
  | { readonly status: 'incomplete' }
  /** No frame. With a good header, `length` is how long the spoilt frame says it is, else 0. */
  | { readonly status: 'fault'; readonly fault: HdlcFault; readonly length: number }

const INCOMPLETE: FrameScan = { status: 'incomplete' }

function faulty(code: DecodeCode, offset: number, reason: string, length = 0): FrameScan {
  return { status: 'fault', fault: { code, offset, reason }, length }
}

/**
 * Looks for a frame whose format field is at `at`, just after a flag. Never throws.
 * The header is checked as soon as it is there, so noise after a flag does not wait for 2047 octets.
 *
 * @param end octet to stop before
 */
export function scanFrame(bytes: Uint8Array, at: number, end: number = bytes.length): FrameScan {
  if (at >= end) return INCOMPLETE
  const format = bytes[at]
  if (format >> 4 !== 0xa) return faulty('INVALID', at, 'no HDLC format type 3')
  if (at + 1 >= end) return INCOMPLETE
  const length = ((format & 7) << 8) | bytes[at + 1]
  if (length < MIN_FRAME_LENGTH) return faulty('INVALID', at, `frame length ${length}`)
  const destinationOctets = addressOctets(bytes, at + 2, end)
  if (destinationOctets === 0) return INCOMPLETE
  if (destinationOctets === 3) return faulty('INVALID', at + 2, 'an HDLC address has 1, 2 or 4 octets')
  const sourceAt = at + 2 + destinationOctets
  const sourceOctets = addressOctets(bytes, sourceAt, end)
  if (sourceOctets === 0) return INCOMPLETE
  if (sourceOctets === 3) return faulty('INVALID', sourceAt, 'an HDLC address has 1, 2 or 4 octets')
  const headerEnd = sourceAt + sourceOctets + 1
  const rest = length - (headerEnd - at)
  if (rest < 2 || rest === 3 || rest === 4) return faulty('INVALID', at, `frame length ${length}`)
  if (end - headerEnd < 2) return INCOMPLETE
  // Without information there is no HCS: the FCS stands in its place and covers the same octets.
  if (!checks(bytes, at, headerEnd))
    return faulty('CHECKSUM', headerEnd, rest > 2 ? 'header check sequence' : 'frame check sequence')
  const frameEnd = at + length
  const kind = controlOf(bytes[headerEnd - 1])
  if (!kind) return faulty('INVALID', headerEnd - 1, `control octet 0x${bytes[headerEnd - 1].toString(16)}`)
  if (end < frameEnd) return INCOMPLETE
  if (rest > 2 && !checks(bytes, at, frameEnd - 2))
    return faulty('CHECKSUM', frameEnd - 2, 'frame check sequence', length)
  const reader = new ByteReader(bytes, at + 2, headerEnd)
  const informationOffset = rest > 2 ? headerEnd + 2 : headerEnd
  const frame = {
    destination: decodeAddress(reader),
    source: decodeAddress(reader),
    control: kind,
    segmented: (format & 8) !== 0,
    information: bytes.subarray(informationOffset, frameEnd - 2),
    offset: at,
    length,
    informationOffset,
  }
  return { status: 'frame', frame }
}

/** Octets of the address at `at`: 1, 2 or 4; 3 for every wrong length; 0 when its end is not there yet. */
function addressOctets(bytes: Uint8Array, at: number, end: number): 0 | 1 | 2 | 3 | 4 {
  for (let i = 0; i < 4; i++) {
    if (at + i >= end) return 0
    // 1 to 4, as the loop counts.
    if (bytes[at + i] & 1) return (i + 1) as 1 | 2 | 3 | 4
  }
  return 3
}

function checks(bytes: Uint8Array, from: number, to: number): boolean {
  return crc16X25(bytes, from, to) === (bytes[to] | (bytes[to + 1] << 8))
}

/**
 * Decodes exactly one frame, with or without its flags.
 *
 * @throws DecodeError `CHECKSUM`, `INVALID`, `TRUNCATED`, `TRAILING`
 */
export function decodeFrame(bytes: Uint8Array): LocatedHdlcFrame {
  let at = 0
  while (bytes[at] === HDLC_FLAG) at++
  const scan = scanFrame(bytes, at)
  if (scan.status === 'fault') throw new DecodeError(scan.fault.code, scan.fault.offset, scan.fault.reason)
  if (scan.status === 'incomplete') throw new DecodeError('TRUNCATED', bytes.length, 'frame is cut')
  for (let i = at + scan.frame.length; i < bytes.length; i++)
    if (bytes[i] !== HDLC_FLAG) throw new DecodeError('TRAILING', i, 'octets after the frame')
  return scan.frame
}
