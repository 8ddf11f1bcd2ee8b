import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ByteChannel, ByteWriter, fromHex, type Instant, toHex } from '@gridtally/wire'
import fc from 'fast-check'
import { dlmsCrypto } from '../../../platform/dlms-crypto.ts'
import {
  AssociationLn,
  axdr,
  type CipherKeys,
  Clock,
  type ConnectOptions,
  type CounterSource,
  capture,
  connectMeter,
  Data,
  DlmsError,
  DlmsServer,
  dateTimeOf,
  encodeData,
  feedServer,
  instantOf,
  type Meter,
  type MeterSecurity,
  ProfileGeneric,
  type ProfileRows,
  Refusal,
  Register,
  readInvocationCounter,
  SecretKey,
  type ServerConnection,
  type ServerEvent,
  serverModel,
  serving,
  wrapperFraming,
} from './index.ts'

const NOW = Date.UTC(2026, 2, 1, 12)
const START = NOW - 96 * 900_000
const clock = { now: () => NOW }
const keys: CipherKeys = {
  encryptionKey: new SecretKey(fromHex('000102030405060708090a0b0c0d0e0f')),
  authenticationKey: new SecretKey(fromHex('d0d1d2d3d4d5d6d7d8d9dadbdcdddedf')),
}
const meterTitle = fromHex('4d4d4d0000bc614e')
const clientTitle = fromHex('4d4d4d0000000001')
const password = new TextEncoder().encode('12345678')

/** State of one simulated meter, and its row octets. */
interface Device {
  energy: number
  name: string
  secret: Uint8Array
  server?: DlmsServer<Device>
}

