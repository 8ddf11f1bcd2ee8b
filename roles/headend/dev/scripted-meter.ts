import type { Server, Socket } from 'node:net'
import {
  axdr,
  type CipherKeys,
  Clock,
  capture,
  Data,
  DlmsServer,
  dateTimeOf,
  encodeDateTime,
  feedServer,
  Register,
  SecretKey,
  type ServerEvent,
  type ServerModel,
  serverModel,
  serving,
  wrapperFraming,
} from '@gridtally/dlms'
import { fromHex, type Instant } from '@gridtally/wire'
import { dlmsCrypto } from '#platform/dlms-crypto'
import { listenTcp } from '#platform/tcp'

/** What a scripted meter does with an answer instead of sending it: never, half of it and then close, an octet at a time, or changed. */
export type Meddling = 'silence' | 'cut' | 'drip' | 'close' | Uint8Array

/** A meter for tests and benchmarks: real sockets, real ciphers, values from a formula, faults by hand. */
export interface ScriptedMeter {
  readonly serial: string
  systemTitle: string
  readonly guek: string
  readonly gak: string
  readonly port: number
  readonly events: ServerEvent[]
  /** What its clock shows. */
  now: () => Instant
  /** Register value at a stamp; must not fall. */
  valueAt: (at: Instant, column: number) => number
  /** Whether it has a row for a stamp. */
  hasRow: (at: Instant) => boolean
  /** Times each row is given. */
  copies: number
  statusAt: (at: Instant) => number
  eventLog: { at: Instant; code: number }[]
  /** Value columns of the load profile: 2 (import, export) or 1 (import only). */
  columns: 1 | 2
  /** Period of the load profile. */
  periodMs: number
  /** May change, drop or delay the `n`-th answer of a connection, from 0. */
  meddle: ((answer: Uint8Array, n: number) => Meddling) | undefined
  /** Connections taken so far. */
  connections: number
  /** Replaces the server's keys, as if it were another meter. */
  useKeys(guek: string, gak: string): void
  /** Sets the highest counter taken from the management client. */
  forgetNothingBelow(counter: number): void
  close(): Promise<void>
}

const PERIOD_MS = 900_000
const DAY_MS = 86_400_000

/** One load profile row in A-XDR, written by hand: fleets give thousands a second. */
function encodeRow(at: Instant, status: number, values: readonly number[]): Uint8Array {
  const row = Buffer.alloc(2 + 14 + 2 + values.length * 5)
  row[0] = 0x02
  row[1] = 2 + values.length
  row[2] = 0x09
  row[3] = 12
  row.set(encodeDateTime(dateTimeOf(at)), 4)
  row[16] = 0x11
  row[17] = status
  values.forEach((value, i) => {
    row[18 + i * 5] = 0x06
    row.writeUInt32BE(value >>> 0, 19 + i * 5)
  })
  return row
}

const { serve, serveProfile } = serving<ScriptedMeter>()

