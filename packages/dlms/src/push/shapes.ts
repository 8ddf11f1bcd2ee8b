import { type ObisCode, obisCode, obisToBytes } from '@gridtally/metering'
import { ByteWriter } from '@gridtally/wire'
import { axdr, type DlmsData } from '../axdr/data.ts'
import { type CosemDateTime, encodeDateTime } from '../axdr/date-time.ts'
import { encodeData } from '../axdr/encode.ts'

/**
 * Bodies as the makers of meters shape them, with made-up values: what tests, the simulator and the bench push.
 * Arrangements are public knowledge; no octet here comes from a real meter.
 */
export const name = (obis: string): DlmsData => axdr.octetString(obisToBytes(obisCode(obis)))

/** `{ scaler, unit }` */
export const scalerUnit = (scaler: number, unit: number): DlmsData =>
  axdr.structure([axdr.integer(scaler), axdr.enum(unit)])

/** One quantity of a made-up meter. */
export interface Sample {
  readonly obis: string
  readonly value: number
  readonly scaler: number
  readonly unit: number
}

/** Structures of name, value and scaler with unit (Aidon). */
export function namedStructures(samples: readonly Sample[]): DlmsData {
  return axdr.array(
    samples.map(({ obis, value, scaler, unit }) =>
      axdr.structure([name(obis), axdr.doubleLongUnsigned(value), scalerUnit(scaler, unit)]),
    ),
  )
}

/** One flat structure: clock, then name, value, scaler with unit, over and over, a serial number last (Lower Austria). */
export function flatWithUnits(clock: CosemDateTime, samples: readonly Sample[], serial: string): DlmsData {
  return axdr.structure([
    axdr.octetString(encodeDateTime(clock)),
    ...samples.flatMap(({ obis, value, scaler, unit }) => [
      name(obis),
      axdr.doubleLongUnsigned(value),
      scalerUnit(scaler, unit),
    ]),
    axdr.octetString(new TextEncoder().encode(serial)),
  ])
}

/** List name, then name and value in turn, no units (Kamstrup). */
export function namedValues(listId: string, samples: readonly Sample[]): DlmsData {
  return axdr.structure([
    axdr.visibleString(listId),
    ...samples.flatMap(({ obis, value }) => [name(obis), axdr.doubleLongUnsigned(value)]),
  ])
}

/** The push object list in front, then a value for each of its entries (Energomera, Landis+Gyr). `own` puts the list itself first in it. */
export function behindPushList(samples: readonly Sample[], own: boolean): DlmsData {
  const entry = (classId: number, obis: string): DlmsData =>
    axdr.structure([axdr.longUnsigned(classId), name(obis), axdr.integer(2), axdr.longUnsigned(0)])
  return axdr.structure([
    axdr.array([...(own ? [entry(40, '0.0.25.9.0.255')] : []), ...samples.map(({ obis }) => entry(3, obis))]),
    ...samples.map(({ value }) => axdr.doubleLongUnsigned(value)),
  ])
}

/** Class, name and attribute with tags, each with its value. */
export function describedValues(samples: readonly Sample[]): DlmsData {
  return axdr.array(
    samples.map(({ obis, value }) =>
      axdr.structure([axdr.longUnsigned(3), name(obis), axdr.integer(2), axdr.doubleLongUnsigned(value)]),
    ),
  )
}

/** Octets of a body whose attribute descriptors have no tags (Sagemcom): no A-XDR, so they are written by hand. */
export function untaggedDescriptors(samples: readonly Sample[]): Uint8Array {
  const writer = new ByteWriter().uint8(2).uint8(2).uint8(22).uint8(1).uint8(1).uint8(samples.length)
  for (const { obis, value } of samples)
    writer
      .uint8(2)
      .uint8(2)
      .uint16(3)
      .bytes(obisToBytes(obisCode(obis) as ObisCode))
      .uint8(2)
      .bytes(encodeData(axdr.doubleLongUnsigned(value)))
  return writer.finish()
}

/** How the time of a notification is written: with its length, with the tag of an octet-string before it, or not at all. */
export type TimeForm = 'plain' | 'tagged' | 'absent'

/** The octets of a DataNotification. */
export function notification(
  body: DlmsData | Uint8Array,
  time: CosemDateTime | null = null,
  form: TimeForm = time ? 'plain' : 'absent',
): Uint8Array {
  const writer = new ByteWriter(256).uint8(0x0f).uint32(0x40000001)
  if (form === 'tagged') writer.uint8(0x09)
  if (time && form !== 'absent') writer.uint8(12).bytes(encodeDateTime(time))
  else writer.uint8(0)
  return writer.bytes(body instanceof Uint8Array ? body : encodeData(body)).finish()
}
