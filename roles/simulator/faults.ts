import type { Instant } from '@gridtally/wire'
import type { Outage } from './load/day-energy.ts'
import { chance, hash } from './load/hash.ts'

/** What can be wrong with a meter or the way to it. README.md tells what each does. */
export const FAULT_KINDS = [
  'power-outage',
  'comms-outage',
  'slow-link',
  'connection-reset',
  'half-open',
  'wrong-clock',
  'cover-open',
  'clone',
] as const

/** Kind of a fault. */
export type FaultKind = (typeof FAULT_KINDS)[number]

/** A fault of one meter. */
export interface Fault {
  readonly kind: FaultKind
  /** `plan` follows from the seed and comes and goes by its schedule; `set` was switched on by somebody and holds throughout. */
  readonly origin: 'plan' | 'set'
  readonly from: Instant
  /** `null` while it lasts. */
  readonly to: Instant | null
  /** Slow link: ms before each answer. */
  readonly latencyMs?: number
  /** Slow link: octets per second towards the client. */
  readonly octetsPerSecond?: number
  /** Wrong clock: seconds it was put forward (negative: back) at `from`. */
  readonly jumpSeconds?: number
  /** Clone: serial of the meter whose system title it shows. */
  readonly of?: string
}

/** What happens to one connection. */
export type ConnectionFate =
  | {
      readonly serve: true
      readonly latencyMs: number
      readonly octetsPerSecond: number
      readonly resetAfterOctets: number
    }
  | { readonly serve: false }

const STREAM = {
  whether: 401,
  which: 402,
  size: 403,
  day: 404,
  dayStart: 405,
  dayLength: 406,
  block: 407,
  connection: 408,
}
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const BLOCK_MS = 6 * HOUR_MS

/** Kinds that are planned, evenly. Clones are devices of their own, and covers are opened by people. */
const PLANNED = FAULT_KINDS.filter((kind) => kind !== 'clone' && kind !== 'cover-open')

/** Meters at the beginning of a fleet that are never planned a fault: the ones people look at first. */
const SPARED = 4

/** The fault the seed plans for a meter from its birth on, if any. At most one, so that its effect can be told apart. */
export function plannedFault(seed: number, index: number, share: number, birth: Instant): Fault | undefined {
  if (index <= SPARED || chance(seed, STREAM.whether, index) >= share) return undefined
  const kind = PLANNED[hash(seed, STREAM.which, index) % PLANNED.length]
  const size = chance(seed, STREAM.size, index)
  const base = { kind, origin: 'plan', from: kind === 'wrong-clock' ? birth : 0, to: null } as const
  if (kind === 'slow-link')
    return { ...base, latencyMs: Math.round(200 + 1000 * size), octetsPerSecond: Math.round(600 + 3400 * (1 - size)) }
  if (kind === 'wrong-clock') return { ...base, jumpSeconds: Math.round((size - 0.5) * 2 * 5400) || 300 }
  return base
}

const holdsAt = (fault: Fault, at: Instant): boolean => at >= fault.from && (fault.to === null || at < fault.to)

const NO_OUTAGES: readonly Outage[] = []

/**
 * Stretches without supply that touch [from, to), by the meter's faults. Planned ones are one a day at most, on one day in
 * twenty, from ten minutes to four hours, and never over midnight (UTC).
 */
export function outagesOf(
  seed: number,
  index: number,
  faults: readonly Fault[],
  from: Instant,
  to: Instant,
): readonly Outage[] {
  if (faults.length === 0) return NO_OUTAGES
  const found: Outage[] = []
  for (const fault of faults) {
    if (fault.kind !== 'power-outage') continue
    if (fault.origin === 'set') {
      const end = fault.to ?? Number.MAX_SAFE_INTEGER
      if (fault.from < to && end > from) found.push({ from: fault.from, to: end })
      continue
    }
    for (let day = Math.floor(from / DAY_MS); day * DAY_MS < to; day++) {
      if (chance(seed ^ index, STREAM.day, day) >= 0.05) continue
      const start = day * DAY_MS + Math.floor(19 * 60 * chance(seed ^ index, STREAM.dayStart, day)) * 60_000
      const end = start + Math.round(10 + 230 * chance(seed ^ index, STREAM.dayLength, day)) * 60_000
      if (start < to && end > from && holdsAt(fault, start)) found.push({ from: start, to: end })
    }
  }
  return found.sort((a, b) => a.from - b.from)
}

/** Whether a meter refuses connections at an instant: no supply, or the way to it is down (planned: three in ten stretches of six hours). */
export function isUnreachable(seed: number, index: number, faults: readonly Fault[], at: Instant): boolean {
  if (faults.length === 0) return false
  for (const fault of faults) {
    if (fault.kind !== 'comms-outage' || !holdsAt(fault, at)) continue
    if (fault.origin === 'set') return true
    if (chance(seed ^ index, STREAM.block, Math.floor(at / BLOCK_MS)) < 0.3) return true
  }
  return outagesOf(seed, index, faults, at, at + 1).length > 0
}

/**
 * What becomes of a meter's connection number `n`. Planned: every fourth connection stays half-open, every third is reset in the
 * middle of an answer. Switched on: every one.
 */
export function fateOf(seed: number, index: number, faults: readonly Fault[], n: number, at: Instant): ConnectionFate {
  const fate = { serve: true as const, latencyMs: 0, octetsPerSecond: 0, resetAfterOctets: 0 }
  for (const fault of faults) {
    if (!holdsAt(fault, at)) continue
    const strikes = (share: number): boolean =>
      fault.origin === 'set' || chance(seed ^ index, STREAM.connection, n) < share
    if (fault.kind === 'half-open' && strikes(0.25)) return { serve: false }
    if (fault.kind === 'connection-reset' && strikes(0.33))
      fate.resetAfterOctets = 60 + (hash(seed ^ index, STREAM.size, n) % 1500)
    if (fault.kind === 'slow-link') {
      fate.latencyMs = fault.latencyMs ?? 500
      fate.octetsPerSecond = fault.octetsPerSecond ?? 1200
    }
  }
  return fate
}
