import type { DecodeCode, DecodeError } from '@gridtally/wire'

/** Why octets could not be explained. `offset` counts in the same octets as the node's own. */
export interface ExplainedFault {
  readonly code: DecodeCode
  readonly offset: number
  readonly reason: string
}

/**
 * What offsets of a node and its children count in: the capture as given, a message put together from several frames, or
 * the plaintext of a ciphered APDU. It is set where it changes and holds for all children.
 */
export type OctetSpace = 'capture' | 'reassembled' | 'plaintext'

/** Says a node's value when it is asked for: most nodes of a large capture are never looked at. */
export type Render = (node: ExplainedNode) => string

/** What all nodes without children share: a large capture has hundreds of thousands of them. */
const NONE: readonly ExplainedNode[] = Object.freeze([])

/** A stretch of octets and what it means. */
export class ExplainedNode {
  readonly offset: number
  length: number
  label: string
  /** Where the standard says so; empty when the parent's clause holds. */
  readonly clause: string
  fault?: ExplainedFault
  space?: OctetSpace
  /** A password or key stands here: its octets are not for the screen. */
  secret?: boolean
  /** The octets offsets count in, where `space` is set. */
  octets?: Uint8Array
  #children: ExplainedNode[] | undefined
  #value: string | Render | undefined

  constructor(offset: number, length: number, label: string, clause = '', value?: string | Render) {
    this.offset = offset
    this.length = length
    this.label = label
    this.clause = clause
    this.#value = value
  }

  /** Parts, in the order of their octets. */
  get children(): readonly ExplainedNode[] {
    return this.#children ?? NONE
  }

  /** Adds parts behind those there are. */
  add(...nodes: readonly ExplainedNode[]): void {
    if (this.#children) this.#children.push(...nodes)
    else this.#children = [...nodes]
  }

  /** Takes off all parts from the `from`-th on. */
  cut(from: number): void {
    this.#children?.splice(from)
  }

  /** What the octets say, for people; `undefined` for nodes that only hold others. */
  get value(): string | undefined {
    if (typeof this.#value === 'function') this.#value = this.#value(this)
    return this.#value
  }

  set value(value: string | undefined) {
    this.#value = value
  }

  /** A plain object without empty members, as `--json` prints it. */
  toJSON(): Record<string, unknown> {
    const { value } = this
    return {
      offset: this.offset,
      length: this.length,
      label: this.label,
      ...(value !== undefined && { value }),
      ...(this.clause && { clause: this.clause }),
      ...(this.space && { space: this.space }),
      ...(this.fault && { fault: this.fault }),
      ...(this.children.length > 0 && { children: this.children }),
    }
  }
}

/** The fault a DecodeError tells. */
export function faultOf(error: DecodeError): ExplainedFault {
  return {
    code: error.code,
    offset: error.offset,
    reason: error.message.replace(/ \(at octet \d+\)$/, ''),
  }
}
