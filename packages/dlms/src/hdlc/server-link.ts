import { concatBytes } from '@gridtally/wire'
import { type HdlcAddress, sameStation } from './address.ts'
import type { HdlcControl } from './control.ts'
import { HdlcDecoder } from './decoder.ts'
import { encodeFrame, type HdlcFrame } from './frame.ts'
import { LLC_RESPONSE, llcLength } from './llc.ts'
import {
  agree,
  DEFAULT_HDLC_PARAMETERS,
  decodeParameters,
  encodeParameters,
  type HdlcParameters,
} from './parameters.ts'
import { HdlcStation } from './station.ts'

/** What happened at the server's end; `client` is the address of the client it happened with. */
export type HdlcServerEvent =
  | { readonly kind: 'connected' | 'disconnected'; readonly client: number }
  /** A whole APDU, LLC header taken off. It is to be answered with {@link HdlcServerLink.send}. */
  | { readonly kind: 'apdu'; readonly client: number; readonly apdu: Uint8Array }

/** How a server's end behaves. */
export interface HdlcServerOptions {
  readonly server: HdlcAddress
  /** The most it grants; default 128 octets and windows of 1. */
  readonly offer?: Partial<HdlcParameters>
  /** Longest APDU taken, octets. Default 64 KiB. */
  readonly maxApdu?: number
}

/** Clients that may hold a connection at a time. */
const MAX_CLIENTS = 16

/**
 * The server's end of an HDLC line without I/O: it speaks only when polled, so it needs no time.
 * Each client address has its own connection.
 */
export class HdlcServerLink {
  readonly #server: HdlcAddress
  readonly #offer: HdlcParameters
  readonly #maxApdu: number
  readonly #decoder = new HdlcDecoder()
  readonly #stations = new Map<number, HdlcStation>()
  /** Clients that gave us the word (final bit) and have not been answered. */
  readonly #polled = new Set<number>()
  #output: Uint8Array[] = []

  constructor(options: HdlcServerOptions) {
    this.#server = options.server
    this.#offer = { ...DEFAULT_HDLC_PARAMETERS, ...options.offer }
    this.#maxApdu = options.maxApdu ?? 1 << 16
  }

  /** Takes octets as they come. Frames for other servers are ignored. */
  receive(chunk: Uint8Array): HdlcServerEvent[] {
    const events: HdlcServerEvent[] = []
    for (const event of this.#decoder.feed(chunk))
      if (event.kind === 'frame' && sameStation(event.frame.destination, this.#server)) this.#take(event.frame, events)
    return events
  }

  /** Sends the answer to a client's APDU, at once or with the next poll. Answers to clients that have left are dropped. */
  send(client: number, apdu: Uint8Array): void {
    const station = this.#stations.get(client)
    if (!station) return
    station.enqueue(concatBytes(LLC_RESPONSE, apdu))
    if (this.#polled.has(client)) this.#sendWindow(client, station)
  }

  /** Octets to send now, in one piece; `null` when there are none. */
  takeOutput(): Uint8Array | null {
    if (this.#output.length === 0) return null
    const octets = concatBytes(...this.#output)
    this.#output = []
    return octets
  }

  #take(frame: HdlcFrame, events: HdlcServerEvent[]): void {
    const { control } = frame
    const client = frame.source.upper
    if (control.kind === 'SNRM') {
      this.#connect(frame, client, events)
      return
    }
    const station = this.#stations.get(client)
    if (control.kind === 'UI' || control.kind === 'UA' || control.kind === 'DM') return
    if (!station) {
      this.#reply(client, { kind: 'DM', final: true })
    } else if (control.kind === 'DISC') {
      this.#stations.delete(client)
      this.#reply(client, { kind: 'UA', final: true })
      events.push({ kind: 'disconnected', client })
    } else if (control.kind !== 'FRMR') this.#exchange(frame, client, station, events)
  }

  #connect(frame: HdlcFrame, client: number, events: HdlcServerEvent[]): void {
    let parameters: HdlcParameters
    try {
      parameters = agree(this.#offer, decodeParameters(frame.information))
    } catch {
      // An SNRM that cannot be read is refused; the client may try another.
      this.#reply(client, { kind: 'DM', final: true })
      return
    }
    if (this.#stations.size >= MAX_CLIENTS && !this.#stations.has(client)) {
      this.#reply(client, { kind: 'DM', final: true })
      return
    }
    this.#stations.set(client, new HdlcStation(parameters, this.#maxApdu))
    this.#reply(client, { kind: 'UA', final: true }, encodeParameters(parameters))
    events.push({ kind: 'connected', client })
  }

  #exchange(frame: HdlcFrame, client: number, station: HdlcStation, events: HdlcServerEvent[]): void {
    const { control } = frame
    if (control.kind !== 'I' && control.kind !== 'RR' && control.kind !== 'RNR') return
    station.acknowledge(control.nr)
    if (control.final) this.#polled.add(client)
    if (control.kind === 'I') {
      let received: 'duplicate' | 'segment' | 'message'
      try {
        received = station.receive(control.ns, frame.information, frame.segmented)
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        this.#stations.delete(client)
        this.#reply(client, { kind: 'DM', final: true })
        events.push({ kind: 'disconnected', client })
        return
      }
      if (received === 'message') {
        const message = station.takeMessage()
        // The answer comes by `send`, and with it the final bit.
        events.push({ kind: 'apdu', client, apdu: message.subarray(llcLength(message)) })
        return
      }
    }
    if (!control.final) return
    // A repeated frame means that our answer was lost: what is unacknowledged goes out again.
    if (station.busy && control.kind !== 'RNR') this.#sendWindow(client, station)
    else this.#reply(client, { kind: 'RR', nr: station.expected, final: true })
  }

  #sendWindow(client: number, station: HdlcStation): void {
    for (const { control, information, segmented } of station.window())
      this.#reply(client, control, information, segmented)
  }

  #reply(client: number, control: HdlcControl, information: Uint8Array = new Uint8Array(0), segmented = false): void {
    if (control.final) this.#polled.delete(client)
    const destination: HdlcAddress = { upper: client, octets: 1 }
    this.#output.push(encodeFrame({ destination, source: this.#server, control, segmented, information }))
  }
}
