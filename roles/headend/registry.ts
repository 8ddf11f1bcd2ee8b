import type { ObisCode } from '@gridtally/metering'
import type { Device, DeviceEntry, DeviceStatus, StateNote } from './device.ts'

/** Status of a device nobody has read yet. */
export function newStatus(importedAt: number): DeviceStatus {
  return {
    state: 'registered',
    stateReason: '',
    importedAt,
    lastContact: null,
    clockOffsetMs: null,
    failures: 0,
    readAt: 0,
    captures: new Map(),
    reads: new Map(),
  }
}

/** What changed since the last time the store was told. */
export interface Changes {
  readonly statuses: ReadonlySet<string>
  /** `meterId` and profile of moved read states. */
  readonly reads: ReadonlySet<string>
  readonly captures: ReadonlySet<string>
  readonly appliedSeq: number
}

const SEPARATOR = '\n'

/** Names one profile of one meter. */
export const profileKey = (meterId: string, profile: string): string => meterId + SEPARATOR + profile

/** Undoes {@link profileKey}. */
export function splitProfileKey(key: string): { meterId: string; profile: ObisCode } {
  const at = key.lastIndexOf(SEPARATOR)
  // Keys are made of OBIS codes by profileKey alone.
  return { meterId: key.slice(0, at), profile: key.slice(at + 1) as ObisCode }
}

/** All devices, in memory: sessions ask here and never wait for the database, which follows a moment behind. */
export class Registry {
  readonly #devices = new Map<string, DeviceEntry>()
  readonly #byTitle = new Map<string, string>()
  /** What the log says of devices the database forgot, as a power cut may make it do: theirs again once they are imported anew. */
  readonly #orphans = new Map<string, DeviceStatus>()
  #sorted: string[] | undefined
  #statuses = new Set<string>()
  #reads = new Set<string>()
  #captures = new Set<string>()
  #appliedSeq: number

  /** @param appliedSeq log entry up to which the entries added at the start are up to date */
  constructor(appliedSeq = 0) {
    this.#appliedSeq = appliedSeq
  }

  /** Log entry up to which the state follows from the log. */
  get appliedSeq(): number {
    return this.#appliedSeq
  }

  get size(): number {
    return this.#devices.size
  }

  get(meterId: string): DeviceEntry | undefined {
    return this.#devices.get(meterId)
  }

  /** All devices, in order of arrival. */
  all(): IterableIterator<DeviceEntry> {
    return this.#devices.values()
  }

  /** Meter ids in alphabetical order. */
  sorted(): readonly string[] {
    this.#sorted ??= [...this.#devices.keys()].sort()
    return this.#sorted
  }

  /** The device in service under a system title. */
  byTitle(systemTitle: string): string | undefined {
    return this.#byTitle.get(systemTitle)
  }

  /** Adds a device, or replaces what its shipment says. Its status stays. */
  put(device: Device, status: DeviceStatus): DeviceEntry {
    const known = this.#devices.get(device.meterId)
    if (known) {
      known.device = device
      return known
    }
    const entry = { device, status }
    const orphan = this.#orphans.get(device.meterId)
    if (orphan) this.#adopt(entry, orphan)
    this.#devices.set(device.meterId, entry)
    this.#sorted = undefined
    if (status.state !== 'quarantined') this.#byTitle.set(device.systemTitle, device.meterId)
    return entry
  }

  /** Marks that a device's status was changed, so that it is stored. */
  touch(meterId: string): void {
    this.#statuses.add(meterId)
  }

  /** Takes a device out of service. */
  quarantine(meterId: string, reason: string): void {
    const entry = this.#devices.get(meterId)
    if (!entry || entry.status.state === 'quarantined') return
    entry.status.state = 'quarantined'
    entry.status.stateReason = reason
    if (this.#byTitle.get(entry.device.systemTitle) === meterId) this.#byTitle.delete(entry.device.systemTitle)
    this.touch(meterId)
  }

  /** Takes a device back into service. */
  release(meterId: string): void {
    const entry = this.#devices.get(meterId)
    if (entry?.status.state !== 'quarantined') return
    entry.status.state = 'registered'
    entry.status.stateReason = ''
    this.#byTitle.set(entry.device.systemTitle, meterId)
    this.touch(meterId)
  }

  /** Moves state as a durable log entry says; a function of the log alone, so applying from the log again gives the same. */
  project(note: StateNote, lastSeq: number): void {
    this.#appliedSeq = Math.max(this.#appliedSeq, lastSeq)
    const { meterId } = note
    let status = this.#devices.get(meterId)?.status
    if (!status) {
      status = this.#orphans.get(meterId) ?? newStatus(0)
      this.#orphans.set(meterId, status)
    }
    for (const [profile, state] of Object.entries(note.reads ?? {})) {
      status.reads.set(profile as ObisCode, state)
      this.#reads.add(profileKey(meterId, profile))
    }
    for (const list of note.captures ?? []) {
      status.captures.set(list.profile, list)
      this.#captures.add(profileKey(meterId, list.profile))
    }
    if (note.readAt !== undefined) {
      status.readAt = note.readAt
      this.touch(meterId)
    }
    if (note.quarantine !== undefined) this.quarantine(meterId, note.quarantine)
  }

  #adopt({ device: { meterId }, status }: DeviceEntry, orphan: DeviceStatus): void {
    this.#orphans.delete(meterId)
    status.readAt = orphan.readAt
    this.touch(meterId)
    for (const [profile, state] of orphan.reads) {
      status.reads.set(profile, state)
      this.#reads.add(profileKey(meterId, profile))
    }
    for (const [profile, list] of orphan.captures) {
      status.captures.set(profile, list)
      this.#captures.add(profileKey(meterId, profile))
    }
  }

  /** Whether the store has something to be told. */
  get changed(): boolean {
    return this.#statuses.size + this.#reads.size + this.#captures.size > 0
  }

  /** Hands over what changed; the caller stores it or gives it back. */
  takeChanges(): Changes {
    const changes = {
      statuses: this.#statuses,
      reads: this.#reads,
      captures: this.#captures,
      appliedSeq: this.#appliedSeq,
    }
    this.#statuses = new Set()
    this.#reads = new Set()
    this.#captures = new Set()
    return changes
  }

  /** Takes changes back that could not be stored. */
  giveBack(changes: Changes): void {
    for (const id of changes.statuses) this.#statuses.add(id)
    for (const key of changes.reads) this.#reads.add(key)
    for (const key of changes.captures) this.#captures.add(key)
  }
}
