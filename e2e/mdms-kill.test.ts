/**
 * Kills the MDMS's process again and again while it collects, and looks whether anything it had acknowledged is lost or anything is
 * there twice.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { obisCode } from '@gridtally/metering'
import { createPeer, type Peer } from '#platform/peer'
import { createSealer, ensureContentKeys } from '#platform/protection'
import { SETUP_VARIABLE } from '../cli/supervisor.ts'
import { startFakeHeadend } from '../roles/mdms/dev/fake-headend.ts'
import { mdmsOptions } from '../roles/mdms/dev/mdms-under-test.ts'

const KILLS = Number(process.env.GRIDTALLY_KILLS ?? 12)
const METERS = 40
const IMPORT = obisCode('1.0.1.8.0.255')
const START = Date.UTC(2026, 0, 9, 23)
const QUARTER = 900_000

/** Value of a quarter hour; some are corrected later in the log. */
const energyAt = (meter: number, slot: number): number => (meter * 131 + slot * 17) % 900

test(`X1332-3.2-02 ${KILLS} kills at random points lose nothing the MDMS had stored and store nothing twice`, {
  timeout: 600_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-mdms-kill-'))
  const { publicKeyFile } = await ensureContentKeys(join(folder, 'keys'))
  const headend = await startFakeHeadend(await createSealer(publicKeyFile))
  const { dataDir, peers, callers, contentPrivateKeyFile } = await mdmsOptions(folder, headend.url)
  const config = { collect: { pageEntries: 7, idleMs: 5, retryMs: 20 } }
  const setup = { role: 'mdms', dataDir, host: '127.0.0.1', port: 0, peers, callers, contentPrivateKeyFile, config }
  let child: ChildProcess | undefined
  t.after(async () => {
    child?.kill('SIGKILL')
    await headend.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function launch(): Promise<Peer> {
    const started = spawn(
      process.execPath,
      ['--conditions=@gridtally/source', join(import.meta.dirname, '../main.ts'), 'role', 'mdms'],
      {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        env: { ...process.env, [SETUP_VARIABLE]: JSON.stringify(setup), GRIDTALLY_LOG_LEVEL: 'error' },
      },
    )
    child = started
    const [message] = (await once(started, 'message')) as [{ type: string; url: string; message?: string }]
    assert.equal(message.type, 'ready', message.message ?? 'no reason told')
    return createPeer({ url: message.url, tokenFile: callers.reader })
  }

  // Each entry brings two hours of one meter; every fifth is sent again later, every seventh with other values first.
  let slot = 0
  const expected = new Map<string, number[]>()
  const events = new Set<number>()
  async function grow(): Promise<void> {
    for (let meter = 0; meter < METERS; meter++) {
      const meterId = `M-${meter}`
      const values = Array.from({ length: 8 }, (_, i) => energyAt(meter, slot + i))
      const run = {
        meterId,
        obis: IMPORT,
        scaler: 0,
        unit: 30,
        start: START + slot * QUARTER,
        stepMs: QUARTER,
        values,
        captureVersion: 1,
      }
      if ((meter + slot) % 7 === 0)
        await headend.add({ kind: 'intervals', run: { ...run, values: values.map((v) => v + 1) } })
      await headend.add({ kind: 'intervals', run })
      if ((meter + slot) % 5 === 0) await headend.add({ kind: 'intervals', run })
      expected.set(meterId, [...(expected.get(meterId) ?? []), ...values])
    }
    const at = START + slot * QUARTER
    events.add(at)
    await headend.add({
      kind: 'event',
      event: { meterId: 'M-0', at, type: '3.2.22.150', severity: 'info', text: 'test' },
    })
    slot += 8
  }

  /** Sums of the values the entries up to `count` leave behind, by meter. */
  function sumsUpTo(count: number): Map<string, number> {
    const known = new Map<string, Map<number, number>>()
    for (const { header } of headend.entries.slice(0, count))
      if (header.kind === 'intervals') {
        const slots = known.get(header.meterId) ?? new Map<number, number>()
        known.set(header.meterId, slots)
        for (let at = header.from; at < header.to; at += QUARTER) slots.set(at, 1)
      }
    return new Map([...known].map(([meterId, slots]) => [meterId, slots.size]))
  }

  const cursorOf = async (mdms: Peer): Promise<number> =>
    Number((await mdms.json<{ cursor: string }>('/health')).cursor || 0)
  interface Runs {
    runs: { values: (number | null)[] }[]
  }
  const valuesOf = async (mdms: Peer, meterId: string): Promise<(number | null)[]> => {
    const end = new Date(START + (slot + 96) * QUARTER).toISOString()
    const range = `from=${new Date(START).toISOString()}&to=${end}&form=columns`
    const { runs } = await mdms.json<Runs>(`/meters/${meterId}/channels/import/intervals?${range}`)
    return runs.flatMap((run) => run.values)
  }

  let acknowledged = 0
  let midway = 0
  let mdms = await launch()
  for (let kill = 0; kill < KILLS; kill++) {
    await grow()
    await grow()
    // Somewhere between the first page and the last.
    await delay(Math.random() * 120)
    acknowledged = Math.max(acknowledged, await cursorOf(mdms))
    await delay(Math.random() * 60)
    if ((await cursorOf(mdms)) < headend.entries.length) midway++
    const ended = once(child as ChildProcess, 'exit')
    child?.kill('SIGKILL')
    await ended
    mdms = await launch()
    const cursor = await cursorOf(mdms)
    assert.ok(cursor >= acknowledged, `after kill ${kill}: at ${cursor}, had been at ${acknowledged}`)
    for (const [meterId, slots] of sumsUpTo(acknowledged)) {
      const present = (await valuesOf(mdms, meterId)).filter((value) => value !== null).length
      assert.ok(present >= slots, `after kill ${kill}: ${meterId} has ${present} of ${slots} values`)
    }
  }
  t.diagnostic(`${midway} of ${KILLS} kills hit while the log was being read`)
  while ((await cursorOf(mdms)) < headend.entries.length) await delay(50)
  for (const [meterId, values] of expected) assert.deepEqual(await valuesOf(mdms, meterId), values, meterId)
  const told = await mdms.json<{ events: { at: string }[] }>('/events?meterId=M-0&limit=1000')
  assert.deepEqual(
    told.events.map(({ at }) => Date.parse(at)),
    [...events],
  )
  const stopped = once(child as ChildProcess, 'exit')
  child?.kill('SIGTERM')
  await stopped
})
