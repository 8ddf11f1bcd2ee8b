import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { GroupCommit } from './group-commit.ts'
import { syncFolder } from './log-segment.ts'

/** Highest invocation counter: 32 bits (IEC 62056-5-3). */
const MAX_COUNTER = 0xffff_ffff

/**
 * Invocation counters of the head-end towards each meter. A number is on disk as used before it is used, so that not even
 * kill -9 or a power cut can make it be used again under the same key (with AES-GCM a repeated number gives the key away).
 */
export interface CounterStore {
  /** Whether anything is known of this meter: if not, ask the meter first (0.0.43.1.x). */
  knows(meterId: string): boolean
  /** Our own system title, 8 octets. It lives and dies with the counters: lost together, no pair of title and counter comes twice. */
  readonly systemTitle: Uint8Array
  /**
   * Sets `count` numbers aside for one session and resolves with the first once they are on disk as used.
   *
   * @throws RangeError when the 32 bits are used up; the keys must then be replaced
   */
  reserve(meterId: string, count: number): Promise<number>
  /** The next number to be given; for display. */
  peek(meterId: string): number | undefined
  /** Learns that numbers below `floor` are used up. Raises, never lowers. */
  raise(meterId: string, floor: number): Promise<void>
  close(): Promise<void>
}

interface Counter {
  next: number
  /** Numbers below this are on disk as used. */
  reserved: number
}

interface Mark {
  readonly meterId: string
  readonly reserved: number
}

/** Size at which the file is rewritten with one line a meter. */
const COMPACT_OCTETS = 16 * 1024 * 1024

const lineOf = ({ meterId, reserved }: Mark): string => {
  const text = `${reserved} ${meterId}`
  return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`
}

function parseLine(line: string): Mark | undefined {
  const match = /^([0-9a-f]{8}) ((\d+) (.+))$/.exec(line)
  if (!match || Number.parseInt(match[1], 16) !== crc32(match[2])) return undefined
  return { meterId: match[4], reserved: Number(match[3]) }
}

/**
 * Opens the counters kept in the file `path`: our system title, then lines `crc reserved meterId`, of which the highest counts.
 *
 * @param batch how many numbers are reserved at a time; what is left of them at a restart is skipped
 */
export async function openCounters(path: string, batch = 1024): Promise<CounterStore> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const counters = new Map<string, Counter>()
  let systemTitle: Uint8Array = Buffer.concat([Buffer.from('GTH'), randomBytes(5)])
  if (existsSync(path))
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const title = /^title ([0-9a-f]{16})$/.exec(line)
      if (title) systemTitle = Buffer.from(title[1], 'hex')
      const mark = parseLine(line)
      if (!mark || mark.reserved <= (counters.get(mark.meterId)?.reserved ?? -1)) continue
      counters.set(mark.meterId, { next: mark.reserved, reserved: mark.reserved })
    }
  let { file, size } = await rewrite()
  const commits = new GroupCommit<Mark, void>(async (marks) => {
    const octets = Buffer.from(marks.map(lineOf).join(''))
    await file.write(octets, 0, octets.length, size)
    await file.datasync()
    size += octets.length
    for (const { meterId, reserved } of marks) {
      const counter = counters.get(meterId)
      if (counter) counter.reserved = Math.max(counter.reserved, reserved)
    }
    if (size > COMPACT_OCTETS) {
      await file.close()
      ;({ file, size } = await rewrite())
    }
    return marks.map(() => undefined)
  })

  /** Writes one line a meter to a new file and puts it in place, synced, so that a crash leaves the old or the new. */
  async function rewrite(): Promise<{ file: Awaited<ReturnType<typeof open>>; size: number }> {
    const next = await open(`${path}.new`, 'w', 0o600)
    const lines = [...counters].map(([meterId, { reserved }]) => lineOf({ meterId, reserved }))
    const octets = Buffer.from(`title ${Buffer.from(systemTitle).toString('hex')}\n${lines.join('')}`)
    await next.writeFile(octets)
    await next.sync()
    await rename(`${path}.new`, path)
    await syncFolder(path)
    return { file: next, size: octets.length }
  }

  const counterOf = (meterId: string): Counter => {
    let counter = counters.get(meterId)
    if (!counter) {
      counter = { next: 0, reserved: 0 }
      counters.set(meterId, counter)
    }
    return counter
  }

  return {
    knows: (meterId) => counters.has(meterId),
    systemTitle,
    async reserve(meterId, count) {
      const counter = counterOf(meterId)
      const first = counter.next
      const reserved = Math.max(counter.reserved, Math.min(first + Math.max(count, batch), MAX_COUNTER + 1))
      if (reserved - first < count)
        throw new RangeError(`the invocation counter of ${meterId} is used up; its keys must be replaced`)
      counter.next = first + count
      if (counter.next > counter.reserved) await commits.add({ meterId, reserved })
      return first
    },
    peek: (meterId) => counters.get(meterId)?.next,
    async raise(meterId, floor) {
      if (!Number.isInteger(floor) || floor < 0 || floor > MAX_COUNTER + 1)
        throw new RangeError(`${floor} is not an invocation counter`)
      const counter = counterOf(meterId)
      if (floor <= counter.next) return
      counter.next = floor
      await commits.add({ meterId, reserved: floor })
    },
    async close() {
      await commits.idle()
      await file.close()
    },
  }
}
