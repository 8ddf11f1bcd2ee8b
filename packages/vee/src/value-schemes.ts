import { type ByteReader, type ByteWriter, DecodeError } from '@gridtally/wire'
import { MAX_BLOCK_INTERVALS, MAX_BLOCK_VALUE } from './block.ts'

/**
 * Ways to write the present values of a block; the shortest is taken. `offset` schemes write `value − lowest`, `delta` schemes
 * the zigzag of the step from value to value; each either as varints or in Rice code, whose few bits per value suit households.
 */
export const SCHEMES = { constant: 0, varintOffset: 1, varintDelta: 2, riceOffset: 3, riceDelta: 4 } as const

/** Quotients from here on are written as this many ones and the number itself. */
const ESCAPE = 20
const ESCAPED_BITS = 48
const MAX_RICE_BITS = 24

/** Longest varint: 7 octets hold 49 bits, enough for a zigzag of any difference of two values. */
const MAX_VARINT_OCTETS = 7

/** Writes a number ≥ 0 in 7-bit groups, the lowest first. */
export function writeVarint(writer: ByteWriter, value: number): void {
  let left = value
  while (left >= 0x80) {
    writer.uint8((left % 0x80) | 0x80)
    left = Math.floor(left / 0x80)
  }
  writer.uint8(left)
}

/** Reads what {@link writeVarint} wrote. */
export function readVarint(reader: ByteReader): number {
  let value = 0
  let weight = 1
  for (let i = 0; i < MAX_VARINT_OCTETS; i++) {
    const octet = reader.uint8()
    value += (octet & 0x7f) * weight
    if (octet < 0x80) return value
    weight *= 0x80
  }
  throw new DecodeError('INVALID', reader.offset, `number of more than ${MAX_VARINT_OCTETS} octets`)
}

/** 0, −1, 1, −2 … as 0, 1, 2, 3 …; exact for all safe integers of half the range. */
export function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}

/** Reverses {@link zigzag}. */
export function unzigzag(code: number): number {
  return code % 2 === 0 ? code / 2 : -(code + 1) / 2
}

function varintOctets(codes: Float64Array, count: number): number {
  let octets = 0
  for (let i = 0; i < count; i++) {
    const code = codes[i]
    octets++
    for (let left = code; left >= 0x80; left = Math.floor(left / 0x80)) octets++
  }
  return octets
}

function riceBits(codes: Float64Array, count: number, k: number): number {
  const divisor = 2 ** k
  let bits = 0
  for (let i = 0; i < count; i++) {
    const quotient = Math.floor(codes[i] / divisor)
    bits += quotient < ESCAPE ? quotient + 1 + k : ESCAPE + ESCAPED_BITS
  }
  return bits
}

function bestRice(codes: Float64Array, count: number): { k: number; octets: number } {
  let sum = 0
  for (let i = 0; i < count; i++) sum += codes[i]
  // For geometric numbers the best divisor lies near mean × ln 2; outliers pull the mean up, so two lower ones are tried too.
  const middle = Math.min(MAX_RICE_BITS, Math.max(0, Math.ceil(Math.log2((sum / count) * Math.LN2 + 1e-9))))
  let best = { k: middle, bits: riceBits(codes, count, middle) }
  for (let k = middle - 1; k >= Math.max(0, middle - 3); k--) {
    const bits = riceBits(codes, count, k)
    if (bits >= best.bits) break
    best = { k, bits }
  }
  return { k: best.k, octets: 1 + Math.ceil(best.bits / 8) }
}

function writeRice(writer: ByteWriter, codes: Float64Array, count: number, k: number): void {
  writer.uint8(k)
  let held = 0
  let bits = 0
  const put = (value: number, width: number): void => {
    // At most 24 + 7 bits are in the hand at once.
    held |= value << bits
    bits += width
    while (bits >= 8) {
      writer.uint8(held & 0xff)
      held >>>= 8
      bits -= 8
    }
  }
  const divisor = 2 ** k
  for (let i = 0; i < count; i++) {
    const code = codes[i]
    const quotient = Math.floor(code / divisor)
    if (quotient < ESCAPE) {
      put((1 << quotient) - 1, quotient + 1)
      put(code - quotient * divisor, k)
    } else {
      put((1 << ESCAPE) - 1, ESCAPE)
      put(code % 0x100_0000, 24)
      put(Math.floor(code / 0x100_0000), 24)
    }
  }
  if (bits > 0) writer.uint8(held & 0xff)
}

const offsets = new Float64Array(MAX_BLOCK_INTERVALS)
const deltas = new Float64Array(MAX_BLOCK_INTERVALS)

/**
 * Writes values by the scheme that takes the fewest octets.
 *
 * @param values integers, no NaN, at least one, at most {@link MAX_BLOCK_INTERVALS}
 * @returns the scheme's code, which the reader must be told
 */
