import { ByteReader, concatBytes, DecodeError } from '@gridtally/wire'
import { GBT_TAG, readBlock } from '../gbt/block.ts'
import { BlockReassembler } from '../gbt/reassembler.ts'
import { HDLC_FLAG, type LocatedHdlcFrame, scanFrame } from '../hdlc/frame.ts'
import { llcLength } from '../hdlc/llc.ts'
import { type LocatedMbusFrame, MBUS_START, MBUS_STOP, readMbusFrame } from '../mbus-carrier/frame.ts'
import { MbusReassembler } from '../mbus-carrier/segments.ts'
import { type ExplainedFault, faultOf } from './node.ts'

/** What carried an APDU. */
export type Carrier = 'hdlc' | 'mbus' | 'wrapper' | 'raw'

/** A whole APDU, as its frames gave it. */
export interface CarriedApdu {
  readonly kind: 'apdu'
  readonly carrier: Carrier
  /** The octets: a view on the capture when they stand there in one piece, else put together. */
  readonly octets: Uint8Array
  /** Offset of the first octet in the capture; for several frames, of its first piece. */
  readonly offset: number
  /** Whether the octets stand in the capture in one piece. */
  readonly contiguous: boolean
}

/** What is found in a capture, in order. Offsets count in the capture. */
export type CaptureItem =
  | { readonly kind: 'hdlc'; readonly frame: LocatedHdlcFrame; readonly llc: 0 | 3; readonly block: boolean }
  | { readonly kind: 'mbus'; readonly frame: LocatedMbusFrame; readonly block: boolean }
  | { readonly kind: 'wrapper'; readonly offset: number; readonly length: number; readonly block: boolean }
  | CarriedApdu
  /** Octets that are nothing we know. Without `fault` they do not matter: line ends, padding. */
  | { readonly kind: 'gap'; readonly offset: number; readonly length: number; readonly fault?: ExplainedFault }

/** How many octets the APDU at `from` takes, and whether all of it makes sense; `length` 0 when none begins there. */
export type MeasureApdu = (
  bytes: Uint8Array,
  from: number,
  end: number,
) => { readonly length: number; readonly whole: boolean }

/** Bare APDUs that may turn out wrong before none is looked for any more: each costs a walk over the rest of the capture. */
const MAX_WRONG = 64

/** A message under way on one HDLC connection. */
interface Pending {
  readonly parts: Uint8Array[]
  readonly offset: number
  readonly type: string
}

/** Connections whose segments may be mixed in one capture. */
const MAX_CONNECTIONS = 256

/**
 * Takes a capture apart: HDLC and M-Bus frames, wrapper frames and bare APDUs, in any mixture, with segments and general
 * blocks put together. Never throws for what the octets hold: all that cannot be read is a gap with its reason.
 */
export class CaptureScanner {
  readonly #bytes: Uint8Array
  readonly #measure: MeasureApdu
  readonly #items: CaptureItem[] = []
  readonly #segments = new Map<string, Pending>()
  readonly #blocks = new Map<string, { readonly all: BlockReassembler; offset: number }>()
  readonly #bus = new MbusReassembler()
  #busOffset = 0
  #gapFrom = 0
  #wrong = 0

  private constructor(bytes: Uint8Array, measure: MeasureApdu) {
    this.#bytes = bytes
    this.#measure = measure
  }

  /** All there is in a capture. */
  static scan(bytes: Uint8Array, measure: MeasureApdu): CaptureItem[] {
    const scanner = new CaptureScanner(bytes, measure)
    let at = 0
    while (at < bytes.length) {
      const next = scanner.#step(at)
      if (next > at) scanner.#gapFrom = at = next
      else at++
    }
    scanner.#gap(bytes.length)
    scanner.#unfinished()
    return scanner.#items
  }

