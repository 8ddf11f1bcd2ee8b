import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DeviceRow, Fleet, type FleetSession, METER_SORTS, tenthsOf, tenthsText } from './fleet.ts'

const NOW = 1_780_000_000_000

const device = (n: number, more: Partial<DeviceRow> = {}): DeviceRow => ({
  meterId: `m${String(n).padStart(6, '0')}`,
  systemTitle: `4752540000${n.toString(16).padStart(6, '0')}`,
  firmware: '1.0',
  usagePointId: `up${n}`,
  lastContact: NOW - n * 1000,
  failures: 0,
  lastError: null,
  clockOffsetMs: n % 7 === 0 ? null : n - 500,
  ...more,
})
const session = (id: number, meterId: string, ok: boolean, at = NOW): FleetSession => ({
  id: String(id),
  meterId,
  startedAt: at - 500,
  endedAt: at,
  outcome: ok ? 'ok' : 'failed',
  purpose: 'scheduled',
  reason: ok ? null : 'TIMEOUT',
  detail: '',
  rows: 0,
  octetsIn: 0,
  octetsOut: 0,
})
function filled(count: number): Fleet {
  const fleet = new Fleet(3_600_000)
  const devices = Array.from({ length: count }, (_, n) => device(n))
  const addresses = new Map(
    devices.filter((_, n) => n % 3).map(({ usagePointId }, n) => [usagePointId ?? '', `${n % 97} Elm Road`]),
  )
  fleet.replace(devices, addresses, new Map([['up5', 999]]), NOW)
  return fleet
}

test('every sort, up and down, gives each meter once over its pages, the unknown last', () => {
  const fleet = filled(500)
  for (const sort of METER_SORTS.flatMap((name) => [name, `-${name}`])) {
    const seen: string[] = []
    let after: string | undefined
    do {
      const page = fleet.page({ sort, limit: 70, ...(after === undefined ? {} : { after }) }, NOW)
      assert.equal(page.total, 500)
      seen.push(...page.rows.map(({ meterId }) => meterId))
      after = page.next ?? undefined
    } while (after !== undefined)
    assert.equal(new Set(seen).size, 500, sort)
    assert.equal(seen.length, 500, sort)
  }
  assert.equal(fleet.page({ sort: '-clockOffset' }, NOW).rows[0].meterId, 'm000000'.replace('000000', '000001'))
  assert.equal(fleet.page({ sort: 'address', limit: 500 }, NOW).rows.at(-1)?.address, null)
  assert.throws(() => fleet.page({ after: 'nonsense' }, NOW), { code: 'CURSOR_INVALID' })
})

test('search takes parts of serial, usage point, address and system title in any case', () => {
  const fleet = filled(300)
  for (const search of ['M000123', 'up123', '475254000000007b'])
    assert.deepEqual(
      fleet.page({ search }, NOW).rows.map(({ meterId }) => meterId),
      ['m000123'],
      search,
    )
  assert.ok(fleet.page({ search: 'elm ROAD' }, NOW).total > 100)
  assert.equal(fleet.page({ search: 'no such' }, NOW).total, 0)
})

test('sessions move a meter between states, and its list with it', () => {
  const fleet = new Fleet(3_600_000)
  fleet.replace(
    [device(0), device(1, { lastContact: null }), device(2, { lastContact: NOW - 4_000_000 })],
    new Map(),
    new Map(),
    NOW,
  )
  const states = (): string[] => fleet.page({}, NOW).rows.map(({ state }) => state)
  assert.deepEqual(states(), ['ok', 'new', 'late'])
  fleet.note([session(1, 'm000001', true), session(2, 'm000002', false)], NOW)
  assert.deepEqual(states(), ['ok', 'ok', 'failing'])
  assert.equal(fleet.meter('m000002', NOW)?.lastError, 'TIMEOUT')
  fleet.note([session(3, 'm000002', true)], NOW)
  assert.deepEqual(states(), ['ok', 'ok', 'ok'])
  assert.deepEqual(fleet.errors(NOW), [{ reason: 'TIMEOUT', count: 1 }])
  assert.equal(fleet.minutes(NOW + 60_000).at(-1)?.ok, 2)
  assert.deepEqual(
    fleet.states(NOW).filter(({ count }) => count > 0),
    [{ state: 'ok', count: 3 }],
  )
})

test('the feed of sessions is paged newest first and filtered by outcome', () => {
  const fleet = filled(5)
  fleet.note(
    Array.from({ length: 50 }, (_, i) => session(i + 1, 'm000001', i % 5 !== 0)),
    NOW,
  )
  const first = fleet.sessions({ limit: 20 })
  assert.deepEqual([first.items[0].id, first.items.at(-1)?.id], ['50', '31'])
  const second = fleet.sessions({ limit: 40, after: first.next ?? '' })
  assert.deepEqual([second.items.length, second.next], [30, null])
  assert.equal(fleet.sessions({ limit: 99, outcome: 'failed' }).items.length, 10)
})

test('a page of 50 000 meters comes in a fraction of a second', () => {
  const fleet = filled(50_000)
  const began = performance.now()
  fleet.page({ search: '77', sort: '-address' }, NOW)
  fleet.page({ sort: 'lastContact' }, NOW)
  assert.ok(performance.now() - began < 2000)
})

test('shares are rounded down, so that what is not whole never shows as 100.0', () => {
  assert.equal(tenthsText(tenthsOf(99_999, 100_000) ?? 0), '99.9')
  assert.equal(tenthsText(tenthsOf(96, 96) ?? 0), '100.0')
  assert.equal(tenthsOf(0, 0), null)
})
