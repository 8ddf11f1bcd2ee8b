import { formatScaled, parseScaled } from '@gridtally/metering'
import type { Decimal } from '../api/types.ts'

/** Digits kept in sums; finer than any price or register the API sends. */
const SCALE = -9

/** Sum of decimals, exact to nine places, without trailing zeros. */
export function addDecimals(...terms: readonly Decimal[]): Decimal {
  return trim(terms.reduce((sum, term) => sum + parseScaled(term, SCALE).value, 0n))
}

/** `a − b`, as {@link addDecimals}. */
export function subtractDecimals(a: Decimal, b: Decimal): Decimal {
  return trim(parseScaled(a, SCALE).value - parseScaled(b, SCALE).value)
}

/** `a × b`, rounded to nine places. */
export function multiplyDecimals(a: Decimal, b: Decimal): Decimal {
  const product = formatScaled(parseScaled(a, SCALE).value * parseScaled(b, SCALE).value, 2 * SCALE)
  return trim(parseScaled(product, SCALE).value)
}

/** A thousandth: Wh to kWh, W to kW. */
export function thousandth(value: Decimal): Decimal {
  return multiplyDecimals(value, '0.001')
}

/** The decimal turned round. */
export function negateDecimal(value: Decimal): Decimal {
  return trim(-parseScaled(value, SCALE).value)
}

function trim(scaled: bigint): Decimal {
  const text = formatScaled(scaled, SCALE).replace(/0+$/, '').replace(/\.$/, '')
  return text === '-0' ? '0' : text
}
