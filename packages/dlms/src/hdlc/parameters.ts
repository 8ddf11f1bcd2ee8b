import { ByteReader, ByteWriter, DecodeError } from '@gridtally/wire'

/** Link parameters as SNRM proposes and UA grants them (IEC 62056-46 §6.4.4.4.3), from their sender's view. */
export interface HdlcParameters {
  /** Longest information field the sender will send, octets. */
  readonly maxInformationTransmit: number
  /** Longest information field the sender can take, octets. */
  readonly maxInformationReceive: number
  /** Frames the sender sends before it waits, 1 to 7. */
  readonly windowTransmit: number
  /** Frames the sender takes before it answers, 1 to 7. */
  readonly windowReceive: number
}

/** What holds when nothing is negotiated. */
export const DEFAULT_HDLC_PARAMETERS: HdlcParameters = {
  maxInformationTransmit: 128,
  maxInformationReceive: 128,
  windowTransmit: 1,
  windowReceive: 1,
}

/** Largest information field meters are known to grant. */
const MAX_INFORMATION = 2030

const FIELDS = [
  [5, 'maxInformationTransmit'],
  [6, 'maxInformationReceive'],
  [7, 'windowTransmit'],
  [8, 'windowReceive'],
] as const

/** Information field of SNRM or UA. Lengths take one octet where they fit, windows four, as the standard's example has it. */
export function encodeParameters(parameters: HdlcParameters): Uint8Array {
  const body = new ByteWriter(24)
  for (const [id, name] of FIELDS) {
    const value = parameters[name]
    const octets = id >= 7 ? 4 : value > 0xff ? 2 : 1
    body.uint8(id).uint8(octets).uint(value, octets)
  }
  return new ByteWriter(27).uint8(0x81).uint8(0x80).uint8(body.length).bytes(body.finish()).finish()
}

/**
 * Reads the information field of SNRM or UA. Values may have 1 to 4 octets each, in any order; those left out, and an
 * empty field, are defaults; parameters HDLC does not know are skipped.
 *
 * @throws DecodeError
 */
export function decodeParameters(information: Uint8Array): HdlcParameters {
  const found: Record<(typeof FIELDS)[number][1], number> = { ...DEFAULT_HDLC_PARAMETERS }
  if (information.length === 0) return found
  const reader = new ByteReader(information)
  if (reader.uint8() !== 0x81) throw new DecodeError('INVALID', 0, 'no format identifier 81')
  if (reader.uint8() !== 0x80) throw new DecodeError('INVALID', 1, 'no group identifier 80')
  const group = reader.slice(reader.uint8())
  while (group.remaining > 0) {
    const id = group.uint8()
    const at = group.offset
    const octets = group.uint8()
    const field = FIELDS.find(([known]) => known === id)
    if (!field || octets === 0) {
      group.skip(octets)
      continue
    }
    if (octets > 4) throw new DecodeError('INVALID', at, `parameter ${id} of ${octets} octets`)
    const limit = id >= 7 ? 7 : MAX_INFORMATION
    found[field[1]] = Math.max(1, Math.min(group.uint(octets), limit))
  }
  return found
}

/** The common ground of a side's own wishes and what its peer said: what the side itself may send and must take. */
export function agree(own: HdlcParameters, peer: HdlcParameters): HdlcParameters {
  return {
    maxInformationTransmit: Math.min(own.maxInformationTransmit, peer.maxInformationReceive),
    maxInformationReceive: Math.min(own.maxInformationReceive, peer.maxInformationTransmit),
    windowTransmit: Math.min(own.windowTransmit, peer.windowReceive),
    windowReceive: Math.min(own.windowReceive, peer.windowTransmit),
  }
}
