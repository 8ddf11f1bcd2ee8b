import { type EndDeviceEvent, type LocalDay, obisCode, type Reading } from '@gridtally/metering'
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

/** Most octets of a text that is stored; NUL is what no database takes. */
const LONGEST_TEXT = 2000

function checkText(text: unknown, name: string): void {
  if (typeof text !== 'string' || text.length > LONGEST_TEXT || text.includes('\0'))
    throw new RangeError(`${name} is no text that can be kept`)
}

function checkQuantity({ scaler, unit }: { readonly scaler: number; readonly unit: number }): void {
  if (!Number.isInteger(scaler) || scaler < -30 || scaler > 30) throw new RangeError(`scaler ${scaler}`)
  if (!Number.isInteger(unit) || unit < 0 || unit > 255) throw new RangeError(`unit ${unit}`)
}

function checkInstant(at: number): void {
  if (!Number.isInteger(at) || at < 0 || at > 1e14) throw new RangeError(`time ${at}`)
}

/** As {@link checkDelivery}, for a register reading; TypeError for what is no OBIS code. */
export function checkReading(reading: Reading): void {
  checkText(reading.meterId, 'meterId')
  obisCode(reading.obis)
  checkText(reading.reason, 'reason')
  checkInstant(reading.at)
  checkQuantity(reading)
  if (!/^-?\d{1,30}$/.test(reading.value)) throw new RangeError(`value ${reading.value} is no integer`)
}

/** As {@link checkDelivery}, for an event. */
export function checkEvent(event: EndDeviceEvent): void {
  for (const name of ['meterId', 'type', 'severity', 'text'] as const) checkText(event[name], name)
  checkInstant(event.at)
}

/**
 * Checks what comes from outside before anything of it is stored: one value a database cannot take would hold up all others.
 *
 * @throws RangeError in words for people
 */
export function checkDelivery(delivery: Delivery): void {
  const { ownerId, name, captureVersion, start, stepMs, values, flags, qualities } = delivery
  checkText(ownerId, 'meterId')
  checkText(name, 'channel')
  checkQuantity(delivery)
  if (!Number.isInteger(captureVersion) || Math.abs(captureVersion) > 0x7fff_ffff)
    throw new RangeError(`capture version ${captureVersion}`)
  if (!Number.isInteger(stepMs) || stepMs < SHORTEST_STEP_MS || stepMs > LONGEST_STEP_MS)
    throw new RangeError(`intervals of ${stepMs} ms; from a minute to a week are kept`)
  checkInstant(start)
  if (values.length > MOST_VALUES) throw new RangeError(`${values.length} values at once; at most ${MOST_VALUES}`)
  for (const list of [flags, qualities])
    if (list && list.length !== values.length)
      throw new RangeError(`${list.length} qualities or flags for ${values.length} values`)
  for (const bits of flags ?? [])
    if (!Number.isInteger(bits) || bits < 0 || bits > 255) throw new RangeError(`device flags ${bits}`)
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
