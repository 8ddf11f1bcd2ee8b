import { parseInstant, QUALITIES, type ReadingQuality } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { CsvRow } from './csv.ts'
import { type Decimal, digitsAt, readDecimal } from './decimal.ts'
import { ExchangeError } from './exchange-error.ts'
import { instantsOfWall } from './wall-times.ts'

/** A column of values: where it is and what it means. */
export interface ValueColumn {
  readonly name: string
  readonly index: number
  /** Channel of the usage point, such as `import` or `export`. */
  readonly channel: string
  /** Power of ten from the column's unit to the base unit: 3 for kWh, 0 for Wh. */
  readonly unitScale: number
  /** Column with the unit of each value, which then counts; -1 for none. */
  readonly unitIndex: number
  /** Column with the values' quality words, -1 for none. */
  readonly qualityIndex: number
}

/** How a table is to be read. */
export interface TablePlan {
  readonly timeIndex: number
  readonly columns: readonly ValueColumn[]
  /** Column that names the channel of each row, in tables with a row per channel and interval; -1 for none. */
  readonly channelIndex: number
  /** Zone of times without offset. */
  readonly zone: string
  /** Whether a row's time is the beginning or the end of its interval. */
  readonly stamp: 'start' | 'end'
}

/** One value of a table, placed in time. */
export interface PlacedValue {
  readonly channel: string
  readonly start: Instant
  readonly value: Decimal
  readonly quality: ReadingQuality
}

/** What was noticed while placing rows, counted. */
export interface TableNotes {
  rows: number
  /** Values whose text carried floating-point noise. */
  noisy: number
  /** Fields left empty: missing values. */
  empty: number
  /** Rows at local times that do not exist, all zero: left out. */
  skipped: number
  /** Rows that stand for a repeated local hour once: split in two halves, marked estimated. */
  split: number
}

/** Headings known without being told, in lower case: channel and unit. */
const KNOWN_HEADINGS: Readonly<Record<string, readonly [channel: string, unitScale: number]>> = {
  import_kwh: ['import', 3],
  export_kwh: ['export', 3],
  import_wh: ['import', 0],
  export_wh: ['export', 0],
  consumption: ['import', 3],
  consumption_kwh: ['import', 3],
  usage: ['import', 3],
  usage_kwh: ['import', 3],
  kwh: ['import', 3],
  production: ['export', 3],
  generation: ['export', 3],
  feed_in: ['export', 3],
  // Ausgrid's solar home data: general consumption, gross generation.
  gc: ['import', 3],
  gg: ['export', 3],
}
const TIME_HEADINGS = ['start', 'from', 'time', 'timestamp', 'datetime', 'date', 'interval_start', '']
const CHANNEL = /^[a-z][a-z0-9-]{0,31}$/
const UNIT_SCALES: Readonly<Record<string, number>> = { wh: 0, kwh: 3, mwh: 6 }

/** What a caller may say of a table; the rest is found in its heading. */
export interface TableHints {
  readonly zone: string
  readonly stamp: 'start' | 'end'
  /** Heading of the time column. */
  readonly time?: string
  /** Heading → `channel` or `channel:unit`. When given, only these columns are read. */
  readonly columns: Readonly<Record<string, string>>
}

/**
 * Decides from the heading how a table is to be read.
 *
 * @throws ExchangeError `COLUMN_UNKNOWN` in words, naming the headings there are
 */
