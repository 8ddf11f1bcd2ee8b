import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  AssociationLn,
  axdr,
  type ClientAuthentication,
  Clock,
  connectMeter,
  Data,
  dateTimeOf,
  instantOf,
  type Meter,
  Register,
  readInvocationCounter,
  SapAssignment,
  SecretKey,
} from '@gridtally/dlms'
import { fromHex, toHex } from '@gridtally/wire'
import { dlmsCrypto } from '#platform/dlms-crypto'
import { connectTcp } from '#platform/tcp'
import type { SimulatorConfig } from './config.ts'
import { NOON, startTestFleet, type TestFleet } from './dev/test-fleet.ts'
import { EVENT_CODES } from './meter.ts'
import { createSessions } from './meter-session.ts'
import { CLIENTS, logicalDeviceName, makeShipment, type ShippedDevice } from './shipment.ts'
import { memoryStore, openStateStore, type StateStore } from './state.ts'

const HOUR = 3_600_000
const CLIENT_TITLE = fromHex('4754480000000001')

/** A fleet that speaks DLMS, and its shipment. */
async function dlmsFleet(
  changes: Partial<SimulatorConfig> = {},
  store: StateStore = memoryStore(),
): Promise<TestFleet> {
  let now = (): number => NOON
  const t = await startTestFleet(changes, { store, openSession: createSessions(store, 400, () => now()) })
  now = t.now
  return t
}

const withFleet =
  (changes: Partial<SimulatorConfig>, body: (t: TestFleet) => Promise<void>) => async (): Promise<void> => {
    const t = await dlmsFleet(changes)
    try {
      await body(t)
    } finally {
      await t.close()
    }
  }

const shipped = (t: TestFleet, index: number): ShippedDevice => {
  const device = makeShipment(t.fleet, t.config, t.now(), { first: index, last: index }).devices[0]
  return device
}

interface Ask {
  readonly client?: keyof typeof CLIENTS
  readonly keys?: Partial<ShippedDevice['keys']>
  readonly counter?: { value: number }
}

/** Associates with a meter as the shipment says, or with other keys. */
async function open(
  t: TestFleet,
  index: number,
  { client = 'management', keys = {}, counter = { value: 1 } }: Ask = {},
): Promise<Meter> {
  const device = shipped(t, index)
  const all = { ...device.keys, ...keys }
  const authentication: ClientAuthentication =
    client === 'public'
      ? { mechanism: 'lowest' }
      : client === 'reader'
        ? { mechanism: 'low', password: fromHex(all.lls) }
        : { mechanism: 'high-gmac' }
  return connectMeter({
    channel: await connectTcp({ ...device.address, timeoutMs: 2000 }),
    clock: { now: Date.now },
    clientAddress: CLIENTS[client].id,
    authentication,
    answerTimeoutMs: 2000,
    ...(client === 'management' && {
      security: {
        crypto: dlmsCrypto,
        keys: { encryptionKey: new SecretKey(fromHex(all.guek)), authenticationKey: new SecretKey(fromHex(all.gak)) },
        systemTitle: CLIENT_TITLE,
        meterSystemTitle: fromHex(device.systemTitle),
        counters: {
          reserve(count) {
            counter.value += count
            return counter.value - count
          },
        },
      },
    }),
  })
}

/** Reads a profile to the end: one array a column. */
async function readProfile(meter: Meter, profile: string, from?: number, to?: number): Promise<unknown[][]> {
  const reading = await meter.profile({ profile, ...(from !== undefined && to !== undefined && { from, to }) })
  assert.ok(reading.ok)
  const columns: unknown[][] = reading.value.description.columns.map(() => [])
  for await (const rows of reading.value.rows)
    rows.columns.forEach((column, i) => {
      columns[i].push(...(column.kind === 'clock' ? column.instants : column.values))
    })
  return columns
}

const octets = (data: { type: string; value: unknown }): string => new TextDecoder().decode(data.value as Uint8Array)

