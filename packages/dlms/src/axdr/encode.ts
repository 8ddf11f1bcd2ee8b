import { ByteWriter } from '@gridtally/wire'
import { DATA_TAGS, type DlmsData, type SmallIntegerName, type TypeDescription } from './data.ts'
import { writeDate, writeDateTime, writeTime } from './date-time.ts'
import { MAX_DEPTH } from './decode.ts'
import { encodeLength } from './length.ts'

const UTF8 = new TextEncoder()

/** Octets and range of each small integer type. */
const INTEGERS: Readonly<Record<SmallIntegerName, readonly [octets: 1 | 2 | 4, low: number, high: number]>> = {
  bcd: [1, -0x80, 0xff],
  integer: [1, -0x80, 0x7f],
  long: [2, -0x8000, 0x7fff],
  'double-long': [4, -0x8000_0000, 0x7fff_ffff],
  unsigned: [1, 0, 0xff],
  'long-unsigned': [2, 0, 0xffff],
  'double-long-unsigned': [4, 0, 0xffff_ffff],
  enum: [1, 0, 0xff],
  'delta-integer': [1, -0x80, 0x7f],
  'delta-long': [2, -0x8000, 0x7fff],
  'delta-double-long': [4, -0x8000_0000, 0x7fff_ffff],
  'delta-unsigned': [1, 0, 0xff],
  'delta-long-unsigned': [2, 0, 0xffff],
  'delta-double-long-unsigned': [4, 0, 0xffff_ffff],
}

/** Octets of one COSEM value. Throws RangeError for a number its type cannot hold, or nesting the decoder would refuse. */
export function encodeData(data: DlmsData): Uint8Array {
  const writer = new ByteWriter()
  writeData(writer, data)
  return writer.finish()
}

/** Writes one COSEM value. See {@link encodeData}. */
export function writeData(writer: ByteWriter, data: DlmsData, depth = 0): void {
  writer.uint8(DATA_TAGS[data.type])
  writeBody(writer, data, depth)
}

function writeBody(writer: ByteWriter, data: DlmsData, depth: number): void {
  switch (data.type) {
    case 'null-data':
    case 'dont-care':
      return
    case 'array':
    case 'structure':
      if (depth >= MAX_DEPTH) throw new RangeError(`nested deeper than ${MAX_DEPTH} levels`)
      encodeLength(writer, data.value.length)
      for (const element of data.value) writeData(writer, element, depth + 1)
      return
    case 'compact-array': {
      if (depth >= MAX_DEPTH) throw new RangeError(`nested deeper than ${MAX_DEPTH} levels`)
      writeTypeDescription(writer, data.description)
      const contents = new ByteWriter()
      for (const element of data.value) writeDescribed(contents, element, data.description, depth + 1)
      writeOctets(writer, contents.finish())
      return
    }
    case 'boolean':
      writer.uint8(data.value ? 1 : 0)
      return
    case 'bit-string':
      encodeLength(writer, data.value.length)
      for (let i = 0; i < data.value.length; i += 8)
        writer.uint8(Number.parseInt(data.value.slice(i, i + 8).padEnd(8, '0'), 2))
      return
    case 'octet-string':
      writeOctets(writer, data.value)
      return
    case 'visible-string':
      encodeLength(writer, data.value.length)
      for (let i = 0; i < data.value.length; i++) writer.uint8(data.value.charCodeAt(i))
      return
    case 'utf8-string':
      writeOctets(writer, UTF8.encode(data.value))
      return
    case 'long64':
      if (BigInt.asIntN(64, data.value) !== data.value) throw new RangeError(`${data.value} is no long64`)
      writer.int64(data.value)
      return
    case 'long64-unsigned':
      if (BigInt.asUintN(64, data.value) !== data.value) throw new RangeError(`${data.value} is no long64-unsigned`)
      writer.uint64(data.value)
      return
    case 'float32':
      writer.float32(data.value)
      return
    case 'float64':
      writer.float64(data.value)
      return
    case 'date-time':
      writeDateTime(writer, data.value)
      return
    case 'date':
      writeDate(writer, data.value)
      return
    case 'time':
      writeTime(writer, data.value)
      return
    default: {
      const [octets, low, high] = INTEGERS[data.type]
      if (!Number.isInteger(data.value) || data.value < low || data.value > high)
        throw new RangeError(`${data.value} is no ${data.type}`)
      if (octets === 1) writer.uint8(data.value & 0xff)
      else if (octets === 2) writer.uint16(data.value & 0xffff)
      else writer.uint32(data.value >>> 0)
    }
  }
}

function writeOctets(writer: ByteWriter, octets: Uint8Array): void {
  encodeLength(writer, octets.length)
  writer.bytes(octets)
}

function writeTypeDescription(writer: ByteWriter, description: TypeDescription): void {
  writer.uint8(DATA_TAGS[description.type])
  if (description.type === 'array') {
    writer.uint16(description.count)
    writeTypeDescription(writer, description.of)
  } else if (description.type === 'structure') {
    encodeLength(writer, description.of.length)
    for (const of of description.of) writeTypeDescription(writer, of)
  }
}

function writeDescribed(writer: ByteWriter, data: DlmsData, description: TypeDescription, depth: number): void {
  if (data.type !== description.type) throw new RangeError(`a ${data.type} where ${description.type} is described`)
  if (description.type === 'array' && data.type === 'array') {
    if (data.value.length !== description.count)
      throw new RangeError(`${data.value.length} of ${description.count} elements`)
    for (const element of data.value) writeDescribed(writer, element, description.of, depth + 1)
  } else if (description.type === 'structure' && data.type === 'structure') {
    if (data.value.length !== description.of.length)
      throw new RangeError(`${data.value.length} of ${description.of.length} elements`)
    for (let i = 0; i < data.value.length; i++) writeDescribed(writer, data.value[i], description.of[i], depth + 1)
  } else writeBody(writer, data, depth)
}
