import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { LogEntry, LogPage, LogPayload } from '@gridtally/metering'
import { createClock } from '#platform/clock'
import { createPeer, PeerError } from '#platform/peer'
import { Problem } from '#platform/problems'
import { createOpener, ensureContentKeys } from '#platform/protection'
import { ensureTokenFile } from '#platform/tokens'
import { type ScriptedMeter, shipmentOf, startMeter } from '../roles/headend/dev/scripted-meter.ts'
import type { HeadendProcessOptions } from './headend-process.ts'

const METERS = 20
const QUARTER = 900_000
/** When each run is killed, in ms: three times after it was launched, while it starts or recovers, then after it answers, at work. */
const KILLS = [
  ...[400, 900, 1800].map((ms) => ({ after: 'launch', ms })),
  ...[30, 150, 300, 500, 700, 950, 1250, 1600, 2100].map((ms) => ({ after: 'answer', ms })),
  undefined,
]
/** Platform time runs so that meters have a new row every second. */
const anchor = { real: Date.now(), platform: Date.UTC(2026, 2, 2, 12, 3), speed: 900 }

const SCRIPT = fileURLToPath(new URL('./headend-process.ts', import.meta.url))

interface Run {
  readonly child: ChildProcess
  readonly url: Promise<string | undefined>
}

function launch(options: HeadendProcessOptions): Run {
  const child = spawn(process.execPath, ['--conditions=@gridtally/source', SCRIPT, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const url = Promise.race([
    once(lines, 'line').then(([line]) => String(line)),
    once(child, 'exit').then(() => undefined),
  ])
  return { child, url }
}

/** Follows the log as the MDMS does: what was answered once must be answered again, the same, for ever. */
class Follower {
  readonly entries: LogEntry[] = []
  readonly #tokenFile: string

  constructor(tokenFile: string) {
    this.#tokenFile = tokenFile
  }

  async follow(url: string, until: () => boolean): Promise<void> {
    const peer = createPeer({ url, tokenFile: this.#tokenFile })
    while (!until())
      try {
        const page = await peer.json<LogPage>(`/log?after=${this.entries.length}&limit=500`)
        for (const entry of page.entries) {
          assert.equal(entry.header.seq, this.entries.length + 1, 'numbers without gap')
          this.entries.push(entry)
        }
        await new Promise((resolve) => setTimeout(resolve, 20))
      } catch (error) {
        // The process was killed; whatever else refuses is a fault.
        if (error instanceof PeerError) throw error
        if (!(error instanceof Problem) && !(error instanceof TypeError)) throw error
        return
      }
  }
}

test('killed at twelve points, the head-end loses nothing it acknowledged, doubles nothing and uses no counter twice', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gt-kill-'))
  const clock = createClock(anchor)
  const meters: ScriptedMeter[] = await Promise.all(
    Array.from({ length: METERS }, (_, i) => startMeter(i + 1, () => clock.now())),
  )
  let running: Run | undefined
  try {
    const keys = await ensureContentKeys(join(folder, 'content'))
    const tokenFile = ensureTokenFile(join(folder, 'token'))
    const options: HeadendProcessOptions = {
      anchor,
      dataDir: join(folder, 'headend'),
      host: '127.0.0.1',
      port: 0,
      peers: {},
      callers: { admin: tokenFile },
      contentPublicKeyFile: keys.publicKeyFile,
      config: { retry: { firstSeconds: 60 }, readings: { spreadSeconds: 800, catchUpDays: 1 } },
    }
    const follower = new Follower(tokenFile)
    for (const kill of KILLS) {
      const run = launch(options)
      running = run
      let killed = false
      const killIn = (ms: number): void => {
        setTimeout(() => {
          killed = true
          run.child.kill('SIGKILL')
        }, ms)
      }
      if (kill?.after === 'launch') killIn(kill.ms)
      const url = await run.url
      if (url !== undefined) {
        if (kill?.after === 'answer') killIn(kill.ms)
        const peer = createPeer({ url, tokenFile })
        await peer.json('/shipments', { method: 'POST', body: shipmentOf(meters) }).catch((error: unknown) => {
          if (!killed) throw error
        })
        const calm = performance.now() + 4000
        await follower.follow(url, () => killed || (kill === undefined && performance.now() > calm))
      }
      if (kill === undefined) run.child.kill('SIGTERM')
      if (run.child.exitCode === null && run.child.signalCode === null) await once(run.child, 'exit')
    }

    const opener = await createOpener(keys.privateKeyFile)
    const seen = new Set<string>()
    const first = new Map<string, number>()
    const last = new Map<string, number>()
    const once_ = (key: string): void => {
      assert.ok(!seen.has(key), `${key} twice`)
      seen.add(key)
    }
    for (const { header, sealed, payload } of follower.entries) {
      const opened =
        payload ??
        (JSON.parse(
          Buffer.from(await opener.open(header, Buffer.from(sealed ?? '', 'base64'))).toString(),
        ) as LogPayload)
      if (opened.kind === 'event') once_(`${header.meterId} ${opened.event.type} ${opened.event.at}`)
      else if (opened.kind === 'readings')
        for (const { obis, at, reason } of opened.readings) once_(`${header.meterId} ${obis} ${at} ${reason}`)
      else {
        const { meterId, obis, start, stepMs, values } = opened.run
        const name = `${meterId} ${obis}`
        first.set(name, Math.min(first.get(name) ?? start, start))
        last.set(name, Math.max(last.get(name) ?? 0, start + values.length * stepMs))
        values.forEach((value, i) => {
          once_(`${name} ${start + i * stepMs}`)
          assert.equal(value, obis === '1.0.1.8.0.255' ? 3 : 4)
        })
      }
    }
    assert.equal(first.size, 2 * METERS, 'every meter was read')
    for (const [name, from] of first)
      for (let at = from; at < (last.get(name) ?? 0); at += QUARTER)
        assert.ok(seen.has(`${name} ${at}`), `${name} lacks ${new Date(at).toISOString()}`)
    const reused = meters.filter(({ events }) => events.some(({ type }) => type === 'replay-refused'))
    assert.deepEqual(
      reused.map(({ serial }) => serial),
      [],
      'counters used twice',
    )
    assert.ok(follower.entries.length > METERS * 10, `${follower.entries.length} entries`)
  } finally {
    running?.child.kill('SIGKILL')
    await Promise.all(meters.map((meter) => meter.close()))
    await rm(folder, { recursive: true, force: true })
  }
})
