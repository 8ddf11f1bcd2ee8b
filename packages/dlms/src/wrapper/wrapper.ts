import { ByteReader, ByteWriter, concatBytes, DecodeError } from '@gridtally/wire'
import type { Framing, FramingEvent } from '../framing.ts'

/** Octets of the wrapper header. */
export const WRAPPER_HEADER_OCTETS = 8
/** Registered port of DLMS/COSEM over TCP and UDP. */
export const WRAPPER_PORT = 4059
/** Longest APDU a header can announce. */
export const WRAPPER_MAX_LENGTH = 0xffff

/** One wrapper frame (IEC 62056-4-7, formerly 62056-47). */
export interface WrapperFrame {
  /** wPort of the sender: the client's SAP in requests, the server's in answers. */
  readonly source: number
  readonly destination: number
  readonly apdu: Uint8Array
}

/** Octets of a frame. Throws RangeError for an APDU beyond 65 535 octets. */
export function encodeWrapper(frame: WrapperFrame): Uint8Array {
  if (frame.apdu.length > WRAPPER_MAX_LENGTH) throw new RangeError(`APDU of ${frame.apdu.length} octets`)
  return new ByteWriter(WRAPPER_HEADER_OCTETS + frame.apdu.length)
    .uint16(1)
    .uint16(frame.source)
    .uint16(frame.destination)
    .uint16(frame.apdu.length)
    .bytes(frame.apdu)
    .finish()
}

/** Decodes one frame from octets that hold nothing else, such as a UDP datagram. */
export function decodeWrapper(octets: Uint8Array): WrapperFrame {
  const reader = new ByteReader(octets)
  const version = reader.uint16()
  if (version !== 1) throw new DecodeError('INVALID', 0, `wrapper version ${version}`)
  const frame = { source: reader.uint16(), destination: reader.uint16(), apdu: reader.take(reader.uint16()) }
  reader.expectEnd('wrapper frame')
  return frame
}

/**
 * Cuts a stream into frames, however the octets arrive. Keeps at most one frame: a header that announces more than
 * `maxLength` is refused before its body is stored.
 */
export class WrapperDecoder {
  readonly #maxLength: number
  #parts: Uint8Array[] = []
  #held = 0
  #needed = WRAPPER_HEADER_OCTETS

  /** @param maxLength longest APDU taken, in octets; default and most 65 535 */
  constructor(maxLength: number = WRAPPER_MAX_LENGTH) {
    this.#maxLength = maxLength
  }

  /** Takes the next octets and gives the frames they complete. Throws DecodeError for a header that is none. */
  feed(octets: Uint8Array): WrapperFrame[] {
    const frames: WrapperFrame[] = []
    let rest = octets
    while (this.#held + rest.length >= this.#needed) {
      const all = this.#held === 0 ? rest : concatBytes(...this.#parts, rest)
      const length = this.#length(all)
      this.#needed = WRAPPER_HEADER_OCTETS + length
      if (all.length < this.#needed) {
        // Only now is the length known: hold on to what came.
        this.#parts = [all.slice()]
        this.#held = all.length
        return frames
      }
      frames.push({
        source: (all[2] << 8) | all[3],
        destination: (all[4] << 8) | all[5],
        apdu: all.slice(WRAPPER_HEADER_OCTETS, this.#needed),
      })
      rest = all.subarray(this.#needed)
      this.#parts = []
      this.#held = 0
      this.#needed = WRAPPER_HEADER_OCTETS
    }
    if (rest.length > 0) {
      this.#parts.push(rest.slice())
      this.#held += rest.length
    }
    return frames
  }

  #length(all: Uint8Array): number {
    const version = (all[0] << 8) | all[1]
    if (version !== 1) throw new DecodeError('INVALID', 0, `wrapper version ${version}`)
    const length = (all[6] << 8) | all[7]
    if (length > this.#maxLength) throw new DecodeError('LIMIT', 6, `APDU of ${length} octets announced`)
    return length
  }
}

/** Which end of the link, and the addresses of both. */
export interface WrapperOptions {
  readonly role: 'client' | 'server'
  /** wPort of the client; on the server side the default for `send`. */
  readonly client: number
  /** wPort of the logical device, 1 for the management one. */
  readonly server: number
  /** Longest APDU taken. Default 65 535. */
  readonly maxLength?: number
}

/** The wrapper as link layer: no handshake, no timers. */
export function wrapperFraming(options: WrapperOptions): Framing {
  const decoder = new WrapperDecoder(options.maxLength)
  const isClient = options.role === 'client'
  return {
    open: () => [{ type: 'connected' }],
    send(apdu, _now, client = options.client) {
      const [source, destination] = isClient ? [client, options.server] : [options.server, client]
      return [{ type: 'send', octets: encodeWrapper({ source, destination, apdu }) }]
    },
    feed: (octets) =>
      decoder
        .feed(octets)
        .map(
          ({ source, destination, apdu }): FramingEvent =>
            isClient
              ? { type: 'apdu', apdu, client: destination, server: source }
              : { type: 'apdu', apdu, client: source, server: destination },
        ),
    tick: () => [],
    nextDeadline: () => undefined,
    close: () => [{ type: 'closed' }],
  }
}
