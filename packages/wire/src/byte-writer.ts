/** Writes octets into a buffer that grows; big-endian unless said otherwise. Methods chain. */
export class ByteWriter {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Octets written so far. */
  get length(): number {
    return this.#length
  }

  #reserve(count: number): number {
    const at = this.#length
    const needed = at + count
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
      grown.set(this.#bytes)
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#length = needed
    return at
  }

  uint8(value: number): this {
    const at = this.#reserve(1)
    this.#bytes[at] = value
    return this
  }

  int8(value: number): this {
    return this.uint8(value & 0xff)
  }

  uint16(value: number, littleEndian = false): this {
    const at = this.#reserve(2)
    this.#view.setUint16(at, value, littleEndian)
    return this
  }

  int16(value: number, littleEndian = false): this {
    return this.uint16(value & 0xffff, littleEndian)
  }

  uint32(value: number, littleEndian = false): this {
    const at = this.#reserve(4)
    this.#view.setUint32(at, value, littleEndian)
    return this
  }

  int32(value: number, littleEndian = false): this {
    return this.uint32(value >>> 0, littleEndian)
  }

  uint64(value: bigint, littleEndian = false): this {
    const at = this.#reserve(8)
    this.#view.setBigUint64(at, BigInt.asUintN(64, value), littleEndian)
    return this
  }

  int64(value: bigint, littleEndian = false): this {
    return this.uint64(value, littleEndian)
  }

  float32(value: number, littleEndian = false): this {
    const at = this.#reserve(4)
    this.#view.setFloat32(at, value, littleEndian)
    return this
  }

  float64(value: number, littleEndian = false): this {
    const at = this.#reserve(8)
    this.#view.setFloat64(at, value, littleEndian)
    return this
  }

  /** Unsigned integer in exactly `octets` (1 to 6) octets, big-endian. */
  uint(value: number, octets: number): this {
    if (octets < 1 || octets > 6) throw new RangeError(`uint of ${octets} octets`)
    const at = this.#reserve(octets)
    let left = value
    for (let i = octets - 1; i >= 0; i--) {
      this.#bytes[at + i] = left % 256
      left = Math.floor(left / 256)
    }
    return this
  }

  bytes(octets: Uint8Array): this {
    const at = this.#reserve(octets.length)
    this.#bytes.set(octets, at)
    return this
  }

  /** Overwrites one octet written earlier. */
  patchUint8(at: number, value: number): this {
    if (at >= this.#length) throw new RangeError(`patch at ${at} of ${this.#length}`)
    this.#bytes[at] = value
    return this
  }

  /** Overwrites two octets written earlier. */
  patchUint16(at: number, value: number, littleEndian = false): this {
    if (at + 2 > this.#length) throw new RangeError(`patch at ${at} of ${this.#length}`)
    this.#view.setUint16(at, value, littleEndian)
    return this
  }

  /** What was written, as a copy the writer no longer touches. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }
}
