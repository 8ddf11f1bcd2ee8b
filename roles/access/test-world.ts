import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatInstant, formatLocalDay, localDayOf, parseInstant } from '@gridtally/metering'
import type { PlatformClock } from '#platform/clock'
import { type App, createApp, HTTP_METRICS, listen, Problem } from '#platform/http'
import type { Log, LogFields } from '#platform/log'
import { createMetrics } from '#platform/metrics'
import { createPeer, type Peer } from '#platform/peer'
import type { RunningRole } from '#platform/role'
import { ensureTokenFile, tokenCheck } from '#platform/tokens'
import { start } from './main.ts'

/** Zone of everything in the world. */
export const ZONE = 'Europe/Amsterdam'
/** Where tests begin: a Wednesday afternoon. */
export const NOON = parseInstant('2026-06-17T14:07', ZONE)

const QUARTER = 900_000

/** A usage point the fake store knows: Wh in the quarter that begins at an instant, null where it is missing. */
export interface FakePoint {
  readonly meterId: string
  readonly from: number
  /** End of the latest interval. */
  to: number
  readonly import: (at: number) => number | null
  readonly export?: (at: number) => number | null
  /** Quality code of a quarter; 1 (valid) when absent. */
  readonly quality?: (at: number) => number
  registers?: { obis: string; at: string; value: string; unit: string; reason: string }[]
}

/** What the fake head-end says of a meter besides the standard. */
export interface FakeDevice {
  readonly lastContact: string | null
  readonly failures: number
  readonly stateReason?: string
}

/** Access at work between a fake meter data store and a fake head-end, all on the loopback. */
export interface World {
  readonly clock: PlatformClock & { set(at: number): void }
  readonly points: Map<string, FakePoint>
  readonly devices: Map<string, FakeDevice>
  readonly sessions: Record<string, unknown>[]
  readonly access: RunningRole
  /** Access as the portal, with a session where one is given. */
  as(session?: string): Peer
  /** Access as the service that sets up customers. */
  readonly admin: Peer
  /** Signs in by a link. @returns the session id */
  signIn(accountId: string): Promise<string>
  /** Everything logged so far, as text. */
  logged(): string
  /** Token file of the portal for access. */
  readonly portalToken: string
  readonly folder: string
  readonly urls: { readonly mdms: string; readonly headend: string }
  /** Every request the fakes were asked. */
  readonly asked: string[]
  close(): Promise<void>
}

function captureLog(lines: string[]): Log {
  const put = (event: string, fields: LogFields = {}): void =>
    void lines.push(`${event} ${JSON.stringify(fields, (_, v) => (v instanceof Error ? String(v.stack) : v))}`)
  return { debug: put, info: put, warn: put, error: put }
}

async function fakeRole(role: string, token: string, log: Log): Promise<App> {
  return createApp({
    role,
    description: 'A fake for tests.',
    log,
    metrics: createMetrics(HTTP_METRICS),
    tokens: tokenCheck({ access: token }),
    health: async () => ({ status: 'ok' }),
  })
}

function mdmsRoutes(app: App, world: Pick<World, 'points' | 'asked' | 'clock'>): void {
  const { points, asked } = world
  app.addHook('onRequest', async (request) => void asked.push(request.url))
  const known = (id: string): FakePoint => {
    const point = points.get(id)
    if (!point) throw new Problem('USAGE_POINT_UNKNOWN', 'unknown to the store')
    return point
  }
  app.get('/usage-points/:id', async (request) => {
    const point = known((request.params as { id: string }).id)
    return {
      zone: ZONE,
      channels: ['import', ...(point.export ? ['export'] : [])].map((channel) => ({
        channel,
        firstDay: formatLocalDay(localDayOf(point.from, ZONE)),
      })),
      assignments: [{ meterId: point.meterId, from: formatInstant(point.from, ZONE), to: null }],
    }
  })
  app.get('/usage-points/:id/latest', async (request) => {
    const point = known((request.params as { id: string }).id)
    const last = point.to - QUARTER
    const one = (channel: string, value: number | null): object[] =>
      value === null
        ? []
        : [{ channel, start: formatInstant(last, ZONE), end: formatInstant(point.to, ZONE), value: String(value) }]
    return {
      registers: point.registers ?? [],
      intervals: [...one('import', point.import(last)), ...(point.export ? one('export', point.export(last)) : [])],
    }
  })
  app.get('/usage-points/:id/channels/:channel/intervals', async (request) => {
    const { id, channel } = request.params as { id: string; channel: 'import' | 'export' }
    const query = request.query as { from: string; to: string }
    const point = known(id)
    const valueAt = point[channel]
    if (!valueAt) throw new Problem('CHANNEL_UNKNOWN', 'none')
    const first = Math.max(Math.ceil(Date.parse(query.from) / QUARTER) * QUARTER, point.from)
    const values: (number | null)[] = []
    const marks: [number, number, number][] = []
    for (let at = first; at < Math.min(Date.parse(query.to), point.to); at += QUARTER) {
      values.push(valueAt(at))
      marks.push([valueAt(at) === null ? 9 : (point.quality?.(at) ?? 1), 0, 1])
    }
    const run = { start: formatInstant(first, ZONE), stepMs: QUARTER, unit: 30, scaler: 0, values, marks }
    return { channel, runs: values.length > 0 ? [run] : [] }
  })
  app.get('/completeness', async (request) => {
    const { from, to } = request.query as { from: string; to: string }
    const days = []
    for (let day = Date.parse(from); day <= Date.parse(to); day += 86_400_000)
      days.push({
        day: new Date(day).toISOString().slice(0, 10),
        expected: 192,
        present: 191,
        estimated: 3,
        usagePoints: 2,
        complete: 1,
      })
    const usagePoints = [...points.keys()].map((usagePointId) => ({ usagePointId, expected: 96, present: 95 }))
    return { days, usagePoints, after: null }
  })
  app.get('/events', async (request) => {
    const { meterId } = request.query as { meterId?: string }
    const event = {
      meterId: meterId ?? 'M1',
      at: '2026-06-17T10:00:00Z',
      type: 'clock.set',
      severity: 'info',
      text: 'set',
    }
    return { events: [event], after: 'x' }
  })
}

