import type { IntervalRun, LocalDay, ObisCode } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'

/** Where a block came from, by the code stored. */
export const PROVENANCES = ['RAW', 'IMPORT', 'VEE', 'EDIT'] as const

/** Where a block came from. */
export type Provenance = (typeof PROVENANCES)[number]

/** What a channel belongs to. */
export type OwnerKind = 'meter' | 'usagePoint'

/** Everything that tells one channel from another. */
export interface ChannelKey {
  readonly ownerKind: OwnerKind
  readonly ownerId: string
  /** `import`, `export`, or an OBIS code. */
  readonly name: string
  readonly unit: number
  readonly scaler: number
  readonly stepMs: number
  /** Where on the clock intervals begin: start modulo step. */
  readonly phaseMs: number
  readonly captureVersion: number
  /** Zone whose local days cut the blocks. */
  readonly zone: string
}

/** A channel that is stored. */
export interface Channel extends ChannelKey {
  readonly id: number
  /** First and last day there are blocks of; null before the first. */
  minDay: LocalDay | null
  maxDay: LocalDay | null
}

/** Intervals to be stored, from a meter or an import. */
export interface Delivery extends Pick<IntervalRun, 'start' | 'stepMs' | 'values' | 'flags' | 'unit' | 'scaler'> {
  readonly ownerKind: OwnerKind
  readonly ownerId: string
  readonly name: string
  readonly captureVersion: number
  /** Quality code of each value; absent when all are RAW. */
  readonly qualities?: readonly number[]
  readonly provenance: Provenance
  /** Position in the head-end's log or number of the import: a block takes changes only from what is no older than it. */
  readonly source: number
}

/** What the store did with a batch. */
export interface Appended {
  /** Intervals delivered, with or without effect. */
  readonly intervals: number
  /** Blocks that are new, that got missing intervals, that got a new version, and that held it all already. */
  readonly blocks: { created: number; filled: number; changed: number; same: number }
  readonly readings: number
  readonly events: number
}

const NAMES: Readonly<Record<string, string>> = { '1.0.1.8.0.255': 'import', '1.0.2.8.0.255': 'export' }

/** Name of the channel that holds the intervals of an OBIS code. */
export function channelName(obis: ObisCode): string {
  return NAMES[obis] ?? obis
}

/** OBIS code of a channel's name. */
export function channelObis(name: string): string {
  return Object.entries(NAMES).find(([, known]) => known === name)?.[0] ?? name
}

/** One text for all of a key. */
export function keyText(key: ChannelKey): string {
  const { ownerKind, ownerId, name, unit, scaler, stepMs, phaseMs, captureVersion, zone } = key
  return `${ownerKind} ${name} ${unit} ${scaler} ${stepMs} ${phaseMs} ${captureVersion} ${zone} ${ownerId}`
}

/** A meter at a usage point, and when that was known. */
export interface KnownAssignment {
  readonly usagePointId: string
  readonly meterId: string
  readonly from: Instant
  readonly to: Instant | null
  readonly recordedAt: Instant
  readonly supersededAt: Instant | null
}
