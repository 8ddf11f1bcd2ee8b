import { DecodeError } from '@gridtally/wire'

declare const obis: unique symbol

/** An OBIS code in dotted form, six groups `A.B.C.D.E.F`, such as `1.0.1.8.0.255` (IEC 62056-6-1). */
export type ObisCode = string & { readonly [obis]: true }

const DOTTED = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/
const REDUCED = /^(?:(\d{1,3})-)?(?:(\d{1,3}):)?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?(?:[*&](\d{1,3}))?$/

/**
 * Reads an OBIS code as people and telegrams write it: `1.0.1.8.0.255`, `1-0:1.8.0*255`, `1-0:1.8.0`, `1.8.0`.
 * Missing groups are A = 1, B = 0, E = 0, F = 255.
 *
 * @throws TypeError when the text is no OBIS code
 */
export function obisCode(text: string): ObisCode {
  const dotted = DOTTED.exec(text)
  const reduced = dotted ? null : REDUCED.exec(text)
  const groups = dotted
    ? dotted.slice(1)
    : reduced && [reduced[1] ?? '1', reduced[2] ?? '0', reduced[3], reduced[4], reduced[5] ?? '0', reduced[6] ?? '255']
  if (!groups || groups.some((g) => Number(g) > 255))
    throw new TypeError(`"${text}" is not an OBIS code such as 1.0.1.8.0.255 or 1-0:1.8.0`)
  // The one place where a checked text becomes the branded type.
  return groups.map(Number).join('.') as ObisCode
}

/** OBIS code of six octets (a COSEM logical name). `at` is the offset told when there are not six. */
export function obisFromBytes(octets: Uint8Array, at = 0): ObisCode {
  if (octets.length !== 6) throw new DecodeError('INVALID', at, `a logical name has 6 octets, not ${octets.length}`)
  return `${octets[0]}.${octets[1]}.${octets[2]}.${octets[3]}.${octets[4]}.${octets[5]}` as ObisCode
}

/** The six octets of an OBIS code, groups A to F. */
export function obisToBytes(code: ObisCode): Uint8Array {
  return Uint8Array.from(code.split('.'), Number)
}

/** `1-0:1.8.0*255`, the form of IEC 62056-6-1 §4. */
export function formatObis(code: ObisCode): string {
  const [a, b, c, d, e, f] = code.split('.')
  return `${a}-${b}:${c}.${d}.${e}*${f}`
}
