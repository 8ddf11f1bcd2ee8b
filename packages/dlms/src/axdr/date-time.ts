import { type ByteReader, ByteWriter, DecodeError, type Instant } from '@gridtally/wire'

/**
 * COSEM date (IEC 62056-6-2, 4.1.6.1). `null` is "not specified".
 * `month` 0xFD is the end and 0xFE the begin of daylight saving; `dayOfMonth` 0xFE is the last day of the month, 0xFD the last but one.
 */
export interface CosemDate {
  /** Full year, such as 2026; `null` is any. */
  readonly year: number | null
  readonly month: number | null
  readonly dayOfMonth: number | null
  /** 1 is Monday, 7 is Sunday. Never checked against the date: meters get it wrong. */
  readonly dayOfWeek: number | null
}

/** COSEM time of day. `null` is "not specified". */
export interface CosemTime {
  readonly hour: number | null
  readonly minute: number | null
  readonly second: number | null
  readonly hundredths: number | null
}

/** COSEM date-time of 12 octets. */
export interface CosemDateTime extends CosemDate, CosemTime {
  /** Minutes from local time to UTC, so UTC = local + deviation (−60 in Paris in winter); `null` is "not specified" (0x8000). */
  readonly deviation: number | null
  /** Bits of {@link CLOCK_STATUS}; `null` is "not specified" (0xFF). */
  readonly clockStatus: number | null
}

/** Bits of the clock status octet. */
export const CLOCK_STATUS = {
  INVALID_VALUE: 0x01,
  DOUBTFUL_VALUE: 0x02,
  DIFFERENT_CLOCK_BASE: 0x04,
  INVALID_CLOCK_STATUS: 0x08,
  DAYLIGHT_SAVING: 0x80,
} as const

/** Octets of a date-time on the wire. */
export const DATE_TIME_OCTETS = 12

const known = (octet: number): number | null => (octet === 0xff ? null : octet)
const octet = (value: number | null): number => value ?? 0xff

/** Reads the 5 octets of a date. Values are not judged: any octets make a date. */
export function readDate(reader: ByteReader): CosemDate {
  const year = reader.uint16()
  return {
    year: year === 0xffff ? null : year,
    month: known(reader.uint8()),
    dayOfMonth: known(reader.uint8()),
    dayOfWeek: known(reader.uint8()),
  }
}

/** Reads the 4 octets of a time. */
export function readTime(reader: ByteReader): CosemTime {
  return {
    hour: known(reader.uint8()),
    minute: known(reader.uint8()),
    second: known(reader.uint8()),
    hundredths: known(reader.uint8()),
  }
}

/** Reads the 12 octets of a date-time. */
export function readDateTime(reader: ByteReader): CosemDateTime {
  const date = readDate(reader)
  const time = readTime(reader)
  const deviation = reader.int16()
  return {
    ...date,
    ...time,
    deviation: deviation === -0x8000 ? null : deviation,
    clockStatus: known(reader.uint8()),
  }
}

/** Writes a date in 5 octets. */
export function writeDate(writer: ByteWriter, date: CosemDate): void {
  writer
    .uint16(date.year ?? 0xffff)
    .uint8(octet(date.month))
    .uint8(octet(date.dayOfMonth))
    .uint8(octet(date.dayOfWeek))
}

/** Writes a time in 4 octets. */
export function writeTime(writer: ByteWriter, time: CosemTime): void {
  writer.uint8(octet(time.hour)).uint8(octet(time.minute)).uint8(octet(time.second)).uint8(octet(time.hundredths))
}

/** Writes a date-time in 12 octets. */
export function writeDateTime(writer: ByteWriter, value: CosemDateTime): void {
  writeDate(writer, value)
  writeTime(writer, value)
  writer.int16(value.deviation ?? -0x8000).uint8(octet(value.clockStatus))
}

/** The 12 octets of a date-time, as octet-strings and selective access carry them. */
export function encodeDateTime(value: CosemDateTime): Uint8Array {
  const writer = new ByteWriter(DATE_TIME_OCTETS)
  writeDateTime(writer, value)
  return writer.finish()
}

/**
 * Instant a date-time names.
 *
 * @param localToInstant asked when the deviation is not specified: gets the local wall time as if it were UTC, in ms.
 *   Without it local time is taken for UTC.
 * @returns `null` when year, month, day or hour is a wildcard or out of range; a missing minute, second or hundredth counts as 0
 */
export function instantOf(value: CosemDateTime, localToInstant?: (wallMs: number) => Instant): Instant | null {
  const { year, month, dayOfMonth, hour } = value
  if (year === null || month === null || dayOfMonth === null || hour === null) return null
  return wallInstant(
    year,
    month,
    dayOfMonth,
    hour,
    value.minute ?? 0,
    value.second ?? 0,
    value.hundredths ?? 0,
    value.deviation,
    localToInstant,
  )
}

/** {@link instantOf} on plain numbers, for the fast path over profile buffers. Hour 24 is the midnight that ends the day. */
export function wallInstant(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  hundredths: number,
  deviation: number | null,
  localToInstant?: (wallMs: number) => Instant,
): Instant | null {
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60) return null
  const wall =
    daysFromCivil(year, month, day) * 86_400_000 +
    hour * 3_600_000 +
    minute * 60_000 +
    second * 1000 +
    (hundredths < 100 ? hundredths * 10 : 0)
  if (deviation !== null) return wall + deviation * 60_000
  return localToInstant ? localToInstant(wall) : wall
}

/** Days since 1970-01-01 of a Gregorian date; several times faster than `Date.UTC`, which counts on loads of rows. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/**
 * Date-time of an instant.
 *
 * @param offsetMinutes of local time from UTC, east positive: the deviation sent is its negative; `null` sends UTC with the
 *   deviation not specified
 * @param clockStatus bits of {@link CLOCK_STATUS}, default 0
 */
export function dateTimeOf(
  at: Instant,
  offsetMinutes: number | null = 0,
  clockStatus: number | null = 0,
): CosemDateTime {
  const local = new Date(at + (offsetMinutes ?? 0) * 60_000)
  return {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth() + 1,
    dayOfMonth: local.getUTCDate(),
    dayOfWeek: local.getUTCDay() || 7,
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    second: local.getUTCSeconds(),
    hundredths: Math.floor(local.getUTCMilliseconds() / 10),
    deviation: offsetMinutes === null ? null : offsetMinutes === 0 ? 0 : -offsetMinutes,
    clockStatus,
  }
}

/** Throws unless `octets` has the length of a date-time. For octet-strings that should hold one. */
export function expectDateTimeOctets(octets: Uint8Array, at: number): void {
  if (octets.length !== DATE_TIME_OCTETS)
    throw new DecodeError('INVALID', at, `a date-time has 12 octets, not ${octets.length}`)
}
