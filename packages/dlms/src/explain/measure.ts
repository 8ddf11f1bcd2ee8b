import { ByteReader, DecodeError } from '@gridtally/wire'
import { apduName, walkApdu } from './apdu.ts'
import { ExplainedNode } from './node.ts'
import { Walker } from './walker.ts'

/** Octets the APDU at `from` takes; 0 when no APDU begins there. One that turns out wrong inside takes all octets up to `end`. */
export function measureApdu(bytes: Uint8Array, from: number, end: number): number {
  if (apduName(bytes[from]) === undefined) return 0
  const walker = new Walker(new ByteReader(bytes, from, end), new ExplainedNode(from, 0, ''))
  try {
    walkApdu(walker)
    return walker.reader.offset - from
  } catch (error) {
    if (error instanceof DecodeError) return end - from
    throw error
  }
}
