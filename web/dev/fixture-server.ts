/**
 * TEST FIXTURE, not part of the product: serves the built web app and answers `/api/*` from made-up data, so that the app can be
 * developed and tested without the roles. `node --conditions=@gridtally/source web/dev/fixture-server.ts` listens on 127.0.0.1:8788.
 *
 * Sign-in tokens: `customer`, `empty` (no data yet), `broken` (faces fail), `operator`, `expired`, `used`.
 */
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { formatInstant, localDayOf, localDayRange, parseLocalDay } from '@gridtally/metering'
import type { BucketLength, CommandView, Energy, Me, Now, Passkey, Summary } from '../src/api/types.ts'
import { levelOf } from '../src/model/live.ts'
import * as data from './fixture-data.ts'
import * as fleet from './fixture-fleet.ts'

const DIST = join(import.meta.dirname, '..', 'dist')
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
}
const WHO = ['customer', 'empty', 'broken', 'operator'] as const
type Who = (typeof WHO)[number]

class Refusal extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string) {
    super(code)
    this.status = status
    this.code = code
  }
}

/** A running fixture. */
export interface Fixture {
  readonly url: string
  /** The fixture's clock, ms. */
  now(): number
  close(): Promise<void>
}

/** Starts the fixture on a port of 127.0.0.1 (0: any free one), with the built app in `dist`. */
export async function startFixture(port = 0, dist = DIST): Promise<Fixture> {
  const began = Date.now()
  const now = (): number => data.NOW + Date.now() - began
  const iso = (t: number): string => formatInstant(Math.floor(t / 1000) * 1000, data.ZONE)
  const passkeys: Passkey[] = []
  const commands = new Map<string, CommandView & { readonly begun: number }>()
  const streams = new Set<ServerResponse>()

  const me = (who: Who, signedInBy: Me['signedInBy'] = 'link'): Me => ({
    accountId: who,
    name: who === 'operator' ? 'Olga Operator' : 'Anna Vale',
    role: who === 'operator' ? 'operator' : 'customer',
    signedInBy,
    sessionExpiresAt: iso(now() + 8 * 3_600_000),
    passkeys: passkeys.length,
    serverTime: iso(now()),
  })
  const place = (id: string): data.Place => {
    const found = data.PLACES.find((one) => one.id === id)
    if (!found) throw new Refusal(404, 'USAGE_POINT_UNKNOWN')
    return found
  }
  const dataTo = (): number => now() - (now() % data.STEP) - data.STEP

  function nowOf(where: data.Place): Now {
    const at = now() - (now() % 5000)
    const power = data.netPower(where, at)
    const { perKwh, name } = data.priceAt(at)
    const usual = {
      lowW: String(Math.round(700 * where.size)),
      medianW: String(Math.round(980 * where.size)),
      highW: String(Math.round(1350 * where.size)),
      days: 20,
    }
    return {
      usagePointId: where.id,
      at: iso(at),
      source: 'instantaneous',
      powerW: String(power),
      costPerHour: ((power / 1000) * Number(perKwh)).toFixed(5),
      currency: 'EUR',
      price: { perKwh, name },
      usual,
      level: levelOf(power, usual),
    }
  }

  function summaryOf(where: data.Place): Summary {
    const day = localDayOf(now(), data.ZONE)
    const edges = data.edges(day, day + 1, 'PT1H')
    const until = dataTo()
    const wh = (from: number, to: number): number => Number(data.energyOf(where, from, to, to).import.energyWh ?? 0)
    const past = [7, 14, 21, 28, 5, 6, 8, 9, 12, 13].map((back) => {
      const there = data.edges(day - back, day - back + 1, 'PT1H')
      return edges.slice(1).map((_, n) => wh(there[0], there[Math.min(n + 1, there.length - 1)]))
    })
    const usual = (n: number, share: number): number =>
      past.map((one) => one[n]).sort((a, b) => a - b)[Math.round(share * 9)]
    const hour = edges.findIndex((edge) => edge > until) - 1
    const part = (until - edges[hour]) / 3_600_000
    const byNow = (share: number): string => {
      const before = hour === 0 ? 0 : usual(hour - 1, share)
      return String(Math.round(before + (usual(hour, share) - before) * part))
    }
    return {
      usagePointId: where.id,
      asOf: iso(now()),
      zone: data.ZONE,
      currency: 'EUR',
      date: new Date(day * 86_400_000).toISOString().slice(0, 10),
      dataTo: iso(until),
      ...data.energyOf(where, edges[0], until, until),
      standing: '0.2466',
      curve: edges.slice(1).map((edge, n) => ({
        at: iso(edge),
        energyWh: edge <= until ? String(wh(edges[0], edge)) : null,
        usualLowWh: String(usual(n, 0.2)),
        usualMedianWh: String(usual(n, 0.5)),
        usualHighWh: String(usual(n, 0.8)),
      })),
      usualByNow: { lowWh: byNow(0.2), medianWh: byNow(0.5), highWh: byNow(0.8), days: 10 },
      tariff: data.priceAt(now()).tariff,
    }
  }

  function bucketsOf(where: data.Place, query: URLSearchParams): unknown {
    const [from, to] = [parseLocalDay(query.get('from') ?? ''), parseLocalDay(query.get('to') ?? '')]
    // The query is a test's or the app's own; anything else answers the default.
    const bucket = (query.get('bucket') ?? 'P1D') as BucketLength
    const list = data.bucketsOf(where, from, to, bucket, dataTo())
    const sum = (side: 'import' | 'export'): Energy => {
      const all = list.map((one) => one[side]).filter((one) => one !== null)
      const known = all.filter((one) => one.energyWh !== null)
      const total = (pick: (one: Energy) => number): number => all.reduce((n, one) => n + pick(one), 0)
      return {
        energyWh: known.length > 0 ? String(known.reduce((n, one) => n + Number(one.energyWh), 0)) : null,
        money:
          known.length > 0
            ? (known.reduce((n, one) => n + Math.round(Number(one.money) * 1e7), 0) / 1e7).toFixed(7)
            : null,
        expected: total((one) => one.expected),
        present: total((one) => one.present),
        estimated: total((one) => one.estimated),
      }
    }
    const begun = Math.max(
      0,
      Math.min(to, localDayOf(now(), data.ZONE) + 1) - Math.max(from, localDayOf(data.DATA_FROM, data.ZONE)),
    )
    const text = (day: number): string => new Date(day * 86_400_000).toISOString().slice(0, 10)
    return {
      usagePointId: where.id,
      asOf: iso(now()),
      zone: data.ZONE,
      currency: 'EUR',
      bucket,
      from: iso(localDayRange(from, data.ZONE).from),
      to: iso(localDayRange(to, data.ZONE).from),
      dataTo: iso(dataTo()),
      buckets: list,
      total: {
        import: sum('import'),
        export: where.solar ? sum('export') : null,
        standing: (begun * 0.2466).toFixed(4),
      },
      tariffs: data.TARIFFS.filter((one) => one.from < text(to) && (one.to === null || one.to > text(from))),
    }
  }

  function intervalsOf(where: data.Place, query: URLSearchParams): { start: string; end: string }[] {
    const edges = data.edges(parseLocalDay(query.get('from') ?? ''), parseLocalDay(query.get('to') ?? ''), 'PT15M')
    return edges
      .slice(1)
      .map((end, n) => ({ start: iso(edges[n]), end: iso(end), ...data.intervalValues(where, edges[n]), at: end }))
      .filter(({ at }) => at <= dataTo())
      .map(({ at: _at, ...rest }) => rest)
  }

  function page<T>(
    query: URLSearchParams,
    total: number,
    make: (n: number) => T,
  ): { asOf: string; items: T[]; next: string | null } {
    const from = Number(query.get('after') ?? 0)
    const limit = Math.min(200, Number(query.get('limit') ?? 50))
    const to = Math.min(total, from + limit)
    return {
      asOf: iso(now()),
      items: Array.from({ length: Math.max(0, to - from) }, (_, n) => make(from + n)),
      next: to < total ? String(to) : null,
    }
  }

  function commandOf(id: string): CommandView {
    const found = commands.get(id)
    if (!found) throw new Refusal(404, 'COMMAND_UNKNOWN')
    const age = Date.now() - found.begun
    const { begun: _begun, ...view } = found
    return { ...view, state: age < 700 ? 'requested' : age < 1800 ? 'dispatched' : 'confirmed' }
  }

  /** Answers a face with JSON; `undefined` is 204. */
  function answer(
    method: string,
    path: string,
    query: URLSearchParams,
    who: Who | undefined,
    body: Record<string, unknown>,
    reply: ServerResponse,
  ): unknown {
    if (method === 'POST' && path === '/api/links/redeem') {
      const token = String(body.token)
      if (token === 'expired') throw new Refusal(410, 'LINK_EXPIRED')
      if (token === 'used') throw new Refusal(410, 'LINK_USED')
      const found = WHO.find((one) => one === token)
      if (!found) throw new Refusal(404, 'LINK_UNKNOWN')
      reply.setHeader('set-cookie', `fixture=${found}; Path=/; HttpOnly; SameSite=Strict`)
      return me(found)
    }
    if (path === '/api/sessions/end') {
      reply.setHeader('set-cookie', 'fixture=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict')
      return undefined
    }
    const challenge = Buffer.from('fixture-challenge').toString('base64url')
    if (path === '/api/passkeys/assertion/options')
      return { challenge, rpId: 'localhost', userVerification: 'preferred', timeout: 60_000 }
    if (path === '/api/passkeys/assertion') {
      if (passkeys.length === 0) throw new Refusal(401, 'PASSKEY_REFUSED')
      reply.setHeader('set-cookie', 'fixture=customer; Path=/; HttpOnly; SameSite=Strict')
      return me('customer', 'passkey')
    }
    if (!who) throw new Refusal(401, 'SESSION_REQUIRED')
    if (path === '/api/me') return me(who)
    if (path === '/api/passkeys') return { items: passkeys }
    if (path === '/api/sessions')
      return {
        items: [
          {
            id: 's1',
            signedInBy: 'link',
            createdAt: iso(now() - 600_000),
            lastSeenAt: iso(now()),
            expiresAt: iso(now() + 36e6),
            current: true,
          },
          {
            id: 's2',
            signedInBy: 'passkey',
            createdAt: iso(now() - 9e7),
            lastSeenAt: iso(now() - 5e6),
            expiresAt: iso(now() + 1e6),
            current: false,
          },
        ],
      }
    if (path === '/api/me/accesses')
      return {
        items: [
          {
            at: iso(now()),
            who: 'you',
            what: 'data.buckets',
            subject: data.PLACES[0].id,
            purpose: 'own data',
            outcome: 'done',
          },
          {
            at: iso(now() - 7e6),
            who: 'operator',
            what: 'data.intervals',
            subject: data.PLACES[0].id,
            purpose: 'operation',
            outcome: 'done',
          },
          {
            at: iso(now() - 8e6),
            who: 'operator',
            what: 'data.intervals',
            subject: data.PLACES[0].id,
            purpose: 'operation',
            outcome: 'done',
          },
        ],
      }
    if (path === '/api/passkeys/registration/options')
      return {
        challenge,
        rp: { id: 'localhost', name: 'Gridtally' },
        user: { id: Buffer.from(who).toString('base64url'), name: who, displayName: 'Anna Vale' },
        pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
        authenticatorSelection: { residentKey: 'required', userVerification: 'preferred' },
      }
    if (path === '/api/passkeys/registration') {
      const made = { id: `p${passkeys.length + 1}`, name: String(body.name), createdAt: iso(now()), lastUsedAt: null }
      passkeys.push(made)
      return made
    }
    if (method === 'DELETE' && path.startsWith('/api/passkeys/')) {
      passkeys.splice(
        passkeys.findIndex((one) => path.endsWith(`/${one.id}`)),
        1,
      )
      return undefined
    }
    if (path === '/api/me/usage-points') {
      const list = who === 'customer' ? data.PLACES : data.PLACES.slice(0, 1)
      return {
        items: list.map(({ id, address, category, solar }) => ({
          id,
          address,
          zone: data.ZONE,
          category,
          currency: 'EUR',
          channels: solar ? ['import', 'export'] : ['import'],
          dataFrom: who === 'empty' ? null : iso(data.DATA_FROM),
          dataTo: who === 'empty' ? null : iso(dataTo()),
        })),
      }
    }
    if (who === 'broken') throw new Refusal(503, 'UPSTREAM_UNAVAILABLE')
    const [, , area, id, face, extra] = path.split('/')
    if (area === 'usage-points') {
      const where = place(id)
      if (face === 'now')
        return who === 'empty'
          ? { ...nowOf(where), at: null, powerW: null, costPerHour: null, source: null, usual: null, level: null }
          : nowOf(where)
      if (face === 'summary') return summaryOf(where)
      if (face === 'buckets') return bucketsOf(where, query)
      if (face === 'intervals')
        return { usagePointId: where.id, asOf: iso(now()), zone: data.ZONE, intervals: intervalsOf(where, query) }
    }
    if (area === 'operator') {
      if (who !== 'operator') throw new Refusal(403, 'ROLE_REQUIRED')
      if (id === 'overview') return fleet.overview(now())
      if (id === 'meters' && !face) {
        const list = fleet.rows(now(), query)
        return { ...page(query, list.length, (n) => list[n]), total: list.length }
      }
      if (id === 'sessions') {
        const failed = query.get('outcome') === 'failed'
        return page(query, 500, (n) => fleet.session(failed ? n * 7 : n, now()))
      }
      if (id === 'events') return page(query, 4, (n) => fleet.meter(0, now()).events[n])
      if (id === 'audit' && face === 'verification') return { entries: 48_213, brokenAt: null }
      if (id === 'audit')
        return page(query, query.get('subject') === 'nothing' ? 0 : 40, (n) => ({
          seq: 48_213 - n,
          at: iso(now() - n * 340_000),
          actor: n % 3 === 0 ? 'olga' : n % 3 === 1 ? 'anna' : 'simulator',
          actorRole: n % 3 === 0 ? 'operator' : n % 3 === 1 ? 'customer' : 'service',
          action: n % 3 === 0 ? 'operator.command.read' : n % 3 === 1 ? 'data.buckets' : 'provision',
          subject: n % 3 === 0 ? 'GTL10000001' : data.PLACES[0].id,
          purpose: n % 3 === 0 ? 'operation' : n % 3 === 1 ? 'own data' : 'set-up',
          outcome: n % 17 === 4 ? 'refused' : 'done',
        }))
      if (id === 'commands') return commandOf(face)
      if (id === 'meters') {
        const n = Number(face.slice(3)) - 10_000_001
        if (!(n >= 0 && n < fleet.FLEET)) throw new Refusal(404, 'METER_UNKNOWN')
        if (extra === 'sessions') return page(query, 200, (back) => fleet.session(back, now(), face))
        if (extra === 'commands') {
          const made: CommandView = {
            id: `c${commands.size + 1}`,
            meterId: face,
            kind: 'read',
            state: 'requested',
            requestedAt: iso(now()),
            expiresAt: iso(now() + 600_000),
            detail: '',
          }
          commands.set(made.id, { ...made, begun: Date.now() })
          reply.statusCode = 202
          return made
        }
        return fleet.meter(n, now())
      }
    }
    throw new Refusal(404, 'NOT_FOUND')
  }

  function csv(path: string, query: URLSearchParams): string {
    if (path.startsWith('/api/operator'))
      return `meter,address,state\n${fleet
        .rows(now(), query)
        .map((one) => `${one.meterId},"${one.address}",${one.state}`)
        .join('\n')}\n`
    return `start,end\n${intervalsOf(place(path.split('/')[3]), query)
      .map((one) => `${one.start},${one.end}`)
      .join('\n')}\n`
  }

  async function handle(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fixture')
    const who = WHO.find((one) => request.headers.cookie?.includes(`fixture=${one}`))
    if (url.pathname === '/health')
      return json(reply, {
        portal: { status: 'ok' },
        access: { status: 'ok' },
        mdms: { status: 'ok' },
        headend: { status: 'degraded' },
        simulator: { status: 'ok' },
      })
    if (url.pathname === '/api/stream') return stream(reply, who)
    if (!url.pathname.startsWith('/api/')) return file(url.pathname, reply)
    if (url.pathname.endsWith('.csv')) {
      reply.setHeader('content-type', 'text/csv; charset=utf-8')
      reply.setHeader('content-disposition', 'attachment; filename="export.csv"')
      reply.end(csv(url.pathname, url.searchParams))
      return
    }
    const method = request.method ?? 'GET'
    let text = ''
    for await (const chunk of request) text += chunk
    if (method !== 'GET' && request.headers['x-gridtally-request'] !== '1')
      throw new Refusal(403, 'CSRF_HEADER_REQUIRED')
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) // our own app's bodies are objects
    json(reply, answer(method, url.pathname, url.searchParams, who, body, reply))
  }

  function json(reply: ServerResponse, body: unknown): void {
    reply.setHeader('cache-control', 'no-store')
    if (body === undefined) reply.statusCode = 204
    else reply.setHeader('content-type', 'application/json')
    reply.end(body === undefined ? undefined : JSON.stringify(body))
  }

  function stream(reply: ServerResponse, who: Who | undefined): void {
    if (!who) throw new Refusal(401, 'SESSION_REQUIRED')
    reply.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    reply.write(':\n\n')
    streams.add(reply)
    let n = 0
    const send = (event: string, value: unknown): void =>
      void reply.write(`id: ${n++}\nevent: ${event}\ndata: ${JSON.stringify(value)}\n\n`)
    const timer = setInterval(() => {
      if (who === 'customer')
        for (const where of data.PLACES)
          send('reading', { usagePointId: where.id, at: iso(now()), powerW: String(data.netPower(where, now())) })
      if (who === 'operator') send('session', fleet.session(0, now()))
    }, 2000)
    reply.on('close', () => {
      clearInterval(timer)
      streams.delete(reply)
    })
  }

  async function file(path: string, reply: ServerResponse): Promise<void> {
    const wanted = normalize(path).includes('.') ? path : '/index.html'
    reply.setHeader('content-security-policy', POLICY)
    reply.setHeader('x-content-type-options', 'nosniff')
    try {
      const body = await readFile(join(dist, normalize(wanted)))
      reply.setHeader('content-type', TYPES[extname(wanted)] ?? 'application/octet-stream')
      reply.end(body)
    } catch {
      throw new Refusal(404, 'NOT_FOUND')
    }
  }

  const server = createServer((request, reply) => {
    handle(request, reply).catch((error: unknown) => {
      reply.statusCode = error instanceof Refusal ? error.status : 500
      reply.setHeader('content-type', 'application/problem+json')
      reply.end(
        JSON.stringify({
          status: reply.statusCode,
          code: error instanceof Refusal ? error.code : 'INTERNAL',
          title: String(error),
        }),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  // A TCP server's address is an AddressInfo.
  const { port: bound } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${bound}`,
    now,
    close: async () => {
      for (const reply of streams) reply.destroy()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

if (import.meta.main) {
  const { url } = await startFixture(Number(process.argv[2] ?? 8788))
  process.stdout.write(`fixture for development and tests: ${url}/sign-in#token=customer or #token=operator\n`)
}