function makeModel(columns: 1 | 2, periodMs: number): ServerModel<ScriptedMeter> {
  const range = (from: Instant | null, to: Instant | null, now: Instant, stepMs: number): Instant[] => {
    const first = Math.ceil((from ?? now - 40 * DAY_MS) / stepMs) * stepMs
    const last = Math.min(to ?? now, now)
    const stamps: Instant[] = []
    for (let at = first; at <= last; at += stepMs) stamps.push(at)
    return stamps
  }
  const rowCache = new Map<string, Uint8Array>()
  const registers = Array.from({ length: columns }, (_, i) => `1.0.${i + 1}.8.0.255`)
  return serverModel<ScriptedMeter>({
    objects: [
      serve(Data, '0.0.42.0.0.255', { read: { value: (m) => axdr.octetString(Buffer.from(m.serial)) } }),
      serve(Data, '0.0.43.1.0.255', {
        read: { value: (m) => axdr.doubleLongUnsigned(Math.max(0, internals.get(m)?.server.lastReceivedCounter ?? 0)) },
      }),
      serve(Clock, '0.0.1.0.0.255', { read: { time: (m) => dateTimeOf(m.now()) } }),
      ...[0, 1].map((i) =>
        serve(Register, `1.0.${i + 1}.8.0.255`, {
          read: {
            value: (m) => axdr.doubleLongUnsigned(m.valueAt(m.now(), i)),
            scalerUnit: { scaler: 0, unit: 30 },
          },
        }),
      ),
      serveProfile('1.0.99.1.0.255', {
        captureObjects: [
          capture(8, '0.0.1.0.0.255'),
          capture(1, '0.0.96.10.1.255'),
          ...registers.map((code) => capture(3, code)),
        ],
        capturePeriod: periodMs / 1000,
        profileEntries: 10_000,
        entriesInUse: () => 1,
        rows(m, selection) {
          if (selection.kind !== 'range') return []
          const rows: Uint8Array[] = []
          for (const at of range(selection.from, selection.to, m.now(), periodMs)) {
            if (!m.hasRow(at)) continue
            const values = registers.map((_, i) => m.valueAt(at, i))
            const key = `${at} ${values} ${m.statusAt(at)}`
            let row = rowCache.get(key)
            if (!row) {
              row = encodeRow(at, m.statusAt(at), values)
              if (rowCache.size > 20_000) rowCache.clear()
              rowCache.set(key, row)
            }
            for (let i = 0; i < m.copies; i++) rows.push(row)
          }
          return rows
        },
      }),
      serveProfile('1.0.99.2.0.255', {
        captureObjects: [capture(8, '0.0.1.0.0.255'), ...registers.map((code) => capture(3, code))],
        capturePeriod: 86_400,
        profileEntries: 60,
        entriesInUse: () => 1,
        rows(m, selection) {
          if (selection.kind !== 'range') return []
          return range(selection.from, selection.to, m.now(), DAY_MS).map((at) => {
            const row = encodeRow(
              at,
              0,
              registers.map((_, i) => m.valueAt(at, i)),
            )
            return Buffer.concat([Buffer.of(2, 1 + registers.length), row.subarray(2, 16), row.subarray(18)])
          })
        },
      }),
      serveProfile('0.0.99.98.0.255', {
        captureObjects: [capture(8, '0.0.1.0.0.255'), capture(1, '0.0.96.11.0.255')],
        capturePeriod: 0,
        profileEntries: 100,
        entriesInUse: (m) => m.eventLog.length,
        rows(m, selection) {
          if (selection.kind !== 'range') return []
          const { from, to } = selection
          return m.eventLog
            .filter(({ at }) => (from === null || at >= from) && (to === null || at <= to))
            .map(({ at, code }) => {
              const row = encodeRow(at, code, [])
              return row
            })
        },
      }),
    ],
    associations: [
      { clientSap: 16, mechanism: 'lowest', may: (right, o) => right === 'read' && o.logicalName === '0.0.43.1.0.255' },
      { clientSap: 1, mechanism: 'high-gmac', protection: 'authenticated-encrypted' },
    ],
  })
}

const models = new Map<string, ServerModel<ScriptedMeter>>()

function modelOf({ columns, periodMs }: ScriptedMeter): ServerModel<ScriptedMeter> {
  const key = `${columns} ${periodMs}`
  let model = models.get(key)
  if (!model) {
    model = makeModel(columns, periodMs)
    models.set(key, model)
  }
  return model
}

interface Internals {
  server: DlmsServer<ScriptedMeter>
  keys: CipherKeys
  received: number
}

const internals = new WeakMap<ScriptedMeter, Internals>()

const keysOf = (guek: string, gak: string): CipherKeys => ({
  encryptionKey: new SecretKey(fromHex(guek)),
  authenticationKey: new SecretKey(fromHex(gak)),
})

/** Index of a meter as serial, title and keys. */
export function identityOf(index: number): { serial: string; systemTitle: string; guek: string; gak: string } {
  const hex = index.toString(16).padStart(8, '0')
  return {
    serial: `GTT${String(index).padStart(8, '0')}`,
    systemTitle: `47545400${hex}`,
    guek: `a0${hex}`.repeat(4).slice(0, 32).padEnd(32, '0'),
    gak: `b1${hex}`.repeat(4).slice(0, 32).padEnd(32, '0'),
  }
}

