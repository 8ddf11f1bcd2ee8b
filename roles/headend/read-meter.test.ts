import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { after, test } from 'node:test'
import { DEVICE_FLAGS, type IntervalRun, obisCode } from '@gridtally/metering'
import { handClock, openRig, type Rig } from './dev/rig.ts'
import { identityOf, type ScriptedMeter, shipmentOf, startMeter } from './dev/scripted-meter.ts'

const NOON = Date.UTC(2026, 2, 2, 12, 3)
const QUARTER = 900_000
const DAY = 86_400_000
const IMPORT = obisCode('1.0.1.8.0.255')

const clock = handClock(NOON)
const limits = { connectTimeoutMs: 500, responseTimeoutMs: 400, deadlineMs: 1500 }
let shared: Rig | undefined
const meters: ScriptedMeter[] = []
let index = 0

after(async () => {
  await Promise.all(meters.map((meter) => meter.close()))
  await shared?.close()
})

async function rig(): Promise<Rig> {
  shared ??= await openRig(clock, { sessions: limits })
  return shared
}

/** A fresh meter, known to the head-end. */
async function meter(): Promise<{ meter: ScriptedMeter; rig: Rig; id: string }> {
  const made = await startMeter(++index, () => clock.now())
  meters.push(made)
  const head = await rig()
  await head.import(shipmentOf([made]))
  return { meter: made, rig: head, id: made.serial }
}

const importRuns = (runs: readonly IntervalRun[]): IntervalRun[] => runs.filter(({ obis }) => obis === IMPORT)

/** Interval values by the instant they begin, asserting that none is there twice. */
function byStart(runs: readonly IntervalRun[]): Map<number, number | null> {
  const all = new Map<number, number | null>()
  for (const { start, stepMs, values } of importRuns(runs))
    values.forEach((value, i) => {
      const at = start + i * stepMs
      assert.ok(!all.has(at), `interval ${new Date(at).toISOString()} twice`)
      all.set(at, value)
    })
  return all
}

test('a meter is associated, identified and read: registers, load profile, billing profile, events', async () => {
  const { meter: m, rig: head, id } = await meter()
  m.statusAt = (at) => (at === NOON - (NOON % QUARTER) ? 0x82 : 0)
  m.eventLog = [
    { at: NOON - 7200_000, code: 40 },
    { at: NOON - 7200_000, code: 41 },
  ]
  assert.equal((await head.read(id)).outcome, 'OK')
  const { runs, readings, events } = await head.stored(id)
  const values = byStart(runs)
  assert.equal(values.size, 4 * 96)
  assert.ok([...values.values()].every((value) => value === 3))
  const [run] = importRuns(runs).slice(-1)
  assert.deepEqual(run.flags?.at(-1), DEVICE_FLAGS.CLOCK_INVALID | DEVICE_FLAGS.POWER_FAIL)
  const now = readings.filter(({ reason }) => reason === 'scheduled')
  assert.deepEqual(
    now.map(({ obis, value, at }) => [obis, value, at]),
    [
      [IMPORT, String(m.valueAt(NOON, 0)), NOON],
      [obisCode('1.0.2.8.0.255'), String(m.valueAt(NOON, 1)), NOON],
    ],
  )
  assert.equal(readings.filter(({ reason }) => reason === 'billing').length, 2 * 4)
  assert.deepEqual(
    events.map(({ type }) => type).filter((type) => type.startsWith('meter.terminal')),
    ['meter.terminalCoverRemoved', 'meter.terminalCoverClosed'],
  )
  const entry = head.registry.get(id)
  assert.equal(entry?.status.state, 'active')
  assert.equal(entry?.status.clockOffsetMs, 0)

  clock.at += 2 * QUARTER
  m.eventLog.push({ at: NOON - 7200_000, code: 42 })
  assert.equal((await head.read(id)).outcome, 'OK')
  const later = await head.stored(id)
  assert.equal(byStart(later.runs).size, 4 * 96 + 2)
  assert.deepEqual(later.events.map(({ type }) => type).filter((type) => /terminal|magnetic/.test(type)).length, 3)
  // Over all that is known, the sum of intervals is the advance of the register.
  const known = byStart(later.runs)
  const first = Math.min(...known.keys())
  const last = Math.max(...known.keys()) + QUARTER
  const sum = [...known.values()].reduce<number>((total, value) => total + (value ?? 0), 0)
  assert.equal(sum, m.valueAt(last, 0) - m.valueAt(first, 0))
})

for (const minutes of [5, 15, 30, 60])
  test(`SMCG-A3-1a2-02 a load profile of ${minutes} minutes is collected with its status flags, and a gap is asked for again`, async () => {
    const { meter: m, rig: head, id } = await meter()
    const step = minutes * 60_000
    const newest = Math.floor(clock.now() / step) * step
    m.periodMs = step
    m.statusAt = (at) => (at === newest - step ? 0x80 : 0)
    assert.equal((await head.read(id)).outcome, 'OK')
    const first = importRuns((await head.stored(id)).runs)
    assert.deepEqual([...new Set(first.map(({ stepMs }) => stepMs))], [step])
    assert.equal(first.at(-1)?.flags?.at(-2), DEVICE_FLAGS.POWER_FAIL)
    // Four hours in which the link fails: what was missed is fetched by the first session that works.
    m.meddle = () => 'close'
    clock.at += 2 * 3600_000
    assert.equal((await head.read(id)).outcome, 'CLOSED_BY_PEER')
    clock.at += 2 * 3600_000
    m.meddle = undefined
    assert.equal((await head.read(id)).outcome, 'OK')
    const all = byStart((await head.stored(id)).runs)
    assert.equal(all.size, ((4 * 24 + 4) * 60) / minutes)
    assert.ok([...all.values()].every((value) => value !== null))
  })

