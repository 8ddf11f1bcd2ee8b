/**
 * Intervals stored per second, durable, on the way they take: pages of sealed payloads over HTTP from a log, opened, checked, cut
 * into days, merged and committed; and as a file to `POST /imports`. Octets per interval include the indexes. Everything, the
 * server of the log too, runs on this machine. PGlite, and PostgreSQL when GRIDTALLY_TEST_DATABASE_URL is set.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import pg from 'pg'
import { createPeer } from '#platform/peer'
import { ensureContentKeys } from '#platform/protection'
import { mdmsOptions } from '../roles/mdms/dev/mdms-under-test.ts'
import { start } from '../roles/mdms/main.ts'
import { household, median } from './load/households.ts'

const METERS = 5_000
const DAYS = 8
const ROUNDS = Number(process.env.ROUNDS ?? 3)

async function round(databaseUrl: string | undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-ingest-'))
  const { publicKeyFile } = await ensureContentKeys(join(folder, 'keys'))
  const workerData = { publicKeyFile, meters: METERS, days: DAYS, perPage: 2_000 }
  const server = new Worker(new URL('./load/log-server.ts', import.meta.url), { workerData })
  const { port, pages } = await new Promise<{ port: number; pages: number }>((resolve) =>
    server.once('message', resolve),
  )
  const options = await mdmsOptions(folder, `http://127.0.0.1:${port}`, {
    ...(databaseUrl ? { databaseUrl } : {}),
    peers: {},
  })
  // The database is made beforehand: that is the first start's time, not the ingest's.
  await (await start(options)).close()
  const { peers } = await mdmsOptions(folder, `http://127.0.0.1:${port}`)
  const role = await start({ ...options, peers })
  const began = performance.now()
  const cpu = process.cpuUsage()
  const reader = createPeer({ url: role.url, tokenFile: options.callers.reader })
  while ((await reader.json<{ cursor: string }>('/health')).cursor !== String(pages))
    await new Promise((resolve) => setTimeout(resolve, 10))
  const collected = performance.now() - began
  const used = process.cpuUsage(cpu)
  await server.terminate()

  const writer = createPeer({ url: role.url, tokenFile: options.callers.simulator })
  const points = Array.from({ length: 1_000 }, (_, i) => `UP-${i}`)
  const body = points.map((id) => ({ id, zone: 'Europe/Amsterdam', commodity: 'electricity', category: 'household' }))
  await writer.json('/usage-points', { method: 'PUT', body })
  const profiles = Array.from({ length: 20 }, (_, i) => household(i + 1, 30))
  const line = { channel: 'import', start: '2025-06-01T00:00:00+02:00', stepMs: 900_000, scaler: 0, unit: 'Wh' }
  const file = points.map((id, i) => JSON.stringify({ usagePointId: id, ...line, values: profiles[i % 20] })).join('\n')
  const importBegan = performance.now()
  const { intervals } = await writer.json<{ intervals: number }>('/imports', {
    method: 'POST',
    contentType: 'application/x-ndjson',
    body: file,
    timeoutMs: 300_000,
  })
  const imported = performance.now() - importBegan
  const again = performance.now()
  await writer.json('/imports', { method: 'POST', contentType: 'application/x-ndjson', body: file, timeoutMs: 300_000 })
  const repeated = performance.now() - again
  const { blockOctets: octets } = await reader.json<{ blockOctets: number }>('/health')
  await role.close()
  rmSync(folder, { recursive: true, force: true })
  const all = METERS * DAYS * 96
  return {
    collect: all / (collected / 1000),
    cpuSecondsPerMillion: (used.user + used.system) / all,
    import: intervals / (imported / 1000),
    repeat: intervals / (repeated / 1000),
    octets: octets / (all + intervals),
  }
}

async function bench(engine: string, databaseUrl?: string): Promise<void> {
  const rounds: Awaited<ReturnType<typeof round>>[] = []
  for (let i = 0; i < ROUNDS; i++) {
    let url = databaseUrl
    const name = `mdms_bench_${process.pid}_${i}`
    const admin = async (sql: string): Promise<void> => {
      const client = new pg.Client(databaseUrl)
      await client.connect()
      await client.query(sql)
      await client.end()
    }
    if (databaseUrl) {
      await admin(`CREATE DATABASE ${name}`)
      const own = new URL(databaseUrl)
      own.pathname = `/${name}`
      url = own.href
    }
    rounds.push(await round(url))
    if (databaseUrl) await admin(`DROP DATABASE ${name} WITH (FORCE)`)
  }
  const print = (figure: string, values: number[], unit: string, digits = 0): void =>
    console.log(
      JSON.stringify({
        bench: 'mdms-ingest',
        engine,
        figure,
        value: Number(median(values).toFixed(digits)),
        unit,
        rounds: ROUNDS,
        load: Number(loadavg()[0].toFixed(1)),
      }),
    )
  print(
    'collected from the log',
    rounds.map((r) => r.collect),
    'intervals/s',
  )
  print(
    'CPU while collecting',
    rounds.map((r) => r.cpuSecondsPerMillion),
    'CPU-s/M intervals',
    2,
  )
  print(
    'imported from a file',
    rounds.map((r) => r.import),
    'intervals/s',
  )
  print(
    'imported again, nothing new',
    rounds.map((r) => r.repeat),
    'intervals/s',
  )
  print(
    'stored with indexes',
    rounds.map((r) => r.octets),
    'octets/interval',
    2,
  )
}

await bench('PGlite')
const databaseUrl = process.env.GRIDTALLY_TEST_DATABASE_URL
if (databaseUrl) await bench('PostgreSQL', databaseUrl)
