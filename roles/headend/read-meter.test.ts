import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { DEVICE_FLAGS, obisCode } from '@gridtally/metering'
import { openRig } from './dev/rig.ts'
import { shipmentOf, startMeter } from './dev/scripted-meter.ts'
import { byStart, IMPORT, importRuns, openYard } from './dev/yard.ts'

const NOON = Date.UTC(2026, 2, 2, 12, 3)
const QUARTER = 900_000
const DAY = 86_400_000

const yard = openYard(NOON)
const { clock, meter } = yard
after(() => yard.close())

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