const rows = Array.from({ length: 96 }, (_, i) =>
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
const model = serverModel<Device>({
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

interface Bench {
  readonly server: DlmsServer<Device>
  readonly device: Device
  readonly events: ServerEvent[]
}

function makeServer(over: { keys?: CipherKeys; receivedCounters?: Record<string, number> } = {}): Bench {
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
type Meddle = (octets: Uint8Array, index: number) => Uint8Array | null

/** A channel to a server in the same process; `sizes` says where the octets of answers are cut. */
function channelTo(connection: ServerConnection<Device>, sizes: readonly number[] = [], meddle?: Meddle): ByteChannel {
  const framing = wrapperFraming({ role: 'server', client: 16, server: 1 })
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

function counters(first = 0): CounterSource & { next: number } {
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

function security(over: Partial<MeterSecurity> = {}): MeterSecurity {
  return { crypto: dlmsCrypto, keys, systemTitle: clientTitle, counters: counters(), ...over }
}

function gmac(bench: Bench, over: Partial<ConnectOptions> = {}, channel?: ByteChannel): ConnectOptions {
  return {
    channel: channel ?? channelTo(bench.server.connect()),
    clock,
    clientAddress: 1,
    authentication: { mechanism: 'high-gmac' },
    security: security(),
    ...over,
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function readAll(meter: Meter): Promise<ProfileRows[]> {
  const profile = await meter.profile({ profile: '1.0.99.1.0.255', from: START, to: NOW })
  assert.ok(profile.ok)
  return collect(profile.value.rows)
}

function energies(batches: readonly ProfileRows[]): unknown[] {
  return batches.flatMap(({ columns: [, , energy] }) => (energy.kind === 'value' ? energy.values : []))
}

async function failure(promise: Promise<unknown>): Promise<DlmsError> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  )
  assert.ok(error instanceof DlmsError, String(error))
  return error
}

test('a public client reads what it may, and is refused the rest by the meter itself — X1332-10.1-01', async () => {
  const bench = makeServer()
  const meter = await connectMeter({
    channel: channelTo(bench.server.connect()),
    clock,
    clientAddress: 16,
    authentication: { mechanism: 'lowest' },
  })
  const name = await meter.get(Data.at('0.0.42.0.0.255').value)
  assert.ok(name.ok && name.value.type === 'octet-string')
  assert.deepEqual(await meter.get(Register.at('1.0.1.8.0.255').value), { ok: false, error: 'read-write-denied' })
  assert.deepEqual(await meter.get(Register.at('9.9.9.9.9.255').value), { ok: false, error: 'object-undefined' })
  assert.equal(meter.association.proven, false)
  await meter.release()
  assert.deepEqual(
    bench.events.map(({ type }) => type),
    ['associated', 'released'],
  )
})

test('SMCG-8.2-02 a reader with a password gets registers, and may not write', async () => {
  const bench = makeServer()
  const meter = await connectMeter({
    channel: channelTo(bench.server.connect()),
    clock,
    clientAddress: 2,
    authentication: { mechanism: 'low', password },
  })
  const energy = Register.at('1.0.1.8.0.255')
  const [value, unit, broken] = await meter.getMany([
    energy.value,
    energy.scalerUnit,
    Register.at('1.0.2.8.0.255').value,
  ])
  assert.ok(value.ok && value.value.value === 4711)
  assert.deepEqual(unit, { ok: true, value: { scaler: 0, unit: 30 } })
  assert.deepEqual(broken, { ok: false, error: 'temporary-failure' })
  assert.equal(await meter.set(Clock.at('0.0.1.0.0.255').time, dateTimeOf(NOW)), 'read-write-denied')
  assert.deepEqual(await meter.call(energy.reset, 0), { result: 'read-write-denied' })
  await meter.release()
})

test('a wrong password is refused and noticed', async () => {
  const bench = makeServer()
  const error = await failure(
    connectMeter({
      channel: channelTo(bench.server.connect()),
      clock,
      clientAddress: 2,
      authentication: { mechanism: 'low', password: new TextEncoder().encode('12345679') },
    }),
  )
  assert.equal(error.code, 'AUTHENTICATION_FAILED')
  assert.deepEqual(bench.events, [{ type: 'authentication-failed', clientSap: 2 }])
})

for (const form of ['glo', 'general-glo'] as const)
  for (const dedicated of [false, true])
    test(`X1332-10.1-03 meter and head-end prove each other, ${form}${dedicated ? ' with dedicated key' : ''}`, async () => {
      const bench = makeServer()
      const meter = await connectMeter(gmac(bench, { security: security({ form, dedicated }) }))
      assert.equal(meter.association.proven, true)
      assert.deepEqual(meter.association.systemTitle, meterTitle)
      const time = await meter.get(Clock.at('0.0.1.0.0.255').time)
      assert.ok(time.ok)
      assert.equal(instantOf(time.value), NOW)
      assert.equal(energies(await readAll(meter)).length, 96)
      await meter.release()
      assert.deepEqual(bench.events[0], { type: 'associated', clientSap: 1, clientTitle })
    })

test('X1332-8.1-02 X1332-9.1-01 no value and no name travels in clear on a ciphered association', async () => {
  const bench = makeServer()
  const frames: string[] = []
  const meter = await connectMeter(gmac(bench, { onFrame: (_direction, apdu) => frames.push(toHex(apdu)) }))
  await meter.get(Register.at('1.0.1.8.0.255').value)
  assert.equal(energies(await readAll(meter)).length, 96)
  await meter.release()
  for (const secret of ['0100010800ff', '0600001267', '0100630100ff', toHex(rows[5]).slice(4)])
    assert.ok(!frames.some((frame) => frame.includes(secret)), secret)
})

test('a profile comes by range, by block, with what its columns are', async () => {
  const bench = makeServer()
  const meter = await connectMeter(gmac(bench, { maxReceivePduSize: 300 }))
  const from = START + 10 * 900_000
  const profile = await meter.profile({ profile: '1.0.99.1.0.255', from, to: from + 40 * 900_000 })
  assert.ok(profile.ok)
  const { description } = profile.value
  assert.equal(description.capturePeriodMs, 900_000)
  assert.deepEqual(
    description.columns.map(({ logicalName, kind, scaler, unit }) => [logicalName, kind, scaler, unit]),
    [
      ['0.0.1.0.0.255', 'clock', null, null],
      ['0.0.96.10.1.255', 'value', null, null],
      ['1.0.1.8.0.255', 'value', 0, 30],
      ['1.0.2.8.0.255', 'value', 0, 30],
    ],
  )
  const batches = await collect(profile.value.rows)
  assert.ok(batches.length > 3, 'rows come block by block')
  assert.deepEqual(
    energies(batches),
    Array.from({ length: 40 }, (_, i) => 1000 + (i + 10) * 25),
  )
  const again = await meter.profile({ profile: description, from, to: from + 900_000, columns: [0, 3] })
  assert.ok(again.ok)
  const [{ count, columns: two }] = await collect(again.value.rows)
  assert.deepEqual([count, two.length, two[1]], [1, 2, { kind: 'value', values: [70] }])
  await meter.release()
})

test('long values go in blocks, both ways, and come back the same', async () => {
  const bench = makeServer()
  const meter = await connectMeter(gmac(bench, { maxReceivePduSize: 200 }))
  const message = Data.at('0.0.96.13.0.255').value
  const long = Uint8Array.from({ length: 5000 }, (_, i) => i)
  assert.equal(await meter.set(message, axdr.octetString(long)), 'success')
  assert.deepEqual(bench.device.secret, long)
  assert.deepEqual(await meter.get(message), { ok: true, value: axdr.octetString(long) })
  const tooLong = axdr.octetString(new Uint8Array(70_000))
  assert.equal(await meter.set(message, tooLong), 'long-set-aborted')
  assert.deepEqual(await meter.get(message), { ok: true, value: axdr.octetString(long) })
  await meter.release()
})

test('methods are called, and their refusals are values', async () => {
  const bench = makeServer()
  const meter = await connectMeter(gmac(bench))
  assert.deepEqual(await meter.call(Register.at('1.0.1.8.0.255').reset, 0), { result: 'success' })
  assert.equal(bench.device.energy, 0)
  const { shiftTime } = Clock.at('0.0.1.0.0.255')
  assert.deepEqual(await meter.call(shiftTime, 30), { result: 'success' })
  assert.deepEqual(await meter.call(shiftTime, 3000), { result: 'other-reason' })
  await meter.release()
})

test('SMCG-8.2-04 the object list tells what a client may, attribute by attribute', async () => {
  const bench = makeServer()
  const meter = await connectMeter(gmac(bench))
  const list = await meter.get(AssociationLn.at('0.0.40.0.0.255').objectList)
  assert.ok(list.ok)
  const time = list.value.find(({ classId }) => classId === 8)
  assert.deepEqual(
    time?.accessRights.attributes.map(({ attributeId, accessMode }) => [attributeId, accessMode]),
    [
      [1, 1],
      [2, 3],
      [3, 1],
    ],
  )
  assert.equal(time?.accessRights.methods[0].methodId, 6)
  await meter.release()
})

test('SMCG-8.2-06 sessions do not depend on how the octets are cut, down to one at a time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 12 }), async (sizes) => {
      const bench = makeServer()
      const meter = await connectMeter(
        gmac(bench, { maxReceivePduSize: 512 }, channelTo(bench.server.connect(), sizes)),
      )
      const batches = await readAll(meter)
      await meter.release()
      assert.deepEqual(
        energies(batches),
        rows.map((_, i) => 1000 + i * 25),
      )
    }),
    { numRuns: 15, examples: [[[1]]] },
  )
})

test('X1332-10.1-03 a meter with other keys is not authentic, a client with other keys is refused', async () => {
  const other = { ...keys, encryptionKey: new SecretKey(fromHex('ff0102030405060708090a0b0c0d0e0f')) }
  const bench = makeServer({ keys: other })
  const error = await failure(connectMeter(gmac(bench)))
  // The meter cannot open the request, and says so before anything else.
  assert.equal(error.code, 'EXCEPTION_RESPONSE')
  assert.deepEqual(
    bench.events.map(({ type }) => type),
    ['deciphering-failed'],
  )
})

test('a meter of another system title than expected is not authentic', async () => {
  const bench = makeServer()
  const meterSystemTitle = fromHex('4d4d4d0000bc614f')
  const error = await failure(connectMeter(gmac(bench, { security: security({ meterSystemTitle }) })))
  assert.equal(error.code, 'PEER_NOT_AUTHENTIC')
})

test('X1332-8.1-03 every answer of the meter that is altered is refused, whichever octet it is', async () => {
  const lengths: number[] = []
  const bench = makeServer()
  const plain = await connectMeter(
    gmac(
      bench,
      {},
      channelTo(bench.server.connect(), [], (octets) => {
        lengths.push(octets.length)
        return octets
      }),
    ),
  )
  await plain.get(Register.at('1.0.1.8.0.255').value)
  // Answer 0 is the AARE, 1 the meter's proof, 2 the value.
  for (const index of [1, 2])
    for (let at = 8; at < lengths[index]; at++) {
      const { server } = makeServer()
      const meddle: Meddle = (octets, i) => (i === index ? octets.with(at, octets[at] ^ (1 << (at & 7))) : octets)
      const error = await failure(
        (async () => {
          const meter = await connectMeter(
            gmac(bench, { answerTimeoutMs: 200 }, channelTo(server.connect(), [], meddle)),
          )
          await meter.get(Register.at('1.0.1.8.0.255').value)
        })(),
      )
      assert.ok(
        ['TAG_MISMATCH', 'PROTOCOL', 'NOT_PROTECTED'].includes(error.code),
        `octet ${at} of answer ${index}: ${error.code}`,
      )
    }
})

test('X1332-8.1-04 a replayed answer is refused by the client', async () => {
  const bench = makeServer()
  const seen: Uint8Array[] = []
  const meddle: Meddle = (octets) => {
    seen.push(octets)
    // The third value is the second again.
    return seen.length === 5 ? seen[3] : octets
  }
  const meter = await connectMeter(gmac(bench, {}, channelTo(bench.server.connect(), [], meddle)))
  const energy = Register.at('1.0.1.8.0.255').value
  assert.ok((await meter.get(energy)).ok)
  assert.ok((await meter.get(energy)).ok)
  assert.equal((await failure(meter.get(energy))).code, 'COUNTER_REPLAYED')
  assert.equal((await failure(meter.get(energy))).code, 'COUNTER_REPLAYED')
})

test('X1332-8.1-04 replayed requests are refused by the meter, each with the counter it expects', async () => {
  const bench = makeServer()
  const sent: Uint8Array[] = []
  const onFrame: ConnectOptions['onFrame'] = (direction, apdu) => {
    if (direction === 'sent') sent.push(apdu)
  }
  const meter = await connectMeter(gmac(bench, { onFrame }))
  await meter.call(Register.at('1.0.1.8.0.255').reset, 0)
  await meter.release()
  bench.device.energy = 99
  bench.events.length = 0
  const connection = bench.server.connect()
  for (const apdu of sent.slice(0, 1)) {
    const answer = connection.receive(apdu, 1, NOW)
    assert.match(toHex(answer ?? new Uint8Array()), /^d80106000000/)
  }
  for (const apdu of sent.slice(1, -1)) assert.match(toHex(connection.receive(apdu, 1, NOW) ?? meterTitle), /^d801/)
  assert.equal(bench.device.energy, 99)
  assert.deepEqual(bench.events, [{ type: 'replay-refused', clientSap: 1, clientTitle }])
})

test('requests replayed into a running association are refused', async () => {
  const bench = makeServer()
  const connection = bench.server.connect()
  const sent: Uint8Array[] = []
  const meter = await connectMeter(
    gmac(bench, { onFrame: (direction, apdu) => direction === 'sent' && sent.push(apdu) }, channelTo(connection)),
  )
  await meter.call(Register.at('1.0.1.8.0.255').reset, 0)
  bench.device.energy = 99
  assert.match(toHex(connection.receive(sent[2], 1, NOW) ?? meterTitle), /^d80106/)
  assert.equal(bench.device.energy, 99)
  const clear = fromHex('c001c100030100010800ff0200')
  assert.match(toHex(connection.receive(clear, 1, NOW) ?? meterTitle), /^d801/)
  assert.deepEqual(
    bench.events.map(({ type }) => type),
    ['associated', 'replay-refused', 'protection-refused'],
  )
})

test('a client whose counter fell behind learns the right one, from the refusal or as public client', async () => {
  const receivedCounters = { [toHex(clientTitle)]: 5000 }
  const bench = makeServer({ receivedCounters })
  const source = counters()
  const meter = await connectMeter(gmac(bench, { security: security({ counters: source }) }))
  assert.ok(source.next > 5001)
  await meter.release()

  const fresh = makeServer({ receivedCounters })
  const read = await readInvocationCounter({ channel: channelTo(fresh.server.connect()), clock, clientAddress: 16 })
  assert.deepEqual(read, { ok: true, value: 5000 })
  const stubborn = { reserve: () => 0 }
  const error = await failure(connectMeter(gmac(fresh, { security: security({ counters: stubborn }) })))
  assert.equal(error.code, 'COUNTER_REJECTED')
  assert.equal(error.detail.expected, 5001)
})

test('an answer that ends amid its octets, and a meter that hangs up, leave nothing waiting', async () => {
  for (const index of [0, 1, 2, 3])
    for (const keep of [0, 5, 20]) {
      const bench = makeServer()
      const cut: Meddle = (octets, i) => (i < index ? octets : i === index && keep > 0 ? octets.slice(0, keep) : null)
      const error = await failure(
        (async () => {
          const meter = await connectMeter(
            gmac(bench, { answerTimeoutMs: 20 }, channelTo(bench.server.connect(), [], cut)),
          )
          await meter.get(Register.at('1.0.1.8.0.255').value)
          await meter.get(Register.at('1.0.1.8.0.255').value)
        })(),
      )
      assert.ok(['CLOSED', 'TIMEOUT'].includes(error.code), error.code)
    }
})

test('a meter that trickles octets is given up at the deadline for the whole answer', async () => {
  const answer = new ByteWriter().uint16(1).uint16(1).uint16(1).uint16(2000).finish()
  let at = 0
  const channel: ByteChannel = {
    read: () => new Promise((resolve) => setTimeout(() => resolve(Uint8Array.of(answer[at++] ?? 0)), 10)),
    write: () => Promise.resolve(),
    close() {},
  }
  const error = await failure(
    connectMeter({
      channel,
      clock,
      clientAddress: 16,
      authentication: { mechanism: 'lowest' },
      answerTimeoutMs: 120,
    }),
  )
  assert.equal(error.code, 'TIMEOUT')
  assert.ok(at < 30)
})

test('an abort ends the session at once, and closes the channel', async () => {
  const bench = makeServer()
  const abort = new AbortController()
  const meter = await connectMeter(gmac(bench, { signal: abort.signal }))
  abort.abort()
  assert.equal((await failure(meter.get(Clock.at('0.0.1.0.0.255').time))).code, 'ABORTED')
  await meter.release()
})

test('an answer beyond the cap is refused before it is put together', async () => {
  const bench = makeServer()
  const meter = await connectMeter(gmac(bench, { maxReceivePduSize: 128, maxAnswerOctets: 1000 }))
  const { buffer } = ProfileGeneric.at('1.0.99.1.0.255')
  assert.equal((await failure(meter.get(buffer))).code, 'ANSWER_TOO_LARGE')
})

test('20 000 mutated requests get an answer or none, and never harm the server', () => {
  const bench = makeServer()
  const connection = bench.server.connect()
  const seeds = [
    '601da109060760857405080101be10040e01000000065f1f0400007e1f04b0',
    '6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e01000000065f1f0400007e1f04b0',
    'c001c100030100010800ff0200',
    'c001c100070100630100ff0200',
    'c002c100000001',
    'c003c10200080000010000ff020000030100010800ff0200',
    'c101c100080000010000ff02001105',
    'c102c100010000600d00ff02000000000001020905',
    'c103c1010000000203010203',
    'c301c100030100010800ff01010f00',
    'c81e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b',
    '6200',
  ].map(fromHex)
  let random = 13
  const next = (below: number): number => {
    random = (random * 48_271) % 0x7fff_ffff
    return random % below
  }
  for (let i = 0; i < 20_000; i++) {
    const octets = seeds[next(seeds.length)].slice()
    if (next(3) > 0) octets[next(octets.length)] = next(256)
    const sap = [16, 2, 1, 77][next(4)]
    const answer = connection.receive(octets.subarray(0, next(10) === 0 ? next(octets.length) : undefined), sap, NOW)
    assert.ok(answer === undefined || answer.length < 70_000)
  }
})
