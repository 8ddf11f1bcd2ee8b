import { timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '#platform/http'

/** Where the portal stands and what follows from it. */
export interface Site {
  /** Origin people use: `https://portal.example` or `http://127.0.0.1:8080`. */
  readonly origin: string
  readonly secure: boolean
  /** Origins a browser may stand on: the public one, and on the loopback all names of it. */
  readonly origins: ReadonlySet<string>
  /** `host:port` values of those origins. */
  readonly hosts: ReadonlySet<string>
}

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']

/** The site of a public URL. @throws TypeError when the URL is none of http or https */
export function siteOf(publicUrl: string): Site {
  const { origin, protocol, hostname, port } = new URL(publicUrl)
  if (protocol !== 'https:' && protocol !== 'http:') throw new TypeError(`${publicUrl} is no http(s) address`)
  const names = LOOPBACK.includes(hostname) ? LOOPBACK : [hostname]
  const hosts = names.map((name) => (port === '' ? name : `${name}:${port}`))
  return {
    origin,
    secure: protocol === 'https:',
    origins: new Set(hosts.map((host) => `${protocol}//${host}`)),
    hosts: new Set(hosts),
  }
}

/** A site that is known only once the server listens on a port of the system's choice; until then it answers under no name. */
export function siteLater(): { readonly site: Site; settle(url: string): void } {
  let known: Site = { origin: 'http://localhost', secure: false, origins: new Set(), hosts: new Set() }
  const site: Site = {
    get origin() {
      return known.origin
    },
    get secure() {
      return known.secure
    },
    get origins() {
      return known.origins
    },
    get hosts() {
      return known.hosts
    },
  }
  return {
    site,
    settle(url) {
      known = siteOf(url)
    },
  }
}

/** Name of the session cookie; `__Host-` binds it to this host over https. */
export const cookieName = (site: Site): string => (site.secure ? '__Host-gridtally' : 'gridtally')

/** Gives the browser its session. */
export function setSession(reply: FastifyReply, site: Site, id: string): void {
  reply.setCookie(cookieName(site), id, { path: '/', httpOnly: true, sameSite: 'strict', secure: site.secure })
}

/** Takes it away. */
export function clearSession(reply: FastifyReply, site: Site): void {
  reply.clearCookie(cookieName(site), { path: '/', httpOnly: true, sameSite: 'strict', secure: site.secure })
}

/** The session id a browser sent, if it looks like one. */
export function sessionIn(request: FastifyRequest, site: Site): string | undefined {
  const id = request.cookies[cookieName(site)]
  return id !== undefined && /^[A-Za-z0-9_-]{43}$/.test(id) ? id : undefined
}

/** The origin the browser stands on, if it is one of ours; passkeys belong to it. */
export function originOf(request: FastifyRequest, site: Site): string {
  const { origin, host } = request.headers
  if (typeof origin === 'string' && site.origins.has(origin)) return origin
  const byHost = `${site.secure ? 'https' : 'http'}://${host}`
  return site.origins.has(byHost) ? byHost : site.origin
}

const ONE = Buffer.from('1')

/**
 * Refuses what did not come from our own pages: another `Host` (a name pointed at us), and on writes another `Origin`, a
 * fetch the browser itself calls foreign, or no `x-gridtally-request` header (which no form and no other site can send).
 *
 * @throws Problem `CSRF_HEADER_REQUIRED`, `NOT_ALLOWED`
 */
export function checkOrigin(request: FastifyRequest, site: Site): void {
  const { host, origin } = request.headers
  if (!site.hosts.has((host ?? '').toLowerCase()))
    throw new Problem('NOT_ALLOWED', 'the portal does not answer under this host name')
  if (origin !== undefined && !site.origins.has(origin))
    throw new Problem('NOT_ALLOWED', 'the request comes from another site')
  const from = request.headers['sec-fetch-site']
  if (from !== undefined && from !== 'same-origin' && from !== 'none')
    throw new Problem('NOT_ALLOWED', 'the request comes from another site')
  if (request.method === 'GET' || request.method === 'HEAD') return
  const mark = Buffer.from(String(request.headers['x-gridtally-request'] ?? ''))
  if (mark.length !== ONE.length || !timingSafeEqual(mark, ONE))
    throw new Problem('CSRF_HEADER_REQUIRED', 'writes carry the header "x-gridtally-request: 1"')
}
