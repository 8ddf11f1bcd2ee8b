import { closeSync, existsSync, fsync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Instant } from '@gridtally/wire'
import type { Fault } from './faults.ts'
import type { ClockStep } from './meter-clock.ts'

/** Something a meter wrote into its event log that does not follow from schedules. */
export interface StoredEvent {
  readonly at: Instant
  readonly code: number
}

/** What a meter must not forget when its process stops. */
export interface MeterState {
  readonly clock: ClockStep[]
  readonly faults: Fault[]
  readonly events: StoredEvent[]
  /** Invocation counters at and above this were not used for sending yet. */
  sentBelow: number
  /** Highest invocation counter accepted, by the client's system title in hex. */
  readonly received: Map<string, number>
}

/** One line of the journal: meter, what changed, the new part. */
type Change =
  | readonly [index: number, what: 'clock', step: ClockStep]
  | readonly [index: number, what: 'faults', faults: readonly Fault[]]
  | readonly [index: number, what: 'event', event: StoredEvent]
  | readonly [index: number, what: 'sent', below: number]
  | readonly [index: number, what: 'received', clientTitle: string, counter: number]

/** Where a fleet keeps what its meters must not forget. */
export interface StateStore {
  /** State of a meter; the same object each time. Change it through `record` only. */
  of(index: number): MeterState
  /** Whether anything is known of a meter. */
  has(index: number): boolean
  record(change: Change): void
  close(): void
}

/** Events kept of one meter; older ones are overwritten, as in a ring buffer. */
const MOST_EVENTS = 200

/** How far the journal grows beyond twice its bare contents before it is rewritten. */
const MOST_GROWTH_OCTETS = 8_000_000

const emptyState = (): MeterState => ({ clock: [], faults: [], events: [], sentBelow: 0, received: new Map() })

function apply(state: MeterState, change: Change): void {
  switch (change[1]) {
    case 'clock':
      state.clock.push(change[2])
      break
    case 'faults':
      state.faults.splice(0, state.faults.length, ...change[2])
      break
    case 'event':
      state.events.push(change[2])
      if (state.events.length > MOST_EVENTS) state.events.shift()
      break
    case 'sent':
      state.sentBelow = Math.max(state.sentBelow, change[2])
      break
    case 'received':
      state.received.set(change[2], Math.max(state.received.get(change[2]) ?? -1, change[3]))
  }
}

function* changesOf(index: number, state: MeterState): Generator<Change> {
  for (const step of state.clock) yield [index, 'clock', step]
  if (state.faults.length > 0) yield [index, 'faults', state.faults]
  for (const event of state.events) yield [index, 'event', event]
  if (state.sentBelow > 0) yield [index, 'sent', state.sentBelow]
  for (const [client, counter] of state.received) yield [index, 'received', client, counter]
}

/** A store that forgets at the end: for the test bench. */
export function memoryStore(): StateStore {
  const states = new Map<number, MeterState>()
  const of = (index: number): MeterState => {
    let state = states.get(index)
    if (!state) {
      state = emptyState()
      states.set(index, state)
    }
    return state
  }
  return { of, has: (index) => states.has(index), record: (change) => apply(of(change[0]), change), close() {} }
}

/**
 * A store in a folder: `state.jsonl` grows by a line a change and is rewritten at each start and when it has grown long. Lines are handed to the system at
 * once, so a killed process loses nothing; they are synced to disk every `syncMs`, so a power cut may lose that much.
 *
 * @throws Error when a line but the last is no change
 */
export function openStateStore(folder: string, syncMs = 2000): StateStore {
  const path = join(folder, 'state.jsonl')
  const memory = memoryStore()
  const known = new Set<number>()
  if (existsSync(path)) {
    const text = readFileSync(path, 'utf8')
    // A last line without its end is what a crash left of it.
    for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
      if (line === '') continue
      const change = JSON.parse(line) as Change
      known.add(change[0])
      memory.record(change)
    }
  }
  let file = 0
  let octets = 0
  let rewriteAt = 0
  const write = (changes: Iterable<Change>): void => {
    let text = ''
    for (const change of changes) text += `${JSON.stringify(change)}\n`
    if (text !== '') octets += writeSync(file, text)
  }
  const rewrite = (): void => {
    if (file !== 0) closeSync(file)
    file = openSync(`${path}.new`, 'w', 0o600)
    octets = 0
    for (const index of known) write(changesOf(index, memory.of(index)))
    fsyncSync(file)
    renameSync(`${path}.new`, path)
    rewriteAt = MOST_GROWTH_OCTETS + 2 * octets
  }
  rewrite()
  let dirty = false
  const timer = setInterval(() => {
    if (!dirty) return
    dirty = false
    fsync(file, () => {})
  }, syncMs)
  timer.unref()
  return {
    of: memory.of,
    has: memory.has,
    record(change) {
      known.add(change[0])
      memory.record(change)
      write([change])
      dirty = true
      if (octets > rewriteAt) rewrite()
    },
    close() {
      clearInterval(timer)
      fsyncSync(file)
      closeSync(file)
    },
  }
}
