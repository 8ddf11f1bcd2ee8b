import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { parseInstant } from '@gridtally/metering'
import type { PeerError } from '#platform/peer'
import type { Buckets, Intervals, Me, MeterDetail, MeterList, Now, Overview, Summary } from './schemas.ts'
import { borrowWorld, NOON, PROVISION, returnWorld, type World, ZONE } from './test-world.ts'

let world: World
before(async () => {
  world = await borrowWorld()
})
after(returnWorld)

const refusal =
  (status: number, code: string) =>
  (error: PeerError): boolean => {
    assert.deepEqual([error.status, error.code], [status, code])
    return true
  }
const at = (text: string): number => parseInstant(text, ZONE)

test('a link signs in once, then says that it was used; old and foreign ones say so too', async () => {
  const { token, path } = await world.admin.json<{ token: string; path: string }>('/links', {
    method: 'POST',
    body: { accountId: 'anna', minutes: 10 },
  })
  assert.equal(path, `/sign-in#token=${token}`)
  const redeem = (value: string): Promise<Me> =>
    world.as().json<Me>('/links/redeem', { method: 'POST', body: { token: value } })
  const answers = await Promise.allSettled([redeem(token), redeem(token), redeem(token)])
  assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, 1)
  await assert.rejects(redeem(token), refusal(410, 'LINK_USED'))
  await assert.rejects(redeem('A'.repeat(43)), refusal(404, 'LINK_UNKNOWN'))
  await assert.rejects(redeem('x'), refusal(404, 'LINK_UNKNOWN'))
  const old = await world.admin.json<{ token: string }>('/links', {
    method: 'POST',
    body: { accountId: 'anna', minutes: 1 },
  })
  world.clock.set(NOON + 61_000)
  await assert.rejects(redeem(old.token), refusal(410, 'LINK_EXPIRED'))
  world.clock.set(NOON)
  await assert.rejects(
    world.admin.json('/links', { method: 'POST', body: { accountId: 'nobody' } }),
    refusal(404, 'ACCOUNT_UNKNOWN'),
  )
})

test('a session ends when it is idle, too old, signed out, or ended from elsewhere', async () => {
  const live = async (session: string): Promise<boolean> => (await world.as(session).raw('/me')).ok
  const idle = await world.signIn('anna')
  world.clock.set(NOON + 14 * 60_000)
  assert.ok(await live(idle))
  world.clock.set(NOON + 28 * 60_000)
  assert.ok(await live(idle), 'being seen keeps it alive')
  world.clock.set(NOON + 44 * 60_000)
  assert.ok(!(await live(idle)))
  world.clock.set(NOON)
  const old = await world.signIn('anna')
  for (let minutes = 0; minutes <= 12 * 60; minutes += 10) {
    world.clock.set(NOON + minutes * 60_000)
    assert.equal(await live(old), minutes < 12 * 60, `after ${minutes} minutes`)
  }
  world.clock.set(NOON)
  const [one, two] = [await world.signIn('anna'), await world.signIn('anna')]
  assert.notEqual(one, two)
  await world.as(one).json('/sessions/end', { method: 'POST', body: {} })
  assert.deepEqual([await live(one), await live(two)], [false, true])
  const three = await world.signIn('anna')
  const { items } = await world.as(three).json<{ items: { id: string; current: boolean }[] }>('/sessions')
  assert.ok(
    items.every(({ id }) => ![one, two, three].includes(id)),
    'names of sessions open nothing',
  )
  for (const { id, current } of items) if (!current) await world.as(three).json(`/sessions/${id}`, { method: 'DELETE' })
  assert.deepEqual([await live(two), await live(three)], [false, true])
  const watching = await world.signIn('anna')
  world.clock.set(NOON + 10 * 60_000)
  assert.ok((await world.as(watching).raw('/me', { headers: { 'x-background': '1' } })).ok)
  world.clock.set(NOON + 16 * 60_000)
  assert.ok(!(await live(watching)), 'what looks in the background keeps nothing alive')
  world.clock.set(NOON)
})