  /** Takes what begins at `at`; the offset behind it, or `at` when nothing begins there. */
  #step(at: number): number {
    const bytes = this.#bytes
    switch (bytes[at]) {
      case HDLC_FLAG:
        return this.#hdlc(at)
      case MBUS_START:
        return bytes[at + 3] === MBUS_START && bytes[at + 1] === bytes[at + 2] ? this.#mbus(at) : at
      case 0:
        return bytes[at + 1] === 1 ? this.#wrapper(at) : at
      default:
        // Behind noise no bare APDU is looked for: too many octets look like the tag of one.
        return at === this.#gapFrom ? this.#raw(at) : at
    }
  }

  #hdlc(at: number): number {
    const bytes = this.#bytes
    let start = at + 1
    while (bytes[start] === HDLC_FLAG) start++
    if (bytes[start] >> 4 !== 0xa) {
      // Flags that only close, or fill the line.
      return at === this.#gapFrom ? start : at
    }
    const scan = scanFrame(bytes, start)
    if (scan.status === 'frame') {
      this.#gap(at)
      this.#takeHdlc(scan.frame)
      const end = start + scan.frame.length
      // The closing flag is taken with its frame unless it also opens the next.
      return bytes[end] === HDLC_FLAG && bytes[end + 1] >> 4 !== 0xa ? end + 1 : end
    }
    this.#gap(at)
    if (scan.status === 'incomplete') {
      const next = nextStart(bytes, start)
      this.#fault(at, next, { code: 'TRUNCATED', offset: next, reason: 'the HDLC frame is cut' })
      return next
    }
    const end = start + scan.length
    const next =
      scan.length > 0 && bytes[end] === HDLC_FLAG
        ? end + (bytes[end + 1] >> 4 === 0xa ? 0 : 1)
        : nextStart(bytes, start)
    this.#fault(at, next, scan.fault)
    return next
  }

  #takeHdlc(frame: LocatedHdlcFrame): void {
    const { information, control, source, destination } = frame
    const llc = llcLength(information)
    const carries = information.length > 0 && (control.kind === 'I' || control.kind === 'UI')
    const type = control.kind
    const key = `${type} ${source.upper}/${source.lower} ${destination.upper}/${destination.lower}`
    const part = information.subarray(llc)
    const offset = frame.informationOffset + llc
    const pending = this.#segments.get(key)
    const block = carries && !pending && !frame.segmented && part[0] === GBT_TAG
    this.#items.push({ kind: 'hdlc', frame, llc: carries ? llc : 0, block })
    if (!carries) return
    if (!pending && !frame.segmented) {
      this.#message('hdlc', key, part, offset, true)
      return
    }
    const parts = pending ? [...pending.parts, part] : [part]
    this.#segments.delete(key)
    const from = pending?.offset ?? offset
    if (frame.segmented && this.#segments.size < MAX_CONNECTIONS) this.#segments.set(key, { parts, offset: from, type })
    else this.#message('hdlc', key, concatBytes(...parts), from, false)
  }

  #mbus(at: number): number {
    const bytes = this.#bytes
    const length = bytes[at + 1] + 6
    try {
      const reader = new ByteReader(bytes, at)
      const frame = readMbusFrame(reader)
      this.#gap(at)
      if (!this.#bus.pending) this.#busOffset = frame.dataOffset
      this.#items.push({ kind: 'mbus', frame, block: frame.sequence === 0 && frame.final && frame.data[0] === GBT_TAG })
      const apdu = this.#bus.add(frame)
      if (apdu === 'lost')
        this.#fault(at, at, {
          code: 'INVALID',
          offset: at,
          reason: `segment ${frame.sequence} does not follow the one before`,
        })
      else if (apdu) {
        const whole = frame.sequence === 0
        this.#message('mbus', `mbus ${frame.address}`, apdu, this.#busOffset, whole)
      }
      return reader.offset
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#gap(at)
      const end = bytes[at + length - 1] === MBUS_STOP ? at + length : nextStart(bytes, at + 4)
      this.#fault(at, end, faultOf(error))
      return end
    }
  }

  #wrapper(at: number): number {
    const bytes = this.#bytes
    if (bytes.length - at < 8) return at
    const length = 8 + ((bytes[at + 6] << 8) | bytes[at + 7])
    if (at !== this.#gapFrom && at + length > bytes.length) return at
    this.#gap(at)
    if (at + length > bytes.length) {
      const reason = `the wrapper announces ${length - 8} octets`
      this.#fault(at, bytes.length, { code: 'TRUNCATED', offset: bytes.length, reason })
      return bytes.length
    }
    this.#items.push({ kind: 'wrapper', offset: at, length, block: bytes[at + 8] === GBT_TAG })
    const key = `wrapper ${bytes[at + 3]} ${bytes[at + 5]}`
    if (length > 8) this.#message('wrapper', key, bytes.subarray(at + 8, at + length), at + 8, true)
    return at + length
  }

  #raw(at: number): number {
    const bytes = this.#bytes
    const from = at + llcLength(bytes, at)
    if (from >= bytes.length) return at
    if (this.#wrong > MAX_WRONG || (bytes[from] === 0x0d && bytes[from + 1] === 0x0a)) return at
    const measured = this.#measure(bytes, from, bytes.length)
    let { length } = measured
    if (length === 0) return at
    if (!measured.whole) {
      // It may be noise that looks like an APDU: it shall not take the frames behind it along.
      this.#wrong++
      length = Math.min(length, nextStart(bytes, from + 1) - from)
    }
    this.#message('raw', 'raw', bytes.subarray(from, from + length), from, true)
    return from + length
  }

  /** A whole message: an APDU, or a general block that is one piece of it. */
  #message(carrier: Carrier, key: string, octets: Uint8Array, offset: number, contiguous: boolean): void {
    if (octets[0] !== GBT_TAG) {
      this.#items.push({ kind: 'apdu', carrier, octets, offset, contiguous })
      return
    }
    let blocks = this.#blocks.get(key)
    if (!blocks) {
      if (this.#blocks.size >= MAX_CONNECTIONS) this.#blocks.clear()
      blocks = { all: new BlockReassembler(), offset }
      this.#blocks.set(key, blocks)
    }
    if (!blocks.all.pending) blocks.offset = offset
    // The block itself is shown as an APDU too.
    if (!contiguous || carrier === 'raw') this.#items.push({ kind: 'apdu', carrier, octets, offset, contiguous })
    try {
      const apdu = blocks.all.add(readBlock(new ByteReader(octets)))
      if (apdu === 'lost')
        this.#fault(offset, offset, { code: 'INVALID', offset, reason: 'a general block is missing' })
      else if (apdu) this.#items.push({ kind: 'apdu', carrier, octets: apdu, offset: blocks.offset, contiguous: false })
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      const at = contiguous ? offset + error.offset : offset
      this.#fault(at, at, { code: error.code, offset: at, reason: 'the general block is cut' })
    }
  }

  /** Closes the octets before `to` that nothing claimed. */
  #gap(to: number): void {
    const from = this.#gapFrom
    if (to <= from) return
    this.#gapFrom = to
    const idle = this.#bytes.subarray(from, to).every((octet) => IDLE.has(octet))
    if (idle) this.#items.push({ kind: 'gap', offset: from, length: to - from })
    else this.#fault(from, to, { code: 'INVALID', offset: from, reason: 'no frame and no APDU begins here' })
  }

  #fault(from: number, to: number, fault: ExplainedFault): void {
    this.#items.push({ kind: 'gap', offset: from, length: to - from, fault })
  }

  #unfinished(): void {
    const end = this.#bytes.length
    const cut = (reason: string): void => this.#fault(end, end, { code: 'TRUNCATED', offset: end, reason })
    for (const { type } of this.#segments.values()) cut(`the last segment of a message in ${type} frames is missing`)
    if (this.#bus.pending) cut('the last M-Bus segment of a message is missing')
    for (const { all } of this.#blocks.values()) if (all.pending) cut('the last general block of a message is missing')
  }
}

/** Octets between frames that say nothing: fill, line ends, flags, the acknowledgement of M-Bus. */
const IDLE: ReadonlySet<number> = new Set([0x00, 0x0a, 0x0d, 0x20, 0x7e, 0xe5, 0xff])

/** The next place behind `from` where a frame may begin. */
function nextStart(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === HDLC_FLAG && bytes[at + 1] >> 4 === 0xa) return at
    if (bytes[at] === MBUS_START && bytes[at + 3] === MBUS_START && bytes[at + 1] === bytes[at + 2]) return at
  }
  return bytes.length
}
