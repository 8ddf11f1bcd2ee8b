import { ByteReader, toHex } from '@gridtally/wire'
import type { DlmsData } from '../axdr/data.ts'
import { CLOCK_STATUS, type CosemDate, type CosemDateTime, type CosemTime, readDateTime } from '../axdr/date-time.ts'

const two = (value: number | null): string => (value === null ? '--' : String(value).padStart(2, '0'))

/** `2026-03-12`, dashes where a part is not specified. */
export function formatDate({ year, month, dayOfMonth }: CosemDate): string {
  return `${year === null ? '----' : String(year).padStart(4, '0')}-${two(month)}-${two(dayOfMonth)}`
}

/** `15:24:30`, with hundredths when there are any. */
export function formatTime({ hour, minute, second, hundredths }: CosemTime): string {
  const fraction = hundredths === null || hundredths === 0 ? '' : `.${two(hundredths)}`
  return `${two(hour)}:${two(minute)}:${two(second)}${fraction}`
}

/**
 * ISO 8601: `2026-03-12T15:24:30+01:00`, without the offset when the meter does not tell its deviation.
 * Offsets are what clocks show (east positive), the opposite of COSEM's deviation.
 */
export function formatDateTime(value: CosemDateTime): string {
  const offset = value.deviation === null ? '' : formatOffset(-value.deviation)
  return `${formatDate(value)}T${formatTime(value)}${offset}`
}

function formatOffset(minutes: number): string {
  if (minutes === 0) return 'Z'
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}

/** Words for the bits of a clock status; empty when nothing is remarkable. */
export function clockStatusWords(status: number | null): string {
  if (status === null) return ''
  return Object.entries(CLOCK_STATUS)
    .filter(([, bit]) => status & bit)
    .map(([name]) => name.toLowerCase().replaceAll('_', ' '))
    .join(', ')
}

/** The date-time 12 octets look like; `undefined` when they are something else, such as a serial number. */
export function dateTimeIn(octets: Uint8Array): CosemDateTime | undefined {
  if (octets.length !== 12) return undefined
  const value = readDateTime(new ByteReader(octets))
  const { year, month, dayOfMonth, hour, minute, second, hundredths, deviation } = value
  const within = (n: number | null, low: number, high: number): boolean => n === null || (n >= low && n <= high)
  const plausible =
    within(year, 1970, 2199) &&
    (within(month, 1, 12) || month === 0xfd || month === 0xfe) &&
    (within(dayOfMonth, 1, 31) || dayOfMonth === 0xfd || dayOfMonth === 0xfe) &&
    within(hour, 0, 24) &&
    within(minute, 0, 59) &&
    within(second, 0, 60) &&
    within(hundredths, 0, 99) &&
    within(deviation, -840, 840)
  return plausible && (year !== null || month !== null || hour !== null) ? value : undefined
}

/** Whether octets look like a logical name: six, and group A a medium, 0 to 15, so that no printable text is mistaken for one. */
export function isLogicalName(octets: Uint8Array): boolean {
  return octets.length === 6 && octets[0] <= 15
}

/** Printable ASCII, trailing zeros off; `undefined` when there is anything else in it. */
export function textIn(octets: Uint8Array): string | undefined {
  let end = octets.length
  while (end > 0 && octets[end - 1] === 0) end--
  let text = ''
  for (let i = 0; i < end; i++) {
    if (octets[i] < 0x20 || octets[i] > 0x7e) return undefined
    text += String.fromCharCode(octets[i])
  }
  return text
}

/** What an octet-string says: a name, a time, a text, or hex. */
export function formatOctets(octets: Uint8Array): string {
  if (octets.length === 0) return '(empty)'
  if (isLogicalName(octets)) return octets.join('.')
  const time = dateTimeIn(octets)
  if (time) return formatDateTime(time)
  const text = textIn(octets)
  return text ? `"${text}"` : toHex(octets)
}

/** One line for a value; lists tell how many elements they have. */
export function formatData(data: DlmsData): string {
  switch (data.type) {
    case 'null-data':
    case 'dont-care':
      return ''
    case 'array':
    case 'structure':
    case 'compact-array':
      return `${data.value.length} ${data.value.length === 1 ? 'element' : 'elements'}`
    case 'octet-string':
      return formatOctets(data.value)
    case 'visible-string':
    case 'utf8-string':
      return `"${data.value}"`
    case 'date-time':
      return formatDateTime(data.value)
    case 'date':
      return formatDate(data.value)
    case 'time':
      return formatTime(data.value)
    default:
      return String(data.value)
  }
}
