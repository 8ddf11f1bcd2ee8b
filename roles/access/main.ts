import { setTimeout as delay } from 'node:timers/promises'
import { formatInstant } from '@gridtally/metering'
import { ConfigError, mergeConfig } from '#platform/config'
import { createApp, HTTP_METRICS, listen } from '#platform/http'
import { createMetrics } from '#platform/metrics'
import { createPeer } from '#platform/peer'
import type { StartRole } from '#platform/role'
import { openStore } from '#platform/store'
import { tokenCheck } from '#platform/tokens'
import { openAuditLog } from './audit-log.ts'
import { ACCESS_DEFAULTS } from './config.ts'
import { createCustomerData } from './customer-data.ts'
import { createHeadend } from './headend.ts'
import { createMdms } from './mdms.ts'
import { createOperatorData } from './operator-data.ts'
import { createPasskeys } from './passkeys.ts'
import { enforcePolicies } from './policy.ts'
import { dataRoutes } from './routes-data.ts'
import { operatorRoutes } from './routes-operator.ts'
import { peopleRoutes } from './routes-people.ts'
import { serviceRoutes } from './routes-service.ts'
import { createSignIn } from './sign-in.ts'
import { createAccessStore } from './store.ts'
import { StreamHub } from './stream-hub.ts'
import { tellReadings } from './tell-readings.ts'

/** Starts access: identity, permission, and what people see of the data. */
export const start: StartRole = async (options) => {
  const { clock, log, peers } = options
  const config = mergeConfig(ACCESS_DEFAULTS, options.config, 'access')
  if (!peers.mdms || !peers.headend) throw new ConfigError('access needs to know where mdms and headend answer')
  const migrations = new URL('./migrations', import.meta.url)
  const database = await openStore({
    folder: options.dataDir,
    databaseUrl: options.databaseUrl,
    schema: 'access',
    migrations,
  })
  // Sessions and links live by the machine's time, however fast the platform's runs.
  const now = clock.speed === 1 ? clock.now : Date.now
  const { zone, targetPercent, refreshSeconds, lateAfterMinutes } = config.operator
  const store = createAccessStore(database)
  const limits = { idleMs: config.session.idleMinutes * 60_000, absoluteMs: config.session.absoluteHours * 3_600_000 }
  const signIn = createSignIn(database, limits, now)
  const audit = await openAuditLog(database)
  const mdms = createMdms(createPeer(peers.mdms))
  const headend = createHeadend(createPeer(peers.headend))
  const data = createCustomerData({ source: mdms, store, now: clock.now })
  const hub = new StreamHub()
  const operator = createOperatorData({
    headend,
    mdms,
    store,
    hub,
    clock,
    log,
    zone,
    targetPercent,
    refreshMs: refreshSeconds * 1000,
    lateAfterMs: lateAfterMinutes * 60_000,
  })
  const stopping = new AbortController()

  const app = await createApp({
    role: 'access',
    description: 'People, permission, and what people see of the data.',
    log,
    metrics: createMetrics(HTTP_METRICS),
    tokens: tokenCheck(options.callers),
    health: async () => {
      await database.query('SELECT 1')
      return { status: 'ok', platformTime: formatInstant(clock.now(), 'UTC') }
    },
  })
  enforcePolicies(app, { config, signIn, store, audit, now })
  serviceRoutes(app, { store, signIn, hub, now, dataNow: clock.now, zone, stopping: stopping.signal })
  peopleRoutes(app, { store, signIn, passkeys: createPasskeys(database, now), audit, data, clock, now, zone })
  dataRoutes(app, data)
  operatorRoutes(app, operator, { audit, zone, now })
  const url = await listen(app, options.host, options.port)
  const loops = Promise.all([
    operator.run(stopping.signal),
    tellReadings({ hub, data, store, log, everyMs: config.streamSeconds * 1000, now, signal: stopping.signal }),
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
