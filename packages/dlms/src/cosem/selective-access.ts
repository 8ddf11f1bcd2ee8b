import { type ObisCode, obisToBytes } from '@gridtally/metering'
import { DecodeError } from '@gridtally/wire'
import { axdr, type DlmsData } from '../axdr/data.ts'
import { type CosemDateTime, encodeDateTime } from '../axdr/date-time.ts'
import { decodeData } from '../axdr/decode.ts'
import { encodeData } from '../axdr/encode.ts'
import type { SelectiveAccess } from '../xdlms/apdu.ts'
import { captureObject } from './classes.ts'
import { array, dateTime, toObis, type ValueOf } from './data-type.ts'

/** An attribute, or element `dataIndex` of it, that a profile captures. */
export type CaptureObject = ValueOf<typeof captureObject>

/** The clock's time, by which most profiles are sorted. */
export const CLOCK_TIME: CaptureObject = {
  classId: 8,
  logicalName: toObis('0.0.1.0.0.255'),
  attributeId: 2,
  dataIndex: 0,
}

/** Which rows of a profile: by the value of one column, both ends included, and which columns. */
export interface RangeSelection {
  readonly kind: 'range'
  readonly restricting: CaptureObject
  readonly from: CosemDateTime
  readonly to: CosemDateTime
  /** Empty is all columns. */
  readonly columns: readonly CaptureObject[]
}

/** Which rows and columns of a profile: by position from 1, both ends included; 0 as an end is the last. */
export interface EntrySelection {
  readonly kind: 'entry'
  readonly fromEntry: number
  readonly toEntry: number
  readonly fromColumn: number
  readonly toColumn: number
}

/** Part of a profile asked for. */
export type ProfileSelection = RangeSelection | EntrySelection

function captureData(object: CaptureObject): DlmsData {
  return axdr.structure([
    axdr.longUnsigned(object.classId),
    axdr.octetString(obisToBytes(object.logicalName)),
    axdr.integer(object.attributeId),
    axdr.longUnsigned(object.dataIndex),
  ])
}

/** Encodes a selection for ProfileGeneric `buffer` (IEC 62056-6-2, selectors 1 and 2). */
export function encodeSelection(selection: ProfileSelection): SelectiveAccess {
  const parameters =
    selection.kind === 'range'
      ? [
          captureData(selection.restricting),
          axdr.octetString(encodeDateTime(selection.from)),
          axdr.octetString(encodeDateTime(selection.to)),
          axdr.array(selection.columns.map(captureData)),
        ]
      : [
          axdr.doubleLongUnsigned(selection.fromEntry),
          axdr.doubleLongUnsigned(selection.toEntry),
          axdr.longUnsigned(selection.fromColumn),
          axdr.longUnsigned(selection.toColumn),
        ]
  return { selector: selection.kind === 'range' ? 1 : 2, parameters: encodeData(axdr.structure(parameters)) }
}

const captureList = array(captureObject)

/** Reads what {@link encodeSelection} writes. Throws DecodeError `UNSUPPORTED` for other selectors. */
export function decodeSelection(access: SelectiveAccess): ProfileSelection {
  const data = decodeData(access.parameters, { trailing: true })
  if (data.type !== 'structure' || data.value.length !== 4)
    throw new DecodeError('INVALID', 0, 'selective access of a profile has four parameters')
  const [a, b, c, d] = data.value
  if (access.selector === 1)
    return {
      kind: 'range',
      restricting: captureObject.decode(a),
      from: dateTime.decode(b),
      to: dateTime.decode(c),
      columns: captureList.decode(d),
    }
  if (access.selector !== 2) throw new DecodeError('UNSUPPORTED', 0, `selector ${access.selector}`)
  const [fromEntry, toEntry, fromColumn, toColumn] = [a, b, c, d].map((field) => {
    if (typeof field.value !== 'number') throw new DecodeError('INVALID', 0, `${field.type} as a position`)
    return field.value
  })
  return { kind: 'entry', fromEntry, toEntry, fromColumn, toColumn }
}

/** Position of a captured object in a list; −1 when it is not there. */
export function findColumn(columns: readonly CaptureObject[], wanted: CaptureObject): number {
  return columns.findIndex(
    (column) =>
      column.classId === wanted.classId &&
      column.logicalName === wanted.logicalName &&
      column.attributeId === wanted.attributeId &&
      column.dataIndex === wanted.dataIndex,
  )
}

/** Shorthand for a captured object. */
export function capture(classId: number, code: ObisCode | string, attributeId = 2, dataIndex = 0): CaptureObject {
  return { classId, logicalName: toObis(code), attributeId, dataIndex }
}
