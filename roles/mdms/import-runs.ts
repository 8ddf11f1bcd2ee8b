import {
  obisCode,
  parseInstant,
  QUALITIES,
  qualityCode,
  type Reading,
  type ReadingQuality,
  unitCode,
} from '@gridtally/metering'
import { checkDelivery, checkReading } from './append.ts'
import { type Appended, channelName, type Delivery, type OwnerKind } from './channel.ts'
import type { Batch } from './store.ts'

/** One line of an import that could not be used. */
export interface LineError {
  readonly line: number
  readonly error: string
}

/** What an import came to. */
export interface ImportResult {
  readonly importId: number
  readonly lines: number
  readonly failed: number
  readonly intervals: number
  readonly blocks: Appended['blocks']
  /** The first {@link MOST_ERRORS} of them. */
  readonly errors: LineError[]
}

/** What an import needs. */
export interface ImportPorts {
  readonly store: {
    beginImport(): Promise<number>
    append(batch: Batch): Promise<Appended>
  }
  /** Zone of a usage point, undefined for one that is not known; or the zone whose days a meter keeps. */
  readonly zoneOf: (ownerKind: OwnerKind, id: string) => string | undefined
  /** Told after each part that is stored. */
  readonly onProgress?: (sofar: {
    readonly importId: number
    readonly lines: number
    readonly intervals: number
  }) => void
}

/** Errors listed in the answer; all are counted. */
export const MOST_ERRORS = 100
/** Longest line in octets: a year of single minutes. */
const LONGEST_LINE = 8 * 1024 * 1024
/** Values stored in one transaction. */
const VALUES_PER_PART = 400_000
const LINES_PER_PART = 20_000

function textOf(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '' || value.length > 200) throw new TypeError(`"${name}" must be a text`)
  return value
}

function numberOf(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new TypeError(`"${name}" must be an integer`)
  return value
}

function qualitiesOf(value: unknown): number[] {
  if (!Array.isArray(value)) throw new TypeError('"qualities" must be a list of words')
  return value.map((word: unknown) => {
    if (typeof word !== 'string' || !Object.hasOwn(QUALITIES, word)) throw new TypeError(`no quality "${String(word)}"`)
    // Looked up in the table just now.
    return qualityCode(word as ReadingQuality)
  })
}

/** What a line of an import holds: the values of a channel, or what a register showed. */
export type ImportLine =
  | { readonly delivery: Delivery; readonly reading?: undefined }
  | { readonly reading: Reading; readonly delivery?: undefined }

type Fields = Readonly<Record<string, unknown>>

/**
 * Reads one line of an import.
 *
 * @throws TypeError or RangeError in words for people
 */
export function parseLine(text: string, zoneOf: ImportPorts['zoneOf']): ImportLine {
  const line: unknown = JSON.parse(text)
  if (typeof line !== 'object' || line === null || Array.isArray(line)) throw new TypeError('not a JSON object')
  const fields = line as Fields
  return fields.register === undefined
    ? { delivery: parseDelivery(fields, zoneOf) }
    : { reading: parseReading(fields, zoneOf) }
}

const unitOf = (value: unknown): number => numberOf(typeof value === 'string' ? unitCode(value) : value, 'unit')
const instantOf = (value: unknown, name: string, zone: string): number =>
  typeof value === 'string' ? parseInstant(value, zone) : numberOf(value, name)

/** `{meterId, register, at, value, scaler, unit}`: what a meter's register showed. */
function parseReading(fields: Fields, zoneOf: ImportPorts['zoneOf']): Reading {
  const value = textOf(fields.value, 'value')
  if (!/^-?\d{1,20}$/.test(value)) throw new TypeError('"value" must be the digits of an integer')
  const meterId = textOf(fields.meterId, 'meterId')
  const reading: Reading = {
    meterId,
    obis: obisCode(textOf(fields.register, 'register')),
    at: instantOf(fields.at, 'at', zoneOf('meter', meterId) ?? 'UTC'),
    value,
    scaler: numberOf(fields.scaler, 'scaler'),
    unit: unitOf(fields.unit),
    reason: 'imported',
  }
  checkReading(reading)
  return reading
}

