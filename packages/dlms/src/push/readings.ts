import { formatScaled, type ObisCode, obisCode, obisFromBytes } from '@gridtally/metering'
import { type Instant, toHex } from '@gridtally/wire'
import type { DlmsData } from '../axdr/data.ts'
import { type CosemDateTime, instantOf } from '../axdr/date-time.ts'
import { dateTimeIn, formatDateTime, isLogicalName, textIn } from '../explain/format.ts'
import { type KnownQuantity, kamstrupQuantity, positionalList } from './known-lists.ts'
import type { PushedData } from './notification.ts'

/** A time as a meter tells it. */
export interface MeterTime {
  /** ISO 8601, with the offset from UTC when the meter tells its deviation, else local time without. */
  readonly text: string
  /** Only when the deviation is told: local time alone names no instant. */
  readonly instant?: Instant
}

/** One value a meter pushed, in metering words. */
export interface PushReading {
  /** Absent for values in lists whose meaning is not agreed. */
  readonly obis?: ObisCode
  /** Which value of the message it is, from 0. */
  readonly position: number
  readonly kind: 'number' | 'text' | 'time' | 'octets'
  /** Decimal text with the scaler applied where there is one; the text; ISO 8601; hex. */
  readonly value: string
  /** Power of ten the number was multiplied with. Absent when neither meter nor list tells it: then `value` is as sent. */
  readonly scaler?: number
  /** COSEM unit code. */
  readonly unit?: number
  /** Where scaler and unit come from: the message, or the published definition of the list. */
  readonly scaledBy?: 'message' | 'list'
  /** Class and attribute, in self-describing messages. */
  readonly classId?: number
  readonly attributeId?: number
}

/** What a message says, in metering words. */
export interface PushedReadings {
  /** When: the notification's own time, else the clock among its values. */
  readonly at?: MeterTime
  /** Name of the list in its first place, such as `Kamstrup_V0001`. */
  readonly listId?: string
  readonly readings: readonly PushReading[]
}

/** What is known of a value before it is read. */
interface Name {
  readonly obis?: ObisCode
  readonly classId?: number
  readonly attributeId?: number
}

/**
 * Takes the readings out of a notification, whatever way its maker arranges them: OBIS codes each followed by its value
 * (and perhaps scaler and unit), structures of these, attribute descriptors with values, the push object list in front
 * and the values behind it, or values alone in an agreed order.
 */
export function readingsOf(pushed: PushedData): PushedReadings {
  const collector = new Collector()
  collector.body(pushed.body)
  const { readings, listId } = collector
  const clock = readings.find(
    (reading) => reading.kind === 'time' && (reading.obis === undefined || isClock(reading.obis)),
  )
  const at = pushed.time ? meterTime(pushed.time) : clock && timeOfText(clock.value)
  return { ...(at && { at }), ...(listId !== undefined && { listId }), readings }
}

/** A date-time of a meter as text and, if its deviation is told, as instant. */
export function meterTime(value: CosemDateTime): MeterTime {
  const instant = value.deviation === null ? null : instantOf(value)
  return { text: formatDateTime(value), ...(instant !== null && { instant }) }
}

