import { concatBytes } from '@gridtally/wire'
import { MAX_CARRIER_DATA, type MbusCarrierFrame } from './frame.ts'

/** Cuts an APDU into carrier frames. Defaults are those of a meter's customer port: C 53, A FF, from 1 to 103. */
export function carrySegments(
  apdu: Uint8Array,
  header: Partial<Pick<MbusCarrierFrame, 'control' | 'address' | 'sourceSap' | 'destinationSap'>> = {},
): MbusCarrierFrame[] {
  const frames: MbusCarrierFrame[] = []
  for (let at = 0; at === 0 || at < apdu.length; at += MAX_CARRIER_DATA)
    frames.push({
      control: 0x53,
      address: 0xff,
      sourceSap: 0x01,
      destinationSap: 0x67,
      ...header,
      sequence: frames.length & 0x0f,
      final: at + MAX_CARRIER_DATA >= apdu.length,
      data: apdu.subarray(at, at + MAX_CARRIER_DATA),
    })
  return frames
}

/** Segments of one sender, as they add up. */
interface Message {
  readonly parts: Uint8Array[]
  size: number
  next: number
}

/** Senders whose messages may be under way at a time. */
const MAX_SENDERS = 64

/**
 * Puts segments together again, for any number of senders on one bus. A missing or repeated number starts anew:
 * half a message is none.
 */
export class MbusReassembler {
  readonly #maxApdu: number
  readonly #messages = new Map<number, Message>()

  /** @param maxApdu longest APDU put together, octets */
  constructor(maxApdu = 1 << 16) {
    this.#maxApdu = maxApdu
  }

  /** Whether a message is under way and lacks its end. */
  get pending(): boolean {
    return this.#messages.size > 0
  }

  /** Takes the next frame. Returns the APDU whose last segment this was; `lost` when earlier segments are missing; else `undefined`. */
  add(frame: MbusCarrierFrame): Uint8Array | 'lost' | undefined {
    const key = (frame.address << 16) | (frame.sourceSap << 8) | frame.destinationSap
    const begins = frame.sequence === 0 && !(this.#messages.get(key)?.next === 0)
    const message = begins ? { parts: [], size: 0, next: 0 } : this.#messages.get(key)
    if (!message || frame.sequence !== message.next) {
      this.#messages.delete(key)
      return 'lost'
    }
    message.parts.push(frame.data)
    message.size += frame.data.length
    message.next = (message.next + 1) & 0x0f
    this.#messages.delete(key)
    if (frame.final) return concatBytes(...message.parts)
    if (message.size > this.#maxApdu || this.#messages.size >= MAX_SENDERS) return 'lost'
    this.#messages.set(key, message)
    return undefined
  }
}
