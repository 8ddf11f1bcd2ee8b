import { DecodeError } from './decode-error.ts'

const DIGITS = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

/** Lower-case hex, two digits an octet, `separator` between octets. */
export function toHex(bytes: Uint8Array, separator = ''): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += (i > 0 ? separator : '') + DIGITS[bytes[i]]
  return text
}

/**
 * Reads hex as people paste it: spaces, line breaks, colons, commas, hyphens and `0x` prefixes between octets are skipped.
 *
 * @throws DecodeError `INVALID` at the character (not octet) that is no hex digit; `TRUNCATED` for half an octet
 */
export function fromHex(text: string): Uint8Array {
  const out = new Uint8Array(text.length >> 1)
  let length = 0
  let high = -1
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    let digit: number
    if (c >= 48 && c <= 57) digit = c - 48
    else if (c >= 97 && c <= 102) digit = c - 87
    else if (c >= 65 && c <= 70) digit = c - 55
    else if (c === 32 || c === 58 || c === 44 || c === 45 || c === 10 || c === 13 || c === 9) continue
    else if ((c === 120 || c === 88) && high === 0) {
      high = -1
      continue
    } else throw new DecodeError('INVALID', i, `"${text[i]}" is not a hex digit`)
    if (high < 0) high = digit
    else {
      out[length++] = (high << 4) | digit
      high = -1
    }
  }
  if (high >= 0) throw new DecodeError('TRUNCATED', text.length, 'half an octet at the end of the hex text')
  return out.slice(0, length)
}