function headendRoutes(app: App, world: Pick<World, 'devices' | 'sessions' | 'asked' | 'points'>): void {
  const { devices, sessions, asked, points } = world
  app.addHook('onRequest', async (request) => void asked.push(request.url))
  const commands = new Map<string, object>()
  const view = (meterId: string) => {
    const device = devices.get(meterId)
    if (!device) throw new Problem('METER_UNKNOWN', 'unknown to the head-end')
    const usagePointId = [...points].find(([, point]) => point.meterId === meterId)?.[0] ?? null
    return {
      meterId,
      systemTitle: '4754000000000001',
      manufacturer: 'SIM',
      model: 'S1',
      firmware: '1.2.0',
      host: '127.0.0.1',
      port: 4059,
      usagePointId,
      state: 'active',
      stateReason: '',
      clockOffsetMs: -1500,
      ...device,
    }
  }
  app.get('/devices', async () => ({ items: [...devices.keys()].map(view), next: null }))
  app.get('/devices/:id', async (request) => ({
    ...view((request.params as { id: string }).id),
    channels: [{ obis: '1.0.1.8.0.255', unit: 'Wh', intervalMinutes: 15 }],
    keys: [{ type: 'block-cipher', generation: 1, since: '2026-01-01T00:00:00Z', counter: 17 }],
  }))
  app.get('/devices/:id/sessions', async (request) => {
    view((request.params as { id: string }).id)
    return { items: sessions.toReversed(), next: null }
  })
  app.get('/sessions', async (request) => {
    const after = Number((request.query as { after?: string }).after ?? 0)
    const items = sessions.filter(({ seq }) => Number(seq) > after)
    return { items, cursor: String(items.at(-1)?.seq ?? after) }
  })
  app.post('/commands', async (request, reply) => {
    const { meterId } = request.body as { meterId: string }
    view(meterId)
    const command = {
      id: 'c-1',
      meterId,
      kind: 'read',
      state: 'requested',
      requestedAt: NOON,
      expiresAt: NOON + 60_000,
      detail: '',
    }
    commands.set(command.id, command)
    return reply.code(202).send(command)
  })
  app.get('/commands/:id', async (request) => {
    const command = commands.get((request.params as { id: string }).id)
    if (!command) throw new Problem('COMMAND_UNKNOWN', 'none')
    return { ...command, state: 'confirmed' }
  })
}

const FLAT = { currency: 'EUR', standingPerDay: '0.30', exportPrices: [{ name: '', perKwh: '0.07' }] }

/** Two homes (the first with solar), two customers, one operator. */
export const PROVISION = {
  tariffs: [
    { ...FLAT, id: 't1', name: 'Old', importPrices: [{ name: '', perKwh: '0.20' }] },
    { ...FLAT, id: 't2', name: 'New', importPrices: [{ name: '', perKwh: '0.30' }] },
  ],
  usagePoints: ['UP-1', 'UP-2'].map((id, i) => ({
    id,
    address: `${i + 1} Mill Lane`,
    zone: ZONE,
    category: 'household',
    currency: 'EUR',
    tariffs: [
      { tariffId: 't1', from: '2025-01-01', to: '2026-06-17T06:00' },
      { tariffId: 't2', from: '2026-06-17T06:00', to: null },
    ],
  })),
  customers: [
    { id: 'anna', name: 'Anna', usagePoints: [{ usagePointId: 'UP-1', from: '2026-01-01', to: null }] },
    { id: 'bram', name: 'Bram', usagePoints: [{ usagePointId: 'UP-2', from: '2026-06-10', to: null }] },
  ],
  operators: [{ id: 'olga', name: 'Olga' }],
}

