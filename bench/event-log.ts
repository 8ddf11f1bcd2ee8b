import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { obisCode } from '@gridtally/metering'
import { createSealer, ensureContentKeys } from '#platform/protection'
import { type LogDraft, openEventLog } from '../roles/headend/event-log.ts'

// The head-end's log: batches as sessions make them (two columns of 96 values, registers), sealed, written and synced; then all of it read by
// cursor as the MDMS does, and opened anew as after a crash. Prints one JSON line a figure.
const BATCHES = 20_000
const AT_ONCE = 200

const folder = await mkdtemp(join(tmpdir(), 'gt-log-bench-'))
const { publicKeyFile } = await ensureContentKeys(join(folder, 'content'))
const options = { folder: join(folder, 'log'), clock: { now: Date.now }, sealer: await createSealer(publicKeyFile) }
const log = await openEventLog(options)
const run = (obis: string): LogDraft => ({
  dataClass: 'billing',
  meterId: 'GTS00000001',
  from: 0,
  to: 96 * 900_000,
  count: 96,
  payload: {
    kind: 'intervals',
    run: {
      meterId: 'GTS00000001',
      obis: obisCode(obis),
      scaler: 0,
      unit: 30,
      start: 0,
      stepMs: 900_000,
      values: Array.from({ length: 96 }, (_, i) => (i * 37) % 500),
      captureVersion: 1,
    },
  },
})
const drafts = [run('1.0.1.8.0.255'), run('1.0.2.8.0.255')]
const figure = (name: string, value: number, unit: string): void =>
  console.log(JSON.stringify({ name, value: Math.round(value), unit, batches: BATCHES }))

let began = performance.now()
for (let i = 0; i < BATCHES; i += AT_ONCE)
  await Promise.all(Array.from({ length: AT_ONCE }, () => log.append({ drafts, note: { meterId: 'GTS00000001' } })))
const written = performance.now() - began
figure('log.append', (BATCHES * 1000) / written, 'batches/s')

began = performance.now()
let octets = 0
for (let after = 0; after < log.lastSeq; after += 1000) octets += (await log.page(after, 1000)).length
figure('log.read', octets / 1000 / (performance.now() - began), 'MB/s')
figure('log.size', octets / 1e6, 'MB')
await log.close()

began = performance.now()
await (await openEventLog({ ...options, project: () => {} })).close()
figure('log.recover', performance.now() - began, 'ms')
await rm(folder, { recursive: true })
