import { createApp, listen } from '#platform/http'
import type { StartRole } from '#platform/role'
import { tokenCheck } from '#platform/tokens'
import { headendConfig } from './config.ts'
import { openHeadend } from './headend.ts'
import { headendRoutes } from './routes.ts'

/** Starts the head-end: config, what it keeps, its HTTP face, then reading. See README.md. */
export const start: StartRole = async (options) => {
  const headend = await openHeadend(options, headendConfig(options.config))
  const app = await createApp({
    role: 'headend',
    description: 'Reads DLMS/COSEM meters and keeps what they said in an append-only log.',
    log: options.log,
    metrics: headend.metrics,
    tokens: tokenCheck(options.callers),
    health: () => headend.health(),
  })
  await app.register(headendRoutes(headend.ports))
  const url = await listen(app, options.host, options.port)
  await headend.begin()
  return {
    url,
    async close() {
      await app.close()
      await headend.close()
    },
  }
}
