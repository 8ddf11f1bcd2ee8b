import { ByteReader, ByteWriter, crc16X25, DecodeError } from '@gridtally/wire'
import { decodeAddress, encodeAddress, type HdlcAddress } from './address.ts'
import { decodeControl, encodeControl, type HdlcControl } from './control.ts'

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

/** What stands behind an opening flag. */
export type FrameScan =
  | { readonly status: 'frame'; readonly frame: LocatedHdlcFrame }
  /** So far nothing is wrong, but octets are missing. */
  | { readonly status: 'incomplete' }
  /** No frame. With a good header, `length` is how long the spoilt frame says it is, else 0. */
  | { readonly status: 'fault'; readonly error: DecodeError; readonly length: number }

/**
 * Looks for a frame whose format field is at `at`, just after a flag. Never throws.
 * The header is checked as soon as it is there, so noise after a flag does not wait for 2047 octets.
 *
 * @param end octet to stop before
 */
export function scanFrame(bytes: Uint8Array, at: number, end: number = bytes.length): FrameScan {
  let length = 0
  try {
    const reader = new ByteReader(bytes, at, end)
    const format = reader.uint8()
    if (format >> 4 !== 0xa) throw new DecodeError('INVALID', at, 'no HDLC format type 3')
    length = ((format & 7) << 8) | reader.uint8()
    if (length < MIN_FRAME_LENGTH) throw new DecodeError('INVALID', at, `frame length ${length}`)
    const destination = decodeAddress(reader)
    const source = decodeAddress(reader)
    const controlAt = reader.offset
    const octet = reader.uint8()
    const headerEnd = reader.offset
    const rest = length - (headerEnd - at)
    if (rest < 2 || rest === 3 || rest === 4) throw new DecodeError('INVALID', at, `frame length ${length}`)
    if (end - headerEnd < 2) return { status: 'incomplete' }
    // Without information there is no HCS: the FCS stands in its place and covers the same octets.
    if (!checks(bytes, at, headerEnd)) {
      length = 0
      throw new DecodeError('CHECKSUM', headerEnd, rest > 2 ? 'header check sequence' : 'frame check sequence')
    }
    const control = decodeControl(octet, controlAt)
    const frameEnd = at + length
    if (end < frameEnd) return { status: 'incomplete' }
    const informationOffset = rest > 2 ? headerEnd + 2 : headerEnd
    if (rest > 2 && !checks(bytes, at, frameEnd - 2))
      throw new DecodeError('CHECKSUM', frameEnd - 2, 'frame check sequence')
    const segmented = (format & 8) !== 0
    const information = bytes.subarray(informationOffset, frameEnd - 2)
    return {
      status: 'frame',
      frame: { destination, source, control, segmented, information, offset: at, length, informationOffset },
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    if (error.code === 'TRUNCATED') return { status: 'incomplete' }
    return { status: 'fault', error, length: error.code === 'CHECKSUM' ? length : 0 }
  }
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
  if (scan.status === 'fault') throw scan.error
  if (scan.status === 'incomplete') throw new DecodeError('TRUNCATED', bytes.length, 'frame is cut')
  for (let i = at + scan.frame.length; i < bytes.length; i++)
    if (bytes[i] !== HDLC_FLAG) throw new DecodeError('TRAILING', i, 'octets after the frame')
  return scan.frame
}
