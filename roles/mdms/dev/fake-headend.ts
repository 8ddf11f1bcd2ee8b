import { createServer, type Server } from 'node:http'
import type { LogEntry, LogHeader, LogPage, LogPayload } from '@gridtally/metering'
import type { Sealer } from '#platform/protection'

/** A log server as the head-end's, for tests and benchmarks: entries are put in by hand. */
export interface FakeHeadend {
  readonly url: string
  /** All entries, in the order of `seq`. */
  readonly entries: LogEntry[]
  /** Changes each page on its way out, to send things twice, in another order or damaged. */
  onPage: (page: LogPage) => LogPage
  /** Pages answered. */
  pages: number
  add(payload: LogPayload, header?: Partial<LogHeader>): Promise<LogEntry>
  close(): Promise<void>
}

function meterOf(payload: LogPayload): string {
  if (payload.kind === 'intervals') return payload.run.meterId
  return payload.kind === 'readings' ? (payload.readings[0]?.meterId ?? '') : payload.event.meterId
}

/** Header and sealed payload of one entry. */
export async function sealEntry(
  sealer: Sealer,
  seq: number,
  payload: LogPayload,
  over: Partial<LogHeader> = {},
): Promise<LogEntry> {
  const header: LogHeader = {
    seq,
    kind: payload.kind,
    dataClass: payload.kind === 'event' ? 'operational' : 'billing',
    meterId: meterOf(payload),
    from: payload.kind === 'intervals' ? payload.run.start : 0,
    to: payload.kind === 'intervals' ? payload.run.start + payload.run.values.length * payload.run.stepMs : 0,
    count: payload.kind === 'intervals' ? payload.run.values.length : 1,
    recordedAt: 1_770_000_000_000 + seq,
    ...over,
  }
  if (header.dataClass === 'operational') return { header, payload }
  const sealed = await sealer.protect(header, Buffer.from(JSON.stringify(payload)))
  return { header, sealed: Buffer.from(sealed).toString('base64') }
}

/** Starts one on a free port of the loopback. */
export async function startFakeHeadend(sealer: Sealer): Promise<FakeHeadend> {
  const server: Server = createServer((request, response) => {
    const query = new URL(request.url ?? '/', 'http://x').searchParams
    const after = Number(query.get('after') || 0)
    const limit = Number(query.get('limit') ?? 100)
    const entries = headend.entries.slice(after, after + limit)
    const page = headend.onPage({ entries, cursor: String(after + entries.length) })
    headend.pages++
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(page))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const headend: FakeHeadend = {
    url: `http://127.0.0.1:${port}`,
    entries: [],
    onPage: (page) => page,
    pages: 0,
    async add(payload, header) {
      const entry = await sealEntry(sealer, headend.entries.length + 1, payload, header)
      headend.entries.push(entry)
      return entry
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return headend
}
