import type { HdlcControl } from './control.ts'
import type { HdlcParameters } from './parameters.ts'

/** One segment of a message on its way out. */
interface Segment {
  readonly information: Uint8Array
  readonly segmented: boolean
}

/** What an I frame brought: nothing new, a segment in the middle, or the end of a message. */
export type Received = 'duplicate' | 'segment' | 'message'

/**
 * Sequence numbers, segments out and segments in: what the two ends of an HDLC link have in common.
 * It decides what to send, never when: in normal response mode only the one who was polled may speak.
 */
export class HdlcStation {
  #parameters: HdlcParameters
  readonly #maxMessage: number
  #queue: Segment[] = []
  /** Sent and not yet acknowledged: the first so many segments of the queue. */
  #unacknowledged = 0
  /** N(S) of the first segment in the queue. */
  #base = 0
  #expected = 0
  #parts: Uint8Array[] = []
  #size = 0

  constructor(parameters: HdlcParameters, maxMessage: number) {
    this.#parameters = parameters
    this.#maxMessage = maxMessage
  }

  /** N(R): the number the next I frame from the peer must bear. */
  get expected(): number {
    return this.#expected
  }

  /** Whether anything waits to be sent or acknowledged. */
  get busy(): boolean {
    return this.#queue.length > 0
  }

  /** Cuts a message into segments no longer than the peer takes, behind what is queued already. */
  enqueue(message: Uint8Array): void {
    const size = this.#parameters.maxInformationTransmit
    for (let at = 0; at === 0 || at < message.length; at += size)
      this.#queue.push({ information: message.slice(at, at + size), segmented: at + size < message.length })
  }

  /** The frames of the next window, oldest unacknowledged first; the last has the poll/final bit. Empty when all is acknowledged. */
  window(): { readonly control: HdlcControl; readonly information: Uint8Array; readonly segmented: boolean }[] {
    const count = Math.min(this.#queue.length, this.#parameters.windowTransmit)
    this.#unacknowledged = count
    return this.#queue.slice(0, count).map((segment, i) => ({
      ...segment,
      control: { kind: 'I', ns: (this.#base + i) & 7, nr: this.#expected, final: i === count - 1 },
    }))
  }

  /** Takes the peer's N(R). Returns how many segments it acknowledged; numbers outside the window acknowledge none. */
  acknowledge(nr: number): number {
    const count = (nr - this.#base) & 7
    if (count > this.#unacknowledged) return 0
    this.#queue.splice(0, count)
    this.#unacknowledged -= count
    this.#base = nr
    return count
  }

  /**
   * Takes an I frame; after `message`, {@link takeMessage} has it. Frames out of turn count as duplicates: the peer repeats what is missing.
   *
   * @throws RangeError when the message grows beyond the limit
   */
  receive(ns: number, information: Uint8Array, segmented: boolean): Received {
    if (ns !== this.#expected) return 'duplicate'
    this.#expected = (this.#expected + 1) & 7
    this.#size += information.length
    if (this.#size > this.#maxMessage) throw new RangeError(`a message of more than ${this.#maxMessage} octets`)
    this.#parts.push(information)
    return segmented ? 'segment' : 'message'
  }

  /** The message whose last segment came. */
  takeMessage(): Uint8Array {
    const message = new Uint8Array(this.#size)
    let at = 0
    for (const part of this.#parts) {
      message.set(part, at)
      at += part.length
    }
    this.#parts = []
    this.#size = 0
    return message
  }
}
