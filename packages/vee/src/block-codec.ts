import { ByteReader, ByteWriter, DecodeError } from '@gridtally/wire'
import { type IntervalBlock, MAX_BLOCK_INTERVALS, MAX_BLOCK_VALUE } from './block.ts'
import { readValues, readVarint, writeValues, writeVarint } from './value-schemes.ts'

/*
 * A block in octets (a format of our own, version 0):
 *
 *   1  scheme of the values (3 bits) | gaps 0x08 | marks 0x10 | arrivals 0x20 | version 0xc0
 *   1  step code (4 bits) | unit of start (2 bits)
 *   v  start in that unit;  v  step in ms, only for step code 0;  v  number of intervals
 *      gaps:      lengths of runs, present and missing by turns, present first
 *      marks:     count, (quality, flags) of each; then, when several, runs (index, length)
 *      arrivals:  count, the first instant, the distance of each to the one before; then runs (index, length)
 *      values of the present intervals (see value-schemes.ts)
 *
 * v is a varint. Runs end when all intervals are told.
 */

const GAPS = 0x08
const MARKS = 0x10
const ARRIVALS = 0x20
const VERSION_BITS = 0xc0

const STEPS_MS = [0, 60_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 86_400_000] as const
const START_UNITS_MS = [1, 1_000, 60_000, 900_000] as const
const MAX_STEP_MS = 366 * 86_400_000
const MAX_INSTANT = 8_640_000_000_000_000 / 64

function checkBlock({ start, stepMs, values, marks, arrivals }: IntervalBlock): void {
  const n = values.length
  if (n < 1 || n > MAX_BLOCK_INTERVALS) throw new RangeError(`a block of ${n} intervals`)
  if (!Number.isInteger(start) || start < 0 || start > MAX_INSTANT) throw new RangeError(`a block from ${start}`)
  if (!Number.isInteger(stepMs) || stepMs < 1 || stepMs > MAX_STEP_MS) throw new RangeError(`a step of ${stepMs} ms`)
  if ((marks && marks.length !== n) || (arrivals && arrivals.length !== n))
    throw new RangeError('marks and arrivals must be as many as values')
}

function writeRuns(writer: ByteWriter, indices: ArrayLike<number>, n: number): void {
  for (let i = 0; i < n; ) {
    let end = i + 1
    while (end < n && indices[end] === indices[i]) end++
    writeVarint(writer, indices[i])
    writeVarint(writer, end - i)
    i = end
  }
}

/** Distinct numbers in order of first sight, and the index of each element in them. */
function paletteOf(items: ArrayLike<number>): { palette: number[]; indices: Uint16Array } {
  const seen = new Map<number, number>()
  const indices = new Uint16Array(items.length)
  for (let i = 0; i < items.length; i++) {
    let index = seen.get(items[i])
    if (index === undefined) {
      index = seen.size
      seen.set(items[i], index)
    }
    indices[i] = index
  }
  return { palette: [...seen.keys()], indices }
}

function writeGaps(writer: ByteWriter, values: Float64Array): void {
  let present = true
  let length = 0
  for (const value of values) {
    if (Number.isNaN(value) === present) {
      writeVarint(writer, length)
      present = !present
      length = 0
    }
    length++
  }
  writeVarint(writer, length)
}

function writeMarks(writer: ByteWriter, marks: Uint16Array): void {
  const { palette, indices } = paletteOf(marks)
  writeVarint(writer, palette.length)
  for (const bits of palette) writer.uint8(bits & 0x0f).uint8(bits >> 4)
  if (palette.length > 1) writeRuns(writer, indices, marks.length)
}

function writeArrivals(writer: ByteWriter, arrivals: Float64Array): void {
  const sorted = [...new Set(arrivals)].sort((a, b) => a - b)
  const index = new Map(sorted.map((at, i) => [at, i]))
  writeVarint(writer, sorted.length)
  let before = 0
  for (const at of sorted) {
    writeVarint(writer, at - before)
    before = at
  }
  writeRuns(
    writer,
    Float64Array.from(arrivals, (at) => index.get(at) ?? 0),
    arrivals.length,
  )
}

const present = new Float64Array(MAX_BLOCK_INTERVALS)

/**
 * Writes a block in as few octets as the schemes allow: 1 to 1.5 for each interval of a household's day.
 *
 * @throws RangeError for blocks outside the limits that {@link IntervalBlock} states
 */
export function encodeBlock(block: IntervalBlock): Uint8Array {
  checkBlock(block)
  const { start, stepMs, values, marks, arrivals } = block
  const n = values.length
  let count = 0
  for (let i = 0; i < n; i++) {
    const value = values[i]
    if (Number.isNaN(value)) continue
    if (!Number.isInteger(value) || value > MAX_BLOCK_VALUE || value < -MAX_BLOCK_VALUE)
      throw new RangeError(`${value} is not a value a block can hold`)
    present[count++] = value
  }
  const isMarked = marks?.some((bits) => bits !== 0) ?? false
  const writer = new ByteWriter(n * 2 + 32)
  writer.uint8((count < n ? GAPS : 0) | (isMarked ? MARKS : 0) | (arrivals ? ARRIVALS : 0))
  const stepCode = Math.max(0, STEPS_MS.indexOf(stepMs as (typeof STEPS_MS)[number]))
  let unit = START_UNITS_MS.length - 1
  while (start % START_UNITS_MS[unit] !== 0) unit--
  writer.uint8(stepCode | (unit << 4))
  writeVarint(writer, start / START_UNITS_MS[unit])
  if (stepCode === 0) writeVarint(writer, stepMs)
  writeVarint(writer, n)
  if (count < n) writeGaps(writer, values)
  if (marks && isMarked) writeMarks(writer, marks)
  if (arrivals) writeArrivals(writer, arrivals)
  if (count === 0) return writer.finish()
  const scheme = writeValues(writer, present, count)
  const octets = writer.finish()
  octets[0] |= scheme
  return octets
}

