import { concatBytes, type Instant } from '@gridtally/wire'
import { type HdlcAddress, sameStation } from './address.ts'
import { HdlcDecoder } from './decoder.ts'
import { encodeFrame, type HdlcFrame, type LocatedHdlcFrame } from './frame.ts'
import { LLC_COMMAND, llcLength } from './llc.ts'
import {
  agree,
  DEFAULT_HDLC_PARAMETERS,
  decodeParameters,
  encodeParameters,
  type HdlcParameters,
} from './parameters.ts'
import { HdlcStation } from './station.ts'

/** Why a link came to its end. */
export type HdlcLinkFailure =
  /** No answer, after all repetitions. */
  | 'TIMEOUT'
  /** The server answered the connection request with DM. */
  | 'REFUSED'
  /** The server is in disconnected mode or rejected a frame (DM, FRMR) while we thought ourselves connected. */
  | 'RESET'
  /** The server sent more than we are willing to hold, or parameters that cannot be read. */
  | 'PROTOCOL'

/** What happened on the link. */
export type HdlcLinkEvent =
  | { readonly kind: 'connected'; readonly parameters: HdlcParameters }
  /** A whole APDU, LLC header taken off. `unsolicited` came in UI frames. */
  | { readonly kind: 'apdu'; readonly apdu: Uint8Array; readonly unsolicited: boolean }
  | { readonly kind: 'disconnected' }
  | { readonly kind: 'failed'; readonly code: HdlcLinkFailure }

/** How a client link behaves. */
export interface HdlcClientOptions {
  readonly client: HdlcAddress
  readonly server: HdlcAddress
  /** What to propose in SNRM; default 2030 octets and windows of 1 (larger windows when the line is worth it). */
  readonly propose?: Partial<HdlcParameters>
  /** How long to wait for an answer, ms. Default 5000. */
  readonly responseTimeoutMs?: number
  /** How often a frame is repeated before the link fails. Default 3. */
  readonly retries?: number
  /** Longest APDU taken, octets. Default 1 MiB. */
  readonly maxApdu?: number
}

/** How long to leave a server alone that answers but has nothing to say yet. */
const POLL_MS = 250

type State = 'idle' | 'connecting' | 'connected' | 'disconnecting' | 'failed'

/**
 * The client's end of an HDLC link (IEC 62056-46, normal response mode) without I/O.
 *
 * Octets that arrive go into {@link receive}, octets to send come out of {@link takeOutput}, and {@link tick} is due at {@link deadline}.
 * Lost and spoilt frames are repeated; frames for others on a shared line, and our own echo from an optical head, are ignored.
 */
export class HdlcClientLink {
  readonly #options: Required<Omit<HdlcClientOptions, 'propose'>>
  readonly #propose: HdlcParameters
  readonly #decoder = new HdlcDecoder()
  #state: State = 'idle'
  #station: HdlcStation
  #output: Uint8Array[] = []
  /** SNRM or DISC, while its answer is awaited. */
  #request: Uint8Array = new Uint8Array(0)
  #deadline: Instant | undefined
  #attempts = 0
  /** Without progress until then the link fails, however lively the server answers RR. */
  #giveUpAt: Instant = 0
  /** An answer to a sent APDU is still to come. */
  #awaiting = false
  #unsolicited: Uint8Array[] = []
  #unsolicitedSize = 0

