import { type FileHandle, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'

/**
 * One record of a log segment, as octets: `length u32 | crc u32 | first seq u64 | entries u32 | note length u32 | note | entries`.
 * Length counts from `first seq` on, the checksum (ISO 3309) covers the same octets. Entries are JSON objects joined by commas,
 * ready to be sent. A record is the unit that is whole or absent after a crash.
 */
export interface LogRecord {
  /** Sequence number of the first entry. */
  readonly first: number
  readonly count: number
  /** JSON the head-end keeps for itself beside the entries: how they move its read state. */
  readonly note: string
  readonly entries: Buffer
  /** Offset behind the record. */
  readonly end: number
}

const HEAD_OCTETS = 8
const FIXED_OCTETS = 16
/** Longer records are damage, not data. */
const MAX_RECORD_OCTETS = 64 * 1024 * 1024

/** A record's octets. */
export function encodeRecord(first: number, count: number, note: string, entries: string): Buffer {
  const noteOctets = Buffer.byteLength(note)
  const length = FIXED_OCTETS + noteOctets + Buffer.byteLength(entries)
  const record = Buffer.allocUnsafe(HEAD_OCTETS + length)
  record.writeUInt32BE(length, 0)
  record.writeBigUInt64BE(BigInt(first), HEAD_OCTETS)
  record.writeUInt32BE(count, HEAD_OCTETS + 8)
  record.writeUInt32BE(noteOctets, HEAD_OCTETS + 12)
  record.write(note, HEAD_OCTETS + FIXED_OCTETS)
  record.write(entries, HEAD_OCTETS + FIXED_OCTETS + noteOctets)
  record.writeUInt32BE(crc32(record.subarray(HEAD_OCTETS)), 4)
  return record
}

/**
 * Reads the record at `at`.
 *
 * @returns the record, `'more'` when `octets` end inside it, or `'damaged'`
 */
export function decodeRecord(octets: Buffer, at: number): LogRecord | 'more' | 'damaged' {
  if (octets.length - at < HEAD_OCTETS) return 'more'
  const length = octets.readUInt32BE(at)
  if (length < FIXED_OCTETS || length > MAX_RECORD_OCTETS) return 'damaged'
  const body = at + HEAD_OCTETS
  const end = body + length
  if (end > octets.length) return 'more'
  if (crc32(octets.subarray(body, end)) !== octets.readUInt32BE(at + 4)) return 'damaged'
  const entries = body + FIXED_OCTETS + octets.readUInt32BE(body + 12)
  if (entries > end) return 'damaged'
  return {
    first: Number(octets.readBigUInt64BE(body)),
    count: octets.readUInt32BE(body + 8),
    note: octets.toString('utf8', body + FIXED_OCTETS, entries),
    entries: octets.subarray(entries, end),
    end,
  }
}

/** Octets of file between two marks of a segment's sparse index. */
const MARK_EVERY_OCTETS = 64 * 1024

/** A file of the log: what is known of it in memory. */
export interface Segment {
  readonly path: string
  /** Sequence number its first record begins with. */
  readonly first: number
  /** Sequence number behind its last entry. */
  next: number
  /** Octets that hold whole, durable records. */
  size: number
  /** When its last record was written, by the platform's clock; 0 for none. */
  lastAt: number
  /** Sparse index: record beginning with `seqs[i]` is at `offsets[i]`. */
  readonly seqs: number[]
  readonly offsets: number[]
  /** Whether `size`, `lastAt` and the index are known yet. */
  indexed: boolean
  file?: FileHandle
}

/** A segment that holds nothing yet. */
export function emptySegment(path: string, first: number): Segment {
  return { path, first, next: first, size: 0, lastAt: 0, seqs: [], offsets: [], indexed: true }
}

/** Takes a record into the index. */
export function noteRecord(segment: Segment, first: number, count: number, end: number, at: number): void {
  const last = segment.offsets.at(-1)
  if (last === undefined || segment.size - last >= MARK_EVERY_OCTETS) {
    segment.seqs.push(first)
    segment.offsets.push(segment.size)
  }
  segment.next = first + count
  segment.size = end
  segment.lastAt = at
}

/** Where to begin reading to meet the entry `seq`: the offset of a record at or before it. */
export function offsetFor(segment: Segment, seq: number): number {
  let low = 0
  let high = segment.seqs.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (segment.seqs[middle] <= seq) low = middle + 1
    else high = middle
  }
  return low === 0 ? 0 : segment.offsets[low - 1]
}

const RECORDED_AT = /"recordedAt":(\d+)/

/**
 * Reads a segment file from its beginning and indexes its whole records.
 *
 * @param visit is given every record in order
 * @returns the segment, and the octets behind its last whole record (a torn write, or damage)
 */
export async function scanSegment(
  path: string,
  first: number,
  visit?: (record: LogRecord) => void,
): Promise<{ segment: Segment; tail: Buffer }> {
  const octets = await readFile(path)
  const segment = emptySegment(path, first)
  let at = 0
  while (at < octets.length) {
    const record = decodeRecord(octets, at)
    if (record === 'more' || record === 'damaged' || record.first !== segment.next) break
    const recordedAt = RECORDED_AT.exec(record.entries.toString('latin1', 0, 400))
    noteRecord(segment, record.first, record.count, record.end, recordedAt ? Number(recordedAt[1]) : segment.lastAt)
    visit?.(record)
    at = record.end
  }
  return { segment, tail: octets.subarray(at) }
}

/** Makes a new or renamed file survive a power cut: syncs its folder. Systems that cannot sync folders are let be. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r').catch(() => undefined)
  try {
    await folder?.sync().catch(() => {})
  } finally {
    await folder?.close()
  }
}
