import type { Cell, ProfileRows } from '@gridtally/dlms'
import { DEVICE_FLAGS, type EndDeviceEvent, type IntervalRun, type ObisCode, type Reading } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { CaptureColumn, CaptureList } from './device.ts'

/** Register values at the newest stamp stored: what the next advance is counted from. Integers as decimal text. */
export interface Seam {
  readonly at: Instant
  readonly values: Readonly<Record<string, string>>
}

/** What rows of a profile became. */
export interface ConvertedRows {
  readonly runs: IntervalRun[]
  /** Register values on both sides of a gap: they bound what the missing intervals add up to. */
  readonly readings: Reading[]
  readonly events: EndDeviceEvent[]
  readonly seam: Seam | undefined
  /** Rows that were new and on the grid of the period. */
  readonly stored: number
}

/** COSEM classes and groups this file decides by. */
const CLOCK_CLASS = 8
const REGISTER_CLASSES = [3, 4, 5]

/** Status of a load profile row as IDIS and DSMR companion profiles define its octet: bit to device flag. */
const STATUS_BITS: readonly (readonly [bit: number, flag: number])[] = [
  [0x01, DEVICE_FLAGS.INVALID_VALUE], // critical error
  [0x02, DEVICE_FLAGS.CLOCK_INVALID],
  [0x04, DEVICE_FLAGS.INVALID_VALUE], // data not valid
  [0x08, DEVICE_FLAGS.DAYLIGHT_SAVING],
  [0x20, DEVICE_FLAGS.CLOCK_CHANGED],
  [0x80, DEVICE_FLAGS.POWER_FAIL],
]

/** Longest gap written as missing values; a longer one ends the run and begins another. */
const MOST_MISSING = 35 * 96

/** Device flags of a profile status octet. */
export function flagsOf(status: number): number {
  let flags = 0
  for (const [bit, flag] of STATUS_BITS) if (status & bit) flags |= flag
  return flags
}

/** Whether a column is the status word of a profile (IEC 62056-6-1: 0-b:96.10.e). */
export const isStatus = (column: CaptureColumn): boolean => /^\d+\.\d+\.96\.10\./.test(column.obis)

/** Whether a column is the time stamp of its rows. */
export const isClock = (column: CaptureColumn): boolean => column.classId === CLOCK_CLASS && column.attribute === 2

/** Whether a column holds values to deliver. */
export const isValue = (column: CaptureColumn): boolean =>
  REGISTER_CLASSES.includes(column.classId) && column.attribute === 2

/** Whether a column holds a count that only rises (group D = 8, time integral 1), so that intervals are its differences. */
export const isCumulative = (column: CaptureColumn): boolean => column.obis.split('.')[3] === '8'

interface Row {
  readonly at: Instant
  readonly flags: number
  readonly cells: readonly (bigint | null)[]
}

function integerOf(cell: Cell): bigint | null {
  if (typeof cell === 'bigint') return cell
  return typeof cell === 'number' && Number.isInteger(cell) ? BigInt(cell) : null
}

/** Rows ascending by stamp, one for each stamp, newer than `after`. Status of rows between two stamps of the grid goes to the next. */
function orderedRows(
  list: CaptureList,
  values: readonly number[],
  rows: ProfileRows,
  after: Instant,
): { rows: Row[]; conflicts: Instant[] } {
  const clock = rows.columns[list.columns.findIndex(isClock)]
  const status = rows.columns[list.columns.findIndex(isStatus)]
  const found = new Map<Instant, Row>()
  const conflicts: Instant[] = []
  const between: { at: Instant; flags: number }[] = []
  for (let i = 0; i < rows.count; i++) {
    const at = clock?.kind === 'clock' ? clock.instants[i] : null
    if (at === null || at === undefined || at <= after) continue
    const word = status?.kind === 'value' ? status.values[i] : 0
    const flags = typeof word === 'number' ? flagsOf(word) : 0
    if (at % list.periodMs !== 0) {
      // A meter writes such a row when its clock is set or power returns; registers go on through it.
      between.push({ at, flags })
      continue
    }
    const cells = values.map((column) => {
      const cells = rows.columns[column]
      return cells.kind === 'value' ? integerOf(cells.values[i]) : null
    })
    const same = found.get(at)
    if (!same) found.set(at, { at, flags, cells })
    else if (same.cells.some((cell, c) => cell !== cells[c])) conflicts.push(at)
  }
  for (const { at, flags } of between) {
    const end = Math.ceil(at / list.periodMs) * list.periodMs
    const row = found.get(end)
    if (row) found.set(end, { ...row, flags: row.flags | flags })
  }
  return { rows: [...found.values()].sort((a, b) => a.at - b.at), conflicts }
}

