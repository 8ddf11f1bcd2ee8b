import assert from 'node:assert/strict'
import { type ByteChannel, fromHex, type Instant } from '@gridtally/wire'
import { dlmsCrypto } from '../../../platform/dlms-crypto.ts'
import {
  axdr,
  type CipherKeys,
  Clock,
  type ConnectOptions,
  type CounterSource,
  capture,
  Data,
  DlmsError,
  DlmsServer,
  dateTimeOf,
  encodeData,
  type Framing,
  feedServer,
  instantOf,
  type Meter,
  type MeterSecurity,
  type ProfileRows,
  Refusal,
  Register,
  SecretKey,
  type ServerConnection,
  type ServerEvent,
  serverModel,
  serving,
  wrapperFraming,
} from './index.ts'

export const NOW = Date.UTC(2026, 2, 1, 12)
export const START = NOW - 96 * 900_000
export const clock = { now: () => NOW }
export const keys: CipherKeys = {
  encryptionKey: new SecretKey(fromHex('000102030405060708090a0b0c0d0e0f')),
  authenticationKey: new SecretKey(fromHex('d0d1d2d3d4d5d6d7d8d9dadbdcdddedf')),
}
export const meterTitle = fromHex('4d4d4d0000bc614e')
export const clientTitle = fromHex('4d4d4d0000000001')
export const password = new TextEncoder().encode('12345678')

/** State of one simulated meter, and its row octets. */
export interface Device {
  energy: number
  name: string
  secret: Uint8Array
  server?: DlmsServer<Device>
}

export const rows = Array.from({ length: 96 }, (_, i) =>
  encodeData(
    axdr.structure([
      axdr.octetString(Uint8Array.from(encodeClock(START + i * 900_000))),
      axdr.unsigned(0),
      axdr.doubleLongUnsigned(1000 + i * 25),
      axdr.doubleLongUnsigned(7 * i),
    ]),
  ),
)
function encodeClock(at: Instant): Uint8Array {
  const data = Clock.at('0.0.1.0.0.255').time.type.encode(dateTimeOf(at))
  assert.ok(data.type === 'octet-string')
  return data.value
}

const columns = [
  capture(8, '0.0.1.0.0.255'),
  capture(1, '0.0.96.10.1.255'),
  capture(3, '1.0.1.8.0.255'),
  capture(3, '1.0.2.8.0.255'),
]
const { serve, serveProfile } = serving<Device>()
export const model = serverModel<Device>({
  objects: [
    serve(Data, '0.0.42.0.0.255', { read: { value: axdr.octetString(new TextEncoder().encode('GTY0000000000001')) } }),
    serve(Data, '0.0.43.1.0.255', {
      read: { value: (device) => axdr.doubleLongUnsigned(Math.max(0, device.server?.lastReceivedCounter ?? 0)) },
    }),
    serve(Clock, '0.0.1.0.0.255', {
      read: { time: (_device, request) => dateTimeOf(request.now), timeZone: -60 },
      write: { time: (_device, value) => (instantOf(value) === null ? 'type-unmatched' : 'success') },
      call: { shiftTime: (_device, seconds) => (Math.abs(seconds) > 900 ? 'other-reason' : 'success') },
    }),
    serve(Register, '1.0.1.8.0.255', {
      read: { value: (device) => axdr.doubleLongUnsigned(device.energy), scalerUnit: { scaler: 0, unit: 30 } },
      call: {
        reset: (device) => {
          device.energy = 0
          return 'success'
        },
      },
    }),
    serve(Register, '1.0.2.8.0.255', {
      read: { value: () => new Refusal('temporary-failure'), scalerUnit: { scaler: 0, unit: 30 } },
    }),
    serve(Data, '0.0.96.13.0.255', {
      read: { value: (device) => axdr.octetString(device.secret) },
      write: {
        value: (device, value) => {
          if (value.type !== 'octet-string') return 'type-unmatched'
          device.secret = value.value
          return 'success'
        },
      },
    }),
    serveProfile('1.0.99.1.0.255', {
      captureObjects: columns,
      capturePeriod: 900,
      profileEntries: 10_000,
      entriesInUse: () => rows.length,
      rows: (_device, selection) => {
        if (selection.kind === 'all') return rows
        if (selection.kind === 'entry') return rows.slice(Math.max(0, selection.from - 1), selection.to || undefined)
        const { from, to } = selection
        return rows.filter((_, i) => {
          const at = START + i * 900_000
          return (from === null || at >= from) && (to === null || at <= to)
        })
      },
    }),
  ],
  associations: [
    {
      clientSap: 16,
      mechanism: 'lowest',
      may: (right, object) => right === 'read' && ['0.0.42.0.0.255', '0.0.43.1.0.255'].includes(object.logicalName),
    },
    { clientSap: 2, mechanism: 'low', password: () => password, may: (right) => right === 'read' },
    { clientSap: 1, mechanism: 'high-gmac', protection: 'authenticated-encrypted' },
  ],
})

