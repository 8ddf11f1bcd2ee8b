import { DecodeError } from './decode-error.ts'

/** Digits of packed BCD, most significant octet first. Nibbles above 9 throw `INVALID`. */
export function fromBcd(bytes: Uint8Array, at = 0): string {
  let digits = ''
  for (let i = 0; i < bytes.length; i++) {
    const high = bytes[i] >> 4
    const low = bytes[i] & 0x0f
    if (high > 9 || low > 9) throw new DecodeError('INVALID', at + i, 'octet is not BCD')
    digits += `${high}${low}`
  }
  return digits
}

/** Packed BCD of decimal digits, most significant first; an odd count gets a leading zero. */
export function toBcd(digits: string): Uint8Array {
  if (!/^\d*$/.test(digits)) throw new TypeError(`"${digits}" has other characters than decimal digits`)
  const even = digits.length % 2 === 0 ? digits : `0${digits}`
  return Uint8Array.from({ length: even.length / 2 }, (_, i) => (Number(even[2 * i]) << 4) | Number(even[2 * i + 1]))
}
