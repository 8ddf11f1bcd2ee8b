import type { EndDeviceEvent } from '@gridtally/metering'
import type { Clock } from '@gridtally/wire'
import type { KeyVault } from '#platform/key-vault'
import type { Device, DeviceEntry, StateNote } from './device.ts'
import type { EventLog } from './event-log.ts'
import { eventDraft } from './events.ts'
import { newStatus, type Registry } from './registry.ts'
import { parseShipment, type ShippedDevice } from './shipment.ts'
import type { HeadendStore } from './store.ts'

/** What became of one device of a shipment. */
export interface ImportedDevice {
  /** Empty when the file gave no usable one. */
  readonly serial: string
  readonly outcome: 'added' | 'updated' | 'unchanged' | 'quarantined' | 'refused'
  /** For people; empty when all is well. */
  readonly text: string
}

/** What an import needs. */
export interface ImportPorts {
  readonly registry: Registry
  readonly store: Pick<HeadendStore, 'saveDevices'>
  readonly vault: Pick<KeyVault, 'put'>
  readonly log: Pick<EventLog, 'append'>
  readonly clock: Clock
}

interface Plan {
  readonly device: Device
  readonly entry: DeviceEntry
  readonly outcome: ImportedDevice['outcome']
  readonly text: string
  readonly quarantine?: string
  readonly release?: boolean
}

const routeOf = ({ host, port }: Device): string => `${host} ${port}`

/**
 * Takes a shipment into the registry and its keys into the vault. Repeating it changes nothing; a device sent again with another
 * address is moved there.
 *
 * The order makes a crash harmless: keys, then the event of a conflict, then the registry. What is repeated afterwards is the same.
 *
 * @throws Problem `SHIPMENT_INVALID` when the file as a whole cannot be used
 */
export async function importShipment(json: string, ports: ImportPorts): Promise<ImportedDevice[]> {
  const { registry, store, vault, log, clock } = ports
  const shipped = parseShipment(json)
  const now = clock.now()
  const results: ImportedDevice[] = []
  const plans: Plan[] = []
  const keys: Parameters<KeyVault['put']>[0][number][] = []
  const routes = routesOf(shipped)
  const titles = new Map<string, string>()
  const seen = new Set<string>()
  for (const item of shipped) {
    if (!item.ok) {
      results.push({ serial: item.serial, outcome: 'refused', text: item.text })
      continue
    }
    const { device } = item
    const { meterId, systemTitle } = device
    const known = registry.get(meterId)
    if (seen.has(meterId) || (known && known.device.systemTitle !== systemTitle)) {
      const text = seen.has(meterId)
        ? 'the serial is in the file before'
        : 'the serial is registered with another system title'
      results.push({ serial: meterId, outcome: 'refused', text })
      continue
    }
    seen.add(meterId)
    const holder = registry.byTitle(systemTitle) ?? titles.get(systemTitle)
    const neighbour = routes.get(routeOf(device))
    const conflict =
      holder !== undefined && holder !== meterId
        ? { reason: 'systemTitle', text: `its system title belongs to ${holder}` }
        : neighbour !== undefined && neighbour !== meterId
          ? { reason: 'address', text: `its address belongs to ${neighbour}` }
          : undefined
    if (!conflict) titles.set(systemTitle, meterId)
    keys.push(...keysOf(item))
    const plan = planOf(device, known, conflict, now)
    plans.push(plan)
    results.push({ serial: meterId, outcome: plan.outcome, text: plan.text })
  }
  vault.put(keys, now)
  for (const plan of plans) {
    if (plan.quarantine === undefined) continue
    const { meterId } = plan.device
    const event: EndDeviceEvent = {
      meterId,
      at: now,
      type: plan.quarantine === 'systemTitle' ? 'device.cloned' : 'device.addressConflict',
      severity: 'alarm',
      text: `${meterId} was not taken into service: ${plan.text}`,
    }
    const note: StateNote = { meterId, quarantine: plan.quarantine }
    await log.append({ drafts: [eventDraft(event)], note })
  }
  const changed = plans.filter(({ outcome }) => outcome !== 'unchanged')
  const entries = changed.map(({ device, entry, quarantine, release }) => {
    const status = entry.status
    if (quarantine !== undefined) {
      status.state = 'quarantined'
      status.stateReason = quarantine
    }
    if (release) registry.release(device.meterId)
    return { device, status }
  })
  if (entries.length > 0) await store.saveDevices(entries)
  for (const { device, status } of entries) registry.put(device, status)
  return results
}

function planOf(
  device: Device,
  known: DeviceEntry | undefined,
  conflict: { reason: string; text: string } | undefined,
  now: number,
): Plan {
  const entry = known ?? { device, status: newStatus(now) }
  const merged = { ...device, readFrom: device.readFrom ?? known?.device.readFrom ?? null }
  const isQuarantined = known?.status.state === 'quarantined'
  const same = known !== undefined && JSON.stringify(known.device) === JSON.stringify(merged)
  if (conflict) {
    const outcome = 'quarantined'
    // Told once; later imports of the same conflict only show it in their answer.
    if (isQuarantined) return { device: merged, entry, outcome: same ? 'quarantined' : outcome, text: conflict.text }
    return { device: merged, entry, outcome, text: conflict.text, quarantine: conflict.reason }
  }
  // A conflict of addresses ends by itself; one of identity is for people to end.
  const release = isQuarantined && known?.status.stateReason === 'address'
  if (isQuarantined && !release) return { device: merged, entry, outcome: 'quarantined', text: 'in quarantine since' }
  const outcome = !known ? 'added' : same && !release ? 'unchanged' : 'updated'
  return { device: merged, entry, outcome, text: '', ...(release && { release }) }
}

/**
 * Who answers at which address, by this file: of two devices at one address the first stays. Addresses known from earlier files do
 * not count, since a newer file may have moved their holders, and a fleet may be sent in parts.
 */
function routesOf(shipped: readonly ShippedDevice[]): Map<string, string> {
  const routes = new Map<string, string>()
  for (const item of shipped) {
    if (!item.ok) continue
    const route = routeOf(item.device)
    if (!routes.has(route)) routes.set(route, item.device.meterId)
  }
  return routes
}

function keysOf(item: ShippedDevice & { ok: true }): Parameters<KeyVault['put']>[0] {
  const { device, keys } = item
  const owner = device.meterId
  return [
    { owner, purpose: 'dlms-guek', value: keys.guekKey },
    { owner, purpose: 'dlms-gak', value: keys.gakKey },
    ...(keys.llsKey ? [{ owner, purpose: 'dlms-lls' as const, value: keys.llsKey }] : []),
  ]
}
