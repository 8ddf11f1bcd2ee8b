/** What a column of a bulk load holds; the widths must be those of the table. */
export type CopyType = 'int2' | 'int4' | 'int8' | 'bool' | 'text' | 'bytea'

const SIGNATURE = Uint8Array.of(0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0)
const encoder = new TextEncoder()

/**
 * Writes rows in PostgreSQL's binary COPY format, which both engines take several times faster than INSERT.
 *
 * @see https://www.postgresql.org/docs/15/sql-copy.html, "Binary Format"
 */
export class CopyWriter {
  readonly #types: readonly CopyType[]
  #bytes: Uint8Array
  #view: DataView
  #at = SIGNATURE.length
  #rows = 0

  constructor(types: readonly CopyType[], capacity = 65_536) {
    this.#types = types
    this.#bytes = new Uint8Array(Math.max(capacity, 64))
    this.#view = new DataView(this.#bytes.buffer)
    this.#bytes.set(SIGNATURE)
  }

  /** Rows written so far. */
  get rows(): number {
    return this.#rows
  }

  #room(octets: number): number {
    const at = this.#at
    const needed = at + octets
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
      grown.set(this.#bytes)
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#at = needed
    return at
  }

  /** Adds a row: one value for each column, of the type the constructor was told; integers may be number or bigint. */
  row(...values: readonly (number | bigint | boolean | string | Uint8Array | null)[]): void {
    if (values.length !== this.#types.length) throw new RangeError(`${values.length} values for ${this.#types.length}`)
    const at = this.#room(2)
    this.#view.setInt16(at, values.length)
    for (let i = 0; i < values.length; i++) this.#field(this.#types[i], values[i])
    this.#rows++
  }

  #field(type: CopyType, value: number | bigint | boolean | string | Uint8Array | null): void {
    if (value === null) {
      const at = this.#room(4)
      this.#view.setInt32(at, -1)
    } else if (type === 'int4') {
      const at = this.#room(8)
      this.#view.setInt32(at, 4)
      this.#view.setInt32(at + 4, Number(value))
    } else if (type === 'int2') {
      const at = this.#room(6)
      this.#view.setInt32(at, 2)
      this.#view.setInt16(at + 4, Number(value))
    } else if (type === 'int8') {
      const at = this.#room(12)
      this.#view.setInt32(at, 8)
      // Two halves: making a bigint of every number costs more than all else here.
      if (typeof value === 'number') {
        this.#view.setInt32(at + 4, Math.floor(value / 0x1_0000_0000))
        this.#view.setUint32(at + 8, value >>> 0)
      } else this.#view.setBigInt64(at + 4, BigInt(value as bigint))
    } else if (type === 'bool') {
      const at = this.#room(5)
      this.#view.setInt32(at, 1)
      this.#bytes[at + 4] = value ? 1 : 0
    } else {
      const octets = type === 'text' ? encoder.encode(String(value)) : value
      if (!(octets instanceof Uint8Array)) throw new TypeError(`a ${type} column cannot hold ${typeof value}`)
      const at = this.#room(4 + octets.length)
      this.#view.setInt32(at, octets.length)
      this.#bytes.set(octets, at + 4)
    }
  }

  /** The whole, ready for `copyIn`. The writer must not be used after it. */
  finish(): Uint8Array {
    const at = this.#room(2)
    this.#view.setInt16(at, -1)
    return this.#bytes.subarray(0, this.#at)
  }
}
