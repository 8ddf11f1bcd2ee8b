import {
  axdr,
  type CaptureObject,
  CLOCK_TIME,
  Clock,
  capture,
  Data,
  type DlmsData,
  instantOf,
  Register,
  type RowSelection,
  SapAssignment,
  SecuritySetup,
  type ServedObject,
  type ServerModel,
  serverModel,
  serving,
} from '@gridtally/dlms'
import { wallToInstant } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { SimulatedMeter } from './meter.ts'
import { standardOffset } from './meter.ts'
import type { MeterKind, ProfileColumnName } from './meter-kind.ts'
import { encodeEvent, encodeRow, stampOf } from './row-octets.ts'
import { CLIENTS, logicalDeviceName, SERVER } from './shipment.ts'

/** A meter as its server sees it: the meter itself, and the counters and secret its associations use. */
export interface ServedMeter {
  readonly meter: SimulatedMeter
  readonly llsPassword: Uint8Array
  /** Highest invocation counter of the management client, −1 before the first. */
  lastCounter(): number
}

/** Logical names beyond the energy registers. */
const NAME = {
  device: '0.0.42.0.0.255',
  clock: '0.0.1.0.0.255',
  counter: '0.0.43.1.0.255',
  readerCounter: '0.0.43.1.1.255',
  securitySetup: '0.0.43.0.0.255',
  saps: '0.0.41.0.0.255',
  serial: '0.0.96.1.0.255',
  firmware: '1.0.0.2.0.255',
  status: '0.0.96.10.1.255',
  eventCode: '0.0.96.11.0.255',
  eventLog: '0.0.99.98.0.255',
  loadProfile: '1.0.99.1.0.255',
  dailyProfile: '1.0.99.2.0.255',
  import: '1.0.1.8.0.255',
  export: '1.0.2.8.0.255',
  importPower: '1.0.1.7.0.255',
  exportPower: '1.0.2.7.0.255',
  voltage: '1.0.32.7.0.255',
} as const

const UNIT = { watt: 27, wattHours: 30, volt: 35 } as const

const COLUMNS: Readonly<Record<ProfileColumnName, CaptureObject>> = {
  clock: CLOCK_TIME,
  status: capture(1, NAME.status),
  import: capture(3, NAME.import),
  export: capture(3, NAME.export),
}

/** What the public client may read: enough to recognise a device and to begin with the right counter. */
const PUBLIC: ReadonlySet<string> = new Set([
  NAME.device,
  NAME.clock,
  NAME.counter,
  NAME.readerCounter,
  '0.0.40.0.0.255',
])

type Object = ServedObject<ServedMeter>

const { serve, serveProfile } = serving<ServedMeter>()

const text = (words: string): DlmsData => axdr.octetString(new TextEncoder().encode(words))

const data = (name: string, value: (served: ServedMeter) => DlmsData): Object => serve(Data, name, { read: { value } })

const register = (name: string, unit: number, value: (meter: SimulatedMeter) => DlmsData, scaler = 0): Object =>
  serve(Register, name, {
    read: { value: ({ meter }) => value(meter), scalerUnit: { scaler, unit } },
  })

function clock(kind: MeterKind): Object {
  return serve(Clock, NAME.clock, {
    read: {
      time: ({ meter }) => stampOf(meter.time(), kind.stamps, meter.zone),
      timeZone: ({ meter }) => -standardOffset(meter.time(), meter.zone) / 60_000 || 0,
      status: ({ meter }) => stampOf(meter.time(), kind.stamps, meter.zone).clockStatus ?? 0,
      daylightSavingsDeviation: 60,
      daylightSavingsEnabled: kind.stamps === 'local',
      clockBase: 1,
    },
    write: {
      time({ meter }, value) {
        const time = instantOf(value, (wall) => wallToInstant(wall, meter.zone))
        if (time === null) return 'type-unmatched'
        meter.setTime(time)
        return 'success'
      },
    },
    call: {
      shiftTime({ meter }, seconds) {
        if (Math.abs(seconds) > 900) return 'other-reason'
        meter.setTime(meter.time() + seconds * 1000)
        return 'success'
      },
    },
  })
}

/** Rows of a selection, from a source that finds them by time. */
function select<T>(selection: RowSelection, find: (from: Instant, to: Instant) => T[]): T[] {
  if (selection.kind === 'range') return find(selection.from ?? 0, selection.to ?? Number.MAX_SAFE_INTEGER)
  const all = find(0, Number.MAX_SAFE_INTEGER)
  if (selection.kind === 'all') return all
  return all.slice(Math.max(1, selection.from) - 1, selection.to === 0 ? undefined : selection.to)
}

