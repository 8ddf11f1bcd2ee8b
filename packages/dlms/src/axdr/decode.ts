import { ByteReader, DecodeError } from '@gridtally/wire'
import { DATA_TAGS, type DataTypeName, type DlmsData, type SmallIntegerName, type TypeDescription } from './data.ts'
import { readDate, readDateTime, readTime } from './date-time.ts'
import { decodeLength } from './length.ts'

/** Deepest nesting of arrays and structures we follow. */
export const MAX_DEPTH = 32
/** Most values in one decoded tree: some tens of megabytes, far above any real buffer that is read as a tree. */
export const MAX_ELEMENTS = 500_000

const NAMES: (DataTypeName | undefined)[] = []
for (const [name, tag] of Object.entries(DATA_TAGS)) NAMES[tag] = name as DataTypeName

/** Name of a data tag; `undefined` for tags the standard does not have. */
export function dataTypeName(tag: number): DataTypeName | undefined {
  return NAMES[tag]
}

const NULL: DlmsData = { type: 'null-data', value: null }
const DONT_CARE: DlmsData = { type: 'dont-care', value: null }
const UTF8 = new TextDecoder()

/** What is left of the element cap while one tree is decoded. */
interface Budget {
  elements: number
}

/**
 * Decodes one COSEM value from octets that hold nothing else.
 *
 * @throws DecodeError `LIMIT` beyond 32 levels or 500 000 values; `TRAILING` when octets follow the value, unless `trailing` allows it
 */
export function decodeData(octets: Uint8Array, options: { readonly trailing?: boolean } = {}): DlmsData {
  const reader = new ByteReader(octets)
  const data = readData(reader)
  if (!options.trailing) reader.expectEnd('value')
  return data
}

/** Decodes the COSEM value at the reader, which then stands behind it. Octet strings are copied. */
export function readData(reader: ByteReader): DlmsData {
  return readValue(reader, 0, { elements: MAX_ELEMENTS })
}

function readValue(reader: ByteReader, depth: number, budget: Budget): DlmsData {
  const at = reader.offset
  return readBody(reader, reader.uint8(), at, depth, budget)
}

function spend(budget: Budget, count: number, at: number): void {
  budget.elements -= count
  if (budget.elements < 0) throw new DecodeError('LIMIT', at, `more than ${MAX_ELEMENTS} values`)
}

function checkDepth(depth: number, at: number): void {
  if (depth >= MAX_DEPTH) throw new DecodeError('LIMIT', at, `nested deeper than ${MAX_DEPTH} levels`)
}

function readBody(reader: ByteReader, tag: number, at: number, depth: number, budget: Budget): DlmsData {
  switch (tag) {
    case 0:
      return NULL
    case 1:
    case 2: {
      checkDepth(depth, at)
      const count = decodeLength(reader)
      // Every element takes an octet or more, so a count beyond the octets left is a lie: refuse before allocating.
      if (count > reader.remaining)
        throw new DecodeError('TRUNCATED', reader.offset, `${count} elements in ${reader.remaining} octets`)
      spend(budget, count, at)
      const value: DlmsData[] = []
      for (let i = 0; i < count; i++) value.push(readValue(reader, depth + 1, budget))
      return { type: tag === 1 ? 'array' : 'structure', value }
    }
    case 3:
      return { type: 'boolean', value: reader.uint8() !== 0 }
    case 4:
      return { type: 'bit-string', value: readBits(reader, decodeLength(reader)) }
    case 5:
      return { type: 'double-long', value: reader.int32() }
    case 6:
      return { type: 'double-long-unsigned', value: reader.uint32() }
    case 9:
      return { type: 'octet-string', value: reader.take(decodeLength(reader)).slice() }
    case 10:
      return { type: 'visible-string', value: latin1(reader.take(decodeLength(reader))) }
    case 12:
      return { type: 'utf8-string', value: UTF8.decode(reader.take(decodeLength(reader))) }
    case 13:
      return { type: 'bcd', value: reader.int8() }
    case 15:
      return { type: 'integer', value: reader.int8() }
    case 16:
      return { type: 'long', value: reader.int16() }
    case 17:
      return { type: 'unsigned', value: reader.uint8() }
    case 18:
      return { type: 'long-unsigned', value: reader.uint16() }
    case 19:
      return readCompactArray(reader, depth, budget)
    case 20:
      return { type: 'long64', value: reader.int64() }
    case 21:
      return { type: 'long64-unsigned', value: reader.uint64() }
    case 22:
      return { type: 'enum', value: reader.uint8() }
    case 23:
      return { type: 'float32', value: reader.float32() }
    case 24:
      return { type: 'float64', value: reader.float64() }
    case 25:
      return { type: 'date-time', value: readDateTime(reader) }
    case 26:
      return { type: 'date', value: readDate(reader) }
    case 27:
      return { type: 'time', value: readTime(reader) }
    case 28:
    case 29:
    case 30:
    case 31:
    case 32:
    case 33:
      return readDelta(reader, tag)
    case 255:
      return DONT_CARE
    default:
      throw new DecodeError('INVALID', at, `${tag} is not a data type`)
  }
}

