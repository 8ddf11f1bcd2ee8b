import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, toHex } from '@gridtally/wire'
import { dlmsCrypto } from '../../../../platform/dlms-crypto.ts'
import {
  Clock,
  CounterLease,
  clientAddress,
  connectMeter,
  DlmsClient,
  type DlmsClientOptions,
  type DlmsError,
  decodeApdu,
  type Exchange,
  encodeApdu,
  hdlcClientFraming,
  hdlcServerFraming,
  instantOf,
  openApdu,
  Register,
  runExchange,
  sealApdu,
  serverAddress,
} from '../index.ts'
import {
  channelTo,
  clientTitle,
  energies,
  failure,
  gmac,
  keys,
  makeServer,
  meterTitle,
  NOW,
  readAll,
} from '../session.suite.ts'

const energy = Register.at('1.0.1.8.0.255').value
const ACCEPTED = '6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000501f01f40007'

/** Runs an exchange against answers written down beforehand. */
function against<T>(exchange: Exchange<T>, ...answers: string[]): T {
  let step = exchange.next()
  for (const answer of answers) {
    assert.ok(!step.done, 'more answers than requests')
    step = exchange.next(fromHex(answer))
  }
  assert.ok(step.done, 'the client still waits')
  return step.value
}

const clear: DlmsClientOptions = { authentication: { mechanism: 'lowest' } }

function associated(options: DlmsClientOptions = clear): DlmsClient {
  const client = new DlmsClient(options)
  against(client.associate(), ACCEPTED)
  return client
}

function gmacClient(): DlmsClient {
  const counters = new CounterLease()
  counters.add(1, 100)
  return new DlmsClient({
    authentication: { mechanism: 'high-gmac' },
    security: { crypto: dlmsCrypto, keys, systemTitle: clientTitle, counters },
  })
}

const code = (expected: string) => (error: DlmsError) => error.code === expected

test('terms are what both sides have: the meter grants less than was asked', () => {
  const client = new DlmsClient(clear)
  const association = against(client.associate(), ACCEPTED)
  assert.deepEqual(association, { conformance: 0x00501f, maxPduSize: 500, proven: false })
  assert.equal(client.takesLists, false)
})

test('a meter that rejects without user information is understood', () => {
  const rejected = '6117a109060760857405080101a203020101a305a10302010d'
  assert.throws(() => against(new DlmsClient(clear).associate(), rejected), code('AUTHENTICATION_FAILED'))
  const context = '6117a109060760857405080101a203020101a305a103020102'
  assert.throws(() => against(new DlmsClient(clear).associate(), context), code('ASSOCIATION_REJECTED'))
  assert.throws(() => against(new DlmsClient(clear).associate(), '0e010601'), code('ASSOCIATION_REJECTED'))
})

test('a meter that accepts without user information gets what was proposed', () => {
  const accepted = '6117a109060760857405080101a203020100a305a103020100'
  assert.equal(against(new DlmsClient(clear).associate(), accepted).maxPduSize, 0)
})

test('trailing octets, an empty last block, and block numbers from 0 are let pass', () => {
  const padded = against(associated().get(energy), 'c401c1000600000001ffff')
  assert.ok(padded.ok && toHex(padded.data).startsWith('0600000001'))
  const blocks = against(
    associated().get(energy),
    'c402c1000000000100030600' + '00',
    'c402c1000000000200020001',
    'c402c1010000000300' + '00',
  )
  assert.ok(blocks.ok)
  assert.equal(toHex(blocks.data), '0600000001')
  assert.ok(against(associated().get(energy), 'c402c1000000000000020600', 'c402c101000000010003000001').ok)
})

test('a refusal amid blocks is a value; a block out of order breaks the protocol', () => {
  const first = 'c402c1000000000100020600'
  assert.deepEqual(against(associated().get(energy), first, 'c402c10100000002010f'), {
    ok: false,
    error: 'long-get-aborted',
  })
  assert.throws(() => against(associated().get(energy), first, 'c402c101000000030003000001'), code('PROTOCOL'))
})

test('late answers to earlier requests and notifications between are not taken for the answer', () => {
  const notes: string[] = []
  const client = associated({ ...clear, onNotification: (apdu) => notes.push(apdu.type) })
  const result = against(
    client.get(energy),
    'c401c7000600000009',
    '0f0000000100' + '1105',
    'c20000080000010000ff021105',
    'c401c1000600000001',
  )
  assert.ok(result.ok && toHex(result.data) === '0600000001')
  assert.deepEqual(notes, ['data-notification', 'event-notification'])
})

test('an exception in answer to one request leaves the association standing', () => {
  const client = associated()
  assert.throws(() => against(client.get(energy), 'd80101'), code('EXCEPTION_RESPONSE'))
  assert.ok(against(client.get(energy), 'c401c2001105').ok)
})

test('a meter that does not know release is released all the same', () => {
  for (const answer of ['6303800100', 'd80102', '0e010601']) {
    const client = associated()
    against(client.release(), answer)
    assert.equal(client.association, undefined)
  }
})

