/**
 * Decimal text of `value × 10^scaler`, exact, without exponent: `scaled(12345, -2)` is `123.45`, `scaled(5, 3)` is `5000`.
 *
 * @param value an integer; numbers must be safe integers
 * @param scaler power of ten, −100 … 100
 */
export function formatScaled(value: number | bigint, scaler: number): string {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new RangeError(`${value} is not a safe integer`)
  if (!Number.isInteger(scaler) || scaler < -100 || scaler > 100) throw new RangeError(`scaler ${scaler}`)
  const negative = value < 0
  const digits = String(value).replace('-', '')
  const text =
    scaler >= 0
      ? digits === '0'
        ? '0'
        : digits + '0'.repeat(scaler)
      : `${digits.padStart(1 - scaler, '0').slice(0, scaler)}.${digits.padStart(1 - scaler, '0').slice(scaler)}`
  return negative ? `-${text}` : text
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/

/**
 * The integer whose `10^scaler`-fold is the decimal in `text`.
 *
 * @returns `exact: false` when digits below the scaler were rounded away (half away from zero)
 * @throws TypeError when the text is no decimal number
 */
export function parseScaled(text: string, scaler: number): { readonly value: bigint; readonly exact: boolean } {
  const match = DECIMAL.exec(text.trim())
  if (!match || (match[2] === '' && (match[3] ?? '') === '')) throw new TypeError(`"${text}" is not a decimal number`)
  const fraction = match[3] ?? ''
  const digits = BigInt(match[2] + fraction || '0')
  const shift = Number(match[4] ?? 0) - fraction.length - scaler
  const sign = match[1] === '-' ? -1n : 1n
  if (shift >= 0) return { value: sign * digits * 10n ** BigInt(shift), exact: true }
  const divisor = 10n ** BigInt(-shift)
  const rounded = (digits * 2n + divisor) / (divisor * 2n)
  return { value: sign * rounded, exact: digits % divisor === 0n }
}
