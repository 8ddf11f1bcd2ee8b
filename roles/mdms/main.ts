import { mergeConfig } from '#platform/config'
import { createApp, HTTP_METRICS, listen } from '#platform/http'
import { createMetrics } from '#platform/metrics'
import { createOpener, type Opener } from '#platform/protection'
import type { StartRole } from '#platform/role'
import { tokenCheck } from '#platform/tokens'
import { Completeness } from './completeness.ts'
import { MDMS_DEFAULTS } from './config.ts'
import { followHeadend } from './follow-headend.ts'
import type { ImportPorts } from './import-runs.ts'
import { METRICS } from './metrics.ts'
import { mdmsRoutes } from './routes.ts'
import { importRoutes } from './routes-import.ts'
import { MdmsStore } from './store.ts'
import { readBlockOctets } from './store-queries.ts'

const noOpener: Opener = {
  open: () => Promise.reject(new TypeError('this MDMS was given no key to open billing payloads with')),
}

/** Starts the meter data management: store, collection from the head-end, HTTP face. */
export const start: StartRole = async (options) => {
  const { clock, log, dataDir, databaseUrl, contentPrivateKeyFile, peers } = options
  const config = mergeConfig(MDMS_DEFAULTS, options.config, 'mdms')
  const opener = contentPrivateKeyFile ? await createOpener(contentPrivateKeyFile) : noOpener
  const now = (): number => clock.now()
  const store = await MdmsStore.open({ folder: dataDir, databaseUrl }, config.zone, now)
  const completeness = new Completeness({ db: store.db, directory: store.directory, now, ...config })
  store.onWritten((days) => completeness.forget(days))

  const metrics = createMetrics({ ...HTTP_METRICS, ...METRICS })
  const health = { status: 'ok', collection: 'none' }
  const app = await createApp({
    role: 'mdms',
    description: 'Meter data management: interval blocks, registers and events of usage points and meters',
    log,
    metrics,
    tokens: tokenCheck(options.callers),
    health: async () => ({ ...health, ...(await store.progress()), blockOctets: await readBlockOctets(store.db) }),
  })
  // A large import may take long to arrive; the limit on headers stays.
  app.server.requestTimeout = 3_600_000
  const zoneOf: ImportPorts['zoneOf'] = (ownerKind, id) =>
    ownerKind === 'meter' ? store.zoneOf(ownerKind, id) : store.directory.usagePoints.get(id)?.zone
  importRoutes(app, { writers: config.writers, bodyLimit: config.importLimit, ports: { store, zoneOf } })
  mdmsRoutes(app, { ...config, store, now, completeness })

  const stop = new AbortController()
  const following = followHeadend(
    peers.headend,
    { config: config.collect, clock, log, metrics, opener, store, health },
    stop.signal,
  )
  const url = await listen(app, options.host, options.port)
  return {
    url,
    async close() {
      stop.abort()
      await app.close()
      await following
      await store.close()
    },
  }
}