test(
  'the management client proves itself both ways and reads identity, registers and power',
  withFleet({}, async (t) => {
    const meter = await open(t, 1)
    const device = shipped(t, 1)
    assert.equal(toHex(meter.association.systemTitle ?? new Uint8Array()), device.systemTitle)
    const [name, serial, firmware, energy, scale, power, voltage] = await meter.getMany([
      Data.at('0.0.42.0.0.255').value,
      Data.at('0.0.96.1.0.255').value,
      Data.at('1.0.0.2.0.255').value,
      Register.at('1.0.1.8.0.255').value,
      Register.at('1.0.1.8.0.255').scalerUnit,
      Register.at('1.0.1.7.0.255').value,
      Register.at('1.0.32.7.0.255').value,
    ])
    assert.ok(name.ok && serial.ok && firmware.ok && energy.ok && scale.ok && power.ok && voltage.ok)
    assert.equal(octets(name.value), device.logicalDeviceName)
    assert.equal(octets(serial.value), device.serial)
    assert.equal(octets(firmware.value), device.firmware)
    assert.equal(energy.value.value, t.fleet.meter(1).registers().importWh)
    assert.deepEqual(scale.value, { scaler: 0, unit: 30 })
    assert.equal(power.value.value, Math.max(0, t.fleet.meter(1).powerW()))
    const saps = await meter.get(SapAssignment.at('0.0.41.0.0.255').sapAssignmentList)
    assert.ok(saps.ok && saps.value[0].sap === 1)
    await meter.release()
  }),
)

test(
  'UC-1a2-02 the load profile comes with the meter’s own columns, and its rows are what the meter captured',
  withFleet({ meters: 40, layouts: { noStatus: 0.3, reordered: 0.3, importOnly: 0.5, utc: 0.3 } }, async (t) => {
    const seen = new Set<string>()
    for (let index = 1; index <= 40 && seen.size < 8; index++) {
      const simulated = t.fleet.meter(index)
      const { columns, stamps, periodMinutes } = simulated.kind
      const layout = `${columns} ${stamps}`
      if (seen.has(layout)) continue
      seen.add(layout)
      const meter = await open(t, index)
      const described = await meter.describeProfile('1.0.99.1.0.255')
      assert.ok(described.ok)
      assert.equal(described.value.capturePeriodMs, periodMinutes * 60_000)
      const cells = await readProfile(meter, '1.0.99.1.0.255', NOON - 30 * HOUR, NOON)
      const rows = simulated.rows(NOON - 30 * HOUR, NOON - 1)
      assert.equal(rows.length, (30 * 60) / periodMinutes)
      columns.forEach((column, i) => {
        const field = ({ clock: 'stamp', status: 'status', import: 'importWh', export: 'exportWh' } as const)[column]
        assert.deepEqual(
          cells[i],
          rows.map((row) => row[field]),
        )
      })
      await meter.release()
    }
    assert.ok(seen.size >= 6, [...seen].join('; '))
  }),
)

test(
  'selection by entry, the whole buffer in blocks, the daily profile and the event log',
  withFleet({ profileDays: 30 }, async (t) => {
    const simulated = t.fleet.meter(2)
    const meter = await open(t, 2)
    const all = await readProfile(meter, '1.0.99.1.0.255')
    assert.equal(all[0].length, 30 * 96)
    assert.equal(all[0].at(-1), NOON - 30_000)
    const daily = await readProfile(meter, '1.0.99.2.0.255', NOON - 10 * 24 * HOUR, NOON)
    assert.deepEqual(
      daily[0],
      simulated.dailyRows(NOON - 10 * 24 * HOUR, NOON).map((row) => row.stamp),
    )
    assert.equal(daily[0].length, 10)
    simulated.log(EVENT_CODES.COVER_REMOVED)
    const events = await readProfile(meter, '0.0.99.98.0.255', NOON - HOUR, NOON + HOUR)
    assert.deepEqual(events, [[NOON - (NOON % 1000)], [EVENT_CODES.COVER_REMOVED]])
    await meter.release()
  }),
)

test(
  'UC-2b1-01 the clock drifts, is read, and is set by the management client alone',
  withFleet({ perfect: false, faults: { share: 0, clone: false }, driftPpm: 100 }, async (t) => {
    t.setNow(NOON + 240 * HOUR)
    const meter = await open(t, 3)
    const shown = await meter.get(Clock.at('0.0.1.0.0.255').time)
    assert.ok(shown.ok)
    const local = (wall: number): number => wall
    assert.ok(Math.abs((instantOf(shown.value, local) ?? 0) - t.fleet.meter(3).time()) < 10)
    assert.equal(shown.value.deviation, t.fleet.meter(3).kind.stamps === 'utc' ? 0 : -60)
    assert.notEqual(t.fleet.meter(3).time(), t.now())
    assert.equal(await meter.set(Clock.at('0.0.1.0.0.255').time, dateTimeOf(t.now(), 0)), 'success')
    assert.ok(Math.abs(t.fleet.meter(3).time() - t.now()) < 10)
    const { result } = await meter.call(Clock.at('0.0.1.0.0.255').shiftTime, 5)
    assert.equal(result, 'success')
    assert.ok(Math.abs(t.fleet.meter(3).time() - t.now() - 5000) < 10)
    await meter.release()
  }),
)