function timeOfText(text: string): MeterTime {
  const instant = /(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN
  return { text, ...(!Number.isNaN(instant) && { instant }) }
}

/** `0.0.1.0.0.255`, and `0.1.1.0.0.255` on other channels. */
function isClock(obis: ObisCode): boolean {
  return /^0\.\d+\.1\.0\.0\.255$/.test(obis)
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

class Collector {
  readonly readings: Mutable<PushReading>[] = []
  listId: string | undefined

  body(data: DlmsData): void {
    const items = elements(data)
    if (!items) {
      this.value({}, data)
      return
    }
    const header = items.length > 1 ? pushList(items[0]) : undefined
    if (header) {
      this.#behindHeader(header, items)
      return
    }
    const first = items.length > 1 ? textOf(items[0]) : undefined
    const bare = items.every((item) => !elements(item) && !nameOf(item))
    // A lone value is the power list only where it is the number that list has.
    const places =
      bare && (items.length > 1 || items[0]?.type === 'double-long-unsigned')
        ? positionalList(first, items.length)
        : undefined
    if (first !== undefined && (places || isListId(first))) this.listId = first
    if (places) {
      for (const [i, item] of items.entries()) this.value({ obis: places[i].obis }, item, places[i].quantity)
      return
    }
    this.sequence(items)
  }

  /** The push object list comes first; values follow in its order, with or without a place for the list itself. */
  #behindHeader(header: readonly Name[], items: readonly DlmsData[]): void {
    const skip = header.length >= items.length || header[0].classId === 40 ? 0 : 1
    for (let i = 1; i < items.length; i++) {
      const name = header[i - skip]
      if (name) this.named(name, items[i])
      else this.item(items[i])
    }
  }

  /** Elements side by side: names followed by values, scaler-units behind values, structures, values without a name. */
  sequence(items: readonly DlmsData[]): void {
    for (let i = 0; i < items.length; i++) {
      const item = items[i]
      const obis = nameOf(item)
      if (obis !== undefined && i + 1 < items.length && !isScalerUnit(items[i + 1])) this.named({ obis }, items[++i])
      else if (isScalerUnit(item) && this.readings.length > 0) this.#scale(item)
      else this.item(item)
    }
  }

  /** One element that no name stands before. */
  item(item: DlmsData): void {
    const inside = elements(item)
    if (!inside) {
      this.value({}, item)
      return
    }
    const described = inside.length > 1 ? attributeOf(inside[0]) : undefined
    if (described) {
      for (let i = 1; i < inside.length; i++)
        if (isScalerUnit(inside[i])) this.#scale(inside[i])
        else this.named(described, inside[i])
      return
    }
    const flat = inside.length > 3 ? attributeIn(inside) : undefined
    if (flat) {
      const rest = inside.slice(3)
      // A data index of 0 stands between attribute and value where there are five.
      this.named(flat, rest[rest.length > 1 && !isScalerUnit(rest[1]) ? 1 : 0])
      const scale = rest.find(isScalerUnit)
      if (scale) this.#scale(scale)
      return
    }
    this.sequence(inside)
  }

  /** A value whose name is known; what it holds inside, such as a captured row, bears the same name. */
  named(name: Name, data: DlmsData): void {
    const inside = elements(data)
    if (!inside) {
      this.value(name, data)
      return
    }
    if (isScalerUnit(data)) return
    // { value, { scaler, unit } } under one name.
    if (inside.length === 2 && !elements(inside[0]) && isScalerUnit(inside[1])) {
      this.value(name, inside[0])
      this.#scale(inside[1])
      return
    }
    if (inside.some((item) => nameOf(item) !== undefined)) {
      this.sequence(inside)
      return
    }
    for (const item of inside) this.named(name, item)
  }

  value(name: Name, data: DlmsData, known?: KnownQuantity): void {
    const read = readValue(data)
    if (!read) return
    const reading: Mutable<PushReading> = { ...name, position: this.readings.length, ...read }
    this.readings.push(reading)
    if (reading.kind !== 'number') return
    const quantity =
      known ?? (name.obis && this.listId?.startsWith('Kamstrup') ? kamstrupQuantity(name.obis) : undefined)
    if (quantity) apply(reading, quantity.scaler, quantity.unit, 'list')
  }

  #scale(data: DlmsData): void {
    const reading = this.readings.at(-1)
    const pair = elements(data)
    if (!reading || !pair || reading.scaledBy === 'message') return
    const [scaler, unit] = pair
    if (scaler.type === 'integer' && unit.type === 'enum') apply(reading, scaler.value, unit.value, 'message')
  }
}