/** Starts a meter on a free port of the loopback, or on `port`. */
export async function startMeter(index: number, now: () => Instant, port = 0): Promise<ScriptedMeter> {
  const sockets = new Set<Socket>()
  const identity = identityOf(index)
  let tcp: Server
  const meter: ScriptedMeter = {
    ...identity,
    port: 0,
    events: [],
    now,
    valueAt: (at, column) => (Math.floor(at / PERIOD_MS) * (3 + column)) % 0xffff_ffff,
    hasRow: () => true,
    copies: 1,
    statusAt: () => 0,
    eventLog: [],
    columns: 2,
    periodMs: PERIOD_MS,
    meddle: undefined,
    connections: 0,
    useKeys(guek, gak) {
      renew(keysOf(guek, gak))
    },
    forgetNothingBelow(counter) {
      const inside = internals.get(meter)
      if (inside) {
        inside.received = counter
        renew(inside.keys)
      }
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => tcp.close(resolve))
    },
  }
  const renew = (keys: CipherKeys): void => {
    const received = internals.get(meter)?.received ?? -1
    const old = internals.get(meter)?.server
    const server = new DlmsServer<ScriptedMeter>({
      model: modelOf(meter),
      device: meter,
      systemTitle: fromHex(meter.systemTitle),
      crypto: dlmsCrypto,
      keys,
      ...(old && { counters: old.counters }),
      onEvent: (event) => {
        meter.events.push(event)
        if (meter.events.length > 1000) meter.events.shift()
      },
    })
    // A client whose title is not known yet is held to the highest counter of all.
    const guardOf = server.guard.bind(server)
    if (received >= 0)
      server.guard = (title) => {
        const guard = guardOf(title)
        if (guard.last < received) guard.accept(received)
        return guard
      }
    internals.set(meter, { server, keys, received })
  }
  renew(keysOf(identity.guek, identity.gak))
  let model = modelOf(meter)
  tcp = await listenTcp('127.0.0.1', port, (socket) => {
    meter.connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    if (modelOf(meter) !== model) {
      model = modelOf(meter)
      const inside = internals.get(meter)
      if (inside) renew(inside.keys)
    }
    const inside = internals.get(meter)
    if (inside) serveSocket(socket, meter, inside.server)
  })
  const address = tcp.address()
  return Object.assign(meter, { port: typeof address === 'object' && address ? address.port : 0 })
}

function serveSocket(socket: Socket, meter: ScriptedMeter, server: DlmsServer<ScriptedMeter>): void {
  const connection = server.connect()
  const framing = wrapperFraming({ role: 'server', client: 16, server: 1 })
  let answers = 0
  socket.on('data', (octets: Buffer) => {
    let replies: Uint8Array[]
    try {
      replies = feedServer(connection, framing, octets, meter.now())
    } catch {
      socket.destroy()
      return
    }
    for (const reply of replies) {
      const what = meter.meddle?.(reply, answers++) ?? reply
      if (what instanceof Uint8Array) socket.write(what)
      else if (what === 'close') socket.destroy()
      else if (what === 'cut') socket.end(reply.subarray(0, reply.length >> 1))
      else if (what === 'drip') drip(socket, reply)
    }
  })
}

function drip(socket: Socket, octets: Uint8Array): void {
  let at = 0
  const timer = setInterval(() => {
    if (socket.destroyed || at >= octets.length) return clearInterval(timer)
    socket.write(octets.subarray(at, ++at))
  }, 100)
}

/** A shipment file for meters. */
export function shipmentOf(
  meters: readonly Pick<ScriptedMeter, 'serial' | 'systemTitle' | 'guek' | 'gak' | 'port'>[],
): string {
  return JSON.stringify({
    format: 'gridtally-shipment-1',
    manufacturer: 'GTT',
    devices: meters.map(({ serial, systemTitle, guek, gak, port }) => ({
      serial,
      systemTitle,
      model: 'Scripted',
      firmware: '1.0',
      zone: 'Europe/Amsterdam',
      address: { transport: 'wrapper', host: '127.0.0.1', port },
      server: 1,
      clients: {
        public: { id: 16, authentication: 'none' },
        management: {
          id: 1,
          authentication: 'hls-gmac',
          securitySuite: 0,
          invocationCounter: '0.0.43.1.0.255',
        },
      },
      keys: { guek, gak },
    })),
  })
}
