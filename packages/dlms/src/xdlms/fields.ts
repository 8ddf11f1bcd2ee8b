import { obisFromBytes, obisToBytes } from '@gridtally/metering'
import { type ByteReader, type ByteWriter, DecodeError } from '@gridtally/wire'
import { skipData, takeData } from '../axdr/decode.ts'
import { decodeLength, encodeLength } from '../axdr/length.ts'
import type {
  ActionResponse,
  AttributeDescriptor,
  DataBlock,
  EncodedData,
  GetDataResult,
  MethodDescriptor,
  SelectedAttribute,
} from './apdu.ts'
import { actionResults, dataAccessResults } from './results.ts'

/** Class, logical name, attribute index: 9 octets. */
export function readAttribute(reader: ByteReader): AttributeDescriptor {
  return {
    classId: reader.uint16(),
    logicalName: obisFromBytes(reader.take(6)),
    attributeId: reader.int8(),
  }
}

/** Writes what {@link readAttribute} reads. */
export function writeAttribute(writer: ByteWriter, value: AttributeDescriptor): void {
  writer.uint16(value.classId).bytes(obisToBytes(value.logicalName)).int8(value.attributeId)
}

/** Class, logical name, method index: 9 octets. */
export function readMethod(reader: ByteReader): MethodDescriptor {
  return { classId: reader.uint16(), logicalName: obisFromBytes(reader.take(6)), methodId: reader.int8() }
}

/** Writes what {@link readMethod} reads. */
export function writeMethod(writer: ByteWriter, value: MethodDescriptor): void {
  writer.uint16(value.classId).bytes(obisToBytes(value.logicalName)).int8(value.methodId)
}

/** Attribute and, behind the flag that says so, selective access. */
export function readSelected(reader: ByteReader): SelectedAttribute {
  const attribute = readAttribute(reader)
  if (!readFlag(reader)) return attribute
  return { ...attribute, access: { selector: reader.uint8(), parameters: takeData(reader) } }
}

/** Writes what {@link readSelected} reads. */
export function writeSelected(writer: ByteWriter, value: SelectedAttribute): void {
  writeAttribute(writer, value)
  if (value.access) writer.uint8(1).uint8(value.access.selector).bytes(value.access.parameters)
  else writer.uint8(0)
}

/** Presence of an OPTIONAL or DEFAULT field: 0 or 1 on the wire, anything but 0 counts as there. */
export function readFlag(reader: ByteReader): boolean {
  return reader.uint8() !== 0
}

/** Octets behind their length, as a view. */
export function readOctets(reader: ByteReader): Uint8Array {
  return reader.take(decodeLength(reader))
}

/** Writes octets behind their length. */
export function writeOctets(writer: ByteWriter, octets: Uint8Array): void {
  encodeLength(writer, octets.length)
  writer.bytes(octets)
}

/** A DataBlock-SA: last-block flag, number, raw octets. */
export function readBlock(reader: ByteReader): DataBlock {
  return { last: readFlag(reader), number: reader.uint32(), raw: readOctets(reader) }
}

/** Writes what {@link readBlock} reads. */
export function writeBlock(writer: ByteWriter, block: DataBlock): void {
  writer.uint8(block.last ? 1 : 0).uint32(block.number)
  writeOctets(writer, block.raw)
}

/** A counted list; the count is checked against the octets left before anything is made. */
export function readList<T>(reader: ByteReader, item: (reader: ByteReader) => T): T[] {
  const at = reader.offset
  const count = decodeLength(reader)
  if (count > reader.remaining) throw new DecodeError('TRUNCATED', at, `${count} items in ${reader.remaining} octets`)
  const items: T[] = []
  for (let i = 0; i < count; i++) items.push(item(reader))
  return items
}

/** Writes what {@link readList} reads. */
export function writeList<T>(
  writer: ByteWriter,
  items: readonly T[],
  item: (writer: ByteWriter, value: T) => void,
): void {
  encodeLength(writer, items.length)
  for (const value of items) item(writer, value)
}

/** One Get-Data-Result whose end must be found because something follows. */
export function readResult(reader: ByteReader): GetDataResult {
  return readFlag(reader)
    ? { ok: false, error: dataAccessResults.name(reader.uint8()) }
    : { ok: true, data: takeData(reader) }
}

/** The value at the reader and all octets behind it; the value is walked once, so that a cut one is refused here. */
export function readLast(reader: ByteReader): EncodedData {
  const start = reader.offset
  skipData(reader)
  reader.skip(reader.remaining)
  return reader.bytes.subarray(start, reader.offset)
}

/** One Get-Data-Result at the end of an APDU. */
export function readLastResult(reader: ByteReader): GetDataResult {
  return readFlag(reader)
    ? { ok: false, error: dataAccessResults.name(reader.uint8()) }
    : { ok: true, data: readLast(reader) }
}

/** Writes one Get-Data-Result. */
export function writeResult(writer: ByteWriter, result: GetDataResult): void {
  if (result.ok) writer.uint8(0).bytes(result.data)
  else writer.uint8(1).uint8(dataAccessResults.code(result.error))
}

/** One result of a method call within a list. */
export function readActionResponse(reader: ByteReader): ActionResponse {
  const result = actionResults.name(reader.uint8())
  // Some meters leave the flag out when nothing is returned.
  if (reader.remaining === 0 || !readFlag(reader)) return { result }
  return { result, returned: readResult(reader) }
}

/** Writes what {@link readActionResponse} reads. */
export function writeActionResponse(writer: ByteWriter, response: ActionResponse): void {
  writer.uint8(actionResults.code(response.result))
  if (response.returned) {
    writer.uint8(1)
    writeResult(writer, response.returned)
  } else writer.uint8(0)
}