test('now: power of the last interval, money an hour by the tariff then, and what is usual', async () => {
  const session = await world.signIn('anna')
  const now = await world.as(session).json<Now>('/usage-points/UP-1/now')
  assert.deepEqual(now, {
    usagePointId: 'UP-1',
    at: '2026-06-17T14:00:00+02:00',
    source: 'interval-mean',
    powerW: '320',
    costPerHour: '0.096',
    currency: 'EUR',
    price: { perKwh: '0.3', name: '' },
    usual: { lowW: '320', medianW: '320', highW: '320', days: 40 },
    level: 'usual',
  })
  const point = world.points.get('UP-1')
  assert.ok(point)
  point.registers = [
    { obis: '1.0.1.7.0.255', at: '2026-06-17T14:05:00+02:00', value: '0', unit: 'W', reason: 'scheduled' },
    { obis: '1.0.2.7.0.255', at: '2026-06-17T14:05:00+02:00', value: '1500.5', unit: 'W', reason: 'scheduled' },
  ]
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const exporting = await world.as(session).json<Now>('/usage-points/UP-1/now')
  point.registers = [
    { obis: '1.0.1.7.0.255', at: '2026-06-17T14:05:00+02:00', value: '0', unit: 'W', reason: 'scheduled' },
  ]
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const unsure = await world.as(session).json<Now>('/usage-points/UP-1/now')
  assert.equal(unsure.source, 'interval-mean', 'an import of 0 W says nothing where energy may be given back')
  delete point.registers
  assert.deepEqual(
    [exporting.powerW, exporting.costPerHour, exporting.source, exporting.level],
    ['-1500.5', '-0.105035', 'instantaneous', 'low'],
  )
})

test('summary: today so far at both prices of the day, its curve, and the usual by now', async () => {
  const session = await world.signIn('anna')
  const summary = await world.as(session).json<Summary>('/usage-points/UP-1/summary')
  // 24 quarters at 0.20 before six, 32 at 0.30 after; each 0.1 kWh.
  assert.deepEqual(summary.import, { energyWh: '5600', money: '1.44', expected: 56, present: 56, estimated: 0 })
  assert.deepEqual(summary.export, { energyWh: '1120', money: '0.0784', expected: 56, present: 56, estimated: 0 })
  assert.equal(summary.standing, '0.3')
  assert.equal(summary.curve.length, 24)
  assert.deepEqual(
    [summary.curve[13].energyWh, summary.curve[13].usualMedianWh, summary.curve[14].energyWh],
    ['5600', '5600', null],
  )
  assert.deepEqual(summary.usualByNow, { lowWh: '5600', medianWh: '5600', highWh: '5600', days: 40 })
  assert.equal(summary.tariff?.name, 'New')
})

test('buckets: a year by month, with estimated and missing intervals told', async () => {
  const point = world.points.get('UP-2')
  assert.ok(point)
  const session = await world.signIn('olga')
  world.points.set('UP-2', {
    ...point,
    import: (t) => (t >= at('2026-04-02') && t < at('2026-04-03') ? null : 50),
    quality: (t) => (t >= at('2026-04-03') && t < at('2026-04-04') ? 4 : 1),
  })
  const year = await world
    .as(session)
    .json<Buckets>('/usage-points/UP-2/buckets?from=2026-01-01&to=2027-01-01&bucket=P1M')
  world.points.set('UP-2', point)
  assert.equal(year.buckets.length, 12)
  assert.deepEqual(year.buckets[0].import, { energyWh: null, money: null, expected: 0, present: 0, estimated: 0 })
  // March has the day of 23 hours.
  assert.equal(year.buckets[2].import.expected, 31 * 96 - 4)
  assert.deepEqual(year.buckets[3].import, {
    energyWh: String(29 * 96 * 50),
    money: '27.84',
    expected: 2880,
    present: 2784,
    estimated: 96,
  })
  assert.equal(year.buckets[11].import.expected, 0)
  assert.deepEqual(
    year.tariffs.map(({ name, from, to }) => [name, from, to]),
    [
      ['Old', '2025-01-01', '2026-06-17'],
      ['New', '2026-06-17', null],
    ],
  )
})

test('ranges that are reversed, too long or no days are refused by name', async () => {
  const session = await world.signIn('anna')
  const ask = (query: string, face = 'buckets'): Promise<unknown> =>
    world.as(session).json(`/usage-points/UP-1/${face}?${query}`)
  await assert.rejects(ask('from=2026-01-01&to=2026-02-01&bucket=PT15M'), refusal(400, 'RANGE_TOO_LONG'))
  await assert.rejects(ask('from=2026-02-01&to=2026-01-01&bucket=P1D'), refusal(400, 'RANGE_INVALID'))
  await assert.rejects(ask('from=2026-02-30&to=2026-03-01&bucket=P1D'), refusal(400, 'RANGE_INVALID'))
  await assert.rejects(ask('from=2026-02-01&to=2026-03-01&bucket=P2D'), refusal(400, 'REQUEST_INVALID'))
  await assert.rejects(ask('from=0001-01-01&to=9999-01-01', 'intervals'), refusal(400, 'RANGE_TOO_LONG'))
  await assert.rejects(ask('from=2026-01-01&to=2026-04-01', 'intervals'), refusal(400, 'RANGE_TOO_LONG'))
  await assert.rejects(ask('from=0001-01-01&to=9999-01-01', 'export.csv'), refusal(400, 'RANGE_TOO_LONG'))
})

