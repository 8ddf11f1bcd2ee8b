import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ByteChannel, ByteWriter, fromHex, toHex } from '@gridtally/wire'
import {
  Clock,
  type ConnectOptions,
  connectMeter,
  ProfileGeneric,
  Register,
  readInvocationCounter,
  SecretKey,
} from './index.ts'
import {
  channelTo,
  clientTitle,
  clock,
  counters,
  failure,
  gmac,
  keys,
  type Meddle,
  makeServer,
  meterTitle,
  NOW,
  security,
} from './session.suite.ts'

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

  const near = makeServer({ receivedCounters: { [toHex(clientTitle)]: 30 } })
  const inRange = await connectMeter(gmac(near, { security: security({ counters: counters() }) }))
  await inRange.release()

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
