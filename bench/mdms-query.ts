/**
 * Time of questions to the MDMS, asked over HTTP and read to the last octet: 13 months of quarter hours of one channel, its months and
 * days, and the completeness of 10,000 usage points over 30 days. PGlite, and PostgreSQL when GRIDTALLY_TEST_DATABASE_URL is set.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { createPeer } from '#platform/peer'
import { mdmsOptions } from '../roles/mdms/dev/mdms-under-test.ts'
import { start } from '../roles/mdms/main.ts'
import { household } from './load/households.ts'

const POINTS = 200
const FLEET = Number(process.env.FLEET ?? 10_000)
const ASKED = Number(process.env.ASKED ?? 200)
const ZONE = 'Europe/Amsterdam'

/** Lines as a stream, so that the whole file never is in memory. */
function streamOf(lines: Iterable<string>): ReadableStream<Uint8Array> {
  const iterator = lines[Symbol.iterator]()
  return new ReadableStream({
    pull(controller) {
      const { value, done } = iterator.next()
      if (done) controller.close()
      else controller.enqueue(new TextEncoder().encode(`${value}\n`))
    },
  })
}

async function bench(engine: string, databaseUrl?: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-query-'))
  const options = await mdmsOptions(folder, '', { peers: {}, ...(databaseUrl ? { databaseUrl } : {}) })
  const role = await start(options)
  const writer = createPeer({ url: role.url, tokenFile: options.callers.simulator })
  const put = (path: string, body: unknown): Promise<unknown> => writer.json(path, { method: 'PUT', body })
  const upload = (lines: Iterable<string>): Promise<unknown> =>
    writer.json('/imports', {
      method: 'POST',
      contentType: 'application/x-ndjson',
      body: streamOf(lines),
      timeoutMs: 600_000,
    })
  const ids = Array.from({ length: FLEET }, (_, i) => String(i).padStart(5, '0'))
  await put(
    '/usage-points',
    ids.map((id) => ({ id: `UP-${id}`, zone: ZONE, commodity: 'electricity', category: 'household' })),
  )
  await put(
    '/assignments',
    ids.map((id) => ({ usagePointId: `UP-${id}`, meterId: `M-${id}`, from: '2025-01-01', to: null })),
  )
  const line = { channel: 'import', stepMs: 900_000, scaler: 0, unit: 'Wh' }
  const days = 396
  // 200 points have 13 months, one file line a month each, month by month as they would come; all have the last 30 days.
  await upload(
    (function* () {
      const from = Date.UTC(2025, 4, 31, 22)
      const profiles = Array.from({ length: POINTS }, (_, i) => household(i + 1, days - 30))
      for (let day = 0; day < days - 30; day += 30)
        for (const [i, profile] of profiles.entries()) {
          const values = profile.slice(day * 96, (day + 30) * 96)
          yield JSON.stringify({ meterId: `M-${ids[i]}`, ...line, start: from + day * 86_400_000, values })
        }
    })(),
  )
  await upload(
    (function* () {
      const from = Date.UTC(2025, 4, 31, 22) + (days - 30) * 86_400_000
      const profiles = Array.from({ length: 20 }, (_, i) => household(i + 500, 30))
      for (const [i, id] of ids.entries())
        yield JSON.stringify({ meterId: `M-${id}`, ...line, start: from, values: profiles[i % 20] })
    })(),
  )
  const reader = createPeer({ url: role.url, tokenFile: options.callers.reader })
  const ask = async (figure: string, path: (i: number) => string, times = ASKED): Promise<void> => {
    const took: number[] = []
    let octets = 0
    for (let i = -3; i < times; i++) {
      const began = performance.now()
      const answer = await reader.raw(path((i + POINTS) % POINTS))
      octets = (await answer.arrayBuffer()).byteLength
      if (!answer.ok) throw new Error(`${figure}: ${answer.status}`)
      if (i >= 0) took.push(performance.now() - began)
    }
    const sorted = took.toSorted((a, b) => a - b)
    const at = (share: number): number => Number(sorted[Math.min(times - 1, Math.floor(times * share))].toFixed(1))
    const load = Number(loadavg()[0].toFixed(1))
    console.log(
      JSON.stringify({
        bench: 'mdms-query',
        engine,
        figure,
        value: at(0.95),
        unit: 'ms p95',
        median: at(0.5),
        octets,
        times,
        load,
      }),
    )
  }
  const range = 'from=2025-06-01&to=2026-07-01'
  const channel = (i: number): string => `/usage-points/UP-${ids[i]}/channels/import`
  await ask('13 months of quarter hours, columns', (i) => `${channel(i)}/intervals?${range}&form=columns`)
  await ask('13 months of quarter hours, objects', (i) => `${channel(i)}/intervals?${range}`, Math.min(ASKED, 30))
  await ask('13 months by month', (i) => `${channel(i)}/buckets?${range}&bucket=P1M`)
  await ask('13 months by day', (i) => `${channel(i)}/buckets?${range}&bucket=P1D`)
  await ask('one day of quarter hours', (i) => `${channel(i)}/intervals?from=2026-03-10&to=2026-03-11`)
  await ask('latest', (i) => `/usage-points/UP-${ids[i]}/latest`)
  const month = 'from=2026-06-01&to=2026-06-30'
  const began = performance.now()
  await reader.json(`/completeness?${month}`)
  const first = Number((performance.now() - began).toFixed(1))
  const print = { bench: 'mdms-query', engine, figure: `completeness of ${FLEET} points × 30 days, first time` }
  console.log(JSON.stringify({ ...print, value: first, unit: 'ms' }))
  await ask(`completeness of ${FLEET} points × 30 days, again`, () => `/completeness?${month}`, 20)
  await role.close()
  rmSync(folder, { recursive: true, force: true })
}

await bench('PGlite')
const testDatabase = process.env.GRIDTALLY_TEST_DATABASE_URL
if (testDatabase) {
  const name = `mdms_query_${process.pid}`
  const client = new pg.Client(testDatabase)
  await client.connect()
  await client.query(`CREATE DATABASE ${name}`)
  const url = new URL(testDatabase)
  url.pathname = `/${name}`
  await bench('PostgreSQL', url.href)
  await client.query(`DROP DATABASE ${name} WITH (FORCE)`)
  await client.end()
}
