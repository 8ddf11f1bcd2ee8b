import { mergeConfig } from '#platform/config'
import { listen } from '#platform/http'
import type { StartRole } from '#platform/role'
import { PORTAL_DEFAULTS } from './config.ts'
import { openPortal } from './portal.ts'

/** Starts the portal: the public HTTP server. */
export const start: StartRole = async (options) => {
  const portal = await openPortal(options, mergeConfig(PORTAL_DEFAULTS, options.config, 'portal'))
  const url = await listen(portal.app, options.host, options.port)
  portal.listening(url)
  return { url, close: () => portal.close() }
}