test(
  'SMCG-1-05 SMCG-6.6.4-04 SMCG-2.2-02 metrology can be written by no client; the reader writes nothing, the public sees no reading',
  withFleet({}, async (t) => {
    const energy = Register.at('1.0.1.8.0.255').value
    const management = await open(t, 2)
    assert.notEqual(await management.set(energy, axdr.doubleLongUnsigned(0)), 'success')
    assert.notEqual((await management.call(Register.at('1.0.1.8.0.255').reset, 0)).result, 'success')
    const list = await management.get(AssociationLn.at('0.0.40.0.0.255').objectList)
    assert.ok(list.ok && list.value.length >= 14)
    await management.release()

    const reader = await open(t, 2, { client: 'reader' })
    assert.ok((await reader.get(energy)).ok)
    assert.notEqual(await reader.set(Clock.at('0.0.1.0.0.255').time, dateTimeOf(0, 0)), 'success')
    await reader.release()

    const anybody = await open(t, 2, { client: 'public' })
    const name = await anybody.get(Data.at('0.0.42.0.0.255').value)
    assert.ok(name.ok && octets(name.value) === logicalDeviceName(t.fleet.meter(2).systemTitle))
    assert.ok((await anybody.get(Data.at('0.0.43.1.0.255').value)).ok)
    assert.equal((await anybody.get(energy)).ok, false)
    assert.equal((await anybody.profile({ profile: '1.0.99.1.0.255', from: 0, to: NOON })).ok, false)
    await anybody.release()
  }),
)

test(
  'X1332-10.1-03 Y4810-8-07 a meter lets nobody in with another meter’s keys or password, and remembers that somebody tried',
  withFleet({}, async (t) => {
    const stolen = shipped(t, 3).keys
    await assert.rejects(open(t, 2, { keys: stolen }))
    await assert.rejects(open(t, 2, { keys: { gak: stolen.gak } }))
    await assert.rejects(open(t, 2, { client: 'reader', keys: stolen }))
    const codes = t.fleet
      .meter(2)
      .events(0, NOON + 1)
      .map((event) => event.code)
    assert.ok(codes.includes(EVENT_CODES.AUTHENTICATION_FAILED) || codes.includes(EVENT_CODES.DECIPHERING_FAILED))
    assert.ok((await open(t, 2)).association)
  }),
)

test('Y4810-9.5-04 counters of both sides outlive a restart: none is sent twice, none is taken twice', async () => {
  const store = memoryStore()
  const counter = { value: 1 }
  const seen: string[] = []
  const sent: number[] = []
  for (let start = 0; start < 2; start++) {
    const t = await dlmsFleet({}, store)
    try {
      const device = shipped(t, 2)
      const told = await readInvocationCounter({
        channel: await connectTcp({ ...device.address, timeoutMs: 2000 }),
        clock: { now: Date.now },
        clientAddress: CLIENTS.public.id,
      })
      assert.ok(told.ok)
      sent.push(told.value)
      if (start === 1) {
        // The keys are of another fleet folder here, but counters are the meter's: an old one is refused before keys matter.
        assert.ok(told.value >= 1)
        continue
      }
      const meter = await open(t, 2, { counter })
      await meter.get(Register.at('1.0.1.8.0.255').value)
      await meter.release()
      seen.push(device.systemTitle)
    } finally {
      await t.close()
    }
  }
  assert.equal(sent[0], 0)
  assert.ok(sent[1] >= 3, `${sent[1]}`)
  assert.equal(store.of(2).sentBelow, 2000, 'a lease each start, whatever was left of the one before')
  assert.equal(store.of(2).received.get(toHex(CLIENT_TITLE)), sent[1])
})

test('a fleet that closes in the middle of conversations still notes their counters', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-state-'))
  try {
    const t = await dlmsFleet({}, openStateStore(folder))
    const meter = await open(t, 2)
    await meter.get(Register.at('1.0.1.8.0.255').value)
    await t.close()
    const again = openStateStore(folder)
    assert.ok((again.of(2).received.get(toHex(CLIENT_TITLE)) ?? 0) >= 3)
    again.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test(
  'octets that are no DLMS end in a closed connection, and the meter goes on',
  withFleet({}, async (t) => {
    const { address } = shipped(t, 2)
    const channel = await connectTcp({ ...address, timeoutMs: 2000 })
    await channel.write(new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'))
    assert.equal(await channel.read().catch(() => null), null)
    assert.ok((await open(t, 2)).association)
  }),
)
