import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { toHex } from '@gridtally/wire'
import type { SimulatorConfig } from './config.ts'
import { readSimulatorConfig } from './config.ts'
import { NOON, startTestFleet, type TestFleet } from './dev/test-fleet.ts'
import { isUnreachable, outagesOf, plannedFault } from './faults.ts'
import { openFleetIdentity } from './identity.ts'
import { openStateStore } from './state.ts'

const HOUR = 3_600_000

/** What came of a connection to which `octets` were sent. */
interface Outcome {
  readonly refused: boolean
  readonly error: string
  readonly octets: number
  readonly ms: number
  readonly open: boolean
}

/** Sends octets and watches until as many came back, the socket closed, or time is up. */
function probe(port: number, octets: Uint8Array, waitMs = 400): Promise<Outcome> {
  return new Promise((resolve) => {
    const started = performance.now()
    let got = 0
    let error = ''
    const socket = connect({ host: '127.0.0.1', port })
    const finish = (open: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ refused: error === 'ECONNREFUSED', error, octets: got, ms: performance.now() - started, open })
    }
    const timer = setTimeout(() => finish(true), waitMs)
    socket.on('connect', () => socket.write(octets))
    socket.on('data', (chunk) => {
      got += chunk.length
      if (got >= octets.length) finish(true)
    })
    socket.on('error', (cause: NodeJS.ErrnoException) => {
      error = cause.code ?? cause.message
    })
    socket.on('close', () => finish(false))
  })
}

const withFleet =
  (changes: Partial<SimulatorConfig>, body: (t: TestFleet) => Promise<void>) => async (): Promise<void> => {
    const fleet = await startTestFleet(changes)
    try {
      await body(fleet)
    } finally {
      await fleet.close()
    }
  }
const HELLO = new Uint8Array(2000).fill(7)

test(
  'every meter answers on a port of its own, in one contiguous range',
  withFleet({ meters: 30 }, async ({ fleet }) => {
    for (const index of [1, 2, 29, 30]) {
      assert.equal(fleet.device(index).port, fleet.basePort + index - 1)
      assert.equal((await probe(fleet.device(index).port, HELLO)).octets, HELLO.length)
    }
  }),
)

test('a port somebody else has moves the range, and does not end the start', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  const { port } = taken.address() as { port: number }
  const t = await startTestFleet({ basePort: port - 2, meters: 6 })
  try {
    assert.ok(t.fleet.basePort > port || t.fleet.basePort + 5 < port)
    assert.equal((await probe(t.fleet.device(6).port, HELLO)).octets, HELLO.length)
  } finally {
    await t.close()
    taken.close()
  }
})

test(
  'comms outage: connections are refused, and the meter goes on measuring',
  withFleet({}, async ({ fleet, setNow, now }) => {
    const meter = fleet.meter(2)
    meter.breakDown('comms-outage', {})
    await fleet.refresh()
    assert.ok((await probe(fleet.device(2).port, HELLO)).refused)
    assert.equal((await probe(fleet.device(3).port, HELLO)).octets, HELLO.length, 'its neighbour is well')
    setNow(now() + HOUR)
    meter.repair('comms-outage')
    await fleet.refresh()
    assert.equal((await probe(fleet.device(2).port, HELLO)).octets, HELLO.length)
    assert.ok(meter.registersAt(now()).importWh > meter.registersAt(now() - HOUR).importWh)
  }),
)

test(
  'power outage: connections that are open are cut and new ones refused until supply is back',
  withFleet({}, async ({ fleet }) => {
    const { port } = fleet.device(2)
    const socket: Socket = connect({ host: '127.0.0.1', port })
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.on('error', () => {})
    const cut = new Promise((resolve) => socket.once('close', resolve))
    await delay(20)
    fleet.meter(2).breakDown('power-outage', {})
    await fleet.refresh()
    await cut
    assert.ok((await probe(port, HELLO)).refused)
    fleet.meter(2).repair('power-outage')
    await fleet.refresh()
    assert.equal((await probe(port, HELLO)).octets, HELLO.length)
  }),
)