/**
 * Turns rows of a load profile into interval runs, one for each value column.
 *
 * The value of the interval that ends at a stamp is the advance of the register since the stamp before, and is known only when both
 * are: over every stretch of known values, the sum of the intervals is the advance of the register, exactly. Rows that are missing
 * give `null`s; register values on both sides of the gap are delivered as readings. A register that went backwards gives an event and
 * a `null`, never a negative interval. Rows at or before the seam are stored already and left out; of rows that come twice the first counts.
 *
 * @param seam where the last call ended; `undefined` at the very first, when the first row only gives the start
 */
export function convertLoadProfile(
  meterId: string,
  list: CaptureList,
  rows: ProfileRows,
  seam: Seam | undefined,
): ConvertedRows {
  const values = list.columns.flatMap((column, i) => (isValue(column) ? [i] : []))
  const columns = values.map((i) => list.columns[i])
  const { rows: ordered, conflicts } = orderedRows(list, values, rows, seam?.at ?? Number.NEGATIVE_INFINITY)
  const events: EndDeviceEvent[] = conflicts.map((at) => ({
    meterId,
    at,
    type: 'profile.rowConflict',
    severity: 'warning',
    text: 'the load profile holds two rows of this time with different values; the first counts',
  }))
  if (ordered.length === 0) return { runs: [], readings: [], events, seam, stored: 0 }
  const stretches = cut(ordered, seam, columns, list.periodMs)
  const readings = boundaryReadings(meterId, columns, stretches, list.periodMs)
  const runs = stretches.flatMap((stretch) => runsOf(meterId, list, columns, stretch, events))
  const last = ordered[ordered.length - 1]
  const newSeam: Record<string, string> = {}
  columns.forEach(({ obis }, c) => {
    const cell = last.cells[c]
    if (cell !== null) newSeam[obis] = String(cell)
  })
  return { runs, readings, events, seam: { at: last.at, values: newSeam }, stored: ordered.length }
}

/** Rows that are close enough for one run; `before` is the row the first advance is counted from, if known. */
interface Stretch {
  readonly before: Row | undefined
  readonly rows: readonly Row[]
}

function cut(
  rows: readonly Row[],
  seam: Seam | undefined,
  columns: readonly CaptureColumn[],
  periodMs: number,
): Stretch[] {
  const cells = seam && columns.map(({ obis }) => (obis in seam.values ? BigInt(seam.values[obis]) : null))
  let before: Row | undefined = seam && cells && { at: seam.at, flags: 0, cells }
  const stretches: Stretch[] = []
  let from = 0
  let previous = before
  rows.forEach((row, i) => {
    if (previous && (row.at - previous.at) / periodMs > MOST_MISSING) {
      if (i > from) stretches.push({ before, rows: rows.slice(from, i) })
      before = undefined
      from = i
    }
    previous = row
  })
  stretches.push({ before, rows: rows.slice(from) })
  return stretches
}

function runsOf(
  meterId: string,
  list: CaptureList,
  columns: readonly CaptureColumn[],
  { before, rows }: Stretch,
  events: EndDeviceEvent[],
): IntervalRun[] {
  const { periodMs } = list
  const end = rows[rows.length - 1].at
  const runs: IntervalRun[] = []
  columns.forEach((column, c) => {
    const cumulative = isCumulative(column)
    // Differences need a row to start from; values that stand for themselves do not.
    const start = before?.at ?? (cumulative ? rows[0].at : rows[0].at - periodMs)
    const count = (end - start) / periodMs
    if (count <= 0) return
    const values: (number | null)[] = new Array(count).fill(null)
    const flags: number[] = new Array(count).fill(0)
    let previous = before
    for (const row of rows) {
      const i = (row.at - start) / periodMs - 1
      const cell = row.cells[c]
      const base = previous?.at === row.at - periodMs ? previous.cells[c] : null
      if (i >= 0) {
        flags[i] = row.flags
        if (!cumulative) values[i] = cell === null ? null : Number(cell)
        else if (cell !== null && base !== null) {
          if (cell >= base) values[i] = Number(cell - base)
          else events.push(backwards(meterId, row.at, column.obis))
        } else if (cell !== null && previous?.cells[c] != null && cell < previous.cells[c])
          events.push(backwards(meterId, row.at, column.obis))
      }
      previous = row
    }
    const { obis, scaler, unit } = column
    const run = { meterId, obis, scaler, unit, start, stepMs: periodMs, values, captureVersion: list.version }
    runs.push(flags.some((bits) => bits !== 0) ? { ...run, flags } : run)
  })
  return runs
}

function backwards(meterId: string, at: Instant, obis: ObisCode): EndDeviceEvent {
  return {
    meterId,
    at,
    type: 'register.wentBackwards',
    severity: 'alarm',
    text: `register ${obis} shows less than one stamp before; the interval is left open`,
  }
}

