import { type ObisCode, obisCode, parseInstant } from '@gridtally/metering'
import { fromHex } from '@gridtally/wire'
import { Problem } from '#platform/problems'
import type { Device } from './device.ts'
import { jsonFault } from './json-fault.ts'

/** Keys of a device as a shipment carries them. Lives only between parsing and the key vault. */
export interface ShippedKeys {
  readonly guekKey: Uint8Array
  readonly gakKey: Uint8Array
  readonly llsKey?: Uint8Array
}

/** One device of a shipment: understood, or refused with the member at fault. */
export type ShippedDevice =
  | { readonly ok: true; readonly device: Device; readonly keys: ShippedKeys }
  | { readonly ok: false; readonly serial: string; readonly where: string; readonly text: string }

/** Devices one file may hold. */
const MOST_DEVICES = 200_000

class Fault extends Error {
  readonly where: string

  constructor(where: string, message: string) {
    super(message)
    this.where = where
  }
}

type Table = Record<string, unknown>

const isTable = (value: unknown): value is Table => typeof value === 'object' && value !== null && !Array.isArray(value)

function table(value: unknown, where: string): Table {
  if (!isTable(value)) throw new Fault(where, 'must be an object')
  return value
}

function text(value: unknown, where: string, form: RegExp, words: string): string {
  if (typeof value !== 'string' || !form.test(value)) throw new Fault(where, `must be ${words}`)
  return value
}

function integer(value: unknown, where: string, from: number, to: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < from || value > to)
    throw new Fault(where, `must be a whole number from ${from} to ${to}`)
  return value
}

/** The value is never part of the message: it may be a key. */
function hex(value: unknown, where: string, from: number, to: number): Uint8Array {
  const words = from === to ? `${from * 2} hex digits` : `${from * 2} to ${to * 2} hex digits`
  if (typeof value !== 'string' || !/^([0-9a-fA-F]{2})+$/.test(value)) throw new Fault(where, `must be ${words}`)
  if (value.length < from * 2 || value.length > to * 2)
    throw new Fault(where, `must be ${words}, not ${value.length} of them`)
  return fromHex(value)
}

const SERIAL = /^[A-Za-z0-9._-]{1,32}$/
const NAME = /^.{1,64}$/u

function zoneOf(value: unknown, where: string): string {
  if (value === undefined) return 'UTC'
  const zone = text(value, where, /^[A-Za-z0-9+_/-]{1,64}$/, 'a time zone such as Europe/Amsterdam')
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
  } catch {
    throw new Fault(where, `must be a time zone such as Europe/Amsterdam, not ${zone}`)
  }
  return zone
}

function obisOf(value: unknown, where: string): ObisCode {
  try {
    return obisCode(text(value, where, /^[\d.:*-]{1,32}$/, 'an OBIS code'))
  } catch {
    throw new Fault(where, 'must be an OBIS code such as 0.0.43.1.0.255')
  }
}

function clientsOf(value: unknown, where: string): Device['clients'] {
  const clients = table(value, where)
  const open = table(clients.public, `${where}.public`)
  if (open.authentication !== 'none') throw new Fault(`${where}.public.authentication`, 'must be none')
  const management = table(clients.management, `${where}.management`)
  if (management.authentication !== 'hls-gmac')
    throw new Fault(`${where}.management.authentication`, 'must be hls-gmac')
  if (management.securitySuite !== 0) throw new Fault(`${where}.management.securitySuite`, 'must be 0')
  return {
    public: integer(open.id, `${where}.public.id`, 1, 0xffff),
    management: integer(management.id, `${where}.management.id`, 1, 0xffff),
    invocationCounter: obisOf(management.invocationCounter, `${where}.management.invocationCounter`),
  }
}