function apply(reading: Mutable<PushReading>, scaler: number, unit: number, scaledBy: 'message' | 'list'): void {
  reading.unit = unit
  reading.scaler = scaler
  reading.scaledBy = scaledBy
  // Floats are what they are; only whole numbers are scaled.
  if (reading.kind === 'number' && /^-?\d+$/.test(reading.value) && Math.abs(scaler) <= 100)
    reading.value = formatScaled(BigInt(reading.value), scaler)
}

function readValue(data: DlmsData): Pick<PushReading, 'kind' | 'value'> | undefined {
  switch (data.type) {
    case 'null-data':
    case 'dont-care':
    case 'array':
    case 'structure':
    case 'compact-array':
      return undefined
    case 'visible-string':
    case 'utf8-string':
      return { kind: 'text', value: data.value }
    case 'bit-string':
      return { kind: 'octets', value: data.value }
    case 'boolean':
      return { kind: 'number', value: data.value ? '1' : '0' }
    case 'octet-string':
      return readOctets(data.value)
    case 'date-time':
      return { kind: 'time', value: formatDateTime(data.value) }
    case 'date':
    case 'time':
      return { kind: 'text', value: JSON.stringify(data.value) }
    default:
      return { kind: 'number', value: String(data.value) }
  }
}

function readOctets(octets: Uint8Array): Pick<PushReading, 'kind' | 'value'> {
  const time = dateTimeIn(octets)
  if (time) return { kind: 'time', value: formatDateTime(time) }
  const text = textIn(octets)
  return text === undefined ? { kind: 'octets', value: toHex(octets) } : { kind: 'text', value: text }
}

function elements(data: DlmsData): readonly DlmsData[] | undefined {
  return data.type === 'structure' || data.type === 'array' || data.type === 'compact-array' ? data.value : undefined
}

function textOf(data: DlmsData): string | undefined {
  if (data.type === 'visible-string' || data.type === 'utf8-string') return data.value
  return data.type === 'octet-string' ? textIn(data.value) : undefined
}

function isListId(text: string): boolean {
  return /^[A-Za-z]+_[A-Za-z]?\d+$/.test(text)
}

/** The OBIS code an element is: six octets, or a text such as `1-0:1.8.0*255`. */
function nameOf(data: DlmsData): ObisCode | undefined {
  if (data.type === 'octet-string') {
    return isLogicalName(data.value) ? obisFromBytes(data.value) : undefined
  }
  if (data.type !== 'visible-string' && data.type !== 'utf8-string') return undefined
  return /^\d{1,2}-\d{1,3}:\d{1,3}\.\d{1,3}(\.\d{1,3})?(\*\d{1,3})?$/.test(data.value) ||
    /^\d{1,3}(\.\d{1,3}){5}$/.test(data.value)
    ? obisCode(data.value)
    : undefined
}

function isScalerUnit(data: DlmsData): boolean {
  const pair = elements(data)
  return pair?.length === 2 && pair[0].type === 'integer' && pair[1].type === 'enum'
}

/** Class, logical name, attribute at the front of a list. */
function attributeIn(items: readonly DlmsData[]): Name | undefined {
  const [classId, name, attribute] = items
  if (classId?.type !== 'long-unsigned' || (attribute?.type !== 'integer' && attribute?.type !== 'unsigned'))
    return undefined
  const obis = nameOf(name)
  return obis && { obis, classId: classId.value, attributeId: attribute.value }
}

/** A structure that is an attribute descriptor and nothing else. */
function attributeOf(data: DlmsData): Name | undefined {
  const items = elements(data)
  return items?.length === 3 ? attributeIn(items) : undefined
}

/** The names in a push object list (class 40, attribute 2): structures of class, name, attribute, index and more. */
function pushList(data: DlmsData): Name[] | undefined {
  const items = elements(data)
  if (!items || items.length === 0) return undefined
  const names: Name[] = []
  for (const item of items) {
    const inside = elements(item)
    const name = inside && inside.length >= 4 && inside[3].type === 'long-unsigned' ? attributeIn(inside) : undefined
    if (!name) return undefined
    names.push(name)
  }
  return names
}