export interface Bench {
  readonly server: DlmsServer<Device>
  readonly device: Device
  readonly events: ServerEvent[]
}

export function makeServer(over: { keys?: CipherKeys; receivedCounters?: Record<string, number> } = {}): Bench {
  const device: Device = { energy: 4711, name: 'one', secret: new Uint8Array(3) }
  const events: ServerEvent[] = []
  const server = new DlmsServer({
    model,
    device,
    systemTitle: meterTitle,
    crypto: dlmsCrypto,
    keys: over.keys ?? keys,
    ...(over.receivedCounters && { receivedCounters: over.receivedCounters }),
    onEvent: (event) => {
      events.push(event)
    },
  })
  device.server = server
  return { server, device, events }
}

/** Changes what travels: the answer number `index` (from 0), framed. `null` closes the channel. */
export type Meddle = (octets: Uint8Array, index: number) => Uint8Array | null

/** A channel to a server in the same process; `sizes` says where the octets of answers are cut. */
export function channelTo(
  connection: ServerConnection<Device>,
  sizes: readonly number[] = [],
  meddle?: Meddle,
  framing: Framing = wrapperFraming({ role: 'server', client: 16, server: 1 }),
): ByteChannel {
  const pending: Uint8Array[] = []
  let waiting: ((octets: Uint8Array | null) => void) | undefined
  let closed = false
  let cut = 0
  let answers = 0
  const wake = (): void => {
    if (!waiting || (pending.length === 0 && !closed)) return
    const resolve = waiting
    waiting = undefined
    resolve(pending.shift() ?? null)
  }
  return {
    read: (signal) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
        waiting = resolve
        wake()
      }),
    write(octets) {
      for (const reply of feedServer(connection, framing, octets, NOW)) {
        const changed = meddle ? meddle(reply, answers++) : reply
        if (changed === null) {
          closed = true
          break
        }
        for (let at = 0; at < changed.length; ) {
          const size = sizes.length > 0 ? sizes[cut++ % sizes.length] : changed.length
          pending.push(changed.slice(at, at + size))
          at += size
        }
      }
      wake()
      return Promise.resolve()
    },
    close() {
      closed = true
      wake()
    },
  }
}

export function counters(first = 0): CounterSource & { next: number } {
  return {
    next: first,
    reserve(count) {
      const at = this.next
      this.next += count
      return at
    },
    raise(next) {
      this.next = Math.max(this.next, next)
    },
  }
}

export function security(over: Partial<MeterSecurity> = {}): MeterSecurity {
  return { crypto: dlmsCrypto, keys, systemTitle: clientTitle, counters: counters(), ...over }
}

export function gmac(bench: Bench, over: Partial<ConnectOptions> = {}, channel?: ByteChannel): ConnectOptions {
  return {
    channel: channel ?? channelTo(bench.server.connect()),
    clock,
    clientAddress: 1,
    authentication: { mechanism: 'high-gmac' },
    security: security(),
    ...over,
  }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

export async function readAll(meter: Meter): Promise<ProfileRows[]> {
  const profile = await meter.profile({ profile: '1.0.99.1.0.255', from: START, to: NOW })
  assert.ok(profile.ok)
  return collect(profile.value.rows)
}

export function energies(batches: readonly ProfileRows[]): unknown[] {
  return batches.flatMap(({ columns: [, , energy] }) => (energy.kind === 'value' ? energy.values : []))
}

export async function failure(promise: Promise<unknown>): Promise<DlmsError> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  )
  assert.ok(error instanceof DlmsError, String(error))
  return error
}
