import { fileURLToPath } from 'node:url'
import { ConfigError, mergeConfig } from '#platform/config'
import { createApp, HTTP_METRICS, listen } from '#platform/http'
import { createMetrics } from '#platform/metrics'
import { createPeer } from '#platform/peer'
import { ROLES, type RoleName, type StartRole } from '#platform/role'
import { tokenCheck } from '#platform/tokens'
import { PORTAL_DEFAULTS } from './config.ts'
import { createDescription } from './description.ts'
import { forwardRoutes } from './forward.ts'
import { installGuards } from './guard.ts'
import { createHealth } from './health.ts'
import { Live, liveRoute } from './live.ts'
import { ownRoutes } from './routes.ts'
import { screenRoutes } from './screens.ts'
import { siteOf } from './site.ts'

/** Starts the portal: the public HTTP server. */
export const start: StartRole = async (options) => {
  const { log, peers } = options
  const config = mergeConfig(PORTAL_DEFAULTS, options.config, 'portal')
  if (!peers.access) throw new ConfigError('the portal needs to know where access answers')
  if (config.publicUrl === '' && options.port === 0)
    throw new ConfigError('the portal needs a port of its own, or "publicUrl"')
  const host = options.host === '0.0.0.0' || options.host === '::' ? 'localhost' : options.host
  const site = siteOf(config.publicUrl || `http://${host.includes(':') ? `[${host}]` : host}:${options.port}`)
  const access = createPeer(peers.access)
  const metrics = createMetrics(HTTP_METRICS)
  const { limits } = config
  const live = new Live({
    access,
    site,
    log,
    mostStreams: limits.streams,
    mostPerSession: limits.streamsPerSession,
  })
  const app = await createApp({
    role: 'portal',
    description: 'The public server.',
    log,
    metrics,
    tokens: tokenCheck(options.callers),
    health: async () => ({ status: 'ok' }),
    bodyLimit: 64 * 1024,
    faces: 'own',
    ...(config.trustProxy === '' ? {} : { trustProxy: config.trustProxy }),
  })
  await installGuards(app, site, limits.requestsPerMinute)
  const known = new Map<RoleName, string>()
  for (const role of ROLES) {
    const peer = peers[role]
    if (peer) known.set(role, peer.url)
  }
  const health = createHealth(known, () => ({ role: 'portal', status: 'ok', streams: live.size }))
  const description = createDescription(() => ({ ...app.swagger() }), known, site.origin)
  ownRoutes(app, { health, description, metrics })
  forwardRoutes(app, { access, site, signInsPerMinute: limits.signInsPerMinute, onEnd: (id) => live.end(id) })
  liveRoute(app, live, site)
  screenRoutes(app, config.webFolder || fileURLToPath(new URL('../../web/dist', import.meta.url)))
  const url = await listen(app, options.host, options.port)
  return {
    url,
    async close() {
      await live.close()
      await app.close()
    },
  }
}
