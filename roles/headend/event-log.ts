import { mkdir, open, readdir, rename, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LogHeader, LogPayload } from '@gridtally/metering'
import type { Clock } from '@gridtally/wire'
import { Problem } from '#platform/problems'
import type { Sealer } from '#platform/protection'
import { GroupCommit } from './group-commit.ts'
import {
  decodeRecord,
  emptySegment,
  encodeRecord,
  noteRecord,
  offsetFor,
  type Segment,
  scanSegment,
  syncFolder,
} from './log-segment.ts'

/** An entry before the log gave it a place. */
export interface LogDraft extends Omit<LogHeader, 'seq' | 'recordedAt' | 'kind'> {
  readonly payload: LogPayload
}

/** Entries that become durable together or not at all, and what they do to the head-end's own state. */
export interface LogBatch {
  readonly drafts: readonly LogDraft[]
  /** JSON value kept beside the entries and never served; given back to `project`. */
  readonly note?: unknown
}

/** What an event log works with. */
export interface EventLogOptions {
  readonly folder: string
  readonly clock: Clock
  /** Seals billing payloads; without it they are written in clear. */
  readonly sealer?: Sealer
  /** Size at which a new segment file is begun. */
  readonly segmentOctets?: number
  /**
   * Called for every batch with a note, in order and exactly once per run: at opening for those from `projectAfter` on, later as
   * they become durable and before their `append` resolves. What it builds is a function of the log alone.
   */
  readonly project?: (note: unknown, lastSeq: number) => void
  readonly projectAfter?: number
  /** Told of octets that a crash left behind the last whole record; they are set aside in a file of their own. */
  readonly onTornTail?: (octets: number, savedAs: string) => void
}

/** The head-end's durable truth: numbered entries, append only, read by cursor. */
export interface EventLog {
  /** Number of the newest entry, 0 when there is none. */
  readonly lastSeq: number
  /** Number of the oldest entry kept. */
  readonly firstSeq: number
  /** Resolves with the last number given once the batch is on disk. @throws the file system's error; nothing is kept then */
  append(batch: LogBatch): Promise<number>
  /**
   * The entries after `after`, at most `limit`, as the JSON text of a `LogPage`.
   *
   * @throws Problem `CURSOR_INVALID` beyond the end, `CURSOR_GONE` before what is kept
   */
  page(after: number, limit: number): Promise<Buffer>
  /** Removes whole segments whose newest entry was recorded before `instant`. @returns how many files went */
  dropBefore(instant: number): Promise<number>
  close(): Promise<void>
}

const SEGMENT_OCTETS = 64 * 1024 * 1024
const READ_OCTETS = 512 * 1024
const MOST_PAGE_OCTETS = 8 * 1024 * 1024
const NAME = /^log-(\d{16})\.seg$/

const nameOf = (first: number): string => `log-${String(first).padStart(16, '0')}.seg`

/**
 * Opens the log in `folder`, made when missing. A torn write at the end, as kill -9 or a power cut leaves it, is cut off: it was
 * never acknowledged.
 *
 * @throws Error when a segment before the last is damaged or missing: acknowledged entries would be lost
 */
