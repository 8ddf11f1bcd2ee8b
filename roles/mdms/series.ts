import { formatInstant, type LocalDay, localDayOf, qualityCode, type TimeRange } from '@gridtally/metering'
import { blockAsKnownAt, decodeBlock, type IntervalBlock, markQuality, qualityRank } from '@gridtally/vee'
import type { Instant } from '@gridtally/wire'
import type { Channel } from './channel.ts'
import { type BlockVersion, type Queryable, readBlocks } from './store-queries.ts'

/** Intervals of one channel without holes: slot `i` begins at `start + i × stepMs`. */
export interface Series {
  readonly start: Instant
  readonly stepMs: number
  readonly unit: number
  readonly scaler: number
  /** NaN where nothing is known. */
  readonly values: Float64Array
  /** Quality and device flags of each slot (`mark` of vee). */
  readonly marks: Uint16Array
}

/** A channel that may speak for a stretch of time. */
export interface Source {
  readonly channel: Channel
  readonly range: TimeRange
}

/** Most slots one answer is worked out from: five years of quarter hours. */
export const MOST_SLOTS = 200_000

const MISSING = qualityCode('MISSING')

interface Piece {
  readonly source: Source
  readonly block: IntervalBlock
}

/** Blocks of the sources, decoded, as known at `asOf`. */
async function readPieces(
  db: Queryable,
  sources: readonly Source[],
  range: TimeRange,
  asOf?: Instant,
): Promise<Piece[]> {
  if (sources.length === 0) return []
  const zones = [...new Set(sources.map(({ channel }) => channel.zone))]
  const fromDay = Math.min(...zones.map((zone) => localDayOf(range.from, zone))) - 1
  const toDay = Math.max(...zones.map((zone) => localDayOf(range.to, zone)))
  const ids = [...new Set(sources.map(({ channel }) => channel.id))]
  const byChannel = Map.groupBy(await readBlocks(db, ids, fromDay, toDay, asOf), ({ channelId }) => channelId)
  const decoded = new Map<BlockVersion, IntervalBlock>()
  return sources.flatMap((source) =>
    (byChannel.get(source.channel.id) ?? []).map((row) => {
      let block = decoded.get(row)
      if (!block) {
        block = decodeBlock(row.octets)
        if (asOf !== undefined) block = blockAsKnownAt(block, asOf)
        decoded.set(row, block)
      }
      return { source, block }
    }),
  )
}

/** Lays pieces of one step and grid over one another; where several know an interval, the better quality holds, then the earlier source. */
function overlay(pieces: readonly Piece[], range: TimeRange): Series | undefined {
  const { stepMs, unit } = pieces[0].source.channel
  const scaler = Math.min(...pieces.map(({ source }) => source.channel.scaler))
  let start = Number.POSITIVE_INFINITY
  let end = Number.NEGATIVE_INFINITY
  const cut = pieces.map(({ source, block }) => {
    // An interval belongs to the time it begins in.
    const from = Math.max(range.from, source.range.from)
    const to = Math.min(range.to, source.range.to)
    const first = Math.max(0, Math.ceil((from - block.start) / stepMs))
    const last = Math.min(block.values.length, Math.ceil((to - block.start) / stepMs))
    if (last > first) {
      start = Math.min(start, block.start + first * stepMs)
      end = Math.max(end, block.start + last * stepMs)
    }
    return { block, first, last, factor: 10 ** (source.channel.scaler - scaler) }
  })
  if (end <= start) return undefined
  const n = (end - start) / stepMs
  if (n > MOST_SLOTS) throw new RangeError(`${n} intervals at once; at most ${MOST_SLOTS}`)
  const values = new Float64Array(n).fill(Number.NaN)
  const marks = new Uint16Array(n).fill(MISSING)
  for (const { block, first, last, factor } of cut) {
    const offset = (block.start - start) / stepMs
    for (let i = first; i < last; i++) {
      const value = block.values[i]
      const bits = block.marks === null ? 0 : block.marks[i]
      const slot = offset + i
      if (Number.isNaN(value)) {
        if (bits !== 0 && Number.isNaN(values[slot])) marks[slot] = bits
      } else if (Number.isNaN(values[slot]) || qualityRank(markQuality(bits)) > qualityRank(markQuality(marks[slot]))) {
        values[slot] = value * factor
        marks[slot] = bits
      }
    }
  }
  return { start, stepMs, unit, scaler, values, marks }
}

/** Takes out of `weaker` every interval some present interval of `stronger` overlaps, so that no energy is counted twice. */
function withoutOverlap(weaker: Series, stronger: Series): Series {
  const values = weaker.values.slice()
  const marks = weaker.marks.slice()
  for (let i = 0; i < values.length; i++) {
    const from = weaker.start + i * weaker.stepMs
    const first = Math.max(0, Math.floor((from - stronger.start) / stronger.stepMs))
    const last = Math.min(stronger.values.length, Math.ceil((from + weaker.stepMs - stronger.start) / stronger.stepMs))
    for (let j = first; j < last; j++)
      if (!Number.isNaN(stronger.values[j])) {
        values[i] = Number.NaN
        marks[i] = MISSING
        break
      }
  }
  return { ...weaker, values, marks }
}

/**
 * Intervals that begin in `range`, put together from all sources: one series for each step and grid, normally one. Sources
 * earlier in the list hold against later ones of the same quality.
 *
 * @throws RangeError when that are too many
 */
export async function readSeries(
  db: Queryable,
  sources: readonly Source[],
  range: TimeRange,
  asOf?: Instant,
): Promise<Series[]> {
  const pieces = await readPieces(db, sources, range, asOf)
  const groups = Map.groupBy(
    pieces,
    ({ source: { channel } }) => `${channel.unit} ${channel.stepMs} ${channel.phaseMs}`,
  )
  const found: Series[] = []
  for (const group of groups.values()) {
    let series = overlay(group, range)
    if (!series) continue
    for (const stronger of found) series = withoutOverlap(series, stronger)
    found.push(series)
  }
  return found.sort((a, b) => a.start - b.start)
}

/** A series as it travels in columns: compact, and quick to write and read. */
export interface SeriesColumns {
  readonly start: string
  readonly stepMs: number
  readonly unit: number
  readonly scaler: number
  readonly values: (number | null)[]
  /** Runs of equal quality: quality code, device flags, number of intervals. */
  readonly marks: [number, number, number][]
}

/** Quality and flags of a series as runs. */
export function markRuns(marks: Uint16Array): [number, number, number][] {
  const runs: [number, number, number][] = []
  for (let i = 0; i < marks.length; ) {
    let end = i + 1
    while (end < marks.length && marks[end] === marks[i]) end++
    runs.push([markQuality(marks[i]), marks[i] >> 4, end - i])
    i = end
  }
  return runs
}

/** The JSON text of a series in columns; written by hand, since it is most of a large answer. */
export function columnsText(series: Series, zone: string): string {
  const { start, stepMs, unit, scaler, values, marks } = series
  let text = ''
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    text += i === 0 ? '' : ','
    text += Number.isNaN(value) ? 'null' : value
  }
  return `{"start":"${formatInstant(start, zone)}","stepMs":${stepMs},"unit":${unit},"scaler":${scaler},"values":[${text}],"marks":${JSON.stringify(markRuns(marks))}}`
}

/** Days of a zone that a range touches. */
export function daysOf(range: TimeRange, zone: string): { readonly first: LocalDay; readonly last: LocalDay } {
  return { first: localDayOf(range.from, zone), last: localDayOf(range.to - 1, zone) }
}