  constructor(options: HdlcClientOptions) {
    const { propose, ...rest } = options
    this.#options = { responseTimeoutMs: 5000, retries: 3, maxApdu: 1 << 20, ...rest }
    this.#propose = {
      ...DEFAULT_HDLC_PARAMETERS,
      maxInformationTransmit: 2030,
      maxInformationReceive: 2030,
      ...propose,
    }
    this.#station = new HdlcStation(DEFAULT_HDLC_PARAMETERS, this.#options.maxApdu)
  }

  /** Whether APDUs may be sent. */
  get connected(): boolean {
    return this.#state === 'connected'
  }

  /** When {@link tick} is due; `undefined` while nothing is awaited. */
  get deadline(): Instant | undefined {
    return this.#deadline
  }

  /** Asks the server for a connection (SNRM). Also resets a connection that is there. */
  connect(now: Instant): void {
    this.#state = 'connecting'
    this.#awaiting = false
    this.#request = this.#frame({ kind: 'SNRM', final: true }, encodeParameters(this.#propose))
    this.#begin(now, this.#request)
  }

  /** Sends an APDU in as many segments as it takes. Throws TypeError when the link is not connected or an answer is still awaited. */
  send(apdu: Uint8Array, now: Instant): void {
    if (this.#state !== 'connected') throw new TypeError(`the HDLC link is ${this.#state}, not connected`)
    if (this.#awaiting) throw new TypeError('the answer to the APDU before is still awaited')
    this.#awaiting = true
    this.#station.enqueue(concatBytes(LLC_COMMAND, apdu))
    this.#begin(now, this.#next())
  }

  /** Asks the server to end the connection (DISC). */
  disconnect(now: Instant): void {
    this.#state = 'disconnecting'
    this.#request = this.#frame({ kind: 'DISC', final: true })
    this.#begin(now, this.#request)
  }

  /** Takes octets as they come, in chunks of any size. */
  receive(chunk: Uint8Array, now: Instant): HdlcLinkEvent[] {
    const events: HdlcLinkEvent[] = []
    for (const event of this.#decoder.feed(chunk))
      if (event.kind === 'frame' && this.#isForUs(event.frame)) this.#take(event.frame, now, events)
    return events
  }

  /** To be called at {@link deadline}: repeats what was not answered, or gives up. */
  tick(now: Instant): HdlcLinkEvent[] {
    if (this.#deadline === undefined || now < this.#deadline) return []
    if (this.#attempts > this.#options.retries || now >= this.#giveUpAt) {
      if (this.#state === 'disconnecting') return [this.#end({ kind: 'disconnected' }, 'idle')]
      return [this.#fail('TIMEOUT')]
    }
    this.#attempts++
    this.#say(now, this.#state === 'connected' ? this.#next() : this.#request)
    return []
  }

  /** Octets to send now, in one piece; `null` when there are none. */
  takeOutput(): Uint8Array | null {
    if (this.#output.length === 0) return null
    const octets = concatBytes(...this.#output)
    this.#output = []
    return octets
  }

  #isForUs({ destination, source }: HdlcFrame): boolean {
    return sameStation(destination, this.#options.client) && sameStation(source, this.#options.server)
  }

  #take(frame: LocatedHdlcFrame, now: Instant, events: HdlcLinkEvent[]): void {
    const { control } = frame
    if (control.kind === 'UI') this.#takeUnsolicited(frame, events)
    else if (this.#state === 'connecting') this.#takeWhileConnecting(frame, events)
    else if (this.#state === 'disconnecting') {
      if (control.kind === 'UA' || control.kind === 'DM') events.push(this.#end({ kind: 'disconnected' }, 'idle'))
    } else if (this.#state === 'connected') this.#takeWhileConnected(frame, now, events)
  }

  #takeWhileConnecting({ control, information }: HdlcFrame, events: HdlcLinkEvent[]): void {
    if (control.kind === 'DM') events.push(this.#fail('REFUSED'))
    if (control.kind !== 'UA') return
    try {
      const parameters = agree(this.#propose, decodeParameters(information))
      this.#station = new HdlcStation(parameters, this.#options.maxApdu)
      events.push(this.#end({ kind: 'connected', parameters }, 'connected'))
    } catch {
      // Whatever is wrong with the parameters, a link whose limits are unknown cannot be used.
      events.push(this.#fail('PROTOCOL'))
    }
  }

  #takeWhileConnected(frame: HdlcFrame, now: Instant, events: HdlcLinkEvent[]): void {
    const { control } = frame
    if (control.kind === 'DM' || control.kind === 'FRMR' || control.kind === 'DISC') {
      events.push(this.#fail('RESET'))
      return
    }
    if (control.kind !== 'I' && control.kind !== 'RR' && control.kind !== 'RNR') return
    let progress = this.#station.acknowledge(control.nr) > 0
    if (control.kind === 'I') {
      const received = this.#receiveSegment(control.ns, frame)
      if (received === 'failed') {
        events.push(this.#fail('PROTOCOL'))
        return
      }
      progress ||= received !== 'duplicate'
      if (received === 'message') events.push(this.#answer())
    }
    if (!this.#awaiting && !this.#station.busy) {
      this.#deadline = undefined
      return
    }
    if (progress) {
      this.#attempts = 1
      this.#giveUpAt = now + this.#patienceMs()
      this.#deadline = now + this.#options.responseTimeoutMs
    }
    // Only a frame with the final bit gives us the word back.
    if (!control.final) return
    // A server that is not ready, or has no answer yet, is asked again a little later: else both would spin.
    if (control.kind === 'RNR' || (!progress && control.kind === 'RR' && !this.#station.busy))
      this.#deadline = now + POLL_MS
    else this.#say(now, this.#next())
  }

  #receiveSegment(ns: number, frame: HdlcFrame): 'duplicate' | 'segment' | 'message' | 'failed' {
    try {
      return this.#station.receive(ns, frame.information, frame.segmented)
    } catch (error) {
      if (error instanceof RangeError) return 'failed'
      throw error
    }
  }

  #answer(): HdlcLinkEvent {
    this.#awaiting = false
    const message = this.#station.takeMessage()
    return { kind: 'apdu', apdu: message.subarray(llcLength(message)), unsolicited: false }
  }

  #takeUnsolicited({ information, segmented }: HdlcFrame, events: HdlcLinkEvent[]): void {
    // Some meters repeat the LLC header in each segment, most send it in the first alone.
    this.#unsolicited.push(information.subarray(llcLength(information)))
    this.#unsolicitedSize += information.length
    if (this.#unsolicitedSize > this.#options.maxApdu || !segmented) {
      if (this.#unsolicitedSize <= this.#options.maxApdu)
        events.push({ kind: 'apdu', apdu: concatBytes(...this.#unsolicited), unsolicited: true })
      this.#unsolicited = []
      this.#unsolicitedSize = 0
    }
  }

  /** What to say when it is our turn: the next or unacknowledged segments, else the poll for the answer. */
  #next(): Uint8Array {
    const window = this.#station.window()
    return window.length > 0
      ? concatBytes(...window.map((f) => this.#frame(f.control, f.information, f.segmented)))
      : this.#frame({ kind: 'RR', nr: this.#station.expected, final: true })
  }

  #frame(control: HdlcFrame['control'], information: Uint8Array = new Uint8Array(0), segmented = false): Uint8Array {
    const { client, server } = this.#options
    return encodeFrame({ destination: server, source: client, control, segmented, information })
  }

  #begin(now: Instant, octets: Uint8Array): void {
    this.#attempts = 1
    this.#giveUpAt = now + this.#patienceMs()
    this.#say(now, octets)
  }

  #say(now: Instant, octets: Uint8Array): void {
    this.#output.push(octets)
    this.#deadline = now + this.#options.responseTimeoutMs
  }

  #patienceMs(): number {
    return this.#options.responseTimeoutMs * (this.#options.retries + 1)
  }

  #end(event: HdlcLinkEvent, state: State): HdlcLinkEvent {
    this.#state = state
    this.#deadline = undefined
    return event
  }

  #fail(code: HdlcLinkFailure): HdlcLinkEvent {
    return this.#end({ kind: 'failed', code }, 'failed')
  }
}
