import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type App, Problem } from '#platform/http'
import type { Peer } from '#platform/peer'
import { PUBLIC_FACES, type PublicFace } from './faces.ts'
import { checkOrigin, clearSession, originOf, type Site, sessionIn, setSession } from './site.ts'

/** What passing on needs. */
export interface ForwardPorts {
  readonly access: Peer
  readonly site: Site
  readonly signInsPerMinute: number
  /** Called when a session was signed out, so that its live streams end. */
  readonly onEnd: (sessionId: string) => void
}

/** Longest a face of access may take. */
const TIMEOUT_MS = 30_000

/** Headers of access's answers that reach the browser. */
const PASSED = ['content-type', 'content-disposition', 'retry-after'] as const

/**
 * The path of access for a request: built from the segments the router took apart, never from the text the browser sent, so
 * that no encoding of `/` or `..` leads elsewhere.
 *
 * @throws Problem `ROUTE_UNKNOWN` for segments URLs would walk by
 */
export function upstreamPath(face: PublicFace, params: Readonly<Record<string, string>>, url: string): string {
  const path = face.path.replace(/:(\w+)/g, (_, name: string) => {
    const value = params[name] ?? ''
    if (value === '' || value === '.' || value === '..') throw new Problem('ROUTE_UNKNOWN', 'there is nothing here')
    return encodeURIComponent(value)
  })
  const query = url.indexOf('?')
  return query < 0 ? path : path + url.slice(query)
}

async function pass(
  face: PublicFace,
  ports: ForwardPorts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const { access, site, onEnd } = ports
  const session = sessionIn(request, site)
  // The router's own reading of the path.
  const path = upstreamPath(face, request.params as Record<string, string>, request.raw.url ?? '/')
  const gone = new AbortController()
  reply.raw.on('close', () => gone.abort())
  const answer = await access.raw(path, {
    method: face.method,
    ...(request.body === undefined || request.body === null ? {} : { body: request.body }),
    headers: {
      'x-public-url': originOf(request, site),
      ...(session === undefined ? {} : { 'x-session': session }),
      ...(request.headers['x-background'] === '1' ? { 'x-background': '1' } : {}),
    },
    timeoutMs: TIMEOUT_MS,
    signal: gone.signal,
  })
  if (answer.status === 401 && session !== undefined && !face.signsIn) clearSession(reply, site)
  const begun = answer.headers.get('x-session-set')
  if (begun !== null) {
    if (session !== undefined) await access.raw('/sessions/end', { method: 'POST', headers: { 'x-session': session } })
    setSession(reply, site, begun)
  }
  if (face.path === '/sessions/end') {
    clearSession(reply, site)
    if (session !== undefined) onEnd(session)
  }
  reply.code(answer.status)
  for (const name of PASSED) {
    const value = answer.headers.get(name)
    if (value !== null) reply.header(name, value)
  }
  if (answer.status === 204 || answer.body === null) return reply.send()
  // fetch's stream is the web's; Node's types keep the two apart.
  if (face.streams) return reply.send(Readable.fromWeb(answer.body as ReadableStream))
  return reply.send(Buffer.from(await answer.arrayBuffer()))
}

/** Registers every public face below `/api`. */
export function forwardRoutes(app: App, ports: ForwardPorts): void {
  for (const face of PUBLIC_FACES)
    app.route({
      method: face.method,
      url: `/api${face.path}`,
      exposeHeadRoute: false,
      config: {
        access: 'public',
        ...(face.signsIn ? { rateLimit: { max: ports.signInsPerMinute, timeWindow: 60_000, groupId: 'sign-in' } } : {}),
      },
      schema: { summary: face.path },
      onRequest: async (request, reply) => {
        reply.header('cache-control', 'no-store')
        checkOrigin(request, ports.site)
      },
      handler: (request, reply) => pass(face, ports, request, reply),
    })
}
