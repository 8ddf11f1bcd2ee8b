import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { after, test } from 'node:test'
import { openRig } from './dev/rig.ts'
import { identityOf, type ScriptedMeter, shipmentOf, startMeter } from './dev/scripted-meter.ts'
import { byStart, LIMITS, openYard } from './dev/yard.ts'

const NOON = Date.UTC(2026, 2, 2, 12, 3)
const QUARTER = 900_000

const yard = openYard(NOON)
const { clock, meter, meters, rig, nextIndex } = yard
after(() => yard.close())

// What may go wrong between head-end and meter: each failure has its name, leaves nothing half stored, and ends in time.
for (const [title, outcome, event, spoil] of [
  [
    'a meter with another encryption key',
    'AUTHENTICATION_FAILED',
    'security.authenticationFailed',
    (m) => m.useKeys('00'.repeat(16), m.gak),
  ],
  [
    'a meter with another authentication key',
    'AUTHENTICATION_FAILED',
    'security.authenticationFailed',
    (m) => m.useKeys(m.guek, '00'.repeat(16)),
  ],
  [
    'a peer that replays what it saw before',
    'REPLAY',
    'security.replay',
    (m) => {
      let kept: Uint8Array | undefined
      m.meddle = (answer, n) => {
        if (n === 2) kept = answer.slice()
        return n === 3 && kept ? kept : answer
      }
    },
  ],
  ['a bit flipped in an answer', 'TAG_MISMATCH', 'security.tagMismatch', (m) => flipIn(m, 2)],
  ['a bit flipped in the proof of the meter', 'TAG_MISMATCH', 'security.tagMismatch', (m) => flipIn(m, 1)],
  [
    'a peer that answers in clear',
    'NOT_PROTECTED',
    'security.notProtected',
    (m) => {
      m.meddle = (answer, n) =>
        n === 2 ? Buffer.from('000100010001000800' + 'c401c1000600000001', 'hex').subarray(0, 16) : answer
    },
  ],
  ['a meter that stops amid an answer', 'CLOSED_BY_PEER', undefined, (m) => fault(m, 2, 'cut')],
  ['a meter that closes at once', 'CLOSED_BY_PEER', undefined, (m) => fault(m, 0, 'close')],
  ['a half-open connection', 'TIMEOUT', undefined, (m) => fault(m, 2, 'silence')],
  ['an octet at a time', 'TIMEOUT', undefined, (m) => fault(m, 2, 'drip')],
  [
    'octets that are no protocol at all',
    'PROTOCOL',
    undefined,
    (m) => {
      m.meddle = () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')
    },
  ],
] as const satisfies readonly (readonly [string, string, string | undefined, (m: ScriptedMeter) => void])[])
  test(`${title} ends as ${outcome}, and nothing is stored`, async () => {
    const { meter: m, rig: head, id } = await meter()
    await head.read(id)
    const before = await head.stored(id)
    clock.at += QUARTER
    spoil(m)
    const began = performance.now()
    const result = await head.read(id)
    assert.equal(result.outcome, outcome, result.detail)
    assert.ok(performance.now() - began < LIMITS.deadlineMs + 500)
    assert.ok(!/[0-9a-f]{32}/.test(result.detail), 'no key in a detail')
    const { runs, readings, events } = await head.stored(id)
    assert.deepEqual([runs.length, readings.length], [before.runs.length, before.readings.length])
    const security = events.filter(({ type }) => type.startsWith('security')).map(({ type }) => type)
    assert.deepEqual(security, event === undefined ? [] : [event])
    assert.equal(head.registry.get(id)?.status.failures, 1)
    assert.ok((result.nextAt ?? 0) > clock.now())
    // The fault over, the meter is read as if nothing had been.
    m.meddle = undefined
    m.useKeys(m.guek, m.gak)
    assert.equal((await head.read(id)).outcome, 'OK')
  })

function flipIn(m: ScriptedMeter, which: number): void {
  m.meddle = (answer, n) => {
    if (n !== which) return answer
    const changed = answer.slice()
    changed[changed.length - 5] ^= 1
    return changed
  }
}

