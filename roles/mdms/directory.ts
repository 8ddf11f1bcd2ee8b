import type { UsagePoint } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import { type Channel, type KnownAssignment, keyText, type OwnerKind } from './channel.ts'

/**
 * Usage points, assignments and channels, held in memory because every delivery and every question needs them. Some 200
 * octets each; the store changes it only after a commit.
 */
export class Directory {
  readonly usagePoints = new Map<string, UsagePoint>()
  readonly #assignments = new Map<string, KnownAssignment[]>()
  readonly #zoneOfMeter = new Map<string, string>()
  readonly #byKey = new Map<string, Channel>()
  readonly #byOwner = new Map<string, Channel[]>()
  readonly #byId = new Map<number, Channel>()
  /** Counts changes: what was worked out from the directory holds as long as it stays. */
  generation = 0

  putUsagePoint(point: UsagePoint): void {
    this.usagePoints.set(point.id, point)
    for (const { meterId, supersededAt } of this.#assignments.get(point.id) ?? [])
      if (supersededAt === null) this.#zoneOfMeter.set(meterId, point.zone)
    this.generation++
  }

  /** Replaces all assignments of a usage point, superseded ones included. */
  putAssignments(usagePointId: string, assignments: KnownAssignment[]): void {
    this.#assignments.set(usagePointId, assignments)
    const zone = this.usagePoints.get(usagePointId)?.zone
    if (zone !== undefined)
      for (const { meterId, supersededAt } of assignments)
        if (supersededAt === null) this.#zoneOfMeter.set(meterId, zone)
    this.generation++
  }

  /** Meters at a usage point as they are known, or were at `asOf`; ascending by begin. */
  assignments(usagePointId: string, asOf?: Instant): readonly KnownAssignment[] {
    const all = this.#assignments.get(usagePointId) ?? []
    const isKnown = (one: KnownAssignment): boolean =>
      asOf === undefined
        ? one.supersededAt === null
        : one.recordedAt <= asOf && (one.supersededAt === null || one.supersededAt > asOf)
    return all.filter(isKnown).sort((a, b) => a.from - b.from)
  }

  /** Every assignment ever told, superseded ones included. */
  history(usagePointId: string): readonly KnownAssignment[] {
    return this.#assignments.get(usagePointId) ?? []
  }

  /** Zone of the usage point a meter is at. */
  zoneOfMeter(meterId: string): string | undefined {
    return this.#zoneOfMeter.get(meterId)
  }

  addChannel(channel: Channel): void {
    this.#byKey.set(keyText(channel), channel)
    this.#byId.set(channel.id, channel)
    const owner = `${channel.ownerKind} ${channel.ownerId}`
    const siblings = this.#byOwner.get(owner)
    if (siblings) siblings.push(channel)
    else this.#byOwner.set(owner, [channel])
    this.generation++
  }

  channelByKey(key: string): Channel | undefined {
    return this.#byKey.get(key)
  }

  channelById(id: number): Channel | undefined {
    return this.#byId.get(id)
  }

  /** Channels of a meter or usage point, all versions of one name or all names. */
  channelsOf(ownerKind: OwnerKind, ownerId: string, name?: string): readonly Channel[] {
    const all = this.#byOwner.get(`${ownerKind} ${ownerId}`) ?? []
    return name === undefined ? all : all.filter((channel) => channel.name === name)
  }
}