export function planTable(heading: CsvRow, hints: TableHints): TablePlan {
  const names = heading.fields.map((field) => field.trim())
  const lower = names.map((name) => name.toLowerCase())
  const there = names.map((name) => `"${name}"`).join(', ')
  const find = (name: string): number => {
    const index = lower.indexOf(name.toLowerCase())
    if (index < 0)
      throw new ExchangeError('COLUMN_UNKNOWN', heading.line, `there is no column "${name}"; there are ${there}`)
    return index
  }
  const timeIndex =
    hints.time !== undefined
      ? find(hints.time)
      : TIME_HEADINGS.map((name) => lower.indexOf(name)).find((index) => index >= 0)
  if (timeIndex === undefined)
    throw new ExchangeError(
      'COLUMN_UNKNOWN',
      heading.line,
      `which column holds the time? Say --time NAME; there are ${there}`,
    )
  const columns: ValueColumn[] = []
  const add = (index: number, channel: string, unitScale: number): void => {
    columns.push({
      name: names[index],
      index,
      channel,
      unitScale,
      unitIndex: -1,
      qualityIndex: lower.indexOf(`${channel}_quality`),
    })
  }
  for (const [name, meaning] of Object.entries(hints.columns)) {
    const [channel, unit = 'kwh'] = meaning.split(':')
    const unitScale = UNIT_SCALES[unit.toLowerCase()]
    if (unitScale === undefined) throw new ExchangeError('COLUMN_UNKNOWN', 0, `unit "${unit}" is none of Wh, kWh, MWh`)
    if (!CHANNEL.test(channel))
      throw new ExchangeError(
        'COLUMN_UNKNOWN',
        0,
        `"${channel}" cannot name a channel: lower case letters, digits, hyphens`,
      )
    add(find(name), channel, unitScale)
  }
  const channelIndex = columns.length === 0 && lower.includes('value') ? lower.indexOf('channel') : -1
  if (channelIndex >= 0) {
    const index = lower.indexOf('value')
    const unitIndex = lower.indexOf('unit')
    columns.push({
      name: names[index],
      index,
      channel: '',
      unitScale: 0,
      unitIndex,
      qualityIndex: lower.indexOf('quality'),
    })
  }
  if (columns.length === 0)
    lower.forEach((name, index) => {
      const known = index === timeIndex ? undefined : KNOWN_HEADINGS[name]
      if (known && !columns.some(({ channel }) => channel === known[0])) add(index, ...known)
    })
  if (columns.length === 0)
    throw new ExchangeError(
      'COLUMN_UNKNOWN',
      heading.line,
      `which columns hold values? Say --column NAME=import; there are ${there}`,
    )
  return { timeIndex, columns, channelIndex, zone: hints.zone, stamp: hints.stamp }
}

const OFFSET_AT_END = /(Z|[+-]\d{2}:?\d{2})$/

/**
 * Places the rows of a table in time, in the order they come, and keeps the sums: local times that occur twice are told apart by
 * their order; one that stands for both passes of the repeated hour is split; one that does not exist may only hold zeros.
 */
export class TablePlacer {
  readonly notes: TableNotes = { rows: 0, noisy: 0, empty: 0, skipped: 0, split: 0 }
  readonly #plan: TablePlan
  readonly #stepMs: number
  /** Rows of a repeated stretch wait until it is known whether it comes once or twice. */
  #waiting: { readonly row: CsvRow; readonly wall: number; readonly instants: readonly Instant[] }[] = []

  /** @param stepMs length of an interval, as {@link detectStep} finds it */
  constructor(plan: TablePlan, stepMs: number) {
    this.#plan = plan
    this.#stepMs = stepMs
  }