export async function openEventLog(options: EventLogOptions): Promise<EventLog> {
  const { folder, clock, sealer, project, projectAfter = 0 } = options
  const segmentOctets = options.segmentOctets ?? SEGMENT_OCTETS
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const segments = await recover()
  const commits = new GroupCommit<LogBatch, number>(commit)
  let failure: Error | undefined
  let closed = false

  async function recover(): Promise<Segment[]> {
    const found: Segment[] = []
    const names = (await readdir(folder)).filter((name) => NAME.test(name)).sort()
    for (const [i, name] of names.entries()) {
      const first = Number(NAME.exec(name)?.[1])
      const expected = found.at(-1)?.next ?? first
      if (first !== expected) throw new Error(`log entries ${expected} to ${first - 1} are missing before ${name}`)
      const path = join(folder, name)
      const nextFirst = Number(NAME.exec(names[i + 1] ?? '')?.[1] ?? Number.NaN)
      if (nextFirst - 1 <= projectAfter) {
        // Nothing in it is news: it is indexed when somebody reads it.
        const lazy = { ...emptySegment(path, first), next: nextFirst, indexed: false, file: await open(path, 'r+') }
        found.push(lazy)
        continue
      }
      const { segment, tail } = await scanSegment(path, first, (record) => {
        const last = record.first + record.count - 1
        if (record.note !== '' && last > projectAfter) project?.(JSON.parse(record.note), last)
      })
      if (tail.length > 0) {
        if (i < names.length - 1) throw new Error(`${path} is damaged at octet ${segment.size}`)
        const aside = `${path}.torn-${clock.now()}`
        await writeFile(aside, tail)
        await truncate(path, segment.size)
        options.onTornTail?.(tail.length, aside)
      }
      segment.file = await open(path, 'r+')
      found.push(segment)
    }
    if (found.length === 0) found.push(await create(1))
    return found
  }

  async function indexed(segment: Segment): Promise<Segment> {
    if (segment.indexed) return segment
    const { segment: scanned, tail } = await scanSegment(segment.path, segment.first)
    if (tail.length > 0 || scanned.next !== segment.next)
      throw new Error(`${segment.path} is damaged at octet ${scanned.size}`)
    return Object.assign(segment, { ...scanned, file: segment.file })
  }

  async function create(first: number): Promise<Segment> {
    const path = join(folder, nameOf(first))
    const segment = emptySegment(path, first)
    segment.file = await open(path, 'wx+', 0o600)
    await syncFolder(path)
    return segment
  }

  async function entryText(draft: LogDraft, seq: number, recordedAt: number): Promise<string> {
    const { payload, dataClass, meterId, from, to, count } = draft
    const header: LogHeader = { seq, kind: payload.kind, dataClass, meterId, from, to, count, recordedAt }
    if (dataClass === 'operational' || !sealer) return JSON.stringify({ header, payload })
    const sealed = await sealer.protect(header, Buffer.from(JSON.stringify(payload)))
    return `{"header":${JSON.stringify(header)},"sealed":"${Buffer.from(sealed).toString('base64')}"}`
  }

  async function commit(batches: readonly LogBatch[]): Promise<number[]> {
    if (failure) throw failure
    if (closed) throw new TypeError('the event log is closed')
    let segment = segments[segments.length - 1]
    if (segment.size >= segmentOctets) {
      segment = await create(segment.next)
      segments.push(segment)
    }
    const recordedAt = clock.now()
    const records: { octets: Buffer; first: number; count: number }[] = []
    let seq = segment.next
    for (const { drafts, note } of batches) {
      const entries: string[] = []
      for (const draft of drafts) entries.push(await entryText(draft, seq + entries.length, recordedAt))
      const text = note === undefined ? '' : JSON.stringify(note)
      records.push({
        octets: encodeRecord(seq, drafts.length, text, entries.join(',')),
        first: seq,
        count: drafts.length,
      })
      seq += drafts.length
    }
    await write(segment, Buffer.concat(records.map(({ octets }) => octets)))
    return batches.map(({ note }, i) => {
      const { octets, first, count } = records[i]
      noteRecord(segment, first, count, segment.size + octets.length, recordedAt)
      if (note !== undefined) project?.(note, segment.next - 1)
      return segment.next - 1
    })
  }

  async function write(segment: Segment, octets: Buffer): Promise<void> {
    const file = segment.file
    if (!file) throw new TypeError('the segment is not open')
    try {
      let done = 0
      while (done < octets.length) {
        const { bytesWritten } = await file.write(octets, done, octets.length - done, segment.size + done)
        done += bytesWritten
      }
    } catch (error) {
      // A full disk: what was half written is cut off, so that the next attempt begins clean.
      await file.truncate(segment.size).catch((cause: unknown) => {
        failure = new Error('the event log cannot be written nor cut back', { cause })
      })
      throw error
    }
    try {
      await file.datasync()
    } catch (cause) {
      // After a failed sync the kernel may have dropped the pages: only a restart, which reads the file again, knows what is there.
      failure = new Error('the disk did not confirm the event log; restart to recover', { cause })
      throw failure
    }
  }

  async function page(after: number, limit: number): Promise<Buffer> {
    const last = segments[segments.length - 1].next - 1
    if (after > last) throw new Problem('CURSOR_INVALID', `the log ends at ${last}, before the cursor ${after}`)
    if (after < segments[0].first - 1)
      throw new Problem('CURSOR_GONE', `the log begins at ${segments[0].first}, after the cursor ${after}`)
    const parts: Buffer[] = []
    let octets = 0
    let cursor = after
    let left = limit
    for (let s = segments.findIndex((segment) => segment.next > after + 1); s >= 0 && s < segments.length; s++) {
      const segment = await indexed(segments[s])
      // Records appended while this page is read are left to the next.
      const size = segment.size
      let at = offsetFor(segment, cursor + 1)
      let want = READ_OCTETS
      while (at < size && left > 0 && octets < MOST_PAGE_OCTETS) {
        const chunk = Buffer.allocUnsafe(Math.min(want, size - at))
        const { bytesRead } = await (segment.file as NonNullable<Segment['file']>).read(chunk, 0, chunk.length, at)
        let pos = 0
        for (;;) {
          const record = decodeRecord(chunk.subarray(0, bytesRead), pos)
          if (record === 'damaged' || (record === 'more' && pos === 0 && at + bytesRead >= size))
            throw new Error(`${segment.path} is damaged at octet ${at + pos}`)
          if (record === 'more') break
          pos = record.end
          const behind = record.first + record.count - 1
          if (behind <= cursor) continue
          const skip = cursor + 1 - record.first
          const take = Math.min(left, record.count - skip)
          const whole = skip === 0 && take === record.count
          const part = whole ? record.entries : someEntries(record.entries, skip, take)
          if (part.length > 0) {
            if (octets > 0) parts.push(COMMA)
            parts.push(part)
          }
          octets += part.length
          cursor += take
          left -= take
          if (left === 0 || octets >= MOST_PAGE_OCTETS) break
        }
        want = pos === 0 ? want * 4 : READ_OCTETS
        at += pos
      }
      if (left === 0 || octets >= MOST_PAGE_OCTETS) break
    }
    return Buffer.concat([HEAD, ...parts, Buffer.from(`],"cursor":"${cursor}"}`)])
  }

  return {
    get lastSeq() {
      return segments[segments.length - 1].next - 1
    },
    get firstSeq() {
      return segments[0].first
    },
    append: (batch) =>
      batch.drafts.length > 0 ? commits.add(batch) : Promise.reject(new TypeError('a batch holds at least one entry')),
    page,
    async dropBefore(instant) {
      let dropped = 0
      while (segments.length > 1 && (await indexed(segments[0])).lastAt < instant) {
        const [oldest] = segments.splice(0, 1)
        // Renamed first, so that a crash in between leaves no file that looks like part of the log.
        await rename(oldest.path, `${oldest.path}.dropped`)
        await oldest.file?.close()
        await unlink(`${oldest.path}.dropped`)
        dropped++
      }
      return dropped
    },
    async close() {
      await commits.idle()
      closed = true
      for (const segment of segments) await segment.file?.close()
    },
  }
}

const HEAD = Buffer.from('{"entries":[')
const COMMA = Buffer.from(',')

/** Entries `skip` to `skip + take` of a record, for a cursor or limit that falls inside it. */
function someEntries(entries: Buffer, skip: number, take: number): Buffer {
  const all = JSON.parse(`[${entries}]`) as unknown[]
  const text = all
    .slice(skip, skip + take)
    .map((entry) => JSON.stringify(entry))
    .join(',')
  return Buffer.from(text)
}
