import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex } from '@gridtally/wire'
import type { Framing, FramingEvent } from '../framing.ts'
import { clientAddress, serverAddress } from './address.ts'
import { encodeFrame } from './frame.ts'
import { hdlcClientFraming, hdlcServerFraming } from './framing.ts'

/** Runs both ends against each other until they fall silent, octet by octet; gives what else they said. */
function run(client: Framing, server: Framing, first: FramingEvent[]): FramingEvent[] {
  const said: FramingEvent[] = []
  const queue: [Framing, FramingEvent][] = first.map((event) => [client, event])
  for (let next = queue.shift(); next; next = queue.shift()) {
    const [from, event] = next
    const to = from === client ? server : client
    if (event.type === 'send') {
      for (const octet of event.octets)
        queue.push(...to.feed(Uint8Array.of(octet), 0).map((e): [Framing, FramingEvent] => [to, e]))
    } else {
      said.push(event)
      if (event.type === 'apdu' && from === server)
        queue.push(
          ...server.send(event.apdu.toReversed(), 0, event.client).map((e): [Framing, FramingEvent] => [server, e]),
        )
    }
  }
  return said
}

test('SMCG-8.2-05 HDLC is a link layer for COSEM: opened, asked and answered in many segments, closed', () => {
  const server = hdlcServerFraming({ server: serverAddress(1, 17) })
  const client = hdlcClientFraming({ client: clientAddress(16), server: serverAddress(1, 17) })
  assert.deepEqual(run(client, server, client.open(0)), [{ type: 'connected' }, { type: 'connected' }])
  const apdu = Uint8Array.from({ length: 700 }, (_, i) => i & 0xff)
  const [asked, answered] = run(client, server, client.send(apdu, 0))
  assert.deepEqual(asked, { type: 'apdu', apdu, client: 16, server: 1 })
  assert.deepEqual(answered, { type: 'apdu', apdu: apdu.toReversed(), client: 16, server: 1 })
  assert.equal(client.nextDeadline(), undefined)
  assert.deepEqual(run(client, server, client.close(0)), [{ type: 'closed' }, { type: 'closed' }])
})

test('a meter that does not answer closes the link with an error', () => {
  const client = hdlcClientFraming({
    client: clientAddress(16),
    server: serverAddress(1),
    responseTimeoutMs: 100,
    retries: 1,
  })
  client.open(0)
  assert.deepEqual(
    client.tick(100).map(({ type }) => type),
    ['send'],
  )
  const [event] = client.tick(200)
  assert.equal(event.type, 'closed')
  assert.ok(event.type === 'closed' && event.error)
})

test('a pushed UI frame reaches the client as an APDU', () => {
  const client = hdlcClientFraming({ client: clientAddress(16), server: serverAddress(1, 17) })
  const ui = encodeFrame({
    destination: clientAddress(16),
    source: serverAddress(1, 17),
    control: { kind: 'UI', final: true },
    segmented: false,
    information: fromHex('e6e7000f4000'),
  })
  assert.deepEqual(client.feed(ui, 0), [{ type: 'apdu', apdu: fromHex('0f4000'), client: 16, server: 1 }])
})