  /** Values that are certain now that this row has come. @throws ExchangeError naming the line */
  place(row: CsvRow): PlacedValue[] {
    this.notes.rows++
    const text = row.fields[this.#plan.timeIndex]?.trim() ?? ''
    const shift = this.#plan.stamp === 'end' ? this.#stepMs : 0
    if (OFFSET_AT_END.test(text.slice(10)))
      return [...this.flush(), ...this.#values(row, [time(text, row.line) - shift])]
    const wall = time(text, row.line) - shift
    const instants = instantsOfWall(wall, this.#plan.zone)
    if (instants.length === 2) {
      this.#waiting.push({ row, wall, instants })
      return []
    }
    const before = this.flush()
    if (instants.length === 1) return [...before, ...this.#values(row, instants)]
    const values = this.#values(row, [wall])
    if (values.some(({ value }) => value.digits !== 0n))
      throw new ExchangeError(
        'TIME_INVALID',
        row.line,
        `${text} does not exist in ${this.#plan.zone} (clocks go forward) but has values; if the table keeps one offset all year, give it as zone, such as --zone +10:00`,
      )
    this.notes.skipped++
    return before
  }

  /** Values still waiting, at the end of the table. */
  flush(): PlacedValue[] {
    const waiting = this.#waiting
    if (waiting.length === 0) return []
    this.#waiting = []
    const twice = new Set<number>()
    const seen = new Set<number>()
    for (const { wall } of waiting) (seen.has(wall) ? twice : seen).add(wall)
    const passed = new Set<number>()
    return waiting.flatMap(({ row, wall, instants }) => {
      if (twice.has(wall)) {
        const [first, second] = instants
        const again = passed.has(wall)
        passed.add(wall)
        return this.#values(row, [again ? second : first])
      }
      this.notes.split++
      return this.#values(row, instants)
    })
  }

  /** The row's values at one instant, or halved over two. */
  #values(row: CsvRow, instants: readonly Instant[]): PlacedValue[] {
    const placed: PlacedValue[] = []
    for (const column of this.#plan.columns) {
      const { name, index, qualityIndex } = column
      const channel = this.#plan.channelIndex < 0 ? column.channel : channelOf(row, this.#plan.channelIndex)
      const unitScale = column.unitIndex < 0 ? column.unitScale : unitScaleOf(row, column.unitIndex)
      const text = row.fields[index]?.trim() ?? ''
      if (text === '') {
        this.notes.empty++
        continue
      }
      const value = readDecimal(text)
      if (!value)
        throw new ExchangeError('VALUE_INVALID', row.line, `"${text}" in column "${name}" is not a decimal number`)
      if (value.noisy) this.notes.noisy++
      const word = qualityIndex < 0 ? '' : (row.fields[qualityIndex]?.trim() ?? '')
      if (word !== '' && !(word in QUALITIES))
        throw new ExchangeError(
          'VALUE_INVALID',
          row.line,
          `"${word}" is no quality; known are ${Object.keys(QUALITIES).join(', ')}`,
        )
      // Checked above to be a key of the table.
      const quality = (word === '' ? 'RAW' : word) as ReadingQuality
      const based: Decimal = { ...value, decimals: value.decimals - unitScale }
      if (instants.length === 1) placed.push({ channel, start: instants[0], value: based, quality })
      else {
        const second = based.digits / 2n
        placed.push({
          channel,
          start: instants[0],
          value: { ...based, digits: based.digits - second },
          quality: 'ESTIMATED',
        })
        placed.push({ channel, start: instants[1], value: { ...based, digits: second }, quality: 'ESTIMATED' })
      }
    }
    return placed
  }
}

/** The channel a row names. */
function channelOf(row: CsvRow, index: number): string {
  const channel = row.fields[index]?.trim() ?? ''
  if (CHANNEL.test(channel)) return channel
  throw new ExchangeError(
    'VALUE_INVALID',
    row.line,
    `"${channel}" names no channel: lower case letters, digits, hyphens`,
  )
}

/** Power of ten of the unit a row names. */
function unitScaleOf(row: CsvRow, index: number): number {
  const unit = row.fields[index]?.trim() ?? ''
  const scale = UNIT_SCALES[unit.toLowerCase()]
  if (scale !== undefined) return scale
  throw new ExchangeError('VALUE_INVALID', row.line, `unit "${unit}" is none of Wh, kWh, MWh`)
}

function time(text: string, line: number): number {
  try {
    return parseInstant(text)
  } catch (error) {
    throw new ExchangeError('TIME_INVALID', line, (error as Error).message)
  }
}

/** The commonest distance of neighbouring times in a table, in ms. @throws ExchangeError with fewer than two rows */
export function detectStep(plan: TablePlan, rows: readonly CsvRow[]): number {
  const steps = new Map<number, number>()
  let last = Number.NaN
  for (const row of rows) {
    const at = time(row.fields[plan.timeIndex]?.trim() ?? '', row.line)
    if (at > last) steps.set(at - last, (steps.get(at - last) ?? 0) + 1)
    last = at
  }
  const [best] = [...steps].sort((a, b) => b[1] - a[1])
  if (!best) throw new ExchangeError('TIME_INVALID', 0, 'the table has fewer than two rows in ascending order of time')
  return best[0]
}

/** Scaler that holds decimals exactly: integers × 10^scaler of the base unit. Feed it every value before any is converted. */
export class ScalerFinder {
  #scaler = 0

  add({ digits, decimals }: Decimal): void {
    // Zeros at the end of the digits need no place.
    let needed = decimals
    let rest = digits
    while (needed > -this.#scaler && rest % 10n === 0n && rest !== 0n) {
      rest /= 10n
      needed--
    }
    if (rest !== 0n && needed > -this.#scaler) this.#scaler = -needed
  }

  get scaler(): number {
    return this.#scaler
  }
}

/** Integer of a value at a scaler that holds it, as {@link ScalerFinder} makes sure. @throws ExchangeError when it is too large to count */
export function integerAt(value: Decimal, scaler: number): number {
  const digits = digitsAt(value, -scaler)
  if (digits === undefined || digits > BigInt(Number.MAX_SAFE_INTEGER) || digits < -BigInt(Number.MAX_SAFE_INTEGER))
    throw new ExchangeError('VALUE_INVALID', 0, `a value has more digits than can be kept`)
  return Number(digits)
}
