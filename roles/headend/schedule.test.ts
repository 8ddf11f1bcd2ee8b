import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createClock } from '#platform/clock'
import { headendConfig } from './config.ts'
import { backoffMs, nextTurn, Scheduler, spreadOf, type Turn } from './schedule.ts'

const { readings, retry, sessions } = headendConfig(undefined)

test('turns are spread evenly and come once in each stretch', () => {
  const tenths = new Array(10).fill(0)
  for (let i = 0; i < 10_000; i++) tenths[Math.floor(spreadOf(`GTS${String(i).padStart(8, '0')}`) * 10)]++
  assert.ok(
    tenths.every((count) => count > 850 && count < 1150),
    tenths.join(),
  )
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), fc.string(), (now, meterId) => {
      const turn = nextTurn(now, meterId, readings)
      assert.ok(turn > now && turn - now <= readings.everyMinutes * 60_000 + 1)
      assert.ok(Math.abs(nextTurn(turn, meterId, readings) - turn - readings.everyMinutes * 60_000) < 1)
    }),
  )
})

test('waits double, vary and stay below the limit', () => {
  assert.equal(backoffMs(1, retry, 0.5), 30_000)
  assert.equal(backoffMs(4, retry, 0), 120_000)
  assert.equal(backoffMs(4, retry, 0.999) > 359_000, true)
  assert.equal(backoffMs(60, retry, 0.5), retry.mostMinutes * 60_000)
})

interface Bench {
  readonly scheduler: Scheduler
  readonly ran: Turn[]
  readonly most: { open: number; cell: number }
}

function bench(over: Partial<typeof sessions>, sessionMs = 1): Bench {
  const ran: Turn[] = []
  const most = { open: 0, cell: 0 }
  const open = new Map<string, number>()
  const cellOf = (meterId: string): string => meterId[0]
  const scheduler = new Scheduler({
    clock: createClock(),
    limits: { ...sessions, newPerSecond: 100_000, ...over },
    cellOf,
    async run(turn) {
      ran.push(turn)
      const cell = cellOf(turn.meterId)
      open.set(cell, (open.get(cell) ?? 0) + 1)
      most.open = Math.max(
        most.open,
        [...open.values()].reduce((a, b) => a + b),
      )
      most.cell = Math.max(most.cell, open.get(cell) ?? 0)
      await new Promise((resolve) => setTimeout(resolve, sessionMs))
      open.set(cell, (open.get(cell) ?? 0) - 1)
      return undefined
    },
  })
  return { scheduler, ran, most }
}

const settle = async (until: () => boolean): Promise<void> => {
  for (let i = 0; i < 2000 && !until(); i++) await new Promise((resolve) => setTimeout(resolve, 2))
  assert.ok(until())
}

test('no more sessions are open than allowed, in all and by cell, and every turn comes', async () => {
  const { scheduler, ran, most } = bench({ connections: 20, perCell: 6 })
  for (let i = 0; i < 300; i++) scheduler.plan(`${'ABC'[i % 3]}${i}`, 0)
  scheduler.start()
  await settle(() => ran.length === 300 && scheduler.open === 0)
  assert.equal(new Set(ran.map(({ meterId }) => meterId)).size, 300)
  assert.ok(most.open <= 20 && most.cell <= 6, JSON.stringify(most))
  await scheduler.stop()
})

test('people go first, also when all connections for regular turns are taken', async () => {
  const { scheduler, ran } = bench({ connections: 10 }, 20)
  for (let i = 0; i < 50; i++) scheduler.plan(`A${i}`, 0)
  scheduler.start()
  await settle(() => ran.length >= 9)
  const before = ran.length
  await scheduler.request('Z1')
  assert.ok(ran.findIndex(({ meterId }) => meterId === 'Z1') <= before)
  const late = Array.from({ length: 50 }, (_, i) => `A${i}`).findLast((id) =>
    ran.every(({ meterId }) => meterId !== id),
  )
  assert.ok(late)
  await scheduler.request(late)
  assert.equal(ran.filter(({ meterId }) => meterId === late).length, 1, 'the regular turn was brought forward')
  await scheduler.stop()
})

test('one session a meter at a time; who asks during one gets the next', async () => {
  const { scheduler, ran } = bench({}, 10)
  scheduler.start()
  const begun: number[] = []
  const first = scheduler.request('M', () => begun.push(1))
  const shared = scheduler.request('M', () => begun.push(2))
  await Promise.all([first, shared])
  assert.ok(ran.length <= 2)
  assert.deepEqual(begun.toSorted(), [1, 2])
  await scheduler.stop()
})

test('connections are begun no faster than allowed', async () => {
  const { scheduler, ran } = bench({ newPerSecond: 200 })
  for (let i = 0; i < 1000; i++) scheduler.plan(`A${i}`, 0)
  scheduler.start()
  await new Promise((resolve) => setTimeout(resolve, 300))
  assert.ok(ran.length > 30 && ran.length < 110, `${ran.length} in 0.3 s`)
  await scheduler.stop()
})
