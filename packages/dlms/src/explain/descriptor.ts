import { ByteReader, DecodeError } from '@gridtally/wire'
import { dataTypeName, MAX_DEPTH, skipData } from '../axdr/decode.ts'
import { decodeLength } from '../axdr/length.ts'

/** Octets of an attribute descriptor without tags: class, logical name, attribute. */
export const DESCRIPTOR_OCTETS = 9

/**
 * Whether an attribute descriptor without tags stands at the reader, with a value behind it.
 * Some meters (Sagemcom) push structures that begin so, which is not A-XDR; told by a known range of classes and
 * attributes, a medium in group A, and a data tag where the value should begin.
 */
export function describesAttribute(reader: ByteReader): boolean {
  const classId = (reader.peek(0) << 8) | reader.peek(1)
  const attribute = reader.peek(8)
  return (
    reader.remaining > DESCRIPTOR_OCTETS &&
    ((classId > 0 && classId < 200) || (classId >= 8192 && classId < 8200)) &&
    reader.peek(2) <= 15 &&
    attribute > 0 &&
    attribute < 32 &&
    dataTypeName(reader.peek(DESCRIPTOR_OCTETS)) !== undefined
  )
}

/**
 * Offset behind the value at `from` when it is read with descriptors without tags; `undefined` when it cannot be read
 * so, or has no such descriptor. Where both readings work the one that leaves fewer octets over is meant: class 3 looks
 * like a null and the beginning of a boolean.
 */
export function describedEnd(bytes: Uint8Array, from: number, end: number): number | undefined {
  const reader = new ByteReader(bytes, from, end)
  const found = { descriptors: 0 }
  try {
    skipDescribed(reader, 0, found)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
  return found.descriptors > 0 ? reader.offset : undefined
}

function skipDescribed(reader: ByteReader, depth: number, found: { descriptors: number }): void {
  const tag = reader.peek()
  if (tag !== 1 && tag !== 2) {
    skipData(reader, depth)
    return
  }
  if (depth >= MAX_DEPTH) throw new DecodeError('LIMIT', reader.offset, 'nested too deep')
  reader.skip(1)
  const count = decodeLength(reader)
  if (count > reader.remaining) throw new DecodeError('TRUNCATED', reader.offset, `${count} elements`)
  let first = 0
  if (tag === 2 && count === 2 && describesAttribute(reader)) {
    reader.skip(DESCRIPTOR_OCTETS)
    found.descriptors++
    first = 1
  }
  for (let i = first; i < count; i++) skipDescribed(reader, depth + 1, found)
}