test('intervals and CSV say the same, in local time with offset and exact kWh, over the whole range', async () => {
  const session = await world.signIn('anna')
  const { intervals } = await world
    .as(session)
    .json<Intervals>('/usage-points/UP-1/intervals?from=2026-03-28&to=2026-03-31')
  assert.equal(intervals.length, 96 + 92 + 96)
  assert.deepEqual(intervals[96 + 7], {
    start: '2026-03-29T01:45:00+01:00',
    end: '2026-03-29T03:00:00+02:00',
    import: { energyWh: '100', quality: 'VALID', flags: [] },
    export: { energyWh: '20', quality: 'VALID', flags: [] },
  })
  const answer = await world.as(session).raw('/usage-points/UP-1/export.csv?from=2025-01-01&to=2027-01-01')
  assert.match(
    answer.headers.get('content-disposition') ?? '',
    /^attachment; filename="UP-1_2025-01-01_2027-01-01\.csv"$/,
  )
  const lines = (await answer.text()).split('\r\n')
  assert.equal(lines[0], 'start,end,import_kwh,import_quality,export_kwh,export_quality')
  assert.equal(lines[1], '2026-03-01T00:00:00+01:00,2026-03-01T00:15:00+01:00,0.1,VALID,0.02,VALID')
  assert.equal(lines.length - 2, (at('2026-06-17T14:00') - at('2026-03-01')) / 900_000)
  const empty = await world.as(session).raw('/usage-points/UP-1/export.csv?from=2020-01-01&to=2020-02-01')
  assert.equal((await empty.text()).split('\r\n').length, 2)
})

test('after a move the old customer keeps their own time and the new one sees nothing older', async () => {
  const moved = {
    ...PROVISION,
    tariffs: [],
    customers: [
      { id: 'carl', name: 'Carl', usagePoints: [{ usagePointId: 'UP-2', from: '2026-01-01', to: '2026-06-10' }] },
    ],
  }
  await world.admin.json('/customers', { method: 'POST', body: moved })
  const [carl, bram] = [await world.signIn('carl'), await world.signIn('bram')]
  const june = (session: string): Promise<Buckets> =>
    world.as(session).json<Buckets>('/usage-points/UP-2/buckets?from=2026-06-01&to=2026-07-01&bucket=P1D')
  const present = ({ buckets }: Buckets): number[] => buckets.map(({ import: { present: n } }) => n)
  assert.deepEqual(present(await june(carl)), [...new Array<number>(9).fill(96), ...new Array<number>(21).fill(0)])
  assert.deepEqual(present(await june(bram)).slice(0, 11), [...new Array<number>(9).fill(0), 96, 96])
  assert.equal((await june(carl)).tariffs.at(-1)?.name, 'Old')
  assert.equal((await world.as(carl).json<Now>('/usage-points/UP-2/now')).powerW, null)
  const csv = await (await world.as(bram).raw('/usage-points/UP-2/export.csv?from=2026-01-01&to=2027-01-01')).text()
  assert.ok(csv.split('\r\n')[1].startsWith('2026-06-10T00:00:00+02:00'))
  const { items } = await world.as(carl).json<{ items: { dataTo: string }[] }>('/me/usage-points')
  assert.equal(items[0].dataTo, '2026-06-10T00:00:00+02:00')
})

