import { fileURLToPath } from 'node:url'
import { ConfigError } from '#platform/config'
import { type App, createApp, HTTP_METRICS } from '#platform/http'
import { createMetrics } from '#platform/metrics'
import { createPeer } from '#platform/peer'
import { ROLES, type RoleName, type RoleOptions } from '#platform/role'
import { tokenCheck } from '#platform/tokens'
import type { PortalConfig } from './config.ts'
import { createDescription } from './description.ts'
import { forwardRoutes } from './forward.ts'
import { installGuards } from './guard.ts'
import { createHealth } from './health.ts'
import { Live, liveRoute } from './live.ts'
import { ownRoutes } from './routes.ts'
import { screenRoutes } from './screens.ts'
import { siteLater, siteOf } from './site.ts'

/** A portal ready to listen. */
export interface Portal {
  readonly app: App
  /** Every route, `METHOD /path`. */
  readonly routes: readonly string[]
  /** To be told where it listens, unless the configuration names a public URL. */
  listening(url: string): void
  close(): Promise<void>
}

/** The host name people use for an address a server listens on. */
function nameOf(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

/** Puts the portal together. */
export async function openPortal(options: RoleOptions, config: PortalConfig): Promise<Portal> {
  const { log, peers, host } = options
  const { limits, publicUrl, trustProxy } = config
  if (!peers.access) throw new ConfigError('the portal needs to know where access answers')
  const later = siteLater()
  const site = publicUrl === '' ? later.site : siteOf(publicUrl)
  const access = createPeer(peers.access)
  const metrics = createMetrics(HTTP_METRICS)
  const live = new Live({ access, site, log, mostStreams: limits.streams, mostPerSession: limits.streamsPerSession })
  const app = await createApp({
    role: 'portal',
    description: 'The public server.',
    log,
    metrics,
    tokens: tokenCheck(options.callers),
    health: async () => ({ status: 'ok' }),
    bodyLimit: 64 * 1024,
    faces: 'own',
    ...(trustProxy === '' ? {} : { trustProxy }),
  })
  const routes: string[] = []
  app.addHook('onRoute', ({ method, url }) => void routes.push(`${method} ${url}`))
  await installGuards(app, site, limits.requestsPerMinute)
  const known = new Map<RoleName, string>()
  for (const role of ROLES) {
    const peer = peers[role]
    if (peer) known.set(role, peer.url)
  }
  const health = createHealth(known, () => ({ role: 'portal', status: 'ok', streams: live.size }))
  const description = createDescription(() => ({ ...app.swagger() }), known, site)
  ownRoutes(app, { health, description, metrics })
  forwardRoutes(app, { access, site, signInsPerMinute: limits.signInsPerMinute, onEnd: (id) => live.end(id) })
  liveRoute(app, live, site)
  screenRoutes(app, config.webFolder || fileURLToPath(new URL('../../web/dist', import.meta.url)))
  return {
    app,
    routes,
    listening: (url) => later.settle(`http://${nameOf(host)}:${new URL(url).port}`),
    async close() {
      await live.close()
      await app.close()
    },
  }
}
