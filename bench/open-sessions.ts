import { loadavg } from 'node:os'
import { openBench, sessionsEnded } from './headend.ts'

// Sessions open at once in one head-end process: every meter lets itself be associated, with mutual authentication, and then holds back its
// answer to the request for its load profile, so that all sessions pile up in the middle of their work. Counted are answers held back: one a session.
// Run with --expose-gc for exact memory.
const METERS = Number(process.argv[2] ?? 10_000)
const MOST_SECONDS = 120

const bench = await openBench(METERS, {
  sessions: {
    connections: METERS * 1.1,
    newPerSecond: 2000,
    perCell: METERS * 1.1,
    connectTimeoutMs: 300_000,
    responseTimeoutMs: 300_000,
    deadlineMs: 600_000,
  },
})
const { headend } = bench
const memory = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().rss / 1e6
}
// Two answers for the association, one for clock and registers; public clients, who learn the counter at the first contact, take three in all.
await bench.tell({ holdFrom: 3 })
const before = memory()
await headend.begin()
const began = performance.now()
await bench.advance(600_000)
let held = 0
let cpu = process.cpuUsage()
while (held < METERS && performance.now() - began < MOST_SECONDS * 1000) {
  await new Promise((resolve) => setTimeout(resolve, 250))
  ;({ held } = await bench.tell({}))
}
const seconds = (performance.now() - began) / 1000
cpu = process.cpuUsage(cpu)
const rss = memory()
const open = Number(/headend_sessions_open (\d+)/.exec(headend.metrics.text())?.[1])
const { failed } = sessionsEnded(headend)
const figure = (name: string, value: number, unit: string): void =>
  console.log(
    JSON.stringify({ name, value: Number(value.toFixed(1)), unit, meters: METERS, held, failed, load: loadavg()[0] }),
  )
figure('headend.open-sessions', Math.min(open, held), 'sessions')
figure('headend.open-sessions-ramp', seconds, 's')
figure('headend.open-session-memory', ((rss - before) * 1000) / Math.max(1, open), 'kB')
figure('headend.open-sessions-memory', rss, 'MB')
figure('headend.open-session-cpu', (cpu.user + cpu.system) / 1000 / Math.max(1, open), 'ms')
await bench.close()
