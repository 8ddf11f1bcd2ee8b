import { CLOCK_STATUS, type CosemDateTime, dateTimeOf, encodeDateTime } from '@gridtally/dlms'
import { zoneOffsetMs } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import { type ProfileRow, standardOffset } from './meter.ts'
import type { MeterKind } from './meter-kind.ts'
import type { StoredEvent } from './state.ts'

const STRUCTURE = 2
const OCTET_STRING = 9
const UNSIGNED = 17
const DOUBLE_LONG_UNSIGNED = 6
const DATE_TIME_OCTETS = 12

/** A meter's way to write an instant: local time with its deviation and the daylight-saving flag, or UTC. */
export function stampOf(at: Instant, stamps: MeterKind['stamps'], zone: string): CosemDateTime {
  if (stamps === 'utc') return dateTimeOf(at, 0, 0)
  const offset = zoneOffsetMs(at, zone)
  return dateTimeOf(at, offset / 60_000, offset > standardOffset(at, zone) ? CLOCK_STATUS.DAYLIGHT_SAVING : 0)
}

function writeStamp(octets: Uint8Array, offset: number, at: Instant, kind: MeterKind, zone: string): number {
  octets[offset] = OCTET_STRING
  octets[offset + 1] = DATE_TIME_OCTETS
  octets.set(encodeDateTime(stampOf(at, kind.stamps, zone)), offset + 2)
  return offset + 2 + DATE_TIME_OCTETS
}

const CELL_OCTETS = { clock: 2 + DATE_TIME_OCTETS, status: 2, import: 5, export: 5 } as const

/** A row of the load or billing profile in A-XDR octets, cells in the order of the meter's columns. */
export function encodeRow(row: ProfileRow, kind: MeterKind, zone: string): Uint8Array {
  let size = 2
  for (const column of kind.columns) size += CELL_OCTETS[column]
  const octets = new Uint8Array(size)
  octets[0] = STRUCTURE
  octets[1] = kind.columns.length
  let at = 2
  for (const column of kind.columns) {
    if (column === 'clock') {
      at = writeStamp(octets, at, row.stamp, kind, zone)
      continue
    }
    if (column === 'status') {
      octets[at++] = UNSIGNED
      octets[at++] = row.status
      continue
    }
    const value = column === 'import' ? row.importWh : row.exportWh
    octets[at++] = DOUBLE_LONG_UNSIGNED
    octets[at++] = value >>> 24
    octets[at++] = value >>> 16
    octets[at++] = value >>> 8
    octets[at++] = value
  }
  return octets
}

/** A row of the event log: when and what. */
export function encodeEvent(event: StoredEvent, kind: MeterKind, zone: string): Uint8Array {
  const octets = new Uint8Array(2 + CELL_OCTETS.clock + 2)
  octets[0] = STRUCTURE
  octets[1] = 2
  const at = writeStamp(octets, 2, event.at, kind, zone)
  octets[at] = UNSIGNED
  octets[at + 1] = event.code
  return octets
}
