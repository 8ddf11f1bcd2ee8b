import type { Decimal } from '../api/types.ts'
import { thousandth } from './decimal.ts'

/** Formats numbers, money and times for people, in one language. All exact: decimals go to Intl as text, never through floats. */
export interface Formats {
  readonly locale: string
  /** Wh as `4.25 kWh`; `digits` after the point (2). */
  energy(wh: Decimal, digits?: number): string
  /** W as `412 W`, from 10 000 W as `10.4 kW`. */
  power(w: Decimal): string
  money(amount: Decimal, currency: string, digits?: number): string
  /** A price such as `€0.3120`, four digits. */
  price(perKwh: Decimal, currency: string): string
  count(n: number): string
  /** A decimal with all its digits, grouped. */
  decimal(value: Decimal): string
  /** `99.8 %` from per cent as number or decimal. */
  percent(value: number | Decimal, digits?: number): string
  /** `18:42` in a zone. */
  time(at: number, zone: string): string
  /** `18:42:07`. */
  timeWithSeconds(at: number, zone: string): string
  /** `Wed 28 Oct` of a local day or instant. */
  day(at: number, zone: string): string
  /** `Wednesday 28 October 2026`. */
  longDay(at: number, zone: string): string
  /** `October 2026`. */
  month(at: number, zone: string): string
  shortMonth(at: number, zone: string): string
  dayOfMonth(at: number, zone: string): string
  weekday(at: number, zone: string): string
  year(at: number, zone: string): string
  /** `19 – 25 October 2026`, whole days, the last one included. */
  dayRange(from: number, last: number, zone: string): string
  /** `28 Oct 2026, 18:42:07 CET`. */
  full(at: number, zone: string): string
  /** `CET`, `CEST`, `GMT+2`. */
  zoneName(at: number, zone: string): string
  /** `12 seconds ago`; ages of a minute and more in the largest whole unit. */
  ago(ms: number): string
}

/** Decimal text as Intl's types name it; Intl checks it again and formats it exactly. */
function exact(value: Decimal): Intl.StringNumericLiteral {
  // The API's decimals are StringNumericLiterals by contract; Decimal is plain string for readability.
  return value as Intl.StringNumericLiteral
}

/** Makes the formats of a locale such as `en-GB`. Formatters are made once and kept. */
export function formatsFor(locale: string): Formats {
  const dates = new Map<string, Intl.DateTimeFormat>()
  const date = (zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
    const key = `${zone}${JSON.stringify(options)}`
    let found = dates.get(key)
    if (!found) {
      found = new Intl.DateTimeFormat(locale, { ...options, timeZone: zone })
      dates.set(key, found)
    }
    return found
  }
  const numbers = new Map<string, Intl.NumberFormat>()
  const number = (options: Intl.NumberFormatOptions): Intl.NumberFormat => {
    const key = JSON.stringify(options)
    let found = numbers.get(key)
    if (!found) {
      found = new Intl.NumberFormat(locale, options)
      numbers.set(key, found)
    }
    return found
  }
  const fixed = (value: Decimal, digits: number): string =>
    number({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(exact(value))
  const money = (amount: Decimal, currency: string, digits = 2): string =>
    number({
      style: 'currency',
      currency,
      currencyDisplay: 'narrowSymbol',
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }).format(exact(amount))
  const now = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'always' })
  const hour: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }
  const zoneName = (at: number, zone: string): string =>
    date(zone, { timeZoneName: 'short' })
      .formatToParts(at)
      .find((part) => part.type === 'timeZoneName')?.value ?? zone
  return {
    locale,
    energy: (wh, digits = 2) => `${fixed(thousandth(wh), digits)} kWh`,
    power: (w) => (Math.abs(Number(w)) < 10_000 ? `${fixed(w, 0)} W` : `${fixed(thousandth(w), 1)} kW`),
    money,
    price: (perKwh, currency) => money(perKwh, currency, 4),
    count: (n) => number({}).format(n),
    decimal: (value) => number({ maximumFractionDigits: 20 }).format(exact(value)),
    percent: (value, digits = 1) => `${fixed(String(value), digits)} %`,
    time: (at, zone) => date(zone, hour).format(at),
    timeWithSeconds: (at, zone) => date(zone, { ...hour, second: '2-digit' }).format(at),
    day: (at, zone) => date(zone, { weekday: 'short', day: 'numeric', month: 'short' }).format(at),
    longDay: (at, zone) => date(zone, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }).format(at),
    month: (at, zone) => date(zone, { month: 'long', year: 'numeric' }).format(at),
    shortMonth: (at, zone) => date(zone, { month: 'short' }).format(at),
    dayOfMonth: (at, zone) => date(zone, { day: 'numeric' }).format(at),
    weekday: (at, zone) => date(zone, { weekday: 'short' }).format(at),
    year: (at, zone) => date(zone, { year: 'numeric' }).format(at),
    dayRange: (from, last, zone) =>
      date(zone, { day: 'numeric', month: 'short', year: 'numeric' }).formatRange(from, last),
    full: (at, zone) =>
      date(zone, {
        day: 'numeric',
        month: 'short',
        year: 'numeric',
        ...hour,
        second: '2-digit',
        timeZoneName: 'short',
      }).format(at),
    zoneName,
    ago: (ms) => {
      const seconds = Math.max(0, Math.round(ms / 1000))
      if (seconds < 3) return now.format(0, 'second')
      if (seconds < 60) return relative.format(-seconds, 'second')
      if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), 'minute')
      if (seconds < 48 * 3600) return relative.format(-Math.floor(seconds / 3600), 'hour')
      return relative.format(-Math.floor(seconds / 86_400), 'day')
    },
  }
}
