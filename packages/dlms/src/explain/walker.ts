import { ByteReader, DecodeError, toHex } from '@gridtally/wire'
import { decodeLength } from '../axdr/length.ts'
import { ExplainedNode, faultOf, type Render } from './node.ts'

/** A ciphered APDU in the tree: its node, to which the opened APDU is added, and its octets from the tag on. */
export interface SealedApdu {
  readonly node: ExplainedNode
  readonly octets: Uint8Array
}

/** Builds nodes while its reader moves through the octets of one APDU. */
export class Walker {
  /** Ciphered APDUs met on the way, to be opened by whoever has keys. */
  readonly sealed: SealedApdu[] = []
  /** Whether anything could not be read. */
  faulted = false
  /** System title the sender of an association request or answer told. */
  title: Uint8Array | undefined
  /** Says values of the octets walked over; one function for all nodes. */
  render: Render | undefined
  #reader: ByteReader
  readonly #open: ExplainedNode[]

  constructor(reader: ByteReader, root: ExplainedNode) {
    this.#reader = reader
    this.#open = [root]
  }

  /** Stands where the next node begins. */
  get reader(): ByteReader {
    return this.#reader
  }

  /** Nodes open around the reader. */
  get depth(): number {
    return this.#open.length
  }

  /** Goes back for another reading of the same octets. */
  restart(at: number, end: number): void {
    this.#reader = new ByteReader(this.#reader.bytes, at, end)
  }

  /** The node children are added to. */
  get current(): ExplainedNode {
    return this.#open[this.#open.length - 1]
  }

  /** Adds a node with children made by `body`. */
  group(label: string, clause: string, body: (node: ExplainedNode) => void): void {
    const node = new ExplainedNode(this.reader.offset, 0, label, clause)
    this.current.add(node)
    this.#open.push(node)
    body(node)
    this.#open.pop()
    node.length = this.reader.offset - node.offset
  }

  /** Adds a node without children; `read` takes its octets and says what they are. */
  leaf(label: string, read: (reader: ByteReader) => string, clause = ''): string {
    const from = this.reader.offset
    const value = read(this.reader)
    this.current.add(new ExplainedNode(from, this.reader.offset - from, label, clause, value))
    return value
  }

  /** One octet; `say` gives it meaning. */
  octet(label: string, say: (octet: number) => string = String): number {
    const value = this.reader.peek()
    this.leaf(label, (reader) => say(reader.uint8()))
    return value
  }

  uint16(label: string): void {
    this.leaf(label, (reader) => String(reader.uint16()))
  }

  uint32(label: string): void {
    this.leaf(label, (reader) => String(reader.uint32()))
  }

  /** Octets behind their length; the length belongs to the node. */
  octets(label: string, say: (octets: Uint8Array) => string = hexText): void {
    this.leaf(label, (reader) => say(reader.take(decodeLength(reader))))
  }

  /** Octets behind their length that no one should read over somebody's shoulder. */
  secret(label: string): void {
    this.octets(label, () => '(hidden)')
    const node = this.current.children.at(-1)
    if (node) node.secret = true
  }

  /** A presence flag and, when it is not 0, what it announces. */
  optional(label: string, body: () => void): void {
    if (this.octet(label, (octet) => (octet === 0 ? 'absent' : 'present')) !== 0) body()
  }

  /** A counted list. */
  list(label: string, clause: string, item: (index: number) => void): void {
    this.group(label, clause, (node) => {
      const at = this.reader.offset
      const count = decodeLength(this.reader)
      if (count > this.reader.remaining)
        throw new DecodeError('TRUNCATED', at, `${count} items in ${this.reader.remaining} octets`)
      node.value = `${count} ${count === 1 ? 'item' : 'items'}`
      for (let i = 0; i < count; i++) item(i)
    })
  }

  /**
   * Runs `body`; what it cannot read becomes a fault node in the innermost open node, with all octets up to `end` undecoded.
   *
   * @returns whether all went well
   */
  guarded(end: number, body: () => void): boolean {
    const depth = this.#open.length
    try {
      body()
      return true
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.faulted = true
      const inner = this.current
      const last = inner.children.at(-1)
      const from = Math.min(end, Math.max(inner.offset, last ? last.offset + last.length : this.#headEnd(inner)))
      const node = new ExplainedNode(from, end - from, 'undecoded')
      node.fault = faultOf(error)
      inner.add(node)
      for (const open of this.#open.slice(depth - 1)) open.length = Math.max(open.length, end - open.offset)
      this.#open.length = depth
      this.restart(end, end)
      return false
    }
  }

  /** Where a childless open node has been read to. */
  #headEnd(node: ExplainedNode): number {
    return this.#open.length > 1 ? node.offset : this.reader.offset
  }
}

/** Hex, cut short in the middle when long. */
export function hexText(octets: Uint8Array): string {
  if (octets.length === 0) return '(empty)'
  return octets.length <= 32 ? toHex(octets) : `${toHex(octets.subarray(0, 24))}… (${octets.length} octets)`
}

/** `0x0f` */
export function hexOctet(octet: number): string {
  return `0x${octet.toString(16).padStart(2, '0')}`
}
