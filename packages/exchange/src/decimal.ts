/** A decimal as digits and their count after the point: `12.30` is `{ digits: 1230n, decimals: 2 }`. */
export interface Decimal {
  readonly digits: bigint
  readonly decimals: number
  /** The text carried the error of binary floating point (0.48200000000000004), which was taken away. */
  readonly noisy: boolean
}

const NUMBER = /^([+-]?)(\d+)(?:[.,](\d+))?$/

/** Fewer decimals than this are taken as meant, more may be floating-point noise. */
const NOISE_FROM_DECIMALS = 12
const MOST_MEANT_DECIMALS = 9

/**
 * Reads a decimal as tables write it. A number with a long tail that is a short decimal's nearest double (what programs print
 * when they summed in binary) is read as that short decimal.
 *
 * @returns `undefined` when the text is no decimal number
 */
export function readDecimal(text: string): Decimal | undefined {
  const match = NUMBER.exec(text.trim())
  if (!match) return undefined
  const [, sign, whole, fraction = ''] = match
  const signed = (digits: string): bigint => (sign === '-' ? -BigInt(digits) : BigInt(digits))
  const exact: Decimal = { digits: signed(whole + fraction), decimals: fraction.length, noisy: false }
  if (fraction.length < NOISE_FROM_DECIMALS) return exact
  const value = Number(`${whole}.${fraction}`)
  for (let decimals = 0; decimals <= MOST_MEANT_DECIMALS; decimals++) {
    const short = value.toFixed(decimals)
    // A sum of a few hundred doubles strays by some units in the last place, never by more than this.
    if (Math.abs(Number(short) - value) <= Math.max(value, 1) * 1e-13)
      return { digits: signed(short.replace('.', '')), decimals, noisy: true }
  }
  return exact
}

/** The digits of a decimal at another count of decimals; `undefined` where digits would be lost. */
export function digitsAt(decimal: Decimal, decimals: number): bigint | undefined {
  if (decimals >= decimal.decimals) return decimal.digits * 10n ** BigInt(decimals - decimal.decimals)
  const divisor = 10n ** BigInt(decimal.decimals - decimals)
  return decimal.digits % divisor === 0n ? decimal.digits / divisor : undefined
}
