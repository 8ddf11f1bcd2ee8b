import { ByteReader, DecodeError } from '@gridtally/wire'
import { axdr, type DlmsData } from '../axdr/data.ts'
import { type CosemDateTime, readDateTime } from '../axdr/date-time.ts'
import { MAX_DEPTH, MAX_ELEMENTS, readData } from '../axdr/decode.ts'
import { decodeLength } from '../axdr/length.ts'
import { describedEnd, describesAttribute } from '../explain/descriptor.ts'

/** A DataNotification with its body decoded (IEC 62056-5-3, Data-Notification). */
export interface PushedData {
  /** 32 bits: 0–23 invoke id, then flags. */
  readonly longInvokeId: number
  /** `null` when the meter left the time out. */
  readonly time: CosemDateTime | null
  readonly body: DlmsData
  /**
   * Whether the body held attribute descriptors without tags, which is no A-XDR. They stand in `body` as structures of
   * long-unsigned, octet-string and integer.
   */
  readonly descriptors: boolean
}

/**
 * Decodes a DataNotification in clear, as meters really send it: the time may be missing, have length 0 or bear a tag; the
 * body may be A-XDR or Sagemcom's near relation of it. Octets after the body are let pass.
 *
 * @throws DecodeError
 */
export function decodeNotification(apdu: Uint8Array): PushedData {
  const reader = new ByteReader(apdu)
  const tag = reader.uint8()
  if (tag !== 0x0f) throw new DecodeError('UNSUPPORTED', 0, 'no DataNotification')
  const longInvokeId = reader.uint32()
  const mark = reader.peek()
  if ((mark === 0x09 || mark === 0x19) && reader.peek(1) === 12) reader.skip(1)
  const timeAt = reader.offset
  const octets = reader.take(decodeLength(reader))
  if (octets.length !== 0 && octets.length !== 12)
    throw new DecodeError('INVALID', timeAt, `a time of ${octets.length} octets`)
  const time = octets.length === 12 ? readDateTime(new ByteReader(octets)) : null
  const bodyAt = reader.offset
  const standard = attempt(() => readData(reader))
  if (standard.data && reader.remaining === 0) return { longInvokeId, time, body: standard.data, descriptors: false }
  const end = describedEnd(apdu, bodyAt, apdu.length)
  if (end !== undefined && (!standard.data || end > reader.offset)) {
    const body = readElement(new ByteReader(apdu, bodyAt), 0, { left: MAX_ELEMENTS })
    return { longInvokeId, time, body, descriptors: true }
  }
  // When neither reading works, the standard's is the one to complain about.
  if (!standard.data) throw standard.error
  return { longInvokeId, time, body: standard.data, descriptors: false }
}

function attempt(read: () => DlmsData): { data: DlmsData } | { data?: undefined; error: DecodeError } {
  try {
    return { data: read() }
  } catch (error) {
    if (error instanceof DecodeError) return { error }
    throw error
  }
}

function readElement(reader: ByteReader, depth: number, budget: { left: number }): DlmsData {
  const tag = reader.peek()
  if (tag !== 1 && tag !== 2) return readData(reader)
  const at = reader.offset
  reader.skip(1)
  const count = decodeLength(reader)
  budget.left -= count
  if (depth >= MAX_DEPTH || budget.left < 0) throw new DecodeError('LIMIT', at, 'too deep or too many values')
  if (count > reader.remaining) throw new DecodeError('TRUNCATED', reader.offset, `${count} elements`)
  const value: DlmsData[] = []
  if (tag === 2 && count === 2 && describesAttribute(reader))
    value.push(
      axdr.structure([
        axdr.longUnsigned(reader.uint16()),
        axdr.octetString(reader.take(6).slice()),
        axdr.integer(reader.int8()),
      ]),
    )
  while (value.length < count) value.push(readElement(reader, depth + 1, budget))
  return tag === 1 ? axdr.array(value) : axdr.structure(value)
}
