import { unitSymbol } from '@gridtally/metering'
import { ByteReader, DecodeError } from '@gridtally/wire'
import { dataTypeName, fixedSize, MAX_DEPTH, readData, readTypeDescription } from '../axdr/decode.ts'
import { decodeLength } from '../axdr/length.ts'
import { describesAttribute } from './descriptor.ts'
import { formatData, formatOctets } from './format.ts'
import { ExplainedNode } from './node.ts'
import type { Walker } from './walker.ts'

/** Whether values may be preceded by attribute descriptors without tags, as Sagemcom pushes them. */
export type DataDialect = 'standard' | 'descriptors'

const CLAUSE = 'IEC 62056-5-3, Data'

/** Adds the node of the A-XDR value at the reader, with all that is inside. */
export function walkData(walker: Walker, label = 'value', dialect: DataDialect = 'standard'): void {
  const before = walker.current.children.length
  walkValue(walker, dialect, 0)
  const node = walker.current.children[before]
  node.label = `${label}: ${node.label}`
}

function walkValue(walker: Walker, dialect: DataDialect, depth: number): void {
  const { reader } = walker
  const at = reader.offset
  const tag = reader.peek()
  if (tag === 1 || tag === 2) {
    if (depth >= MAX_DEPTH) throw new DecodeError('LIMIT', at, `nested deeper than ${MAX_DEPTH} levels`)
    walkList(walker, tag, dialect, depth)
    return
  }
  reader.uint8()
  const size = fixedSize(tag)
  if (size >= 0) reader.skip(size)
  else if (tag === 4) reader.skip(Math.ceil(decodeLength(reader) / 8))
  else if (tag === 9 || tag === 10 || tag === 12) reader.skip(decodeLength(reader))
  else if (tag === 19) {
    readTypeDescription(reader, depth)
    reader.skip(decodeLength(reader))
  } else throw new DecodeError('INVALID', at, `${tag} is not a data type`)
  if (!walker.render) {
    const { bytes } = reader
    walker.render = (node) => sayValue(bytes, node.offset, node.offset + node.length)
  }
  walker.current.add(new ExplainedNode(at, reader.offset - at, dataTypeName(tag) ?? '', CLAUSE, walker.render))
}

/** A compact-array is decoded only when somebody looks; its contents may then still turn out wrong. */
function sayValue(bytes: Uint8Array, from: number, to: number): string {
  try {
    return formatData(readData(new ByteReader(bytes, from, to)))
  } catch (error) {
    if (error instanceof DecodeError) return `cannot be read: ${error.message}`
    throw error
  }
}

function walkList(walker: Walker, tag: number, dialect: DataDialect, depth: number): void {
  const { reader } = walker
  walker.group(tag === 1 ? 'array' : 'structure', CLAUSE, (node) => {
    reader.skip(1)
    const at = reader.offset
    const count = decodeLength(reader)
    if (count > reader.remaining)
      throw new DecodeError('TRUNCATED', at, `${count} elements in ${reader.remaining} octets`)
    node.value = `${count} ${count === 1 ? 'element' : 'elements'}`
    let first = 0
    if (dialect === 'descriptors' && tag === 2 && count === 2 && describesAttribute(reader)) {
      walkAttribute(walker, 'attribute (without tags)')
      first = 1
    }
    for (let i = first; i < count; i++) walkValue(walker, dialect, depth + 1)
    if (tag === 2 && count === 2) nameScalerUnit(node, reader.bytes)
  })
}

/** `{ integer, enum }` is nearly always a scaler and a unit: say so. */
function nameScalerUnit(node: ExplainedNode, bytes: Uint8Array): void {
  const [scaler, unit] = node.children
  if (scaler.label !== 'integer' || unit.label !== 'enum' || scaler.length !== 2 || unit.length !== 2) return
  scaler.label = 'scaler'
  unit.label = 'unit'
  const code = bytes[unit.offset + 1]
  unit.value = `${code} ${unitSymbol(code)}`.trim()
}

/** Class, logical name and attribute, 9 octets without tags. */
export function walkAttribute(walker: Walker, label: string, index = 'attribute'): void {
  walker.group(label, 'IEC 62056-5-3, Cosem-Attribute-Descriptor', () => {
    walker.uint16('class')
    walker.leaf('logical name', (reader) => formatOctets(reader.take(6)))
    walker.leaf(index, (reader) => String(reader.int8()))
  })
}
