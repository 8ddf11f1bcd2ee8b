import { concatBytes } from '@gridtally/wire'
import type { GeneralBlock } from './block.ts'

/** What a block led to: the whole APDU, nothing yet, or `lost`: one before it is missing. */
export type BlockResult = Uint8Array | 'lost' | undefined

/**
 * Puts pushed blocks together again. Pushed blocks cannot be asked for again, so a gap drops the APDU;
 * a block that comes twice is taken once; block 1 begins anew.
 */
export class BlockReassembler {
  readonly #maxApdu: number
  #parts: Uint8Array[] = []
  #size = 0
  /** Number the next block must bear; 0 while nothing is under way. */
  #next = 0

  /** @param maxApdu longest APDU put together, octets */
  constructor(maxApdu = 1 << 20) {
    this.#maxApdu = maxApdu
  }

  /** Whether an APDU is under way and lacks its end. */
  get pending(): boolean {
    return this.#next > 0
  }

  /** Takes the next block. */
  add(block: GeneralBlock): BlockResult {
    if (block.blockNumber === 1) {
      this.#parts = []
      this.#size = 0
      this.#next = 1
    }
    if (this.#next > 1 && block.blockNumber === this.#next - 1) return undefined
    if (this.#next === 0 || block.blockNumber !== this.#next) return this.#drop()
    this.#parts.push(block.data)
    this.#size += block.data.length
    if (this.#size > this.#maxApdu) return this.#drop()
    this.#next++
    if (!block.lastBlock) return undefined
    const apdu = concatBytes(...this.#parts)
    this.#drop()
    return apdu
  }

  #drop(): 'lost' {
    this.#parts = []
    this.#size = 0
    this.#next = 0
    return 'lost'
  }
}