/** Builds a world and sets it up with {@link PROVISION}. */
export async function createWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-access-'))
  const token = (name: string): string => ensureTokenFile(join(folder, 'tokens', name))
  const lines: string[] = []
  const log = captureLog(lines)
  let now = NOON
  let asked = 0
  const clock = {
    speed: 1,
    // No two things happen at once, as outside.
    now: () => now + asked++,
    sleep: async () => {},
    set(at: number) {
      now = at
    },
  }
  const from = parseInstant('2026-03-01', ZONE)
  const points = new Map<string, FakePoint>([
    ['UP-1', { meterId: 'M1', from, to: NOON - 7 * 60_000, import: () => 100, export: () => 20 }],
    ['UP-2', { meterId: 'M2', from, to: NOON - 7 * 60_000, import: () => 50 }],
  ])
  const base = {
    clock,
    points,
    asked: [] as string[],
    devices: new Map<string, FakeDevice>([
      ['M1', { lastContact: new Date(NOON - 60_000).toISOString(), failures: 0 }],
      ['M2', { lastContact: null, failures: 1, stateReason: 'CONNECT_TIMEOUT' }],
    ]),
    sessions: [
      {
        seq: 1,
        meterId: 'M1',
        priority: 'scheduled',
        startedAt: new Date(NOON - 120_000).toISOString(),
        durationMs: 200,
        outcome: 'OK',
        detail: '',
        rows: 4,
      },
      {
        seq: 2,
        meterId: 'M2',
        priority: 'interactive',
        startedAt: new Date(NOON - 100_000).toISOString(),
        durationMs: 5000,
        outcome: 'CONNECT_TIMEOUT',
        detail: 'no connection',
        rows: 0,
      },
    ],
  }
  const mdms = await fakeRole('mdms', token('access-to-mdms'), log)
  const headend = await fakeRole('headend', token('access-to-headend'), log)
  mdmsRoutes(mdms, base)
  headendRoutes(headend, base)
  const urls = { mdms: await listen(mdms, '127.0.0.1', 0), headend: await listen(headend, '127.0.0.1', 0) }
  const portalToken = token('portal-to-access')
  const access = await start({
    dataDir: join(folder, 'access'),
    host: '127.0.0.1',
    port: 0,
    peers: {
      mdms: { url: urls.mdms, tokenFile: token('access-to-mdms') },
      headend: { url: urls.headend, tokenFile: token('access-to-headend') },
    },
    callers: { portal: portalToken, admin: token('admin-to-access'), simulator: token('simulator-to-access') },
    clock,
    log,
    config: { streamSeconds: 0.05, operator: { refreshSeconds: 0.3 } },
  })
  const admin = createPeer({ url: access.url, tokenFile: token('admin-to-access') })
  const portal = createPeer({ url: access.url, tokenFile: portalToken })
  await admin.json('/customers', { method: 'POST', body: PROVISION })
  const as = (session?: string): Peer => {
    const headers = {
      'x-public-url': 'http://localhost:8080',
      ...(session === undefined ? {} : { 'x-session': session }),
    }
    return {
      url: portal.url,
      raw: (path, request) => portal.raw(path, { ...request, headers: { ...headers, ...request?.headers } }),
      json: (path, request) => portal.json(path, { ...request, headers: { ...headers, ...request?.headers } }),
    }
  }
  return {
    ...base,
    access,
    admin,
    as,
    portalToken,
    folder,
    urls,
    logged: () => lines.join('\n'),
    async signIn(accountId) {
      const { token } = await admin.json<{ token: string }>('/links', { method: 'POST', body: { accountId } })
      const answer = await as().raw('/links/redeem', { method: 'POST', body: { token } })
      const session = answer.headers.get('x-session-set')
      if (session === null) throw new Error(`no session: ${answer.status} ${await answer.text()}`)
      return session
    },
    async close() {
      await access.close()
      await Promise.all([mdms.close(), headend.close()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

let shared: Promise<World> | undefined
let users = 0

/** One world for all test files of a process: a database takes seconds to make. */
export function borrowWorld(): Promise<World> {
  users++
  shared ??= createWorld()
  return shared
}

/** Gives the world back; the last one closes it. */
export async function returnWorld(): Promise<void> {
  users--
  if (users > 0) return
  await (await shared)?.close()
  shared = undefined
}