function boundaryReadings(
  meterId: string,
  columns: readonly CaptureColumn[],
  stretches: readonly Stretch[],
  periodMs: number,
): Reading[] {
  const readings: Reading[] = []
  const add = (row: Row): void =>
    columns.forEach((column, c) => {
      const cell = row.cells[c]
      if (cell === null || !isCumulative(column)) return
      const { obis, scaler, unit } = column
      readings.push({ meterId, obis, scaler, unit, at: row.at, value: String(cell), reason: 'scheduled' })
    })
  let previous: Row | undefined
  for (const { before, rows } of stretches) {
    previous = before ?? previous
    for (const row of rows) {
      if (previous && row.at - previous.at > periodMs) {
        add(previous)
        add(row)
      }
      previous = row
    }
  }
  return readings
}

/**
 * Turns rows of a billing profile into register readings stamped as the meter stamped them.
 *
 * @param after newest stamp stored already
 */
export function convertBillingProfile(
  meterId: string,
  list: CaptureList,
  rows: ProfileRows,
  after: Instant,
): { readings: Reading[]; at: Instant; stored: number } {
  const clock = rows.columns[list.columns.findIndex(isClock)]
  const readings: Reading[] = []
  const seen = new Set<Instant>()
  let newest = after
  for (let i = 0; i < rows.count; i++) {
    const at = clock?.kind === 'clock' ? clock.instants[i] : null
    if (at === null || at === undefined || at <= after || seen.has(at)) continue
    seen.add(at)
    newest = Math.max(newest, at)
    list.columns.forEach((column, c) => {
      const cells = rows.columns[c]
      const value = isValue(column) && cells.kind === 'value' ? integerOf(cells.values[i]) : null
      if (value === null) return
      const { obis, scaler, unit } = column
      readings.push({ meterId, obis, scaler, unit, at, value: String(value), reason: 'billing' })
    })
  }
  return { readings, at: newest, stored: seen.size }
}

/** Codes of the standard event log (IDIS and DSMR companion profiles) and the words this house uses. */
const EVENT_WORDS: Readonly<
  Record<number, readonly [type: string, severity: EndDeviceEvent['severity'], text: string]>
> = {
  1: ['meter.powerDown', 'warning', 'power down'],
  2: ['meter.powerUp', 'info', 'power up'],
  3: ['meter.daylightSaving', 'info', 'daylight saving time began or ended'],
  4: ['meter.clockBefore', 'info', 'clock set, old time'],
  5: ['meter.clockAfter', 'info', 'clock set, new time'],
  6: ['meter.clockInvalid', 'warning', 'clock invalid'],
  7: ['meter.batteryLow', 'warning', 'battery to be replaced'],
  11: ['meter.alarmCleared', 'info', 'alarm register cleared'],
  12: ['meter.programMemoryFault', 'alarm', 'program memory fault'],
  13: ['meter.ramFault', 'alarm', 'working memory fault'],
  14: ['meter.storageFault', 'alarm', 'storage fault'],
  16: ['meter.watchdog', 'warning', 'restarted by its watchdog'],
  17: ['meter.firmwareReady', 'info', 'firmware ready for activation'],
  18: ['meter.firmwareActivated', 'info', 'firmware activated'],
  40: ['meter.terminalCoverRemoved', 'alarm', 'terminal cover removed'],
  41: ['meter.terminalCoverClosed', 'info', 'terminal cover closed'],
  42: ['meter.magneticField', 'alarm', 'strong magnetic field'],
  43: ['meter.magneticFieldEnded', 'info', 'strong magnetic field gone'],
  44: ['meter.coverRemoved', 'alarm', 'meter cover removed'],
  45: ['meter.coverClosed', 'info', 'meter cover closed'],
  46: ['meter.authenticationFailures', 'alarm', 'several failed authentications'],
  255: ['meter.eventLogCleared', 'warning', 'event log cleared'],
}

/** An entry of a meter's event log in the house's words. Unknown codes are kept as numbers. */
export function eventOf(meterId: string, at: Instant, code: number): EndDeviceEvent {
  const [type, severity, text] = EVENT_WORDS[code] ?? [`meter.event.${code}`, 'info', `event ${code} of the meter`]
  return { meterId, at, type, severity, text }
}

/**
 * Turns rows of an event log into events, leaving out those stored already.
 *
 * @param after newest stamp stored, and how many rows with exactly that stamp are
 */
export function convertEventLog(
  meterId: string,
  list: CaptureList,
  rows: ProfileRows,
  after: { at: Instant; count: number },
): { events: EndDeviceEvent[]; at: Instant; count: number } {
  const clock = rows.columns[list.columns.findIndex(isClock)]
  const codes = rows.columns[list.columns.findIndex((column) => !isClock(column))]
  const events: EndDeviceEvent[] = []
  let { at: newest, count } = after
  let skip = after.count
  for (let i = 0; i < rows.count; i++) {
    const at = clock?.kind === 'clock' ? clock.instants[i] : null
    const code = codes?.kind === 'value' ? codes.values[i] : null
    if (at === null || at === undefined || typeof code !== 'number' || at < after.at) continue
    if (at === after.at && skip-- > 0) continue
    events.push(eventOf(meterId, at, code))
    if (at > newest) {
      newest = at
      count = 1
    } else if (at === newest) count++
  }
  return { events, at: newest, count }
}
