import type { Instant } from '@gridtally/wire'
import { type IntervalBlock, MAX_BLOCK_INTERVALS, mark, markFlags, markQuality, qualityRank } from './block.ts'

/** What became of a delivery: nothing new, only intervals that were missing, or intervals that are now different. */
export type MergeOutcome = 'same' | 'filled' | 'changed'

/** When the two sides of a merge became known. */
export interface MergeTimes {
  readonly storedAt: Instant
  readonly incomingAt: Instant
  /** The delivery is older than what is stored: it may fill gaps but not change anything. */
  readonly fillOnly?: boolean
}

/** Result of {@link mergeBlocks}. */
export interface Merged {
  readonly outcome: MergeOutcome
  readonly block: IntervalBlock
}

const isMissing = Number.isNaN

/**
 * Puts a delivery on top of what is stored for the same channel and day.
 *
 * The same value again is nothing new. A missing interval is filled, and the block remembers when. A differing value replaces
 * the stored one if its quality weighs as much or more (measured over estimated, edited over all); the caller keeps the stored
 * block as an earlier version then.
 *
 * @throws RangeError when steps differ, the intervals do not fall on the same grid, or the whole grows too long
 */
export function mergeBlocks(stored: IntervalBlock, incoming: IntervalBlock, times: MergeTimes): Merged {
  const { stepMs } = stored
  if (incoming.stepMs !== stepMs) throw new RangeError(`intervals of ${incoming.stepMs} ms among those of ${stepMs} ms`)
  if ((incoming.start - stored.start) % stepMs !== 0) throw new RangeError('intervals between the stored ones')
  const start = Math.min(stored.start, incoming.start)
  const storedFrom = (stored.start - start) / stepMs
  const incomingFrom = (incoming.start - start) / stepMs
  const n = Math.max(storedFrom + stored.values.length, incomingFrom + incoming.values.length)
  if (n > MAX_BLOCK_INTERVALS) throw new RangeError(`merged block of ${n} intervals`)

  const values = new Float64Array(n).fill(Number.NaN)
  values.set(stored.values, storedFrom)
  const marks = new Uint16Array(n)
  if (stored.marks) marks.set(stored.marks, storedFrom)
  const arrivals = new Float64Array(n).fill(times.incomingAt)
  if (stored.arrivals) arrivals.set(stored.arrivals, storedFrom)
  else arrivals.fill(times.storedAt, storedFrom, storedFrom + stored.values.length)

  let filled = 0
  let changed = 0
  for (let j = 0; j < incoming.values.length; j++) {
    const i = incomingFrom + j
    const value = incoming.values[j]
    const bits = incoming.marks ? incoming.marks[j] : 0
    if (isMissing(values[i])) {
      if (isMissing(value) && (marks[i] !== 0 || bits === 0)) continue
      filled++
      values[i] = value
      marks[i] = bits
      arrivals[i] = times.incomingAt
      continue
    }
    if (isMissing(value) || times.fillOnly) continue
    const rank = qualityRank(markQuality(bits)) - qualityRank(markQuality(marks[i]))
    if (value !== values[i]) {
      if (rank < 0) continue
      values[i] = value
      marks[i] = bits
      changed++
    } else {
      const quality = markQuality(rank > 0 ? bits : marks[i])
      // Flags are kept from both, so that the order of deliveries does not matter.
      const both = mark(quality, markFlags(bits) | markFlags(marks[i]))
      if (both === marks[i]) continue
      marks[i] = both
      changed++
    }
  }
  if (filled + changed === 0) return { outcome: 'same', block: stored }
  const outcome = changed > 0 ? 'changed' : 'filled'
  return { outcome, block: { start, stepMs, values, marks, arrivals: changed > 0 ? null : arrivals } }
}
