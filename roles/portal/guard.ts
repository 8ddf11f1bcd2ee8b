import { isIPv6 } from 'node:net'
import fastifyCookie from '@fastify/cookie'
import fastifyHelmet from '@fastify/helmet'
import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import { type App, Problem } from '#platform/http'
import type { Site } from './site.ts'

/** Content security policy: everything comes from here, nothing inline, nobody frames us. */
export const POLICY: Readonly<Record<string, string[]>> = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
  'manifest-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
}

/** What requests are counted by: an IPv4 address, or the /64 an IPv6 address is in, since one home has all of a /64. */
export function addressKey(request: Pick<FastifyRequest, 'ip'>): string {
  const { ip } = request
  if (!isIPv6(ip) || ip.startsWith('::ffff:')) return ip
  const [head, tail = ''] = ip.split('::')
  const groups = head === '' ? [] : head.split(':')
  const rest = tail === '' ? [] : tail.split(':')
  const filled = ip.includes('::')
    ? [...groups, ...new Array<string>(8 - groups.length - rest.length).fill('0'), ...rest]
    : groups
  return `${filled.slice(0, 4).join(':')}::/64`
}

/** Security headers on every answer, cookies, and a limit on requests by address. */
export async function installGuards(app: App, site: Site, requestsPerMinute: number): Promise<void> {
  await app.register(fastifyHelmet, {
    contentSecurityPolicy: { useDefaults: false, directives: POLICY },
    strictTransportSecurity: site.secure ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    crossOriginResourcePolicy: { policy: 'same-origin' },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
  })
  await app.register(fastifyCookie)
  await app.register(fastifyRateLimit, {
    max: requestsPerMinute,
    timeWindow: 60_000,
    keyGenerator: addressKey,
    errorResponseBuilder: (_request, { after }) =>
      new Problem('TOO_MANY_REQUESTS', `too many requests; try again in ${after}`),
  })
}
