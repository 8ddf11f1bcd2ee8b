import { ByteReader } from '@gridtally/wire'
import { apduName, walkApdu } from './apdu.ts'
import { ExplainedNode } from './node.ts'
import { Walker } from './walker.ts'

/** Measures the APDU at `from`. One that turns out wrong inside takes all octets up to `end`. */
export function measureApdu(bytes: Uint8Array, from: number, end: number): { length: number; whole: boolean } {
  if (apduName(bytes[from]) === undefined) return { length: 0, whole: false }
  const walker = new Walker(new ByteReader(bytes, from, end), new ExplainedNode(from, 0, ''))
  const whole = walker.guarded(end, () => walkApdu(walker)) && !walker.faulted
  return { length: walker.reader.offset - from, whole }
}