function parseDelivery(fields: Fields, zoneOf: ImportPorts['zoneOf']): Delivery {
  const isPoint = fields.usagePointId !== undefined
  if (isPoint === (fields.meterId !== undefined)) throw new TypeError('give either "usagePointId" or "meterId"')
  const ownerId = textOf(isPoint ? fields.usagePointId : fields.meterId, isPoint ? 'usagePointId' : 'meterId')
  const ownerKind = isPoint ? 'usagePoint' : 'meter'
  const zone = zoneOf(ownerKind, ownerId)
  if (zone === undefined) throw new TypeError(`no usage point "${ownerId}"`)
  const channel = textOf(fields.channel, 'channel')
  if (!Array.isArray(fields.values)) throw new TypeError('"values" must be a list')
  const flags = fields.flags
  if (
    flags !== undefined &&
    !(Array.isArray(flags) && flags.every((bits) => Number.isInteger(bits) && bits >= 0 && bits <= 255))
  )
    throw new TypeError('"flags" must be a list of numbers from 0 to 255')
  const delivery: Delivery = {
    ownerKind,
    ownerId,
    name: channel === 'import' || channel === 'export' ? channel : channelName(obisCode(channel)),
    unit: unitOf(fields.unit),
    scaler: numberOf(fields.scaler, 'scaler'),
    start: instantOf(fields.start, 'start', zone),
    stepMs: numberOf(fields.stepMs, 'stepMs'),
    // Each value is checked below.
    values: fields.values as (number | null)[],
    ...(fields.qualities === undefined ? {} : { qualities: qualitiesOf(fields.qualities) }),
    ...(flags === undefined ? {} : { flags: flags as number[] }),
    captureVersion: 0,
    provenance: 'IMPORT',
    source: 0,
  }
  checkDelivery(delivery)
  return delivery
}

/** Lines of a stream of octets, without their ends; a line that is too long is given as null. */
async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string | null> {
  let parts: Uint8Array[] = []
  let held = 0
  let tooLong = false
  const take = (): string | null => {
    const text = tooLong ? null : Buffer.concat(parts).toString('utf8')
    parts = []
    held = 0
    tooLong = false
    return text
  }
  for await (const chunk of stream) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, end))
      yield take()
      from = end + 1
    }
    if (from === chunk.length) continue
    const rest = chunk.subarray(from)
    held += rest.length
    if (held > LONGEST_LINE) {
      tooLong = true
      parts = []
    } else if (!tooLong) parts.push(rest)
  }
  if (held > 0) yield take()
}

/**
 * Stores interval runs from NDJSON, part by part, so that memory stays bounded whatever the length. A line that cannot be used
 * is named and left out; the others are stored. Storing the same lines again changes nothing.
 */
export async function importRuns(stream: AsyncIterable<Uint8Array>, ports: ImportPorts): Promise<ImportResult> {
  const importId = await ports.store.beginImport()
  const result = {
    importId,
    lines: 0,
    failed: 0,
    intervals: 0,
    blocks: { created: 0, filled: 0, changed: 0, same: 0 },
    errors: [] as LineError[],
  }
  let deliveries: Delivery[] = []
  let readings: Reading[] = []
  let part = { lines: 0, failed: 0, intervals: 0 }
  let storing: Promise<void> = Promise.resolve()
  const store = async (): Promise<void> => {
    const batch: Batch = { deliveries, readings, import: { id: importId, ...part } }
    deliveries = []
    readings = []
    part = { lines: 0, failed: 0, intervals: 0 }
    // One part may be stored while the next is read.
    await storing
    storing = ports.store.append(batch).then(({ blocks }) => {
      for (const kind of ['created', 'filled', 'changed', 'same'] as const) result.blocks[kind] += blocks[kind]
      ports.onProgress?.({ importId, lines: result.lines, intervals: result.intervals })
    })
    storing.catch(() => undefined)
  }
  let number = 0
  try {
    for await (const text of linesOf(stream)) {
      number++
      if (text !== null && text.trim() === '') continue
      part.lines++
      result.lines++
      try {
        if (text === null) throw new RangeError(`longer than ${LONGEST_LINE} octets`)
        const { delivery, reading } = parseLine(text, ports.zoneOf)
        if (reading) readings.push(reading)
        else {
          deliveries.push(delivery)
          part.intervals += delivery.values.length
          result.intervals += delivery.values.length
        }
      } catch (error) {
        part.failed++
        result.failed++
        if (result.errors.length < MOST_ERRORS) result.errors.push({ line: number, error: (error as Error).message })
      }
      if (part.intervals >= VALUES_PER_PART || part.lines >= LINES_PER_PART) await store()
    }
    await store()
  } finally {
    await storing
  }
  return result
}