function deviceOf(value: unknown, where: string, manufacturer: string): { device: Device; keys: ShippedKeys } {
  const d = table(value, where)
  const address = table(d.address, `${where}.address`)
  const keys = table(d.keys, `${where}.keys`)
  if (address.transport !== 'wrapper') throw new Fault(`${where}.address.transport`, 'must be wrapper')
  const host = text(
    address.host,
    `${where}.address.host`,
    /^[A-Za-z0-9.:_%-]{1,253}$/,
    'a host name or internet address',
  )
  const optional = (member: string): string =>
    d[member] === undefined ? '' : text(d[member], `${where}.${member}`, NAME, 'a text of 1 to 64 characters')
  const device: Device = {
    meterId: text(d.serial, `${where}.serial`, SERIAL, '1 to 32 letters, digits, dots, hyphens or underscores'),
    systemTitle: Buffer.from(hex(d.systemTitle, `${where}.systemTitle`, 8, 8)).toString('hex'),
    manufacturer,
    model: text(d.model, `${where}.model`, NAME, 'a text of 1 to 64 characters'),
    firmware: text(d.firmware, `${where}.firmware`, NAME, 'a text of 1 to 64 characters'),
    logicalDeviceName: optional('logicalDeviceName'),
    zone: zoneOf(d.zone, `${where}.zone`),
    host,
    port: integer(address.port, `${where}.address.port`, 1, 65_535),
    cell:
      address.cell === undefined
        ? host
        : text(address.cell, `${where}.address.cell`, NAME, 'a text of 1 to 64 characters'),
    server: integer(d.server, `${where}.server`, 1, 0xffff),
    clients: clientsOf(d.clients, `${where}.clients`),
    usagePointId: optional('usagePointId') || null,
    readFrom: instantOf(d.readFrom, `${where}.readFrom`),
  }
  const lls = table(d.clients, `${where}.clients`).reader !== undefined || keys.lls !== undefined
  return {
    device,
    keys: {
      guekKey: hex(keys.guek, `${where}.keys.guek`, 16, 16),
      gakKey: hex(keys.gak, `${where}.keys.gak`, 16, 16),
      ...(lls && { llsKey: hex(keys.lls, `${where}.keys.lls`, 8, 16) }),
    },
  }
}

function instantOf(value: unknown, where: string): number | null {
  if (value === undefined || value === null) return null
  try {
    return parseInstant(text(value, where, /^.{10,40}$/, 'a time with offset'))
  } catch {
    throw new Fault(where, 'must be a time such as 2026-11-01T09:00:00Z')
  }
}

/** Line and column of an offset, as editors count them. */
function lineAndColumn(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n')
  return `line ${before.length}, column ${before[before.length - 1].length + 1}`
}

/**
 * Reads a shipment file, see docs/shipment-file.md. A fault in one device refuses that device alone.
 *
 * @throws Problem `SHIPMENT_INVALID` when the file as a whole cannot be used, saying where
 */
export function parseShipment(json: string): ShippedDevice[] {
  const invalid = (where: string, words: string): Problem =>
    new Problem('SHIPMENT_INVALID', `${where} ${words}`, { where })
  let file: unknown
  try {
    file = JSON.parse(json)
  } catch {
    // The parser's own message quotes the text around the fault, which may be a key.
    const at = jsonFault(json)
    throw invalid(
      lineAndColumn(json, at),
      at === json.length ? 'is where the JSON text breaks off' : 'cannot stand there in JSON',
    )
  }
  if (!isTable(file)) throw invalid('the file', 'must hold one JSON object')
  if (file.format !== 'gridtally-shipment-1') throw invalid('format', 'must be gridtally-shipment-1')
  const { manufacturer, devices } = file
  if (typeof manufacturer !== 'string' || !/^[A-Z]{3}$/.test(manufacturer))
    throw invalid('manufacturer', 'must be a FLAG id of three capital letters')
  if (!Array.isArray(devices)) throw invalid('devices', 'must be a list')
  if (devices.length > MOST_DEVICES) throw invalid('devices', `holds more than ${MOST_DEVICES} devices`)
  return devices.map((value: unknown, i): ShippedDevice => {
    try {
      return { ok: true, ...deviceOf(value, `devices[${i}]`, manufacturer) }
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      const serial = isTable(value) && typeof value.serial === 'string' && SERIAL.test(value.serial) ? value.serial : ''
      return { ok: false, serial, where: error.where, text: `${error.where} ${error.message}` }
    }
  })
}
