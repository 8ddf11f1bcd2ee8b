import { QUALITIES, type ReadingQuality } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'

/** Most intervals a block holds: a local day of 25 hours in minutes. */
export const MAX_BLOCK_INTERVALS = 1500

/** Largest value, either sign, a block holds: so that any block's sum is an exact double. */
export const MAX_BLOCK_VALUE = 4_000_000_000_000

/**
 * Equally spaced interval values of one channel, normally one local day of it or the part of it that is known.
 *
 * Value `i` is what passed in `[start + i × stepMs, start + (i+1) × stepMs)`, an integer to be scaled by the channel's scaler.
 */
export interface IntervalBlock {
  /** Beginning of the first interval, ≥ 0. */
  readonly start: Instant
  /** Length of an interval in ms, > 0. */
  readonly stepMs: number
  /** Integers up to {@link MAX_BLOCK_VALUE}; NaN where the value is missing. */
  readonly values: Float64Array
  /** {@link mark} of each interval; null when all are 0 (RAW, no device flags). */
  readonly marks: Uint16Array | null
  /** When each interval became known, where that was not at once for all; null otherwise. */
  readonly arrivals: Float64Array | null
}

/** Quality code (0 … 15) and device flags (8 bits) of one interval in one number. */
export function mark(qualityCode: number, flags: number): number {
  return (flags << 4) | qualityCode
}

/** The quality code in a {@link mark}. */
export function markQuality(bits: number): number {
  return bits & 0x0f
}

/** The device flags in a {@link mark}. */
export function markFlags(bits: number): number {
  return bits >> 4
}

const RANKED: readonly ReadingQuality[] = [
  'MISSING',
  'REJECTED',
  'FORECAST',
  'PROVISIONAL',
  'ESTIMATED',
  'FINAL_ESTIMATED',
  'DERIVED',
  'RAW',
  'VALID',
  'VERIFIED',
  'EDITED',
]
const RANKS = new Uint8Array(16)
for (const [rank, quality] of RANKED.entries()) RANKS[QUALITIES[quality].code] = rank

/** How much a value of this quality code weighs against another for the same interval: measured above estimated, edited above all. */
export function qualityRank(code: number): number {
  return RANKS[code]
}

const ESTIMATED = new Uint8Array(16)
for (const quality of ['ESTIMATED', 'FINAL_ESTIMATED', 'FORECAST', 'PROVISIONAL'] as const)
  ESTIMATED[QUALITIES[quality].code] = 1

/** What a block adds up to. */
export interface BlockSummary {
  /** Intervals that have a value. */
  readonly present: number
  /** Those of them that were not measured. */
  readonly estimated: number
  /** Sum of the values, exact. */
  readonly sum: number
}

/** Sums a block up. */
export function summariseBlock({ values, marks }: IntervalBlock): BlockSummary {
  let present = 0
  let estimated = 0
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (Number.isNaN(value)) continue
    present++
    sum += value
    if (marks !== null && ESTIMATED[marks[i] & 0x0f] === 1) estimated++
  }
  return { present, estimated, sum }
}

/** Whether the quality in a {@link mark} says the value was not measured. */
export function isEstimated(bits: number): boolean {
  return ESTIMATED[bits & 0x0f] === 1
}

/** End of the last interval. */
export function blockEnd(block: IntervalBlock): Instant {
  return block.start + block.values.length * block.stepMs
}

/**
 * The block as it was known at an instant: intervals that arrived later are missing.
 *
 * @returns the same block when nothing arrived later
 */
export function blockAsKnownAt(block: IntervalBlock, at: Instant): IntervalBlock {
  const { arrivals } = block
  if (!arrivals?.some((arrived) => arrived > at)) return block
  const values = block.values.slice()
  const marks = block.marks?.slice() ?? null
  for (let i = 0; i < values.length; i++)
    if (arrivals[i] > at) {
      values[i] = Number.NaN
      if (marks) marks[i] = 0
    }
  return { ...block, values, marks, arrivals: null }
}