test('reading again at once stores nothing twice', async () => {
  const { rig: head, id } = await meter()
  await head.read(id)
  const before = head.log.lastSeq
  assert.equal((await head.read(id)).outcome, 'OK')
  assert.equal(head.log.lastSeq, before)
})

test('rows that come twice count once, missing rows become nulls bounded by register readings', async () => {
  const { meter: m, rig: head, id } = await meter()
  const gap = Math.floor(clock.now() / QUARTER) * QUARTER - 10 * QUARTER
  m.copies = 2
  m.hasRow = (at) => at !== gap && at !== gap + QUARTER
  await head.read(id)
  const { runs, readings } = await head.stored(id)
  const values = byStart(runs)
  assert.deepEqual(
    [...values].filter(([, value]) => value === null).map(([at]) => (at - gap) / QUARTER),
    [-1, 0, 1],
  )
  const bounds = readings.filter(
    ({ obis, at, reason }) => obis === IMPORT && reason === 'scheduled' && at !== clock.now(),
  )
  assert.deepEqual(
    bounds.map(({ at, value }) => [(at - gap) / QUARTER, value]),
    [
      [-1, String(m.valueAt(gap - QUARTER, 0))],
      [2, String(m.valueAt(gap + 2 * QUARTER, 0))],
    ],
  )
})

test('a register that went backwards gives an event and no negative interval, also across sessions', async () => {
  const { meter: m, rig: head, id } = await meter()
  await head.read(id)
  clock.at += QUARTER
  m.valueAt = () => 5
  assert.equal((await head.read(id)).outcome, 'OK')
  const { runs, events } = await head.stored(id)
  assert.equal([...byStart(runs).values()].at(-1), null)
  assert.equal(events.filter(({ type }) => type === 'register.wentBackwards').length, 2)
})

test('a changed capture list begins a new version with an event; the other column goes on from its seam', async () => {
  const { meter: m, rig: head, id } = await meter()
  await head.read(id)
  m.columns = 1
  clock.at += QUARTER
  assert.equal((await head.read(id)).outcome, 'OK')
  const { runs, events } = await head.stored(id)
  assert.equal(events.filter(({ type }) => type === 'meter.captureListChanged').length, 1)
  const last = importRuns(runs).at(-1)
  assert.deepEqual([last?.captureVersion, last?.values], [2, [3]])
})

test('after days without contact everything is fetched in bounded steps, without gap or double', async () => {
  const { meter: m, rig: head, id } = await meter()
  await head.read(id)
  clock.at += 9 * DAY
  let answers = 0
  m.meddle = (answer) => {
    answers++
    return answer
  }
  assert.equal((await head.read(id)).outcome, 'OK')
  const values = byStart((await head.stored(id)).runs)
  assert.equal(values.size, 13 * 96)
  assert.ok([...values.values()].every((value) => value === 3))
  assert.ok(answers > 5)
})

test('a session cut in the middle of a catch-up keeps what was stored and goes on from there', async () => {
  const { meter: m, rig: head, id } = await meter()
  await head.read(id)
  clock.at += 9 * DAY
  m.meddle = (answer, n) => (n === 5 ? 'cut' : answer)
  assert.equal((await head.read(id)).outcome, 'CLOSED_BY_PEER')
  const partial = byStart((await head.stored(id)).runs).size
  assert.ok(partial > 4 * 96 && partial < 13 * 96, `${partial}`)
  m.meddle = undefined
  assert.equal((await head.read(id)).outcome, 'OK')
  assert.equal(byStart((await head.stored(id)).runs).size, 13 * 96)
})

test('what the log holds and the database lost is known again after a restart, seam and all', async () => {
  const own = await openRig(clock)
  const m = await startMeter(900, () => clock.now())
  try {
    await own.import(shipmentOf([m]))
    await own.read(m.serial)
    clock.at += QUARTER
    await own.restart(shipmentOf([m]))
    assert.equal((await own.read(m.serial)).outcome, 'OK')
    const values = byStart((await own.stored(m.serial)).runs)
    assert.equal(values.size, 4 * 96 + 1)
    assert.ok([...values.values()].every((value) => value === 3))
    assert.ok(!m.events.some(({ type }) => type === 'replay-refused'), 'no counter was used twice')
  } finally {
    await own.close()
    await m.close()
  }
})

test('an interactive read is marked as on demand', async () => {
  const { rig: head, id } = await meter()
  await head.read(id, 'interactive')
  const { readings } = await head.stored(id)
  assert.ok(readings.some(({ reason }) => reason === 'on-demand'))
})

test('a clock further off than allowed gives one event, and one when it is right again', async () => {
  const { meter: m, rig: head, id } = await meter()
  for (const offset of [300_000, 301_000, 1000]) {
    m.now = () => clock.now() + offset
    clock.at += QUARTER
    await head.read(id)
  }
  const { events } = await head.stored(id)
  assert.deepEqual(
    events.map(({ type }) => type).filter((type) => type.startsWith('clock')),
    ['clock.offsetExceeded', 'clock.offsetNormal'],
  )
})

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
    assert.ok(performance.now() - began < limits.deadlineMs + 500)
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
  meters.push(Object.assign(await startMeter(index, () => clock.now(), m.port)))
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
  const identity = identityOf(++index)
  await head.import(shipmentOf([{ ...identity, port }]))
  assert.equal((await head.read(identity.serial)).outcome, 'TIMEOUT')
  mute.close()
})

test('SMCG-A3-2a1-04 a meter is known again at another address, with its history and counters', async () => {
  const { meter: m, rig: head, id } = await meter()
  await head.read(id)
  const counter = head.counters.peek(id) ?? 0
  const moved = await startMeter(index, () => clock.now())
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
