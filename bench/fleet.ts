/**
 * What a fleet costs: intervals drawn per second, time until 10,000 meters listen, memory before and after each was read once.
 * `node --expose-gc --conditions=@gridtally/source bench/fleet.ts [meters]`; prints one JSON line a figure.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Clock, connectMeter, Register, SecretKey } from '@gridtally/dlms'
import { dlmsCrypto } from '#platform/dlms-crypto'
import { connectTcp } from '#platform/tcp'
import { DEFAULTS } from '../roles/simulator/config.ts'
import { startFleet } from '../roles/simulator/fleet.ts'
import { historyLines, historySpan } from '../roles/simulator/history.ts'
import { openFleetIdentity } from '../roles/simulator/identity.ts'
import { createNeighbourhood } from '../roles/simulator/load/neighbourhood.ts'
import { createSessions } from '../roles/simulator/meter-session.ts'
import { openStateStore } from '../roles/simulator/state.ts'

const DAY_MS = 86_400_000
const meters = Number(process.argv[2] ?? 10_000)
const figure = (name: string, value: number, unit: string): void =>
  console.log(JSON.stringify({ name, value: Math.round(value * 100) / 100, unit }))
const collect = globalThis.gc ?? ((): void => {})
const rssMb = (): number => {
  collect()
  return process.memoryUsage.rss() / 1e6
}

const bornAt = Date.now()
const { seed, zone, latitude, longitude, mix, holidays } = DEFAULTS
const settings = { seed, zone, mix, holidays, place: { latitude, longitude }, daysKept: 1000 }
for (const round of ['cold', 'warm']) {
  const neighbourhood = createNeighbourhood({ ...settings, birthDay: Math.floor(bornAt / DAY_MS) })
  const began = performance.now()
  for (let index = 1; index <= 200; index++) neighbourhood.counter(index, 96, () => []).at(bornAt - 395 * DAY_MS)
  figure(
    `intervals drawn (200 meters, 13 months, ${round})`,
    (200 * 395 * 96) / (performance.now() - began) / 1000,
    'M/s',
  )
}

const folder = mkdtempSync(join(tmpdir(), 'gridtally-bench-'))
const config = { ...DEFAULTS, meters, provision: false, perfect: true }
const store = openStateStore(folder)
const before = rssMb()
const began = performance.now()
const fleet = await startFleet({
  config,
  identity: openFleetIdentity(folder, 1),
  store,
  bornAt,
  now: Date.now,
  openSession: createSessions(store, config.profileDays, Date.now),
})
figure(`${meters} meters listen after`, performance.now() - began, 'ms')
figure('memory of listening', rssMb() - before, 'MB')
for (let index = 1; index <= meters; index++) fleet.meter(index).rows(bornAt - 3 * DAY_MS, bornAt)
figure('memory once each was read for 3 days', rssMb() - before, 'MB')
const span = historySpan(bornAt, zone, config.historyDays, config.historyTailDays)
const lined = performance.now()
let values = 0
for (let index = 1; index <= 20; index++)
  for (const line of historyLines(fleet.meter(index), span)) values += line.values.length
figure('history lines (20 meters)', values / (performance.now() - lined) / 1000, 'M values/s')
/** One collection as a head-end does it: GMAC association, clock, register, three days of the load profile, release. */
async function session(index: number): Promise<void> {
  const { port, systemTitle } = fleet.device(index)
  const { guekKey, gakKey } = fleet.keys(index)
  let next = 1
  const meter = await connectMeter({
    channel: await connectTcp({ host: config.meterHost, port, timeoutMs: 5000 }),
    clock: { now: Date.now },
    clientAddress: 1,
    authentication: { mechanism: 'high-gmac' },
    security: {
      crypto: dlmsCrypto,
      keys: { encryptionKey: new SecretKey(guekKey), authenticationKey: new SecretKey(gakKey) },
      systemTitle: Uint8Array.of(71, 84, 72, 0, 0, 0, 0, 1),
      meterSystemTitle: systemTitle,
      counters: {
        reserve(count) {
          next += count
          return next - count
        },
      },
    },
  })
  await meter.getMany([Clock.at('0.0.1.0.0.255').time, Register.at('1.0.1.8.0.255').value])
  const reading = await meter.profile({ profile: '1.0.99.1.0.255', from: bornAt - 3 * DAY_MS, to: bornAt })
  if (reading.ok) for await (const batch of reading.value.rows) rows += batch.count
  await meter.release()
}
let rows = 0
const sessions = Math.min(meters, 400)
const talking = performance.now()
const cpu = process.cpuUsage()
let turn = 0
await Promise.all(
  Array.from({ length: 16 }, async () => {
    while (turn < sessions) await session(++turn)
  }),
)
const spent = process.cpuUsage(cpu)
figure(
  `sessions of three days, both ends in one process (${rows} rows)`,
  sessions / ((performance.now() - talking) / 1000),
  '/s',
)
figure('processor time of a session, both ends', (spent.user + spent.system) / 1000 / sessions, 'ms')
const closing = performance.now()
await fleet.close()
figure('closed after', performance.now() - closing, 'ms')
store.close()
rmSync(folder, { recursive: true })