function profiles(kind: MeterKind, capacity: number, days: number): Object[] {
  const captureObjects = kind.columns.map((column) => COLUMNS[column])
  const everything = (rows: readonly unknown[]): number => rows.length
  return [
    serveProfile(NAME.loadProfile, {
      captureObjects,
      capturePeriod: kind.periodMinutes * 60,
      profileEntries: capacity,
      entriesInUse: ({ meter }) => everything(meter.rows(0, Number.MAX_SAFE_INTEGER)),
      rows: ({ meter }, selection) =>
        select(selection, (from, to) => meter.rows(from, to)).map((row) => encodeRow(row, kind, meter.zone)),
    }),
    serveProfile(NAME.dailyProfile, {
      captureObjects,
      capturePeriod: 86_400,
      profileEntries: days,
      entriesInUse: ({ meter }) => everything(meter.dailyRows(0, Number.MAX_SAFE_INTEGER)),
      rows: ({ meter }, selection) =>
        select(selection, (from, to) => meter.dailyRows(from, to)).map((row) => encodeRow(row, kind, meter.zone)),
    }),
    serveProfile(NAME.eventLog, {
      captureObjects: [CLOCK_TIME, capture(1, NAME.eventCode)],
      capturePeriod: 0,
      profileEntries: 500,
      entriesInUse: ({ meter }) => everything(meter.events(0, Number.MAX_SAFE_INTEGER)),
      rows: ({ meter }, selection) =>
        select(selection, (from, to) => meter.events(from, to)).map((event) => encodeEvent(event, kind, meter.zone)),
    }),
  ]
}

/** The COSEM model of a kind of meter: its objects and who may read them. Metrology can be written by nobody. */
export function modelOf(kind: MeterKind, capacity: number, profileDays: number): ServerModel<ServedMeter> {
  const exports = kind.columns.includes('export')
  const objects: Object[] = [
    data(NAME.device, ({ meter }) => text(logicalDeviceName(meter.systemTitle))),
    data(NAME.serial, ({ meter }) => text(meter.serial)),
    data(NAME.firmware, ({ meter }) => text(meter.kind.firmware)),
    data(NAME.counter, (served) => axdr.doubleLongUnsigned(Math.max(0, served.lastCounter()))),
    data(NAME.readerCounter, () => axdr.doubleLongUnsigned(0)),
    data(NAME.status, ({ meter }) => axdr.unsigned(meter.status())),
    data(NAME.eventCode, ({ meter }) => axdr.unsigned(meter.events(0, Number.MAX_SAFE_INTEGER).at(-1)?.code ?? 0)),
    clock(kind),
    register(NAME.import, UNIT.wattHours, (meter) => axdr.doubleLongUnsigned(meter.registers().importWh)),
    register(NAME.importPower, UNIT.watt, (meter) => axdr.doubleLongUnsigned(Math.max(0, meter.powerW()))),
    register(NAME.voltage, UNIT.volt, (meter) => axdr.longUnsigned(meter.voltage()), -1),
    ...profiles(kind, capacity, profileDays),
    serve(SapAssignment, NAME.saps, {
      read: {
        sapAssignmentList: ({ meter }) => [
          { sap: SERVER, logicalDeviceName: new TextEncoder().encode(logicalDeviceName(meter.systemTitle)) },
        ],
      },
    }),
    serve(SecuritySetup, NAME.securitySetup, {
      read: {
        securityPolicy: 3,
        securitySuite: 0,
        clientSystemTitle: new Uint8Array(8),
        serverSystemTitle: ({ meter }) => meter.systemTitle,
      },
    }),
  ]
  if (exports)
    objects.push(
      register(NAME.export, UNIT.wattHours, (meter) => axdr.doubleLongUnsigned(meter.registers().exportWh)),
      register(NAME.exportPower, UNIT.watt, (meter) => axdr.doubleLongUnsigned(Math.max(0, -meter.powerW()))),
    )
  return serverModel<ServedMeter>({
    objects,
    associations: [
      {
        clientSap: CLIENTS.public.id,
        mechanism: 'lowest',
        may: (right, object) => right === 'read' && PUBLIC.has(object.logicalName),
      },
      { clientSap: CLIENTS.management.id, mechanism: 'high-gmac', protection: 'authenticated-encrypted' },
      {
        clientSap: CLIENTS.reader.id,
        mechanism: 'low',
        password: (served) => served.llsPassword,
        may: (right) => right === 'read',
      },
    ],
  })
}
