import { hkdfSync, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** FLAG id the fleet's system titles begin with. */
export const MANUFACTURER = 'GTS'

/** Keys of one meter. Only the shipment and the meter's own association see them. */
export interface MeterKeys {
  /** Global unicast encryption key, 16 octets. */
  readonly guekKey: Uint8Array
  /** Global authentication key, 16 octets. */
  readonly gakKey: Uint8Array
  /** Password of the reading client, 16 printable octets. */
  readonly llsPassword: Uint8Array
}

/** Who the meters of a fleet are. */
export interface FleetIdentity {
  serial(index: number): string
  /** 8 octets: FLAG id, two octets of this fleet, the meter's number. */
  systemTitle(index: number): Uint8Array
  keys(index: number): MeterKeys
}

const SECRET_OCTETS = 32

/**
 * The identity of the fleet in a folder. A random secret (`fleet-secret`, mode 0600) is made at first start; system titles and
 * keys are derived from it with HKDF-SHA-256, one label each. The fleet's seed has no part in it: two fleets of one seed have
 * the same energy and no key in common.
 *
 * @throws Error when the secret has not 32 octets
 */
export function openFleetIdentity(folder: string, firstSerial: number): FleetIdentity {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'fleet-secret')
  if (!existsSync(path)) writeFileSync(path, randomBytes(SECRET_OCTETS), { mode: 0o600, flag: 'wx' })
  const secret = readFileSync(path)
  if (secret.length !== SECRET_OCTETS)
    throw new Error(`${path} must hold ${SECRET_OCTETS} octets, not ${secret.length}`)
  const derive = (label: string, octets: number): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, 'gridtally-simulator', label, octets))
  const fleet = derive('fleet-id', 2)
  const number = (index: number): number => firstSerial + index - 1
  return {
    serial: (index) => `${MANUFACTURER}${String(number(index)).padStart(8, '0')}`,
    systemTitle(index) {
      const title = Buffer.alloc(8)
      title.write(MANUFACTURER, 'latin1')
      fleet.copy(title, 3)
      title.writeUIntBE(number(index) & 0xff_ffff, 5, 3)
      return new Uint8Array(title)
    },
    keys: (index) => ({
      guekKey: new Uint8Array(derive(`guek ${index}`, 16)),
      gakKey: new Uint8Array(derive(`gak ${index}`, 16)),
      llsPassword: new TextEncoder().encode(derive(`lls ${index}`, 12).toString('base64url')),
    }),
  }
}