test(
  'slow link: an answer comes late and drop by drop, but whole',
  withFleet({}, async ({ fleet }) => {
    fleet.meter(2).breakDown('slow-link', { latencyMs: 100, octetsPerSecond: 8000 })
    const { octets, ms } = await probe(fleet.device(2).port, HELLO, 3000)
    assert.equal(octets, HELLO.length)
    assert.ok(ms > 100 + 4 * 45, `${ms} ms`)
  }),
)

test(
  'connection reset: the answer ends in its middle',
  withFleet({}, async ({ fleet }) => {
    fleet.meter(2).breakDown('connection-reset', {})
    for (let i = 0; i < 3; i++) {
      const outcome = await probe(fleet.device(2).port, HELLO)
      assert.equal(outcome.open, false)
      assert.ok(outcome.octets < HELLO.length)
      assert.ok(outcome.error === 'ECONNRESET' || outcome.octets > 0)
    }
  }),
)

test(
  'half-open: the connection stands and nothing ever comes',
  withFleet({}, async ({ fleet }) => {
    fleet.meter(2).breakDown('half-open', {})
    const outcome = await probe(fleet.device(2).port, HELLO, 150)
    assert.deepEqual([outcome.open, outcome.octets], [true, 0])
    fleet.meter(2).repair('half-open')
    assert.equal((await probe(fleet.device(2).port, HELLO)).octets, HELLO.length)
  }),
)

test(
  'wrong clock: it jumps, and stays wrong until it is set',
  withFleet({}, async ({ fleet, setNow }) => {
    const meter = fleet.meter(2)
    meter.breakDown('wrong-clock', { jumpSeconds: -1800 })
    assert.equal(meter.time(), NOON - 1_800_000)
    meter.repair('wrong-clock')
    setNow(NOON + HOUR)
    assert.equal(meter.time(), NOON + HOUR - 1_800_000)
    meter.setTime(NOON + HOUR)
    assert.equal(meter.time(), NOON + HOUR)
  }),
)

test(
  'a cloned meter answers at another address with the title of another, and the fleet says so',
  withFleet({ meters: 10, perfect: false, faults: { share: 0, clone: true } }, async ({ fleet }) => {
    assert.equal(fleet.size, 11)
    const clone = fleet.device(11)
    const fault = clone.faults[0]
    assert.equal(fault.kind, 'clone')
    const original = fleet.device(fleet.indexOf(fault.of ?? '') ?? 0)
    assert.equal(toHex(clone.systemTitle), toHex(original.systemTitle))
    assert.notEqual(clone.port, original.port)
    assert.notEqual(clone.serial, original.serial)
    assert.deepEqual(original.faults, [])
  }),
)

test(
  'Y4810-8-04 a flood of connections to one meter is capped; the first ones stay, neighbours notice nothing',
  withFleet({ connectionsPerMeter: 2 }, async ({ fleet }) => {
    const { port } = fleet.device(2)
    const first = connect({ host: '127.0.0.1', port })
    await new Promise((resolve) => first.once('connect', resolve))
    await delay(10)
    const flood = await Promise.all(Array.from({ length: 1000 }, () => probe(port, HELLO, 3000)))
    assert.ok(flood.filter((outcome) => outcome.octets === 0 && !outcome.open).length > 500)
    assert.ok(fleet.refused() > 500, 'and it is told')
    const echoed = new Promise<Buffer>((resolve) => first.once('data', resolve))
    first.write('still here')
    assert.equal((await echoed).toString(), 'still here')
    first.destroy()
    assert.equal((await probe(fleet.device(3).port, HELLO)).octets, HELLO.length)
  }),
)