function readRuns(reader: ByteReader, into: Uint16Array, palette: ArrayLike<number>): void {
  for (let i = 0; i < into.length; ) {
    const index = readVarint(reader)
    const length = readVarint(reader)
    if (index >= palette.length || length === 0 || length > into.length - i)
      throw new DecodeError('INVALID', reader.offset, `run of ${length} of palette entry ${index}`)
    into.fill(index, i, i + length)
    i += length
  }
}

function readMarks(reader: ByteReader, n: number): Uint16Array {
  const count = readVarint(reader)
  if (count < 1 || count > n) throw new DecodeError('INVALID', reader.offset, `palette of ${count}`)
  const palette = new Uint16Array(count)
  for (let i = 0; i < count; i++) {
    const quality = reader.uint8()
    if (quality > 0x0f) throw new DecodeError('INVALID', reader.offset - 1, `quality code ${quality}`)
    palette[i] = quality | (reader.uint8() << 4)
  }
  const marks = new Uint16Array(n)
  if (count > 1) readRuns(reader, marks, palette)
  for (let i = 0; i < n; i++) marks[i] = palette[marks[i]]
  return marks
}

function readArrivals(reader: ByteReader, n: number): Float64Array {
  const count = readVarint(reader)
  if (count < 1 || count > n) throw new DecodeError('INVALID', reader.offset, `${count} arrivals`)
  const palette = new Float64Array(count)
  let at = 0
  for (let i = 0; i < count; i++) {
    at += readVarint(reader)
    if (at > MAX_INSTANT) throw new DecodeError('INVALID', reader.offset, 'arrival beyond the end of time')
    palette[i] = at
  }
  const indices = new Uint16Array(n)
  readRuns(reader, indices, palette)
  return Float64Array.from(indices, (index) => palette[index])
}

/** Reads run lengths and gives, for each interval, whether it is there. */
function readGaps(reader: ByteReader, n: number): { isPresent: Uint8Array; count: number } {
  const isPresent = new Uint8Array(n)
  let count = 0
  for (let i = 0, run = 0; i < n; run++) {
    const length = readVarint(reader)
    if ((length === 0 && run > 0) || length > n - i)
      throw new DecodeError('INVALID', reader.offset, `run of ${length} intervals`)
    if (run % 2 === 0) {
      isPresent.fill(1, i, i + length)
      count += length
    }
    i += length
  }
  return { isPresent, count }
}

/**
 * Reads what {@link encodeBlock} wrote, straight into typed arrays.
 *
 * @throws DecodeError for anything else; work and memory are bounded by {@link MAX_BLOCK_INTERVALS}
 */
export function decodeBlock(octets: Uint8Array): IntervalBlock {
  const reader = new ByteReader(octets)
  const head = reader.uint8()
  if ((head & VERSION_BITS) !== 0) throw new DecodeError('UNSUPPORTED', 0, 'block of a later version')
  const form = reader.uint8()
  const stepCode = form & 0x0f
  if (stepCode >= STEPS_MS.length || form > 0x3f) throw new DecodeError('UNSUPPORTED', 1, `form ${form}`)
  const start = readVarint(reader) * START_UNITS_MS[form >> 4]
  if (start > MAX_INSTANT) throw new DecodeError('INVALID', reader.offset, `start ${start}`)
  const stepMs = stepCode === 0 ? readVarint(reader) : STEPS_MS[stepCode]
  if (stepMs < 1 || stepMs > MAX_STEP_MS) throw new DecodeError('INVALID', reader.offset, `step of ${stepMs} ms`)
  const n = readVarint(reader)
  if (n < 1 || n > MAX_BLOCK_INTERVALS) throw new DecodeError('INVALID', reader.offset, `block of ${n} intervals`)
  const gaps = head & GAPS ? readGaps(reader, n) : undefined
  const marks = head & MARKS ? readMarks(reader, n) : null
  const arrivals = head & ARRIVALS ? readArrivals(reader, n) : null
  const values = new Float64Array(n)
  const count = gaps ? gaps.count : n
  if (count > 0) readValues(reader, head & 0x07, values, count)
  else if (head & 0x07) throw new DecodeError('INVALID', 0, 'a scheme without values')
  if (gaps) {
    // From the back, so that values move to their places without a second array.
    for (let i = n - 1, from = count - 1; i >= 0; i--) values[i] = gaps.isPresent[i] ? values[from--] : Number.NaN
  }
  reader.expectEnd('block')
  return { start, stepMs, values, marks, arrivals }
}