function fault(m: ScriptedMeter, which: number, what: 'cut' | 'close' | 'silence' | 'drip'): void {
  m.meddle = (answer, n) => (n === which ? what : answer)
}

test('a meter that is away is refused, retried ever later, and named unreachable once', async () => {
  const { meter: m, rig: head, id } = await meter()
  await head.read(id)
  await m.close()
  const waits: number[] = []
  for (let i = 0; i < 5; i++) {
    const { outcome, nextAt } = await head.read(id)
    assert.equal(outcome, 'CONNECT_REFUSED')
    waits.push((nextAt ?? 0) - clock.now())
  }
  waits.forEach((wait, i) => {
    assert.ok(wait >= 15_000 * 2 ** i && wait <= 45_000 * 2 ** i, `wait ${i} is ${wait}`)
  })
  const { events } = await head.stored(id)
  assert.equal(events.filter(({ type }) => type === 'device.unreachable').length, 1)
  meters.push(await startMeter(Number(id.slice(3)), () => clock.now(), m.port))
  assert.equal((await head.read(id)).outcome, 'OK')
  const after = await head.stored(id)
  assert.equal(after.events.filter(({ type }) => type === 'device.reachable').length, 1)
})

test('a listener that accepts and never speaks costs no more than the time for an answer', async () => {
  const mute = createServer(() => {})
  mute.listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const address = mute.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const head = await rig()
  const identity = identityOf(nextIndex())
  await head.import(shipmentOf([{ ...identity, port }]))
  assert.equal((await head.read(identity.serial)).outcome, 'TIMEOUT')
  mute.close()
})

test('SMCG-A3-2a1-04 a meter is known again at another address, with its history and counters', async () => {
  const { meter: m, rig: head, id } = await meter()
  await head.read(id)
  const counter = head.counters.peek(id) ?? 0
  const moved = await startMeter(Number(id.slice(3)), () => clock.now())
  meters.push(moved)
  moved.forgetNothingBelow(counter - 1)
  await m.close()
  const [{ outcome }] = await head.import(shipmentOf([moved]))
  assert.equal(outcome, 'updated')
  clock.at += QUARTER
  assert.equal((await head.read(id)).outcome, 'OK')
  const values = byStart((await head.stored(id)).runs)
  assert.equal(values.size, 4 * 96 + 1)
  assert.ok((head.counters.peek(id) ?? 0) > counter)
})

test('a counter the meter finds too low is learnt from it and never lowered', async () => {
  const { meter: m, rig: head, id } = await meter()
  m.forgetNothingBelow(5000)
  assert.equal((await head.read(id)).outcome, 'OK')
  const learnt = head.counters.peek(id) ?? 0
  assert.ok(learnt > 5000)
  m.forgetNothingBelow(9000)
  clock.at += QUARTER
  assert.equal((await head.read(id)).outcome, 'OK')
  assert.ok((head.counters.peek(id) ?? 0) > 9000)
  m.forgetNothingBelow(3_000_000_000)
  clock.at += QUARTER
  assert.equal((await head.read(id)).outcome, 'COUNTER_REJECTED', 'an impostor cannot use the key up')
  assert.ok((head.counters.peek(id) ?? 0) < 20_000)
})

test('a device that holds the keys but proves to be another is not trusted; who claims a title in service is quarantined', async () => {
  const { meter: m, rig: head, id } = await meter()
  await head.read(id)
  const stranger = m.systemTitle
  m.systemTitle = '4754540099999999'
  m.useKeys(m.guek, m.gak)
  clock.at += QUARTER
  assert.equal((await head.read(id)).outcome, 'IDENTITY_MISMATCH')
  const { meter: victim, id: victimId } = await meter()
  m.systemTitle = victim.systemTitle
  m.useKeys(m.guek, m.gak)
  const { outcome, nextAt } = await head.read(id)
  assert.deepEqual([outcome, nextAt], ['IDENTITY_MISMATCH', undefined])
  const { events, runs } = await head.stored(id)
  assert.deepEqual(
    events.map(({ type }) => type).filter((type) => /security|cloned/.test(type)),
    ['security.identityMismatch', 'device.cloned'],
  )
  assert.equal(byStart(runs).size, 4 * 96, 'nothing of the other is stored')
  assert.equal(head.registry.get(id)?.status.state, 'quarantined')
  m.systemTitle = stranger
  m.useKeys(m.guek, m.gak)
  const connections = m.connections
  assert.equal((await head.read(id)).outcome, 'QUARANTINED')
  assert.equal(m.connections, connections, 'it is not even called')
  assert.equal((await head.read(victimId)).outcome, 'OK')
})