test('X1332-10.1-03 a meter that cannot prove it holds the keys is not authentic, though it ciphers well', () => {
  for (const meddle of ['token', 'refusal', 'nothing'] as const) {
    const { server } = makeServer()
    const connection = server.connect()
    let answers = 0
    const talk = (apdu: Uint8Array): Uint8Array => {
      const answer = connection.receive(apdu, 1, NOW) ?? new Uint8Array()
      if (++answers !== 2) return answer
      const opened = openApdu(answer, { crypto: dlmsCrypto, keys, systemTitle: meterTitle })
      const proof = decodeApdu(opened.apdu)
      assert.ok(proof.type === 'action-response-normal' && proof.returned?.ok)
      const data = proof.returned.data.slice()
      data[data.length - 1] ^= 1
      const { type, invoke } = proof
      const changed = encodeApdu(
        meddle === 'token'
          ? { ...proof, returned: { ok: true, data } }
          : { type, invoke, result: meddle === 'refusal' ? 'other-reason' : 'success' },
      )
      const { kind, protection, invocationCounter } = opened
      assert.ok(kind === 'glo')
      return sealApdu(changed, {
        crypto: dlmsCrypto,
        keys,
        kind,
        protection,
        systemTitle: meterTitle,
        invocationCounter: invocationCounter + 1,
      })
    }
    assert.throws(
      () => runExchange(gmacClient().associate(), talk),
      code(meddle === 'refusal' ? 'AUTHENTICATION_FAILED' : 'PEER_NOT_AUTHENTIC'),
    )
  }
})

test('X1332-10.1-03 our own challenge or title thrown back is no proof', () => {
  const title = `0408${toHex(meterTitle)}`
  const talk =
    (change: (hex: string, challenge: string) => string) =>
    (apdu: Uint8Array): Uint8Array => {
      const challenge = /ac128010([0-9a-f]{32})/.exec(toHex(apdu))?.[1] ?? ''
      return fromHex(change(toHex(makeServer().server.connect().receive(apdu, 1, NOW) ?? meterTitle), challenge))
    }
  const ownChallenge = talk((hex, challenge) => hex.replace(/aa128010[0-9a-f]{32}/, `aa128010${challenge}`))
  assert.throws(() => runExchange(gmacClient().associate(), ownChallenge), code('PEER_NOT_AUTHENTIC'))
  const ownTitle = talk((hex) => hex.replace(title, `0408${toHex(clientTitle)}`))
  assert.throws(() => runExchange(gmacClient().associate(), ownTitle), code('PEER_NOT_AUTHENTIC'))
})

test('X1332-10.1-04 an answer in clear, or with less protection, is refused on a ciphered association', () => {
  const { server } = makeServer()
  const connection = server.connect()
  const talk = (apdu: Uint8Array): Uint8Array => connection.receive(apdu, 1, NOW) ?? new Uint8Array()
  const client = gmacClient()
  runExchange(client.associate(), talk)
  assert.throws(() => runExchange(client.get(energy), () => fromHex('c401c2001105')), code('NOT_PROTECTED'))
  const authenticated = sealApdu(fromHex('c401c3001105'), {
    crypto: dlmsCrypto,
    keys,
    kind: 'glo',
    protection: 'authenticated',
    systemTitle: meterTitle,
    invocationCounter: 1000,
  })
  assert.throws(() => runExchange(client.get(energy), () => authenticated), code('NOT_PROTECTED'))
})

test('a notification in clear on a ciphered association is not believed, and breaks nothing', () => {
  const { server } = makeServer()
  const connection = server.connect()
  const talk = (apdu: Uint8Array): Uint8Array => connection.receive(apdu, 1, NOW) ?? new Uint8Array()
  const client = gmacClient()
  runExchange(client.associate(), talk)
  const exchange = client.get(energy)
  const sent = exchange.next()
  assert.ok(!sent.done && sent.value)
  assert.deepEqual(exchange.next(fromHex('0f00000001001105')), { done: false, value: undefined })
  const end = exchange.next(talk(sent.value))
  assert.ok(end.done && end.value.ok)
})

test('SMCG-8.2-05 the same session runs over HDLC, segment by segment', async () => {
  const bench = makeServer()
  const [client, server] = [clientAddress(1), serverAddress(1)]
  const channel = channelTo(bench.server.connect(), [7, 90, 1], undefined, hdlcServerFraming({ server }))
  const framing = hdlcClientFraming({ client, server })
  const meter = await connectMeter(gmac(bench, { framing, maxReceivePduSize: 900 }, channel))
  assert.equal(meter.association.proven, true)
  const time = await meter.get(Clock.at('0.0.1.0.0.255').time)
  assert.ok(time.ok && instantOf(time.value) === NOW)
  assert.equal(energies(await readAll(meter)).length, 96)
  await meter.release()
})

test('a line on which nobody answers is given up after its repetitions', async () => {
  const bench = makeServer()
  const framing = hdlcClientFraming({
    client: clientAddress(1),
    server: serverAddress(1),
    responseTimeoutMs: 20,
    retries: 1,
  })
  const line = hdlcServerFraming({ server: serverAddress(1) })
  const channel = channelTo(bench.server.connect(), [], () => new Uint8Array(), line)
  const now = performance.now()
  const options = gmac(bench, { framing, clock: { now: () => performance.now() } }, channel)
  assert.equal((await failure(connectMeter(options))).code, 'TIMEOUT')
  assert.ok(performance.now() - now < 5000)
})
