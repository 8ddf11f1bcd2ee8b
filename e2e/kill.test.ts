import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { eventually, freePort, type Platform, startPlatform, temporaryFolder } from './platform.ts'

const ROLES = ['simulator', 'headend', 'mdms', 'access', 'portal']
const KILLS = Number(process.env.GRIDTALLY_KILLS ?? 50)
const HOUR_MS = 3_600_000

/** Process of a role, while there is one: a child of the supervisor whose command line names it. */
function pidOf(platform: Platform, role: string): number | undefined {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1')
      const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (Number(parent) === platform.child.pid && readFileSync(`/proc/${entry}/cmdline`, 'latin1').includes(role))
        return Number(entry)
    } catch {
      // The process ended while we looked.
    }
  }
  return undefined
}

interface FleetMeter {
  readonly meterId: string
  readonly usagePointId: string | null
  readonly periodMinutes: number
  readonly faults: readonly unknown[]
}

test(`kill -9 of any role at ${KILLS} random points: nothing acknowledged is lost, nothing comes twice`, {
  timeout: 900_000,
  skip: existsSync('/proc/self/stat') ? false : 'processes are found through /proc',
}, async (t) => {
  // Time runs fast, so that something is always under way: a quarter hour passes in 7.5 seconds.
  const platform = await startPlatform(t, temporaryFolder(t), [
    '--port',
    String(await freePort()),
    '--meters',
    '8',
    '--speed',
    '120',
  ])
  const { meters } = await platform.asAdmin<{ meters: FleetMeter[] }>('simulator', '/fleet')
  const { platformTime } = (
    (await (await fetch(`${platform.url}/health`)).json()) as { simulator: { platformTime: string } }
  ).simulator
  const from = Math.ceil(Date.parse(platformTime) / HOUR_MS) * HOUR_MS
  let seed = 20_261_121
  const random = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return seed / 0x1_0000_0000
  }
  let killed = 0
  while (killed < KILLS) {
    await new Promise((resolve) => setTimeout(resolve, 200 + random() * 1600))
    const pid = pidOf(platform, ROLES[Math.floor(random() * ROLES.length)])
    if (pid === undefined) continue
    process.kill(pid, 'SIGKILL')
    killed++
  }
  const to = await eventually(
    async () => {
      const response = await fetch(`${platform.url}/health`)
      if (response.status !== 200) return undefined
      const { simulator } = (await response.json()) as { simulator: { platformTime: string } }
      const whole = Math.floor(Date.parse(simulator.platformTime) / HOUR_MS) * HOUR_MS
      return whole - from >= HOUR_MS ? whole : undefined
    },
    120_000,
    'all roles well again, and an hour passed',
  )

  const range = `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`
  for (const { meterId, usagePointId, periodMinutes, faults } of meters) {
    if (faults.length > 0 || usagePointId === null) continue
    const expected = (to - from) / 60_000 / periodMinutes
    const { registers } = await platform.asAdmin<{
      registers: { from: { importWh: number }; to: { importWh: number } }
    }>('simulator', `/truth/${meterId}?${range}`)
    const stored = await eventually(
      async () => {
        const { intervals } = await platform.asAdmin<{ intervals: { value: string | null }[] }>(
          'mdms',
          `/usage-points/${usagePointId}/channels/import/intervals?${range}`,
        )
        const whole = intervals.length === expected && intervals.every(({ value }) => value !== null)
        return whole ? intervals : undefined
      },
      180_000,
      `all intervals of ${meterId}`,
    )
    const sum = stored.reduce((total, { value }) => total + Number(value), 0)
    assert.equal(sum, registers.to.importWh - registers.from.importWh, meterId)
  }

  let cursor = ''
  let last = 0
  for (;;) {
    const page = await platform.asAdmin<{ entries: { header: { seq: number } }[]; cursor: string }>(
      'headend',
      `/log?limit=500${cursor ? `&after=${encodeURIComponent(cursor)}` : ''}`,
    )
    for (const { header } of page.entries) assert.equal(header.seq, ++last, 'the log has no gap and nothing twice')
    if (page.entries.length === 0) break
    cursor = page.cursor
  }
  assert.ok(last > 0)
  assert.equal((await platform.stop()).code, 0)
})
