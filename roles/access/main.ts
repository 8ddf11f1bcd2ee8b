import { setTimeout as delay } from 'node:timers/promises'
import { ConfigError, mergeConfig } from '#platform/config'
import { createApp, HTTP_METRICS, listen } from '#platform/http'
import { createMetrics } from '#platform/metrics'
import { createPeer } from '#platform/peer'
import type { StartRole } from '#platform/role'
import { openStore } from '#platform/store'
import { tokenCheck } from '#platform/tokens'
import { ACCESS_DEFAULTS } from './config.ts'
import { enforcePolicies } from './policy.ts'
import { dataRoutes } from './routes-data.ts'
import { operatorRoutes } from './routes-operator.ts'
import { peopleRoutes } from './routes-people.ts'
import { serviceRoutes } from './routes-service.ts'
import { openServices } from './services.ts'
import { tellReadings } from './tell-readings.ts'

/** Starts access: identity, permission, and what people see of the data. */
export const start: StartRole = async (options) => {
  const { clock, log, peers, dataDir: folder, databaseUrl } = options
  const config = mergeConfig(ACCESS_DEFAULTS, options.config, 'access')
  if (!peers.mdms || !peers.headend) throw new ConfigError('access needs to know where mdms and headend answer')
  const migrations = new URL('./migrations', import.meta.url)
  const database = await openStore({ folder, databaseUrl, schema: 'access', migrations })
  const sources = { mdms: createPeer(peers.mdms), headend: createPeer(peers.headend) }
  const services = await openServices(database, sources, config, options)
  const stopping = new AbortController()
  const app = await createApp({
    role: 'access',
    description: 'People, permission, and what people see of the data.',
    log,
    metrics: createMetrics(HTTP_METRICS),
    tokens: tokenCheck(options.callers),
    health: async () => {
      await database.query('SELECT 1')
      return { status: 'ok' }
    },
  })
  const { zone } = config.operator
  enforcePolicies(app, { config, ...services })
  serviceRoutes(app, { ...services, dataNow: clock.now, zone, stopping: stopping.signal })
  peopleRoutes(app, { ...services, clock, zone })
  dataRoutes(app, services.data)
  operatorRoutes(app, services.operator, { ...services, zone })
  const url = await listen(app, options.host, options.port)
  const everyMs = config.streamSeconds * 1000
  const loops = Promise.all([
    services.operator.run(stopping.signal),
    tellReadings({ ...services, log, everyMs, signal: stopping.signal }),
  ])
  return {
    url,
    async close() {
      stopping.abort()
      await app.close()
      await Promise.race([loops, delay(1000, undefined, { ref: false })])
      await database.close()
    },
  }
}
