import { formatInstant } from '@gridtally/metering'
import { type Instant, toHex } from '@gridtally/wire'
import type { SimulatorConfig } from './config.ts'
import type { Fleet } from './fleet.ts'
import { MANUFACTURER } from './identity.ts'

/** The shipment file, see docs/shipment-file.md. Holds keys in clear. */
export interface Shipment {
  readonly format: 'gridtally-shipment-1'
  readonly manufacturer: string
  readonly createdAt: string
  readonly devices: readonly ShippedDevice[]
}

/** One device of a shipment. */
export interface ShippedDevice {
  readonly serial: string
  readonly systemTitle: string
  readonly model: string
  readonly firmware: string
  readonly logicalDeviceName: string
  readonly zone: string
  readonly address: { readonly transport: 'wrapper'; readonly host: string; readonly port: number }
  readonly server: number
  readonly clients: typeof CLIENTS
  readonly keys: { readonly guek: string; readonly gak: string; readonly lls: string }
  readonly usagePointId?: string
  readonly readFrom?: string
}

/** Client addresses (wPorts) every meter knows, and how each proves itself. */
export const CLIENTS = {
  public: { id: 16, authentication: 'none' },
  management: { id: 1, authentication: 'hls-gmac', securitySuite: 0, invocationCounter: '0.0.43.1.0.255' },
  reader: { id: 2, authentication: 'lls' },
} as const

/** Address (wPort) of the management logical device. */
export const SERVER = 1

/** What `0.0.42.0.0.255` answers: FLAG id and the rest of the system title. */
export function logicalDeviceName(systemTitle: Uint8Array): string {
  return MANUFACTURER + toHex(systemTitle.subarray(3))
}

/** The shipment of devices `first` to `last` of a fleet; all of them unless told. `readFrom`: what the meters hold of the time before is known already. The clone is shipped as a device that nobody has installed. */
export function makeShipment(
  fleet: Fleet,
  config: SimulatorConfig,
  now: Instant,
  { first = 1, last = fleet.size, readFrom }: { first?: number; last?: number; readFrom?: Instant } = {},
): Shipment {
  const devices: ShippedDevice[] = []
  for (let index = first; index <= Math.min(last, fleet.size); index++) {
    const { serial, systemTitle, kind, port, usagePointId } = fleet.device(index)
    const keys = fleet.keys(index)
    devices.push({
      serial,
      systemTitle: toHex(systemTitle),
      model: kind.model,
      firmware: kind.firmware,
      logicalDeviceName: logicalDeviceName(systemTitle),
      zone: config.zone,
      address: { transport: 'wrapper', host: config.meterHost, port },
      server: SERVER,
      clients: CLIENTS,
      keys: { guek: toHex(keys.guekKey), gak: toHex(keys.gakKey), lls: toHex(keys.llsPassword) },
      ...(index <= config.meters ? { usagePointId } : {}),
      ...(readFrom === undefined ? {} : { readFrom: formatInstant(readFrom) }),
    })
  }
  return { format: 'gridtally-shipment-1', manufacturer: MANUFACTURER, createdAt: formatInstant(now), devices }
}
