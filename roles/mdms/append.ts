import type { LocalDay } from '@gridtally/metering'
import {
  decodeBlock,
  encodeBlock,
  type IntervalBlock,
  MAX_BLOCK_VALUE,
  type MergeOutcome,
  mergeBlocks,
  splitRun,
  summariseBlock,
} from '@gridtally/vee'
import type { Instant } from '@gridtally/wire'
import { type Channel, type ChannelKey, type Delivery, keyText, type Provenance } from './channel.ts'

/** A stored block's row, as far as merging needs it. */
export interface StoredBlock {
  readonly channelId: number
  readonly day: LocalDay
  readonly version: number
  readonly recordedAt: Instant
  readonly source: number
  readonly octets: Uint8Array
}

/** What a batch brings for one day of one channel. */
export interface Draft {
  readonly key: ChannelKey
  readonly keyText: string
  readonly day: LocalDay
  block: IntervalBlock
  readonly provenance: Provenance
  source: number
}

/** A row to be written: a new version, or the same one with gaps filled. */
export interface BlockRow {
  readonly channel: Channel
  readonly day: LocalDay
  readonly version: number
  readonly provenance: Provenance
  readonly source: number
  readonly outcome: 'created' | Exclude<MergeOutcome, 'same'>
  readonly present: number
  readonly estimated: number
  readonly sum: number
  readonly octets: Uint8Array
}

/** Shortest interval kept: the longest local day in minutes still fits a block. */
const SHORTEST_STEP_MS = 60_000
const LONGEST_STEP_MS = 7 * 86_400_000
/** Most values of one delivery: five years of quarter hours. */
const MOST_VALUES = 200_000

/**
 * Checks what comes from outside before anything of it is stored.
 *
 * @throws RangeError in words for people
 */
export function checkDelivery({ start, stepMs, scaler, unit, values, flags, qualities }: Delivery): void {
  if (!Number.isInteger(stepMs) || stepMs < SHORTEST_STEP_MS || stepMs > LONGEST_STEP_MS)
    throw new RangeError(`intervals of ${stepMs} ms; from a minute to a week are kept`)
  if (!Number.isInteger(start) || start < 0 || start > 1e14) throw new RangeError(`start ${start}`)
  if (!Number.isInteger(scaler) || scaler < -30 || scaler > 30) throw new RangeError(`scaler ${scaler}`)
  if (!Number.isInteger(unit) || unit < 0 || unit > 255) throw new RangeError(`unit ${unit}`)
  if (values.length > MOST_VALUES) throw new RangeError(`${values.length} values at once; at most ${MOST_VALUES}`)
  for (const list of [flags, qualities])
    if (list && list.length !== values.length)
      throw new RangeError(`${list.length} qualities or flags for ${values.length} values`)
  for (const value of values)
    if (value !== null && (!Number.isInteger(value) || Math.abs(value) > MAX_BLOCK_VALUE))
      throw new RangeError(`value ${value} is no integer that can be kept`)
}

/**
 * Cuts deliveries into local days and puts those of one channel and day together, in the order of their sources.
 *
 * @param zoneOf zone whose days the delivery's owner keeps
 */
export function draftBlocks(deliveries: readonly Delivery[], zoneOf: (delivery: Delivery) => string): Draft[] {
  const drafts = new Map<string, Draft>()
  for (const delivery of [...deliveries].sort((a, b) => a.source - b.source)) {
    const { ownerKind, ownerId, name, unit, scaler, stepMs, captureVersion, provenance, source } = delivery
    const zone = zoneOf(delivery)
    const phaseMs = delivery.start % stepMs
    const key = { ownerKind, ownerId, name, unit, scaler, stepMs, phaseMs, captureVersion, zone }
    const text = keyText(key)
    for (const { day, block } of splitRun(delivery, zone)) {
      const id = `${day} ${text}`
      const draft = drafts.get(id)
      if (draft) {
        // Within one batch all becomes known at once.
        const merged = mergeBlocks(draft.block, block, { storedAt: 0, incomingAt: 0 }).block
        draft.block = { ...merged, arrivals: null }
        draft.source = source
      } else drafts.set(id, { key, keyText: text, day, block, provenance, source })
    }
  }
  return [...drafts.values()]
}

/** The row a draft becomes on top of what is stored; `undefined` when it brings nothing new. */
export function rowOf(
  draft: Draft,
  channel: Channel,
  stored: StoredBlock | undefined,
  now: Instant,
): BlockRow | undefined {
  const { day, provenance, source } = draft
  const row = (block: IntervalBlock, version: number, outcome: BlockRow['outcome'], from: number): BlockRow => ({
    channel,
    day,
    version,
    provenance,
    source: from,
    outcome,
    ...summariseBlock(block),
    octets: encodeBlock(block),
  })
  if (!stored) return row(draft.block, 1, 'created', source)
  const merged = mergeBlocks(decodeBlock(stored.octets), draft.block, {
    storedAt: stored.recordedAt,
    incomingAt: now,
    // Imports have no place in the log's order: what they say is weighed by quality alone.
    fillOnly: provenance === 'RAW' && source < stored.source,
  })
  if (merged.outcome === 'same') return undefined
  const version = merged.outcome === 'changed' ? stored.version + 1 : stored.version
  return row(merged.block, version, merged.outcome, Math.max(source, stored.source))
}
