import { formatInstant } from '@gridtally/metering'
import { createApp, HTTP_METRICS, listen } from '#platform/http'
import { createMetrics } from '#platform/metrics'
import { createPeer } from '#platform/peer'
import type { PeerAddress, StartRole } from '#platform/role'
import { tokenCheck } from '#platform/tokens'
import { keepBirth } from './birth.ts'
import { readSimulatorConfig } from './config.ts'
import { startFleet } from './fleet.ts'
import { openFleetIdentity } from './identity.ts'
import { createSessions } from './meter-session.ts'
import { startProvisioning } from './provision.ts'
import { simulatorRoutes } from './routes.ts'
import { openStateStore } from './state.ts'

/** Starts the fleet and its HTTP face; provisioning goes on in the background. See README.md. */
export const start: StartRole = async ({ dataDir, host, port, peers, callers, clock, log, config: section }) => {
  const wanted = readSimulatorConfig(section)
  const { seed, meters } = wanted
  const { bornAt, ...kept } = keepBirth(dataDir, { bornAt: clock.now(), seed, meters })
  if (kept.seed !== seed || kept.meters !== meters) log.warn('fleet.kept', { ...kept, asked: { seed, meters } })
  const config = { ...wanted, ...kept }
  const identity = openFleetIdentity(dataDir, config.firstSerial)
  const store = openStateStore(dataDir)
  const openSession = createSessions(store, config.profileDays, clock.now)
  const fleet = await startFleet({ config, identity, store, bornAt, now: clock.now, openSession })
  log.info('fleet.listens', { size: fleet.size, basePort: fleet.basePort })

  const stop = new AbortController()
  const peer = (address: PeerAddress | undefined) => (address ? createPeer(address) : undefined)
  const ends = { headend: peer(peers.headend), mdms: peer(peers.mdms), access: peer(peers.access) }
  const ports = { fleet, config, bornAt, folder: dataDir, clock, log, ...ends }
  const provisioning = config.provision ? startProvisioning(ports, stop.signal) : undefined

  const metrics = createMetrics({
    ...HTTP_METRICS,
    simulator_connections: 'Connections to simulated meters',
    simulator_connections_refused: 'Connections closed because a meter served as many as it can',
  })
  const app = await createApp({
    role: 'simulator',
    description: 'A neighbourhood of simulated meters that speak DLMS/COSEM over TCP, and what they truly measured.',
    log,
    metrics,
    tokens: tokenCheck(callers),
    health: async () => {
      metrics.gauge('simulator_connections', fleet.connections())
      metrics.gauge('simulator_connections_refused', fleet.refused())
      const told = provisioning?.state()
      const status = told?.failed ? 'degraded' : 'ok'
      return {
        status,
        platformTime: formatInstant(clock.now()),
        meters: config.meters,
        basePort: fleet.basePort,
        provisioning: told,
      }
    },
  })
  await app.register(simulatorRoutes({ fleet, config, now: clock.now }))
  const url = await listen(app, host, port)
  return {
    url,
    async close() {
      stop.abort(new Error('closing'))
      await app.close()
      await provisioning?.ended
      await fleet.close()
      store.close()
    },
  }
}
