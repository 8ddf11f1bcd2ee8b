import { formatLocalDay, type LocalDay, localDayOf, localDayRange, type TimeRange } from '@gridtally/metering'
import { isEstimated } from '@gridtally/vee'
import type { Instant } from '@gridtally/wire'
import type { Series } from './series.ts'

/** Lengths of buckets; days and longer are local. */
export const BUCKET_LENGTHS = ['PT15M', 'PT30M', 'PT1H', 'P1D', 'P1W', 'P1M', 'P1Y'] as const

/** Length of a bucket. */
export type BucketLength = (typeof BUCKET_LENGTHS)[number]

/** Most buckets one answer holds: 13 months of quarter hours. */
export const MOST_BUCKETS = 50_000

const MINUTES: Partial<Record<BucketLength, number>> = { PT15M: 15, PT30M: 30, PT1H: 60 }

function beginsBucket(day: LocalDay, bucket: BucketLength): boolean {
  if (bucket === 'P1D') return true
  // Day 0 was a Thursday: weeks begin on days 4, 11, …
  if (bucket === 'P1W') return (((day - 4) % 7) + 7) % 7 === 0
  const text = formatLocalDay(day)
  return bucket === 'P1M' ? text.endsWith('-01') : text.endsWith('-01-01')
}

/**
 * The instants between buckets over a range, one more than there are buckets. Days, weeks from Monday, months and years are
 * those of `zone`; shorter buckets count from its midnights, so that a day of 23 or 25 hours has as many. The first and last are
 * cut to the range.
 *
 * @throws RangeError when there would be more than {@link MOST_BUCKETS}
 */
export function bucketEdges({ from, to }: TimeRange, bucket: BucketLength, zone: string): Float64Array {
  const edges: Instant[] = [from]
  const minutes = MINUTES[bucket]
  const last = localDayOf(to - 1, zone)
  for (let day = localDayOf(from, zone); day <= last; day++) {
    if (minutes === undefined) {
      if (!beginsBucket(day, bucket)) continue
      const at = localDayRange(day, zone).from
      if (at > from) edges.push(at)
    } else {
      const { from: midnight, to: end } = localDayRange(day, zone)
      const stop = Math.min(end, to)
      for (let at = midnight; at < stop; at += minutes * 60_000) if (at > from) edges.push(at)
    }
    if (edges.length > MOST_BUCKETS) throw new RangeError(`more than ${MOST_BUCKETS} buckets; choose longer ones`)
  }
  edges.push(to)
  return Float64Array.from(edges)
}

/** Sums over buckets, a column each; energies are integers of the series' finest scaler. */
export interface Buckets {
  readonly unit: number
  readonly scaler: number
  readonly edges: Float64Array
  readonly sum: Float64Array
  /** NaN in buckets without values. */
  readonly min: Float64Array
  readonly max: Float64Array
  readonly count: Int32Array
  readonly expected: Int32Array
  readonly estimated: Int32Array
}

/** Number of slots of a grid that begin in `[from, to)`. */
export function slotsIn(from: Instant, to: Instant, stepMs: number, phaseMs: number): number {
  const first = Math.ceil((from - phaseMs) / stepMs)
  const end = Math.ceil((to - phaseMs) / stepMs)
  return Math.max(0, end - first)
}

/**
 * Sums series into buckets in one pass. An interval counts in the bucket it begins in.
 *
 * @param edges as {@link bucketEdges} gives them
 * @param expectedIn stretches for which values are expected, with the step they are expected in
 */
export function sumIntoBuckets(
  series: readonly Series[],
  edges: Float64Array,
  expectedIn: readonly (TimeRange & { readonly stepMs: number; readonly phaseMs: number })[],
): Buckets {
  const n = edges.length - 1
  const scaler = series.length > 0 ? Math.min(...series.map((one) => one.scaler)) : 0
  const unit = series[0]?.unit ?? 30
  const sum = new Float64Array(n)
  const min = new Float64Array(n).fill(Number.NaN)
  const max = new Float64Array(n).fill(Number.NaN)
  const count = new Int32Array(n)
  const estimated = new Int32Array(n)
  const expected = new Int32Array(n)
  for (const { start, stepMs, values, marks, scaler: own } of series) {
    const factor = 10 ** (own - scaler)
    let bucket = 0
    for (let i = 0; i < values.length; i++) {
      const at = start + i * stepMs
      while (bucket < n && at >= edges[bucket + 1]) bucket++
      if (bucket === n) break
      const value = values[i] * factor
      if (Number.isNaN(value)) continue
      sum[bucket] += value
      if (!(value >= min[bucket])) min[bucket] = value
      if (!(value <= max[bucket])) max[bucket] = value
      count[bucket]++
      if (isEstimated(marks[i])) estimated[bucket]++
    }
  }
  for (const { from, to, stepMs, phaseMs } of expectedIn)
    for (let bucket = 0; bucket < n; bucket++)
      expected[bucket] += slotsIn(Math.max(from, edges[bucket]), Math.min(to, edges[bucket + 1]), stepMs, phaseMs)
  return { unit, scaler, edges, sum, min, max, count, expected, estimated }
}