function readDelta(reader: ByteReader, tag: number): DlmsData {
  const value = [
    () => reader.int8(),
    () => reader.int16(),
    () => reader.int32(),
    () => reader.uint8(),
    () => reader.uint16(),
    () => reader.uint32(),
  ][tag - 28]()
  // Tags 28 to 33 are the six delta types, all of them small integers.
  return { type: NAMES[tag] as SmallIntegerName, value }
}

function readBits(reader: ByteReader, count: number): string {
  const octets = reader.take(Math.ceil(count / 8))
  let bits = ''
  for (const octet of octets) bits += octet.toString(2).padStart(8, '0')
  return bits.slice(0, count)
}

function latin1(octets: Uint8Array): string {
  let text = ''
  for (const octet of octets) text += String.fromCharCode(octet)
  return text
}

/** Reads a compact-array's description of its elements. */
export function readTypeDescription(reader: ByteReader, depth = 0): TypeDescription {
  const at = reader.offset
  const tag = reader.uint8()
  if (tag === 1) {
    checkDepth(depth, at)
    return { type: 'array', count: reader.uint16(), of: readTypeDescription(reader, depth + 1) }
  }
  if (tag === 2) {
    checkDepth(depth, at)
    const count = decodeLength(reader)
    if (count > reader.remaining) throw new DecodeError('TRUNCATED', reader.offset, `${count} element descriptions`)
    return { type: 'structure', of: Array.from({ length: count }, () => readTypeDescription(reader, depth + 1)) }
  }
  const type = NAMES[tag]
  if (type === undefined || type === 'array' || type === 'structure' || type === 'compact-array')
    throw new DecodeError('INVALID', at, `${tag} does not describe an element`)
  return { type }
}

function readCompactArray(reader: ByteReader, depth: number, budget: Budget): DlmsData {
  checkDepth(depth, reader.offset)
  const description = readTypeDescription(reader, depth + 1)
  const contents = reader.slice(decodeLength(reader))
  const value: DlmsData[] = []
  while (contents.remaining > 0) {
    const at = contents.offset
    value.push(readDescribed(contents, description, depth + 1, budget))
    if (contents.offset === at) throw new DecodeError('INVALID', at, 'elements of a compact-array take no octets')
  }
  return { type: 'compact-array', value, description }
}

/** Elements in a compact-array carry no tags; the description stands for them. */
function readDescribed(reader: ByteReader, description: TypeDescription, depth: number, budget: Budget): DlmsData {
  const at = reader.offset
  spend(budget, 1, at)
  checkDepth(depth, at)
  if (description.type === 'array') {
    spend(budget, description.count, at)
    const value: DlmsData[] = []
    for (let i = 0; i < description.count; i++) value.push(readDescribed(reader, description.of, depth + 1, budget))
    return { type: 'array', value }
  }
  if (description.type === 'structure') {
    spend(budget, description.of.length, at)
    return { type: 'structure', value: description.of.map((of) => readDescribed(reader, of, depth + 1, budget)) }
  }
  return readBody(reader, DATA_TAGS[description.type], at, depth, budget)
}

/** Octets of the body of fixed-size types by tag; -1 for the others. */
const FIXED = new Int8Array(256).fill(-1)
for (const [tags, size] of [
  [[0, 255], 0],
  [[3, 13, 15, 17, 22, 28, 31], 1],
  [[16, 18, 29, 32], 2],
  [[5, 6, 23, 30, 33, 27], 4],
  [[26], 5],
  [[20, 21, 24], 8],
  [[25], 12],
] as const)
  for (const tag of tags) FIXED[tag] = size

/** Octets of the body of a fixed-size type; -1 for types of varying size and tags that do not exist. */
export function fixedSize(tag: number): number {
  return FIXED[tag]
}

/** Moves the reader behind the value it stands at, without building anything. Same limits as {@link readData}. */
export function skipData(reader: ByteReader, depth = 0): void {
  const at = reader.offset
  const tag = reader.uint8()
  const size = FIXED[tag]
  if (size >= 0) {
    reader.skip(size)
    return
  }
  switch (tag) {
    case 1:
    case 2: {
      checkDepth(depth, at)
      const count = decodeLength(reader)
      if (count > reader.remaining)
        throw new DecodeError('TRUNCATED', reader.offset, `${count} elements in ${reader.remaining} octets`)
      for (let i = 0; i < count; i++) skipData(reader, depth + 1)
      return
    }
    case 4:
      reader.skip(Math.ceil(decodeLength(reader) / 8))
      return
    case 9:
    case 10:
    case 12:
      reader.skip(decodeLength(reader))
      return
    case 19:
      readTypeDescription(reader, depth)
      reader.skip(decodeLength(reader))
      return
    default:
      throw new DecodeError('INVALID', at, `${tag} is not a data type`)
  }
}

/** Takes the octets of the value at the reader, undecoded, as a view on the input. */
export function takeData(reader: ByteReader): Uint8Array {
  const start = reader.offset
  skipData(reader)
  return reader.bytes.subarray(start, reader.offset)
}
