import { type ByteReader, type ByteWriter, DecodeError } from '@gridtally/wire'

/**
 * An HDLC address of 1, 2 or 4 octets (IEC 62056-46 §6.4.2.2).
 *
 * Clients have one octet, `upper` alone. Servers have one octet (`upper` alone), or `upper` (logical device) and `lower`
 * (physical device): 7 bits each in 2 octets, 14 bits each in 4.
 */
export interface HdlcAddress {
  readonly upper: number
  /** Absent in one-octet addresses. */
  readonly lower?: number
  readonly octets: 1 | 2 | 4
}

/** Address of a client: one octet, 1 to 127. Throws RangeError outside. */
export function clientAddress(id: number): HdlcAddress {
  return { upper: inRange(id, 0x7f, 'client address'), octets: 1 }
}

/**
 * Address of a server. Without `octets` it is as short as its values allow: 1 octet when there is no physical address,
 * 2 when both halves fit 7 bits, else 4.
 */
export function serverAddress(logical: number, physical?: number, octets?: 1 | 2 | 4): HdlcAddress {
  const shortest = physical === undefined && logical < 0x80 ? 1 : logical < 0x80 && (physical ?? 0) < 0x80 ? 2 : 4
  const length = octets ?? shortest
  const limit = length === 4 ? 0x3fff : 0x7f
  inRange(logical, limit, 'logical device address')
  if (length === 1) {
    if (physical !== undefined) throw new RangeError('an address of one octet has no physical half')
    return { upper: logical, octets: 1 }
  }
  return { upper: logical, lower: inRange(physical ?? 0, limit, 'physical device address'), octets: length }
}

function inRange(value: number, limit: number, what: string): number {
  if (!Number.isInteger(value) || value < 0 || value > limit) throw new RangeError(`${what} ${value}, 0 to ${limit}`)
  return value
}

/** Writes an address; the lowest bit of its last octet is set, of the others clear. */
export function encodeAddress(writer: ByteWriter, { upper, lower = 0, octets }: HdlcAddress): void {
  if (octets === 1) writer.uint8((upper << 1) | 1)
  else if (octets === 2) writer.uint8(upper << 1).uint8((lower << 1) | 1)
  else
    writer
      .uint8((upper >> 7) << 1)
      .uint8((upper & 0x7f) << 1)
      .uint8((lower >> 7) << 1)
      .uint8(((lower & 0x7f) << 1) | 1)
}

/** Reads what {@link encodeAddress} writes. Throws DecodeError `INVALID` for 3 octets or more than 4. */
export function decodeAddress(reader: ByteReader): HdlcAddress {
  const at = reader.offset
  const groups: number[] = []
  let octet: number
  do {
    octet = reader.uint8()
    groups.push(octet >> 1)
  } while ((octet & 1) === 0 && groups.length < 4)
  if ((octet & 1) === 0 || groups.length === 3)
    throw new DecodeError('INVALID', at, 'an HDLC address has 1, 2 or 4 octets')
  if (groups.length === 1) return { upper: groups[0], octets: 1 }
  if (groups.length === 2) return { upper: groups[0], lower: groups[1], octets: 2 }
  return { upper: (groups[0] << 7) | groups[1], lower: (groups[2] << 7) | groups[3], octets: 4 }
}

/** Whether both name one station. Halves one side leaves out match anything: some servers shorten their own address. */
export function sameStation(a: HdlcAddress, b: HdlcAddress): boolean {
  return a.upper === b.upper && (a.lower === undefined || b.lower === undefined || a.lower === b.lower)
}

/** `16`, or `1/145` for logical and physical device. */
export function formatAddress({ upper, lower }: HdlcAddress): string {
  return lower === undefined ? String(upper) : `${upper}/${lower}`
}
