import type { ByteReader } from '@gridtally/wire'
import { dataTypeName } from '../axdr/decode.ts'

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
