import assert from 'node:assert/strict'
import { test } from 'node:test'
import { equalBytes } from '@gridtally/wire'
import fc from 'fast-check'
import { clientAddress, serverAddress } from './address.ts'
import { HdlcClientLink, type HdlcLinkEvent } from './client-link.ts'
import type { HdlcParameters } from './parameters.ts'
import { HdlcServerLink } from './server-link.ts'

const CLIENT = clientAddress(16)
const SERVER = serverAddress(1, 17)

/** What a line does to octets: return them, changed, or null to lose them. */
type Line = (octets: Uint8Array, direction: 'up' | 'down') => Uint8Array | null

const perfect: Line = (octets) => octets

/**
 * A client and a server whose application answers each APDU with `answer`, joined by a line.
 * Time leaps to the next deadline when nobody speaks.
 */
function session(options: {
  propose?: Partial<HdlcParameters>
  offer?: Partial<HdlcParameters>
  line?: Line
  answer?: (apdu: Uint8Array) => Uint8Array
  slow?: boolean
  retries?: number
}) {
  const client = new HdlcClientLink({
    retries: options.retries ?? 3,
    client: CLIENT,
    server: SERVER,
    propose: options.propose,
    responseTimeoutMs: 1000,
  })
  const server = new HdlcServerLink({ server: SERVER, offer: options.offer })
  const line = options.line ?? perfect
  const answer = options.answer ?? ((apdu) => apdu)
  const events: HdlcLinkEvent[] = []
  const late: (() => void)[] = []
  let now = 0
  let exchanges = 0
  let served = 0
  const run = (until: () => boolean): void => {
    for (let turns = 0; turns < 20_000 && !until(); turns++) {
      const up = client.takeOutput()
      if (up) {
        exchanges++
        const heard = line(up, 'up')
        for (const event of heard ? server.receive(heard) : []) {
          if (event.kind !== 'apdu') continue
          served++
          const reply = () => server.send(event.client, answer(event.apdu))
          if (options.slow) late.push(reply)
          else reply()
        }
      }
      const down = server.takeOutput()
      const heard = down && line(down, 'down')
      if (heard) events.push(...client.receive(heard, now))
      else if (!up) {
        if (client.deadline === undefined) return
        now = Math.max(now, client.deadline)
        late.shift()?.()
        events.push(...client.tick(now))
      }
    }
  }
  const connect = (): void => {
    client.connect(now)
    run(() => events.some((event) => event.kind === 'connected' || event.kind === 'failed'))
  }
  const ask = (apdu: Uint8Array): Uint8Array | undefined => {
    const before = events.length
    client.send(apdu, now)
    const found = () => events.slice(before).find((event) => event.kind === 'apdu' || event.kind === 'failed')
    run(() => found() !== undefined)
    const event = found()
    return event?.kind === 'apdu' ? event.apdu : undefined
  }
  return {
    client,
    server,
    events,
    run,
    connect,
    ask,
    get now() {
      return now
    },
    get exchanges() {
      return exchanges
    },
    get served() {
      return served
    },
  }
}

function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 0xff)
}

test('SMCG-8.2-05 a link is connected, carries APDUs longer than a frame both ways, and is closed', () => {
  const s = session({})
  s.connect()
  assert.deepEqual(s.events[0], {
    kind: 'connected',
    parameters: { maxInformationTransmit: 128, maxInformationReceive: 128, windowTransmit: 1, windowReceive: 1 },
  })
  for (const length of [1, 124, 125, 126, 128, 1000, 5000]) {
    const apdu = pattern(length, length)
    assert.deepEqual(s.ask(apdu), apdu)
  }
  s.client.disconnect(s.now)
  s.run(() => s.events.at(-1)?.kind === 'disconnected')
  assert.equal(s.events.at(-1)?.kind, 'disconnected')
})

test('SMCG-8.2-05 larger windows need fewer exchanges', () => {
  const exchanges = (windowSize: number): number => {
    const window = { windowTransmit: windowSize, windowReceive: windowSize }
    const s = session({ propose: window, offer: window })
    s.connect()
    assert.deepEqual(s.ask(pattern(4000)), pattern(4000))
    return s.exchanges
  }
  assert.ok(exchanges(7) * 4 < exchanges(1))
})

test('SMCG-8.2-05 on a line that loses and spoils frames each APDU arrives once and whole', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 7 }), fc.nat(), fc.nat(900), (windowSize, seed, length) => {
      let state = seed
      const random = (): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        return state / 2 ** 32
      }
      const line: Line = (octets) => {
        const luck = random()
        if (luck < 0.1) return null
        if (luck >= 0.2) return octets
        const spoilt = Uint8Array.from(octets)
        spoilt[Math.floor(random() * spoilt.length)] ^= 0x10
        return spoilt
      }
      const window = { windowTransmit: windowSize, windowReceive: windowSize }
      const s = session({ propose: window, offer: window, line, retries: 30 })
      s.connect()
      for (let i = 1; i <= 3; i++) {
        const apdu = pattern(length + 1, i)
        const answer = s.ask(apdu)
        assert.ok(answer && equalBytes(answer, apdu))
        assert.equal(s.served, i)
      }
    }),
    { numRuns: 60 },
  )
})

test('a server that takes its time is polled, not flooded', () => {
  const s = session({ slow: true })
  s.connect()
  assert.deepEqual(s.ask(pattern(300)), pattern(300))
  assert.ok(s.exchanges < 20, `${s.exchanges} exchanges`)
})

test('a dead line fails by timeout after the repetitions', () => {
  const s = session({ line: () => null })
  s.connect()
  assert.deepEqual(s.events, [{ kind: 'failed', code: 'TIMEOUT' }])
  assert.equal(s.exchanges, 4)
  assert.equal(s.now, 4000)
})

test('an echo of our own frames is ignored', () => {
  const s = session({})
  s.client.connect(0)
  const own = s.client.takeOutput()
  assert.ok(own)
  assert.deepEqual(s.client.receive(own, 0), [])
})

test('a server in disconnected mode resets the link', () => {
  const s = session({})
  s.connect()
  const other = new HdlcServerLink({ server: SERVER })
  s.client.send(pattern(10), 0)
  other.receive(s.client.takeOutput() ?? new Uint8Array(0))
  assert.deepEqual(s.client.receive(other.takeOutput() ?? new Uint8Array(0), 0), [{ kind: 'failed', code: 'RESET' }])
})

test('an APDU beyond the limit ends the link', () => {
  const client = new HdlcClientLink({ client: CLIENT, server: SERVER, maxApdu: 200 })
  const server = new HdlcServerLink({ server: SERVER })
  client.connect(0)
  server.receive(client.takeOutput() ?? new Uint8Array(0))
  client.receive(server.takeOutput() ?? new Uint8Array(0), 0)
  client.send(pattern(5), 0)
  const events: HdlcLinkEvent[] = []
  for (let octets = client.takeOutput(); octets; octets = client.takeOutput()) {
    for (const event of server.receive(octets)) if (event.kind === 'apdu') server.send(event.client, pattern(1000))
    events.push(...client.receive(server.takeOutput() ?? new Uint8Array(0), 0))
  }
  assert.deepEqual(events, [{ kind: 'failed', code: 'PROTOCOL' }])
})
