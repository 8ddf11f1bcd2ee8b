import { HDLC_FLAG, type HdlcFault, type LocatedHdlcFrame, scanFrame } from './frame.ts'

/** What the decoder found. Offsets count from the first octet ever fed. */
export type HdlcEvent =
  | { readonly kind: 'frame'; readonly frame: LocatedHdlcFrame }
  /** Octets that belong to no frame: noise, an echo, another protocol. */
  | { readonly kind: 'noise'; readonly offset: number; readonly length: number }
  /** Something that began like a frame and is none. Scanning goes on behind its flag. */
  | { readonly kind: 'fault'; readonly fault: HdlcFault }

/**
 * Finds HDLC frames in a stream that comes in chunks of any size.
 *
 * Flags may be shared between frames or doubled, 7E may stand in the information field, and after noise or a spoilt frame
 * the next good one is found. Never throws; holds back at most one frame's octets.
 */
export class HdlcDecoder {
  #pending: Uint8Array = new Uint8Array(0)
  /** Stream offset of the first pending octet. */
  #base = 0

  /** Takes octets and gives all that is now certain. Frames' information fields stay valid: they are copies. */
  feed(chunk: Uint8Array): HdlcEvent[] {
    const bytes = new Uint8Array(this.#pending.length + chunk.length)
    bytes.set(this.#pending)
    bytes.set(chunk, this.#pending.length)
    return this.#scan(bytes, false)
  }

  /** The stream is over (or the line fell silent in the middle of a frame): gives what is left as faults and noise. */
  flush(): HdlcEvent[] {
    return this.#scan(this.#pending, true)
  }

  #scan(bytes: Uint8Array, last: boolean): HdlcEvent[] {
    const events: HdlcEvent[] = []
    const base = this.#base
    const end = bytes.length
    let noiseFrom = 0
    let at = 0
    const noise = (to: number): void => {
      if (to > noiseFrom) events.push({ kind: 'noise', offset: base + noiseFrom, length: to - noiseFrom })
    }
    for (;;) {
      at = bytes.indexOf(HDLC_FLAG, at)
      if (at < 0) {
        noise(end)
        return this.#keep(bytes, end, events)
      }
      let start = at + 1
      while (start < end && bytes[start] === HDLC_FLAG) start++
      if (start === end) {
        noise(at)
        // One flag stays: it may open the next frame.
        return this.#keep(bytes, last ? end : end - 1, events)
      }
      const scan = scanFrame(bytes, start, end)
      if (scan.status === 'frame') {
        noise(at)
        events.push({ kind: 'frame', frame: moved(scan.frame, base) })
        // Its closing flag may be the opening flag of the next, so it is not consumed.
        at = noiseFrom = start + scan.frame.length
        continue
      }
      if (scan.status === 'incomplete' && !last) {
        noise(at)
        return this.#keep(bytes, start - 1, events)
      }
      const fault: HdlcFault =
        scan.status === 'fault'
          ? scan.fault
          : { code: 'TRUNCATED', offset: end, reason: 'the stream ends inside a frame' }
      if (bytes[start] >> 4 === 0xa) {
        noise(at)
        events.push({ kind: 'fault', fault: { ...fault, offset: base + fault.offset } })
        noiseFrom = at = start
        // A good header and a flag where it promises one: only this frame is spoilt, so none is looked for inside it.
        const next = scan.status === 'fault' && scan.length > 0 ? start + scan.length : -1
        if (bytes[next] === HDLC_FLAG) noiseFrom = at = next
      } else {
        // The flag closed the frame before, and noise follows.
        if (noiseFrom === at) noiseFrom = start
        at = start
      }
    }
  }

  #keep(bytes: Uint8Array, from: number, events: HdlcEvent[]): HdlcEvent[] {
    this.#pending = bytes.slice(from)
    this.#base += from
    return events
  }
}

function moved(frame: LocatedHdlcFrame, base: number): LocatedHdlcFrame {
  return {
    ...frame,
    information: frame.information.slice(),
    offset: frame.offset + base,
    informationOffset: frame.informationOffset + base,
  }
}
