import { ByteReader, DecodeError } from '@gridtally/wire'
import { walkApdu } from './apdu.ts'
import { type CaptureItem, CaptureScanner, type CarriedApdu } from './capture.ts'
import { plaintextNode } from './ciphered.ts'
import { type FrameNode, hdlcNode, mbusNode, wrapperNode } from './frames.ts'
import { measureApdu } from './measure.ts'
import { ExplainedNode, faultOf } from './node.ts'
import { type OpeningOptions, openWith } from './opening.ts'
import { hexText, type SealedApdu, Walker } from './walker.ts'

/** Deepest nesting of ciphered APDUs in ciphered APDUs that is opened. */
const MAX_SEALS = 4

/**
 * Explains a capture octet by octet: HDLC, wrapper and M-Bus frames, bare APDUs, ciphered APDUs if there are keys, in any
 * mixture and number. Never throws for what the octets hold: what cannot be read is a node with a fault, and the rest is explained.
 *
 * @param onApdu told of each whole APDU and the node it was explained in, for those who want more than words
 * @returns one node for each frame, bare APDU, message put together from several frames, and stretch of unknown octets, in order
 */
export function explain(octets: Uint8Array, opening?: OpeningOptions, onApdu?: OnApdu): ExplainedNode[] {
  return new Explainer(octets, opening, onApdu).explain()
}

/** See {@link explain}. */
export type OnApdu = (apdu: CarriedApdu, node: ExplainedNode) => void

class Explainer {
  readonly #octets: Uint8Array
  readonly #opening: OpeningOptions | undefined
  /** System titles the parties told when they associated, for ciphered APDUs that carry none. */
  readonly #titles: { client?: Uint8Array; server?: Uint8Array } = {}

  readonly #onApdu: OnApdu | undefined

  constructor(octets: Uint8Array, opening: OpeningOptions | undefined, onApdu: OnApdu | undefined) {
    this.#octets = octets
    this.#opening = opening
    this.#onApdu = onApdu
  }

  explain(): ExplainedNode[] {
    const roots: ExplainedNode[] = []
    const items = CaptureScanner.scan(this.#octets, measureApdu)
    for (let i = 0; i < items.length; i++) {
      const item = items[i]
      if (item.kind === 'gap') roots.push(gapNode(item))
      else if (item.kind === 'apdu') this.#addApdu(roots, item)
      else {
        const frame = this.#frame(item)
        roots.push(frame.node)
        const next = items[i + 1]
        const whole = next?.kind === 'apdu' && next.contiguous && next.offset === frame.payloadFrom
        this.#addPayload(frame, whole || item.block)
        if (!whole) continue
        this.#onApdu?.(next, frame.node)
        i++
      }
    }
    return roots
  }

  #frame(item: Exclude<CaptureItem, { kind: 'gap' | 'apdu' }>): FrameNode {
    if (item.kind === 'hdlc') return hdlcNode(item.frame, item.llc)
    return item.kind === 'mbus' ? mbusNode(item.frame) : wrapperNode(this.#octets, item.offset, item.length)
  }

  /** A whole APDU is explained in its frame; of a piece there is nothing to say before all are together. */
  #addPayload({ node, trailer, payloadFrom: from, payloadTo: to }: FrameNode, whole: boolean): void {
    if (whole) this.#walk(node, this.#octets, from, to, 0)
    else if (to > from) {
      const say = (): string => hexText(this.#octets.subarray(from, to))
      node.add(new ExplainedNode(from, to - from, 'piece of a message', '', say))
    }
    node.add(...trailer)
  }

  #addApdu(roots: ExplainedNode[], apdu: CarriedApdu): void {
    const { octets, offset, contiguous } = apdu
    if (contiguous) {
      const holder = new ExplainedNode(offset, octets.length, '')
      this.#walk(holder, this.#octets, offset, offset + octets.length, 0)
      roots.push(...holder.children)
      this.#onApdu?.(apdu, holder.children[0])
      return
    }
    const node = new ExplainedNode(0, octets.length, 'message put together from its pieces')
    node.space = 'reassembled'
    node.octets = octets
    this.#walk(node, octets, 0, octets.length, 0)
    roots.push(node)
    this.#onApdu?.(apdu, node)
  }

  #walk(parent: ExplainedNode, bytes: Uint8Array, from: number, to: number, seals: number): void {
    const walker = new Walker(new ByteReader(bytes, from, to), parent)
    walker.guarded(to, () => walkApdu(walker))
    const rest = to - walker.reader.offset
    if (rest > 0) walker.leaf('octets after the APDU', (reader) => hexText(reader.take(rest)))
    if (walker.title) this.#titles[bytes[from] === 0x60 ? 'client' : 'server'] = walker.title
    for (const sealed of walker.sealed) this.#open(sealed, seals)
  }

  #open({ node, octets }: SealedApdu, seals: number): void {
    if (!this.#opening || seals >= MAX_SEALS) return
    const systemTitle = ANSWERS.has(octets[0]) ? this.#titles.server : this.#titles.client
    try {
      const opened = openWith(octets, { ...(systemTitle && { systemTitle }), ...this.#opening })
      const plain = plaintextNode(opened.apdu)
      plain.value = opened.verified ? 'authentication tag is right' : 'nothing vouches for it: no tag was checked'
      this.#walk(plain, opened.apdu, 0, opened.apdu.length, seals + 1)
      node.add(plain)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      const closed = new ExplainedNode(node.offset, octets.length, 'not opened')
      const fault = faultOf(error)
      closed.fault = { ...fault, offset: fault.offset + node.offset }
      node.add(closed)
    }
  }
}

/** Tags of ciphered APDUs that servers send. */
const ANSWERS: ReadonlySet<number> = new Set(
  [0x08, 0x0c, 0x0d, 0x0e, 0x18]
    .flatMap((tag) => [tag | 0x20, tag | 0x40])
    .concat([0xca, 0xcc, 0xcd, 0xcf, 0xd2, 0xd4, 0xd5, 0xd7]),
)

function gapNode({ offset, length, fault }: Extract<CaptureItem, { kind: 'gap' }>): ExplainedNode {
  const node = new ExplainedNode(offset, length, fault ? 'undecoded' : 'idle octets')
  if (fault) node.fault = fault
  return node
}

/** All faults in a tree, in order. */
export function faultsOf(nodes: readonly ExplainedNode[]): ExplainedNode[] {
  return nodes.flatMap((node) => [...(node.fault ? [node] : []), ...faultsOf(node.children)])
}
