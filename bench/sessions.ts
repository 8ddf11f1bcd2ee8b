import { loadavg } from 'node:os'
import { openBench, sessionsEnded, untilTrue } from './headend.ts'

// Full secured sessions per second of one head-end process against a fleet in another process of the same machine. One session is:
// TCP connection, association with HLS-GMAC (suite 0), clock, capture list and registers, one day of load profile (4 columns, 96 rows),
// billing row, event log, release; entries sealed, written and synced to disk; read state and session record to the database.
// Meanwhile people order readings of meters, one after the other: how long from the order until it is stored as confirmed.
const METERS = Number(process.argv[2] ?? 2000)
const ROUNDS = Number(process.argv[3] ?? 5)
const DAY_MS = 86_400_000

const bench = await openBench(METERS, {
  readings: { everyMinutes: 1440, afterSeconds: 1, spreadSeconds: 1 },
  sessions: { connections: 200, newPerSecond: 10_000, perCell: 200 },
})
const { headend } = bench
await headend.begin()
await bench.advance(60_000)
// The first round learns counters and capture lists, and is not counted.
await untilTrue(() => sessionsEnded(headend).ok >= METERS, 120_000)
const rates: number[] = []
const rowsStored = (): number => Number(/headend_rows_total (\d+)/.exec(headend.metrics.text())?.[1])
const rowsBefore = rowsStored()
const cpu = { headend: 0, fleet: 0 }
const waits: number[] = []
const { commands, registry, store } = headend.ports
const ids = registry.sorted()
async function orderReadings(until: () => boolean): Promise<void> {
  for (let i = 0; !until(); i++) {
    const from = performance.now()
    const { id } = await commands.post({ meterId: ids[(i * 7919) % ids.length], kind: 'read' })
    while ((await store.command(id))?.state !== 'confirmed') await new Promise((resolve) => setTimeout(resolve, 3))
    waits.push(performance.now() - from)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
for (let round = 1; round <= ROUNDS; round++) {
  const { ok } = sessionsEnded(headend)
  const fleetBefore = (await bench.tell({})).cpuMs
  const cpuBefore = process.cpuUsage()
  await bench.advance(DAY_MS)
  await untilTrue(() => Number(/headend_sessions_open (\d+)/.exec(headend.metrics.text())?.[1]) > 0, 5000)
  const began = performance.now()
  const ordered = waits.length
  const isDone = (): boolean => sessionsEnded(headend).ok >= ok + METERS
  const ordering = orderReadings(isDone)
  await untilTrue(isDone, 120_000)
  const seconds = (performance.now() - began) / 1000
  await ordering
  rates.push((METERS + waits.length - ordered) / seconds)
  const { user, system } = process.cpuUsage(cpuBefore)
  cpu.headend += (user + system) / 1000
  cpu.fleet += (await bench.tell({})).cpuMs - fleetBefore
}
await untilTrue(() => Number(/headend_sessions_(?:open|waiting) (\d+)/.exec(headend.metrics.text())?.[1]) === 0, 60_000)
const rowsPerSession = (rowsStored() - rowsBefore) / (METERS * ROUNDS)
if (rowsPerSession !== 96) throw new Error(`${rowsPerSession} rows a session, 96 expected`)
const { failed } = sessionsEnded(headend)
await bench.close()
rates.sort((a, b) => a - b)
const figure = (name: string, value: number, unit: string): void =>
  console.log(
    JSON.stringify({
      name,
      value: Number(value.toFixed(2)),
      unit,
      meters: METERS,
      rounds: ROUNDS,
      failed,
      load: loadavg()[0],
    }),
  )
figure('headend.sessions', rates[rates.length >> 1], 'sessions/s')
waits.sort((a, b) => a - b)
figure('headend.order-to-confirmed-median', waits[waits.length >> 1], 'ms')
figure('headend.order-to-confirmed-p95', waits[Math.floor(waits.length * 0.95)], 'ms')
figure('headend.session-cpu', cpu.headend / (METERS * ROUNDS), 'ms')
figure('headend.fleet-cpu', cpu.fleet / (METERS * ROUNDS), 'ms')
figure('headend.memory', process.memoryUsage().rss / 1e6, 'MB')