test('a peer that plays back a whole earlier session fails at the proof', async () => {
  const { meter: m, rig: head, id } = await meter()
  await head.read(id)
  const kept: Uint8Array[] = []
  m.meddle = (answer, n) => {
    kept[n] = answer.slice()
    return answer
  }
  clock.at += QUARTER
  await head.read(id)
  m.meddle = (answer, n) => kept[n] ?? answer
  clock.at += QUARTER
  const before = byStart((await head.stored(id)).runs).size
  const { outcome } = await head.read(id)
  assert.ok(outcome === 'PEER_NOT_AUTHENTIC' || outcome === 'REPLAY', outcome)
  const { runs, events } = await head.stored(id)
  assert.equal(byStart(runs).size, before)
  assert.equal(events.filter(({ type }) => type.startsWith('security')).length, 1)
})

test('a session as a whole is bounded, however lively octets trickle in', async () => {
  const own = await openRig(clock, { sessions: { responseTimeoutMs: 60_000, deadlineMs: 600 } })
  const m = await startMeter(901, () => clock.now())
  try {
    await own.import(shipmentOf([m]))
    m.meddle = (answer, n) => (n === 2 ? 'drip' : answer)
    const began = performance.now()
    assert.equal((await own.read(m.serial)).outcome, 'TOO_SLOW')
    assert.ok(performance.now() - began < 2000)
  } finally {
    await own.close()
    await m.close()
  }
})

test('an unknown meter and one without keys are not called', async () => {
  const head = await rig()
  assert.equal((await head.read('NOBODY')).outcome, 'KEYS_MISSING')
})

test('X1332-10.1-03 head-end and meter each refuse the other without the right key, and both say so', async () => {
  const { meter: m, rig: head, id } = await meter()
  m.useKeys('11'.repeat(16), m.gak)
  m.events.length = 0
  assert.equal((await head.read(id)).outcome, 'AUTHENTICATION_FAILED')
  assert.ok(
    m.events.some(({ type }) => type === 'deciphering-failed'),
    'the meter refused the head-end',
  )
  const { events, runs, readings } = await head.stored(id)
  assert.deepEqual([events.map(({ type }) => type), runs, readings], [['security.authenticationFailed'], [], []])
})

test('Y4810-8-08 what travels between meter and head-end shows no value to a listener', async () => {
  const { meter: m, rig: head, id } = await meter()
  m.valueAt = (at) => 0x5ec3e700 + (Math.floor(at / QUARTER) % 200)
  const captured: Buffer[] = []
  m.meddle = (answer) => {
    captured.push(Buffer.from(answer))
    return answer
  }
  assert.equal((await head.read(id)).outcome, 'OK')
  assert.ok((await head.stored(id)).readings.some(({ value }) => Number(value) >> 8 === 0x5ec3e7))
  assert.ok(captured.length > 3)
  assert.equal(Buffer.concat(captured).indexOf(Buffer.from('5ec3e7', 'hex')), -1)
})

test('a stranger who connects to a meter without the keys learns nothing', async () => {
  const { meter: m } = await meter()
  const socket = connect(m.port, '127.0.0.1')
  // GET of the load profile, in clear, as management client without association.
  socket.write(Buffer.from('000100010001000dc001c100070100630100ff0200', 'hex'))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.equal(answer[8], 0xd8, 'refused')
  socket.destroy()
})