export function writeValues(writer: ByteWriter, values: Float64Array, count: number): number {
  let low = values[0]
  let high = values[0]
  for (let i = 1; i < count; i++) {
    if (values[i] < low) low = values[i]
    if (values[i] > high) high = values[i]
  }
  if (low === high) {
    writeVarint(writer, zigzag(low))
    return SCHEMES.constant
  }
  for (let i = 0; i < count; i++) offsets[i] = values[i] - low
  for (let i = 1; i < count; i++) deltas[i - 1] = zigzag(values[i] - values[i - 1])
  const offsetRice = bestRice(offsets, count)
  const deltaRice = bestRice(deltas, count - 1)
  const lengths = [varintOctets(offsets, count), varintOctets(deltas, count - 1), offsetRice.octets, deltaRice.octets]
  // Varints first where equal: they are a little faster to read.
  const best = lengths.indexOf(Math.min(...lengths))
  const isOffset = best % 2 === 0
  writeVarint(writer, zigzag(isOffset ? low : values[0]))
  const codes = isOffset ? offsets : deltas
  const codeCount = isOffset ? count : count - 1
  if (best >= 2) writeRice(writer, codes, codeCount, isOffset ? offsetRice.k : deltaRice.k)
  else for (let i = 0; i < codeCount; i++) writeVarint(writer, codes[i])
  return best + 1
}

function readVarints(reader: ByteReader, into: Float64Array, from: number, count: number): void {
  for (let i = from; i < count; i++) {
    const first = reader.peek()
    if (first >= 0 && first < 0x80) {
      reader.skip(1)
      into[i] = first
    } else into[i] = readVarint(reader)
  }
}

/** Long enough for any Rice code of a full block, and a window beyond. */
const SCRATCH_OCTETS = Math.ceil((MAX_BLOCK_INTERVALS * (ESCAPE + ESCAPED_BITS)) / 8) + 16
const scratch = new Uint8Array(SCRATCH_OCTETS)
const window = new DataView(scratch.buffer)

function readRice(reader: ByteReader, into: Float64Array, from: number, count: number): void {
  const k = reader.uint8()
  if (k > MAX_RICE_BITS) throw new DecodeError('INVALID', reader.offset - 1, `Rice code of ${k} bits`)
  const start = reader.offset
  const octets = Math.min(reader.remaining, SCRATCH_OCTETS - 16)
  scratch.set(reader.bytes.subarray(start, start + octets))
  const mask = (1 << k) - 1
  // Reading past `octets` gives old bits, harmless: the end is checked once, after the loop.
  let at = 0
  for (let i = from; i < count; i++) {
    const bits = window.getUint32(at >>> 3, true) >>> (at & 7)
    const zeros = ~bits
    const quotient = 31 - Math.clz32(zeros & -zeros)
    if (quotient < ESCAPE) {
      const tail = at + quotient + 1
      // 25 bits at least are in the window.
      const rest = quotient + 1 + k <= 25 ? bits >>> (quotient + 1) : window.getUint32(tail >>> 3, true) >>> (tail & 7)
      into[i] = (quotient << k) + (rest & mask)
      at = tail + k
    } else {
      const low = at + ESCAPE
      const high = low + 24
      const lowBits = (window.getUint32(low >>> 3, true) >>> (low & 7)) & 0xff_ffff
      const highBits = (window.getUint32(high >>> 3, true) >>> (high & 7)) & 0xff_ffff
      into[i] = highBits * 0x100_0000 + lowBits
      at = high + 24
    }
  }
  const used = (at + 7) >>> 3
  if (used > octets) throw new DecodeError('TRUNCATED', start + octets, 'Rice code ends early')
  reader.skip(used)
}

function checkRange(value: number, at: number): number {
  if (!(value >= -MAX_BLOCK_VALUE && value <= MAX_BLOCK_VALUE))
    throw new DecodeError('INVALID', at, `value ${value} is out of range`)
  return value
}

/**
 * Reads values written by {@link writeValues} to the front of `into`.
 *
 * @throws DecodeError for unknown schemes, cut input and values out of range
 */
export function readValues(reader: ByteReader, scheme: number, into: Float64Array, count: number): void {
  if (scheme > SCHEMES.riceDelta) throw new DecodeError('UNSUPPORTED', 0, `value scheme ${scheme}`)
  const base = checkRange(unzigzag(readVarint(reader)), reader.offset)
  if (scheme === SCHEMES.constant) {
    into.fill(base, 0, count)
    return
  }
  const isOffset = scheme === SCHEMES.varintOffset || scheme === SCHEMES.riceOffset
  const from = isOffset ? 0 : 1
  if (scheme === SCHEMES.varintOffset || scheme === SCHEMES.varintDelta) readVarints(reader, into, from, count)
  else readRice(reader, into, from, count)
  let low = base
  let high = base
  if (isOffset)
    for (let i = 0; i < count; i++) {
      const value = into[i] + base
      if (value > high) high = value
      into[i] = value
    }
  else {
    let value = base
    into[0] = value
    for (let i = 1; i < count; i++) {
      const code = into[i]
      value += code < 0x4000_0000 ? (code >>> 1) ^ -(code & 1) : unzigzag(code)
      if (value > high) high = value
      else if (value < low) low = value
      into[i] = value
    }
  }
  checkRange(low, reader.offset)
  checkRange(high, reader.offset)
}
