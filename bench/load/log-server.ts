/** A thread that answers as the head-end's log with pages made and sealed beforehand, so that making them is not measured. */
import { createServer } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'
import { type LogEntry, obisCode } from '@gridtally/metering'
import { createSealer } from '#platform/protection'
import { sealEntry } from '../../roles/mdms/dev/fake-headend.ts'
import { household } from './households.ts'

const { publicKeyFile, meters, days, perPage } = workerData as {
  publicKeyFile: string
  meters: number
  days: number
  perPage: number
}
const sealer = await createSealer(publicKeyFile)
const profiles = Array.from({ length: 50 }, (_, i) => household(i + 1, 1))
const obis = obisCode('1.0.1.8.0.255')
const start = Date.UTC(2026, 0, 10, 23)
const pages: Buffer[] = []
let entries: LogEntry[] = []
let seq = 0
for (let day = 0; day < days; day++)
  for (let meter = 0; meter < meters; meter++) {
    const values = profiles[(meter * 7 + day) % profiles.length]
    const run = { meterId: `M-${meter}`, obis, scaler: 0, unit: 30, start: start + day * 86_400_000, stepMs: 900_000 }
    entries.push(await sealEntry(sealer, ++seq, { kind: 'intervals', run: { ...run, values, captureVersion: 1 } }))
    if (entries.length === perPage || seq === meters * days) {
      pages.push(Buffer.from(JSON.stringify({ entries, cursor: String(pages.length + 1) })))
      entries = []
    }
  }

const server = createServer((request, response) => {
  const after = Number(new URL(request.url ?? '/', 'http://x').searchParams.get('after') || 0)
  response.setHeader('content-type', 'application/json')
  response.end(pages[after] ?? JSON.stringify({ entries: [], cursor: String(after) }))
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  const octets = pages.reduce((sum, page) => sum + page.length, 0)
  if (typeof address === 'object' && address)
    parentPort?.postMessage({ port: address.port, pages: pages.length, octets })
})
