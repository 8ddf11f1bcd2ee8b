import { type ByteReader, type ByteWriter, DecodeError } from '@gridtally/wire'

/** Longest length field we accept: 4 octets after the prefix. Larger ones are hostile, not real. */
const MAX_LENGTH_OCTETS = 4

/** Writes an A-XDR length: one octet below 128, else `0x80 | n` and `n` big-endian octets (IEC 61334-6). BER lengths are the same. */
export function encodeLength(writer: ByteWriter, length: number): void {
  if (length < 0x80) {
    writer.uint8(length)
    return
  }
  const octets = Math.ceil((32 - Math.clz32(length)) / 8)
  writer.uint8(0x80 | octets).uint(length, octets)
}

/** Reads what {@link encodeLength} writes, and also the longer forms some meters send. */
export function decodeLength(reader: ByteReader): number {
  const at = reader.offset
  const first = reader.uint8()
  if (first < 0x80) return first
  const octets = first & 0x7f
  if (octets === 0 || octets > MAX_LENGTH_OCTETS) throw new DecodeError('INVALID', at, `length of ${octets} octets`)
  return reader.uint(octets)
}

/** Octets {@link encodeLength} takes for `length`. */
export function lengthOctets(length: number): number {
  return length < 0x80 ? 1 : 1 + Math.ceil((32 - Math.clz32(length)) / 8)
}
