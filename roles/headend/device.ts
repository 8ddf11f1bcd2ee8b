import type { ObisCode } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'

/** Where a device is in its life here. Quarantined devices are neither read nor commanded. */
export type DeviceState = 'registered' | 'active' | 'unreachable' | 'quarantined'

/** Client addresses a meter knows. */
export interface DeviceClients {
  readonly public: number
  readonly management: number
  /** Object that tells the last invocation counter the meter took from the management client. */
  readonly invocationCounter: ObisCode
}

/** What a shipment says of a device, without its keys. */
export interface Device {
  /** Serial number on the name plate. */
  readonly meterId: string
  /** 16 hex digits, lower case. */
  readonly systemTitle: string
  readonly manufacturer: string
  readonly model: string
  readonly firmware: string
  readonly logicalDeviceName: string
  /** Zone of its clock, for date-times without deviation. */
  readonly zone: string
  readonly host: string
  readonly port: number
  /** Devices of one cell share a link and therefore permits. */
  readonly cell: string
  readonly server: number
  readonly clients: DeviceClients
  readonly usagePointId: string | null
  /** Nothing before this is read. */
  readonly readFrom: Instant | null
}

/** One captured object of a profile, as the meter lists it. */
export interface CaptureColumn {
  readonly classId: number
  readonly obis: ObisCode
  readonly attribute: number
  readonly dataIndex: number
  /** Of registers; 0 and 255 (no unit) for others. */
  readonly scaler: number
  readonly unit: number
}

/** What a profile's rows hold; a new version begins whenever the meter's list or period changes. */
export interface CaptureList {
  readonly profile: ObisCode
  /** From 1. */
  readonly version: number
  readonly periodMs: number
  readonly columns: readonly CaptureColumn[]
  /** When the head-end first saw it. */
  readonly since: Instant
}

/** How far a profile is stored. */
export interface ReadState {
  /** Newest stamp stored. */
  readonly at: Instant
  /** Rows stored that carry exactly this stamp (event logs may hold several). */
  readonly count: number
  /** Register values at `at`, sealed with the head-end's own key; empty where there are none. */
  readonly seam: string
}

/** What the head-end knows of a device besides its shipment. */
export interface DeviceStatus {
  state: DeviceState
  /** In a word: `systemTitle`, `address`, `identity` for quarantine, else the outcome of the last session if it failed. */
  stateReason: string
  importedAt: Instant
  lastContact: Instant | null
  /** Meter's clock minus ours. */
  clockOffsetMs: number | null
  /** Failed sessions since the last good one. */
  failures: number
  /** Meter time of the newest register reading stored. */
  readAt: Instant
  readonly captures: Map<ObisCode, CaptureList>
  readonly reads: Map<ObisCode, ReadState>
}

/** A device and its status. */
export interface DeviceEntry {
  device: Device
  readonly status: DeviceStatus
}

/**
 * How a batch of log entries moves the head-end's state: written beside the entries, applied when they are durable, applied again
 * from the log after a crash. So the log and the state never disagree, and nothing is stored twice.
 */
export interface StateNote {
  readonly meterId: string
  readonly reads?: Readonly<Record<string, ReadState>>
  readonly captures?: readonly CaptureList[]
  readonly readAt?: Instant
  readonly quarantine?: string
}
