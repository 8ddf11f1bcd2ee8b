import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { type App, Problem } from '#platform/http'
import type { Log } from '#platform/log'
import { type Peer, PeerError } from '#platform/peer'
import { checkOrigin, type Site, sessionIn } from './site.ts'

/** What a session may see of the live stream, as access says. */
interface Scope {
  readonly role: 'customer' | 'operator'
  readonly usagePoints: readonly { readonly id: string; readonly from: number; readonly to: number | null }[]
}

interface PolledEvent {
  readonly id: number
  readonly event: string
  readonly usagePointId: string | null
  readonly data: Readonly<Record<string, unknown>>
}

interface LiveEvent extends PolledEvent {
  /** Our own number: access may begin anew at 1. */
  readonly number: number
}

interface Client {
  readonly session: string
  readonly out: ServerResponse
  scope: Scope
}

/** What the live stream needs. */
export interface LivePorts {
  readonly access: Peer
  readonly site: Site
  readonly log: Log
  readonly mostStreams: number
  readonly mostPerSession: number
  /** How often sessions are looked at again. */
  readonly recheckMs?: number
}

const EVENTS_KEPT = 1000
const WAIT_MS = 2000
const RETRY_MS = 1000
const COMMENT_MS = 15_000
const RECHECK_MS = 15_000
/** A browser that has this much unread is not reading. */
const MOST_UNREAD = 256 * 1024

/** Whether an event is for a scope. */
export function isFor(scope: Scope, { event, usagePointId, data }: Omit<PolledEvent, 'id'>): boolean {
  if (event !== 'reading') return scope.role === 'operator'
  const at = Date.parse(String(data.at))
  return scope.usagePoints.some(({ id, from, to }) => id === usagePointId && at >= from && (to === null || at < to))
}

/** The live stream: one question at a time to access for all browsers, answers handed to those who may see them. */
export class Live {
  readonly #ports: LivePorts
  readonly #clients = new Set<Client>()
  /** Tells our event ids from those of an earlier process. */
  readonly #epoch = randomBytes(4).toString('hex')
  readonly #stopping = new AbortController()
  #events: LiveEvent[] = []
  #next = 1
  #polling: Promise<void> | undefined

  constructor(ports: LivePorts) {
    this.#ports = ports
  }

  /** Live streams open now. */
  get size(): number {
    return this.#clients.size
  }

  async #scopeOf(session: string): Promise<Scope> {
    return this.#ports.access.json<Scope>('/stream/scope', {
      headers: { 'x-session': session, 'x-background': '1' },
      timeoutMs: 5000,
    })
  }

  /** Opens a stream for a session. @throws Problem `SESSION_REQUIRED`, `TOO_MANY_REQUESTS` */
  async open(session: string, lastEventId: string | undefined): Promise<(out: ServerResponse) => void> {
    const { mostStreams, mostPerSession } = this.#ports
    const own = [...this.#clients].filter((client) => client.session === session)
    if (this.#clients.size >= mostStreams || own.length >= mostPerSession)
      throw new Problem('TOO_MANY_REQUESTS', 'too many live streams are open')
    const scope = await this.#scopeOf(session).catch((error: unknown) => {
      if (error instanceof PeerError && error.status === 401) throw new Problem('SESSION_REQUIRED', 'sign in first')
      throw error
    })
    return (out) => {
      const client: Client = { session, out, scope }
      this.#clients.add(client)
      const comment = setInterval(() => out.write(':\n\n'), COMMENT_MS)
      const recheck = setInterval(() => void this.#recheck(client), this.#ports.recheckMs ?? RECHECK_MS)
      out.on('close', () => {
        clearInterval(comment)
        clearInterval(recheck)
        this.#clients.delete(client)
      })
      out.write('retry: 3000\n\n')
      for (const event of this.#missed(lastEventId)) this.#send(client, event)
      this.#polling ??= this.#poll().finally(() => {
        this.#polling = undefined
      })
    }
  }

  /** What a browser that comes back did not get; for one that comes first, the latest of each kind and place. */
  #missed(lastEventId: string | undefined): LiveEvent[] {
    const [epoch, number] = (lastEventId ?? '').split('.')
    if (epoch === this.#epoch && /^\d{1,15}$/.test(number ?? ''))
      return this.#events.filter((event) => event.number > Number(number))
    const latest = new Map(this.#events.map((event) => [`${event.event} ${event.usagePointId}`, event]))
    return [...latest.values()].sort((a, b) => a.number - b.number)
  }

  #send(client: Client, event: LiveEvent): void {
    if (!isFor(client.scope, event)) return
    if (client.out.writableLength > MOST_UNREAD) return void client.out.destroy()
    client.out.write(
      `id: ${this.#epoch}.${event.number}\nevent: ${event.event}\ndata: ${JSON.stringify(event.data)}\n\n`,
    )
  }

  async #recheck(client: Client): Promise<void> {
    try {
      client.scope = await this.#scopeOf(client.session)
    } catch (error) {
      // Access may be starting again; only its word ends a stream.
      if (error instanceof PeerError && error.status < 500) client.out.end()
    }
  }

  async #poll(): Promise<void> {
    let after = 0
    let isFirst = this.#events.length === 0
    if (!isFirst) after = this.#events.at(-1)?.id ?? 0
    while (this.#clients.size > 0 && !this.#stopping.signal.aborted) {
      const watch = new Set<string>()
      for (const { scope } of this.#clients) for (const { id } of scope.usagePoints) watch.add(id)
      try {
        const { latest, events } = await this.#ports.access.json<{ latest: number; events: PolledEvent[] }>(
          '/stream/poll',
          {
            method: 'POST',
            body: { after, watch: [...watch].slice(0, 5000), waitMs: WAIT_MS },
            timeoutMs: WAIT_MS + 10_000,
            signal: this.#stopping.signal,
          },
        )
        after = latest
        // Sessions of long ago are no news to somebody who just came.
        for (const event of isFirst ? events.filter(({ event }) => event !== 'session') : events) this.#take(event)
        isFirst = false
      } catch (error) {
        if (this.#stopping.signal.aborted) return
        this.#ports.log.debug('live.pollFailed', { error })
        await delay(RETRY_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
      }
    }
  }

  #take(event: PolledEvent): void {
    const live = { ...event, number: this.#next++ }
    this.#events.push(live)
    if (this.#events.length > EVENTS_KEPT * 1.5) this.#events = this.#events.slice(-EVENTS_KEPT)
    for (const client of this.#clients) this.#send(client, live)
  }

  /** Ends the streams of a session. */
  end(session: string): void {
    for (const client of this.#clients) if (client.session === session) client.out.end()
  }

  /** Ends all streams and the question under way. */
  async close(): Promise<void> {
    this.#stopping.abort()
    for (const { out } of this.#clients) out.end()
    await this.#polling
  }
}

/** `GET /api/stream`. */
export function liveRoute(app: App, live: Live, site: Site): void {
  app.get(
    '/api/stream',
    {
      exposeHeadRoute: false,
      config: { access: 'public' },
      schema: { summary: 'Server-Sent Events: reading, session, completeness', produces: ['text/event-stream'] },
    },
    async (request, reply) => {
      checkOrigin(request, site)
      const session = sessionIn(request, site)
      if (session === undefined) throw new Problem('SESSION_REQUIRED', 'sign in first')
      const last = request.headers['last-event-id']
      const attach = await live.open(session, typeof last === 'string' ? last : undefined)
      reply.hijack()
      // What the guards put on the reply must not get lost with it.
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) reply.raw.setHeader(name, value)
      reply.raw.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })
      attach(reply.raw)
    },
  )
}