test('planned faults touch the configured share, spare the first four, come from the seed, and can be turned off', () => {
  const faults = Array.from({ length: 4000 }, (_, i) => plannedFault(5, i + 1, 0.05, NOON))
  const touched = faults.filter((fault) => fault !== undefined)
  assert.ok(touched.length > 140 && touched.length < 260, `${touched.length}`)
  assert.equal(new Set(touched.map((fault) => fault.kind)).size, 6)
  assert.ok(faults.slice(0, 4).every((fault) => fault === undefined))
  assert.deepEqual(plannedFault(5, 77, 1, NOON), plannedFault(5, 77, 1, NOON))
  assert.ok(faults.every((_, i) => plannedFault(5, i + 1, 0, NOON) === undefined))
  const power = [{ kind: 'power-outage', origin: 'plan', from: 0, to: null }] as const
  const month = outagesOf(5, 9, power, NOON - 30 * 24 * HOUR, NOON)
  assert.ok(month.length <= 8)
  for (const { from, to } of outagesOf(5, 9, power, NOON - 400 * 24 * HOUR, NOON)) {
    assert.ok(to - from >= 600_000 && to - from <= 4 * HOUR)
    assert.ok(isUnreachable(5, 9, power, from) && !isUnreachable(5, 9, power, to))
  }
})

test('keys are made at first start, differ from meter to meter and fleet to fleet, and outlive a restart', () => {
  const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'gridtally-identity-')))
  try {
    const [a, b] = folders.map((folder) => openFleetIdentity(folder, 1))
    const seen = new Set<string>()
    for (const fleet of [a, b])
      for (let index = 1; index <= 200; index++) {
        const { guekKey, gakKey, llsPassword } = fleet.keys(index)
        for (const key of [guekKey, gakKey, llsPassword]) {
          assert.equal(key.length, 16)
          seen.add(toHex(key))
        }
      }
    assert.equal(seen.size, 2 * 200 * 3)
    assert.deepEqual(openFleetIdentity(folders[0], 1).keys(7), a.keys(7))
    assert.equal(statSync(join(folders[0], 'fleet-secret')).mode & 0o777, 0o600)
    assert.equal(a.systemTitle(7).length, 8)
    assert.equal(toHex(a.systemTitle(7)).slice(0, 6), toHex(new TextEncoder().encode('GTS')))
    assert.notEqual(toHex(a.systemTitle(7)), toHex(b.systemTitle(7)))
    assert.equal(a.serial(7), 'GTS00000007')
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true })
  }
})

test('what a meter must not forget outlives a crash, half a line at the end included', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-state-'))
  try {
    const store = openStateStore(folder)
    store.record([3, 'clock', { at: 1, shown: 2, ppm: 5 }])
    store.record([3, 'sent', 1000])
    store.record([3, 'received', '0102030405060708', 77])
    store.record([3, 'received', '0102030405060708', 76])
    store.record([4, 'event', { at: 9, code: 40 }])
    store.record([4, 'faults', [{ kind: 'half-open', origin: 'set', from: 5, to: null }]])
    store.close()
    const path = join(folder, 'state.jsonl')
    const { appendFileSync } = await import('node:fs')
    appendFileSync(path, '[3,"sent",20')
    const again = openStateStore(folder)
    const state = again.of(3)
    assert.deepEqual(state.clock, [{ at: 1, shown: 2, ppm: 5 }])
    assert.equal(state.sentBelow, 1000)
    assert.equal(state.received.get('0102030405060708'), 77)
    assert.equal(again.of(4).faults[0].kind, 'half-open')
    assert.deepEqual(again.of(4).events, [{ at: 9, code: 40 }])
    again.close()
    assert.ok(readFileSync(path, 'utf8').split('\n').length < 10)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a configuration is checked before anything starts', () => {
  assert.equal(readSimulatorConfig({ meters: 5 }).meters, 5)
  for (const wrong of [
    { metres: 5 },
    { meters: 0 },
    { meters: 1.5 },
    { zone: 'Mars/Olympus' },
    { mix: { pv: 2 } },
    { faults: { share: -1 } },
    { holidays: ['31-31'] },
  ])
    assert.throws(() => readSimulatorConfig(wrong), { code: 'CONFIG_INVALID' })
})
