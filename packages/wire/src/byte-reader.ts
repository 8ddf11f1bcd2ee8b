import { DecodeError } from './decode-error.ts'

/**
 * Reads octets from front to back, big-endian unless said otherwise.
 *
 * Every read past the end throws {@link DecodeError} `TRUNCATED` with the offset at which octets were missing.
 * Views returned by {@link take} share memory with the input: copy before keeping them.
 */
export class ByteReader {
  readonly bytes: Uint8Array
  readonly #view: DataView
  readonly #end: number
  #offset: number

  /**
   * @param bytes the input, not copied
   * @param from first octet to read, default 0
   * @param to octet to stop before, default the end
   */
  constructor(bytes: Uint8Array, from = 0, to: number = bytes.length) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#offset = from
    this.#end = Math.min(to, bytes.length)
  }

  /** Offset of the next octet, counted from the start of `bytes`. */
  get offset(): number {
    return this.#offset
  }

  /** Octets left to read. */
  get remaining(): number {
    return this.#end - this.#offset
  }

  #advance(count: number): number {
    const at = this.#offset
    if (count > this.#end - at)
      throw new DecodeError('TRUNCATED', this.#end, `${count} octets expected, ${this.#end - at} left`)
    this.#offset = at + count
    return at
  }

  /** Looks at an octet without moving; -1 past the end. */
  peek(ahead = 0): number {
    const at = this.#offset + ahead
    return at < this.#end ? this.bytes[at] : -1
  }

  uint8(): number {
    return this.bytes[this.#advance(1)]
  }

  int8(): number {
    return this.#view.getInt8(this.#advance(1))
  }

  uint16(littleEndian = false): number {
    return this.#view.getUint16(this.#advance(2), littleEndian)
  }

  int16(littleEndian = false): number {
    return this.#view.getInt16(this.#advance(2), littleEndian)
  }

  uint24(littleEndian = false): number {
    const at = this.#advance(3)
    const b = this.bytes
    return littleEndian ? b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) : (b[at] << 16) | (b[at + 1] << 8) | b[at + 2]
  }

  uint32(littleEndian = false): number {
    return this.#view.getUint32(this.#advance(4), littleEndian)
  }

  int32(littleEndian = false): number {
    return this.#view.getInt32(this.#advance(4), littleEndian)
  }

  uint64(littleEndian = false): bigint {
    return this.#view.getBigUint64(this.#advance(8), littleEndian)
  }

  int64(littleEndian = false): bigint {
    return this.#view.getBigInt64(this.#advance(8), littleEndian)
  }

  float32(littleEndian = false): number {
    return this.#view.getFloat32(this.#advance(4), littleEndian)
  }

  float64(littleEndian = false): number {
    return this.#view.getFloat64(this.#advance(8), littleEndian)
  }

  /** Unsigned integer of 1 to 6 octets, big-endian. */
  uint(octets: number): number {
    if (octets < 1 || octets > 6) throw new RangeError(`uint of ${octets} octets`)
    const at = this.#advance(octets)
    let value = 0
    for (let i = 0; i < octets; i++) value = value * 256 + this.bytes[at + i]
    return value
  }

  /** The next `count` octets as a view on the input. */
  take(count: number): Uint8Array {
    const at = this.#advance(count)
    return this.bytes.subarray(at, at + count)
  }

  /** All octets left, as a view on the input. */
  rest(): Uint8Array {
    return this.take(this.remaining)
  }

  skip(count: number): void {
    this.#advance(count)
  }

  /** A reader over the next `count` octets, which this one then has behind it. Offsets stay those of the whole input. */
  slice(count: number): ByteReader {
    const at = this.#advance(count)
    return new ByteReader(this.bytes, at, at + count)
  }

  /** Throws `TRAILING` unless every octet was read. */
  expectEnd(what = 'value'): void {
    if (this.remaining > 0)
      throw new DecodeError('TRAILING', this.#offset, `${this.remaining} octets after the ${what}`)
  }
}
