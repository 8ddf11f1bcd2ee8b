import { ByteReader, concatBytes, DecodeError, type Instant } from '@gridtally/wire'
import { DATA_TAGS, type DlmsData } from './data.ts'
import { encodeDateTime, wallInstant } from './date-time.ts'
import { decodeData, readData } from './decode.ts'
import { decodeLength } from './length.ts'

/**
 * One value of a profile row. Whole numbers are `number` when that is exact, else `bigint`; octet-strings are octets; null-data
 * (and dont-care) is `null`; nested values stay {@link DlmsData}.
 */
export type Cell = number | bigint | string | boolean | Uint8Array | null | DlmsData

/** How to read a column: `clock` gives instants, `value` gives cells. */
export type ColumnKind = 'clock' | 'value'

/** One column of a batch of rows, oldest row first. */
export type ProfileColumn =
  | {
      readonly kind: 'clock'
      /** `null` where the date-time names no instant. */
      readonly instants: readonly (Instant | null)[]
      /** Clock status octet per row, 0xFF where the meter does not give one. */
      readonly status: readonly number[]
    }
  | { readonly kind: 'value'; readonly values: readonly Cell[] }

/** A batch of rows, column by column; every column has `count` entries. */
export interface ProfileRows {
  readonly count: number
  readonly columns: readonly ProfileColumn[]
}

/** How {@link ProfileDecoder} reads rows. */
export interface ProfileOptions {
  /** Capture period: a null in a clock column is the previous instant plus this. Default: null stays `null`. */
  readonly capturePeriodMs?: number
  /** Turns local wall time (as if it were UTC, ms) to an instant, for date-times without deviation. Default: taken for UTC. */
  readonly localToInstant?: (wallMs: number) => Instant
  /** What a null in a value column means: as in the row before (meters that compress), or no value. Default `repeat`. */
  readonly nulls?: 'repeat' | 'missing'
  /** Longest row accepted, in octets. Default 65 536. */
  readonly maxRowOctets?: number
  /** Longest compact-array accepted, which must be held whole, in octets. Default 4 MiB. */
  readonly maxCompactOctets?: number
}

const EMPTY = new Uint8Array()
const INCOMPLETE = -1

/**
 * Reads a profile buffer straight to columns, block by block as it arrives, without building a tree (IEC 62056-6-2, ProfileGeneric `buffer`).
 * Repeated values, missing clocks and delta types are resolved against the row before, also across blocks.
 */
export class ProfileDecoder {
  readonly #kinds: readonly ColumnKind[]
  readonly #options: ProfileOptions
  #pending: Uint8Array = EMPTY
  /** Octets of a compact-array so far. */
  readonly #compact: Uint8Array[] = []
  #compactSize = 0
  #header: 'unread' | 'rows' | 'compact' = 'unread'
  #rowsLeft = 0
  #offset = 0
  /** Cells and clock status of the last whole row, and of the row being read. */
  #previous: Cell[]
  #previousStatus: number[]
  #row: Cell[]
  #rowStatus: number[]

  /** @param kinds one for each captured object, in order */
  constructor(kinds: readonly ColumnKind[], options: ProfileOptions = {}) {
    this.#kinds = kinds
    this.#options = options
    this.#previous = kinds.map(() => null)
    this.#row = [...this.#previous]
    this.#previousStatus = kinds.map(() => 0xff)
    this.#rowStatus = [...this.#previousStatus]
  }