test('operators see the joined list, a meter’s page, sessions, events, and can order a reading', async () => {
  const session = await world.signIn('olga')
  const ask = world.as(session)
  // The first refresh runs beside the start.
  for (let i = 0; i < 50; i++) {
    if ((await ask.json<MeterList>('/operator/meters')).items[0]?.completenessPercent) break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const list = await ask.json<MeterList>('/operator/meters?sort=-lastContact')
  assert.deepEqual(
    list.items.map(({ meterId, state, lastError }) => [meterId, state, lastError]),
    [
      ['M1', 'ok', null],
      ['M2', 'failing', 'CONNECT_TIMEOUT'],
    ],
  )
  assert.equal((await ask.json<MeterList>('/operator/meters?search=2%20mill')).items[0].meterId, 'M2')
  const detail = await ask.json<MeterDetail>('/operator/meters/M1')
  assert.equal(detail.usagePoint?.address, '1 Mill Lane')
  assert.deepEqual(detail.clock?.offsetSeconds, '-1.5')
  assert.deepEqual(detail.keys, [
    { type: 'block-cipher', generation: 1, since: '2026-01-01T01:00:00+01:00', counter: '17' },
  ])
  const overview = await ask.json<Overview>('/operator/overview')
  assert.equal(overview.completeness.days.at(-1)?.date, '2026-06-16')
  assert.equal(overview.completeness.days.length, 30)
  assert.deepEqual(overview.sessions.errors, [{ reason: 'CONNECT_TIMEOUT', count: 1 }])
  const sessions = await ask.json<{ items: { id: string }[] }>('/operator/sessions?outcome=failed')
  assert.deepEqual(
    sessions.items.map(({ id }) => id),
    ['2'],
  )
  assert.ok((await ask.json<{ items: object[] }>('/operator/meters/M1/sessions')).items.length >= 2)
  assert.equal((await ask.json<{ items: object[] }>('/operator/events')).items.length, 1)
  const ordered = await ask.raw('/operator/meters/M1/commands', { method: 'POST', body: { kind: 'read' } })
  assert.equal(ordered.status, 202)
  assert.equal((await ask.json<{ state: string }>('/operator/commands/c-1')).state, 'confirmed')
  await assert.rejects(ask.json('/operator/meters/M9'), refusal(404, 'METER_UNKNOWN'))
  await assert.rejects(ask.json('/operator/meters?sort=colour'), refusal(400, 'REQUEST_INVALID'))
  const csv = await (await ask.raw('/operator/meters.csv?sort=meterId')).text()
  assert.equal(csv.split('\r\n')[1].split(',').slice(0, 4).join(), 'M1,UP-1,1 Mill Lane,ok')
})

test('setting up again changes nothing; other prices under a known id are refused and nothing of that call is kept', async () => {
  await world.admin.json('/customers', { method: 'POST', body: PROVISION })
  const changed = {
    tariffs: [{ ...PROVISION.tariffs[0], importPrices: [{ name: '', perKwh: '0.99' }] }],
    operators: [{ id: 'otto', name: 'Otto' }],
  }
  await assert.rejects(world.admin.json('/customers', { method: 'POST', body: changed }), refusal(409, 'CONFLICT'))
  await assert.rejects(
    world.admin.json('/links', { method: 'POST', body: { accountId: 'otto' } }),
    refusal(404, 'ACCOUNT_UNKNOWN'),
  )
  const overlapping = {
    usagePoints: [
      {
        ...PROVISION.usagePoints[0],
        tariffs: [
          { tariffId: 't1', from: '2026-01-01', to: null },
          { tariffId: 't2', from: '2026-02-01', to: null },
        ],
      },
    ],
  }
  await assert.rejects(
    world.admin.json('/customers', { method: 'POST', body: overlapping }),
    refusal(400, 'REQUEST_INVALID'),
  )
})

test('the stream tells of new power only at places somebody watches', async () => {
  const session = await world.signIn('anna')
  const scope = await world.as(session).json<{ usagePoints: { id: string }[] }>('/stream/scope')
  assert.deepEqual(
    scope.usagePoints.map(({ id }) => id),
    ['UP-1'],
  )
  type Polled = { latest: number; events: { event: string; usagePointId: string | null; data: { powerW: string } }[] }
  const poll = (after: number, watch: string[]): Promise<Polled> =>
    world.as().json<Polled>('/stream/poll', { method: 'POST', body: { after, watch, waitMs: 2000 } })
  let after = 0
  let found: Polled['events'] = []
  const deadline = performance.now() + 10_000
  while (found.length === 0 && performance.now() < deadline) {
    const page = await poll(after, ['UP-1'])
    after = page.latest
    found = page.events.filter(({ event }) => event === 'reading')
  }
  assert.deepEqual([found[0]?.usagePointId, found[0]?.data.powerW], ['UP-1', '320'])
  const others = await poll(0, ['UP-2'])
  assert.ok(others.events.every(({ usagePointId }) => usagePointId !== 'UP-1'))
})
