import { formatLocalDay, type LocalDay, localDayRange } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import { isEstimated, isSeen, type Series, usable } from './series.ts'
import type { SeenSpan } from './store.ts'
import { decimalText, moneyScaler, priceAt, type TariffSpan } from './tariff.ts'

/** Lengths of buckets; days and longer are local. */
export const BUCKET_LENGTHS = ['PT15M', 'PT30M', 'PT1H', 'P1D', 'P1W', 'P1M', 'P1Y'] as const

/** Length of a bucket. */
export type BucketLength = (typeof BUCKET_LENGTHS)[number]

const MINUTES: Partial<Record<BucketLength, number>> = { PT15M: 15, PT30M: 30, PT1H: 60 }

function startsBucket(day: LocalDay, bucket: BucketLength): boolean {
  if (bucket === 'P1D') return true
  // 1970-01-01 was a Thursday: weeks begin on days 4, 11, …
  if (bucket === 'P1W') return (((day - 4) % 7) + 7) % 7 === 0
  const text = formatLocalDay(day)
  return bucket === 'P1M' ? text.endsWith('-01') : text.endsWith('-01-01')
}

/**
 * The instants between buckets, from the beginning of `from` to the beginning of `to` (local days, half-open). Weeks begin on
 * Monday; the first and last bucket are cut to the range. Buckets below a day count from local midnight, so that a day of 23
 * or 25 hours has that many.
 *
 * @returns ascending, one more than there are buckets; `undefined` when there would be more than `most` buckets
 */
export function bucketEdges(
  range: { readonly from: LocalDay; readonly to: LocalDay },
  bucket: BucketLength,
  zone: string,
  most: number,
): Instant[] | undefined {
  const edges: Instant[] = []
  const minutes = MINUTES[bucket]
  for (let day = range.from; day < range.to; day++) {
    if (minutes === undefined && day !== range.from && !startsBucket(day, bucket)) continue
    const { from, to } = localDayRange(day, zone)
    if (minutes === undefined) edges.push(from)
    else for (let at = from; at < to; at += minutes * 60_000) edges.push(at)
    if (edges.length > most) return undefined
  }
  edges.push(localDayRange(range.to, zone).from)
  return edges
}

/** Energy, money and how sure of them, as the portal shows them. */
export interface Energy {
  readonly energyWh: string | null
  readonly money: string | null
  readonly expected: number
  readonly present: number
  readonly estimated: number
}

/** Running sums of one bucket. Energy is kept per price, so that money is exact and multiplied once a price, not once a slot. */
class EnergySum {
  expected = 0
  present = 0
  estimated = 0
  #energy = 0
  #unpriced = false
  readonly #byPrice = new Map<bigint, number>()

  add(value: number, price: bigint | undefined): void {
    this.present++
    this.#energy += value
    if (price === undefined) this.#unpriced = true
    else this.#byPrice.set(price, (this.#byPrice.get(price) ?? 0) + value)
  }

  result(scaler: number): Energy {
    let money = 0n
    for (const [price, energy] of this.#byPrice) money += price * BigInt(energy)
    const known = this.present > 0
    return {
      energyWh: known ? decimalText(this.#energy, scaler) : null,
      money: known && !this.#unpriced ? decimalText(money, moneyScaler(scaler)) : null,
      expected: this.expected,
      present: this.present,
      estimated: this.estimated,
    }
  }
}

/** What sums of a channel need to know besides its values. */
export interface SumContext {
  readonly channel: 'import' | 'export'
  readonly zone: string
  readonly tariffs: readonly TariffSpan[]
  /** When the asker may see; slots outside are as if they were not. */
  readonly spans: readonly SeenSpan[]
  /** Slots that end after this are not expected yet. */
  readonly now: Instant
}

/**
 * Sums series of one scaler into buckets. Money is worked out interval by interval at the price that held when the interval began; a
 * bucket with a value that has no price has no money.
 *
 * @param parts ascending, not overlapping
 * @param edges as {@link bucketEdges} gives them; slots outside are left out
 * @returns one sum a bucket and the sum of all
 */
export function sumBuckets(
  parts: readonly Series[],
  edges: readonly Instant[],
  context: SumContext,
): { readonly buckets: Energy[]; readonly total: Energy } {
  const sums = Array.from({ length: edges.length - 1 }, () => new EnergySum())
  const total = new EnergySum()
  let bucket = 0
  for (const series of parts)
    for (let slot = 0; slot < series.values.length; slot++) {
      const at = series.start + slot * series.stepMs
      const end = at + series.stepMs
      while (bucket < sums.length && at >= edges[bucket + 1]) bucket++
      if (bucket >= sums.length) break
      if (at < edges[0] || end > context.now || !isSeen(context.spans, at, end)) continue
      const value = usable(series, slot)
      const estimated = value !== null && isEstimated(series.qualities[slot])
      const price = value === null ? undefined : priceAt(context.tariffs, context.channel, at, context.zone)?.perKwh
      for (const sum of [sums[bucket], total]) {
        sum.expected++
        if (value !== null) sum.add(value, price)
        if (estimated) sum.estimated++
      }
    }
  const scaler = parts[0]?.scaler ?? 0
  return { buckets: sums.map((sum) => sum.result(scaler)), total: total.result(scaler) }
}