  /**
   * Takes the next octets of the buffer and gives the rows they complete.
   * Offsets in errors count from the first octet ever fed.
   */
  feed(octets: Uint8Array): ProfileRows {
    if (this.#header === 'unread' && this.#pending.length === 0 && octets[0] === DATA_TAGS['compact-array'])
      this.#header = 'compact'
    if (this.#header === 'compact') this.#hold(octets)
    const bytes =
      this.#header === 'compact' ? EMPTY : this.#pending.length === 0 ? octets : concatBytes(this.#pending, octets)
    const columns = this.#kinds.map((kind) =>
      kind === 'clock'
        ? { kind, instants: [] as (Instant | null)[], status: [] as number[] }
        : { kind, values: [] as Cell[] },
    )
    let at = 0
    let count = 0
    if (this.#header === 'unread') at = this.#readHeader(bytes)
    if (this.#header === 'rows')
      while (this.#rowsLeft > 0) {
        const next = this.#readRow(bytes, at)
        if (next === INCOMPLETE) break
        at = next
        count++
        this.#rowsLeft--
        this.#commit(columns)
      }
    const left = bytes.length - at
    if (this.#header === 'rows' && this.#rowsLeft > 0 && left > (this.#options.maxRowOctets ?? 65_536))
      throw new DecodeError('LIMIT', this.#offset + at, 'row too long')
    this.#offset += at
    this.#pending = left > 0 ? bytes.slice(at) : EMPTY
    return { count, columns }
  }

  /**
   * Says that no more octets come. Gives what only the end completes: the rows of a compact-array, else none.
   *
   * @throws DecodeError `TRUNCATED` when rows are missing. Octets after the last row are let pass: some meters pad.
   */
  finish(): ProfileRows {
    if (this.#header === 'compact') return this.#finishCompact()
    if (this.#header === 'unread' || this.#rowsLeft > 0)
      throw new DecodeError('TRUNCATED', this.#offset + this.#pending.length, `${this.#rowsLeft} rows missing`)
    return this.feed(EMPTY)
  }

  #hold(octets: Uint8Array): void {
    this.#compactSize += octets.length
    if (this.#compactSize > (this.#options.maxCompactOctets ?? 4 * 1024 * 1024))
      throw new DecodeError('LIMIT', this.#compactSize, 'compact-array too long')
    this.#compact.push(octets.slice())
  }

  #readHeader(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0
    const tag = bytes[0]
    if (tag === DATA_TAGS['null-data']) {
      this.#header = 'rows'
      return 1
    }
    if (tag !== DATA_TAGS.array) throw new DecodeError('INVALID', 0, `a profile buffer is an array, not tag ${tag}`)
    const more = bytes.length > 1 && bytes[1] > 0x80 ? bytes[1] & 0x7f : 0
    if (bytes.length < 2 + more) return 0
    const reader = new ByteReader(bytes, 1)
    this.#rowsLeft = decodeLength(reader)
    this.#header = 'rows'
    return reader.offset
  }

  #commit(
    columns: readonly (
      | { kind: 'clock'; instants: (Instant | null)[]; status: number[] }
      | { kind: 'value'; values: Cell[] }
    )[],
  ): void {
    const row = this.#row
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i]
      if (column.kind === 'clock') {
        // Clock cells are made by #clock below: an instant or null.
        column.instants.push(row[i] as Instant | null)
        column.status.push(this.#rowStatus[i])
      } else column.values.push(row[i])
    }
    this.#row = this.#previous
    this.#previous = row
    const status = this.#rowStatus
    this.#rowStatus = this.#previousStatus
    this.#previousStatus = status
  }

  /** Reads one row into `#row`; the offset behind it, or INCOMPLETE. */
  #readRow(b: Uint8Array, start: number): number {
    const end = b.length
    let at = start
    if (end - at < 2) return INCOMPLETE
    if (b[at] !== 2 && b[at] !== 1) throw this.#error(at, `a row is a structure, not tag ${b[at]}`)
    if (b[at + 1] !== this.#kinds.length)
      throw this.#error(at + 1, `a row of ${b[at + 1]} cells, ${this.#kinds.length} expected`)
    at += 2
    const row = this.#row
    for (let i = 0; i < row.length; i++) {
      if (at >= end) return INCOMPLETE
      const tag = b[at]
      const clock = this.#kinds[i] === 'clock'
      let size: number
      switch (tag) {
        case 0:
        case 255:
          row[i] = this.#null(i, clock)
          at++
          continue
        case 6:
          if (end - at < 5) return INCOMPLETE
          row[i] = ((b[at + 1] << 24) | (b[at + 2] << 16) | (b[at + 3] << 8) | b[at + 4]) >>> 0
          at += 5
          break
        case 5:
          if (end - at < 5) return INCOMPLETE
          row[i] = (b[at + 1] << 24) | (b[at + 2] << 16) | (b[at + 3] << 8) | b[at + 4]
          at += 5
          break
        case 18:
          if (end - at < 3) return INCOMPLETE
          row[i] = (b[at + 1] << 8) | b[at + 2]
          at += 3
          break
        case 16:
          if (end - at < 3) return INCOMPLETE
          row[i] = ((b[at + 1] << 24) >> 16) | b[at + 2]
          at += 3
          break
        case 17:
        case 22:
          if (end - at < 2) return INCOMPLETE
          row[i] = b[at + 1]
          at += 2
          break
        case 9:
        case 25:
          // The usual clock: 12 octets, tagged as octet-string or as date-time.
          if (tag === 9 && at + 1 >= end) return INCOMPLETE
          size = tag === 9 ? b[at + 1] : 12
          if (clock && size === 12) {
            at += tag === 9 ? 2 : 1
            if (end - at < 12) return INCOMPLETE
            row[i] = this.#clock(b, at, i)
            at += 12
            continue
          }
          at = this.#readOther(b, at, i)
          if (at === INCOMPLETE) return INCOMPLETE
          break
        default:
          at = this.#readOther(b, at, i)
          if (at === INCOMPLETE) return INCOMPLETE
      }
      if (clock) throw this.#error(at, `tag ${tag} in a clock column`)
    }
    return at
  }

  #null(i: number, clock: boolean): Cell {
    const previous = this.#previous[i]
    if (!clock) return this.#options.nulls === 'missing' ? null : previous
    this.#rowStatus[i] = this.#previousStatus[i]
    const period = this.#options.capturePeriodMs
    return typeof previous === 'number' && period !== undefined ? previous + period : null
  }

  #clock(b: Uint8Array, at: number, i: number): Instant | null {
    this.#rowStatus[i] = b[at + 11]
    const deviation = ((b[at + 9] << 24) >> 16) | b[at + 10]
    const year = (b[at] << 8) | b[at + 1]
    if (year === 0xffff) return null
    return wallInstant(
      year,
      b[at + 2],
      b[at + 3],
      b[at + 5],
      b[at + 6] === 0xff ? 0 : b[at + 6],
      b[at + 7] === 0xff ? 0 : b[at + 7],
      b[at + 8],
      deviation === -0x8000 ? null : deviation,
      this.#options.localToInstant,
    )
  }

  /** Cells that are rare in profiles go through the tree decoder. */
  #readOther(b: Uint8Array, at: number, i: number): number {
    const reader = new ByteReader(b, at)
    let data: DlmsData
    try {
      data = readData(reader)
    } catch (error) {
      if (error instanceof DecodeError && error.code === 'TRUNCATED') return INCOMPLETE
      throw error
    }
    this.#row[i] = this.#cell(data, i, at)
    return reader.offset
  }

  #cell(data: DlmsData, i: number, at: number): Cell {
    switch (data.type) {
      case 'array':
      case 'structure':
      case 'compact-array':
      case 'date-time':
      case 'date':
      case 'time':
        return data
      case 'long64':
      case 'long64-unsigned': {
        const value = Number(data.value)
        return Number.isSafeInteger(value) ? value : data.value
      }
      case 'delta-integer':
      case 'delta-long':
      case 'delta-double-long':
      case 'delta-unsigned':
      case 'delta-long-unsigned':
      case 'delta-double-long-unsigned': {
        const previous = this.#previous[i]
        if (typeof previous === 'number') return previous + data.value
        if (typeof previous === 'bigint') return previous + BigInt(data.value)
        throw this.#error(at, 'a difference without a value before it')
      }
      default:
        return data.value
    }
  }

  #finishCompact(): ProfileRows {
    const tree = decodeData(concatBytes(...this.#compact), { trailing: true })
    const columns = this.#kinds.map((kind) =>
      kind === 'clock'
        ? { kind, instants: [] as (Instant | null)[], status: [] as number[] }
        : { kind, values: [] as Cell[] },
    )
    // #readHeader saw the tag of a compact-array; the tree decoder gives nothing else for it.
    const rows = tree.type === 'compact-array' ? tree.value : []
    for (const row of rows) {
      // A profile of one column may leave the structure out.
      const cells = row.type === 'structure' || row.type === 'array' ? row.value : [row]
      if (cells.length !== this.#kinds.length)
        throw this.#error(0, `a row of ${cells.length} cells, ${this.#kinds.length} expected`)
      for (let i = 0; i < cells.length; i++) this.#row[i] = this.#compactCell(cells[i], i)
      this.#commit(columns)
    }
    this.#compact.length = 0
    return { count: rows.length, columns }
  }

  #compactCell(data: DlmsData, i: number): Cell {
    const clock = this.#kinds[i] === 'clock'
    if (data.type === 'null-data' || data.type === 'dont-care') return this.#null(i, clock)
    if (!clock) return this.#cell(data, i, 0)
    if (data.type === 'date-time') return this.#clock(encodeDateTime(data.value), 0, i)
    if (data.type === 'octet-string' && data.value.length === 12) return this.#clock(data.value, 0, i)
    throw this.#error(0, `${data.type} in a clock column`)
  }

  #error(at: number, message: string): DecodeError {
    return new DecodeError('INVALID', this.#offset + at, message)
  }
}

/** Decodes a whole profile buffer. See {@link ProfileDecoder}. */
export function decodeProfile(
  octets: Uint8Array,
  kinds: readonly ColumnKind[],
  options: ProfileOptions = {},
): ProfileRows {
  const decoder = new ProfileDecoder(kinds, options)
  const rows = decoder.feed(octets)
  const last = decoder.finish()
  return last.count > 0 ? last : rows
}
