import { createServer } from 'node:net'
import { join } from 'node:path'
import type { ClockAnchor } from '#platform/clock'
import { ensureContentKeys } from '#platform/protection'
import { type PeerAddress, ROLES, type RoleName } from '#platform/role'
import { ensureTokenFile } from '#platform/tokens'
import type { StartOptions } from './start-options.ts'
import type { RoleSetup } from './supervisor.ts'

/** Who may call whom. `admin` is the person at the machine: the supervisor and the command line. */
const CALLERS: Readonly<Record<RoleName, readonly string[]>> = {
  simulator: ['admin'],
  headend: ['simulator', 'mdms', 'access', 'admin'],
  mdms: ['simulator', 'access', 'admin'],
  access: ['simulator', 'portal', 'admin'],
  portal: ['admin'],
}

/** Distance of each role's port from the public one. */
const PORT_OFFSET: Readonly<Record<RoleName, number>> = { portal: 0, access: 1, mdms: 2, headend: 3, simulator: 4 }

/** Distance of the first meter's port from the public one. */
export const METER_PORT_OFFSET = 1000

/** Whether a TCP port can be listened on. @throws the socket's error for anything but a taken port */
export function portIsFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error: { code?: string }) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)))
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })
}

/** A free TCP port the system chooses. */
function anyFreePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, host, () => {
      const address = probe.address()
      probe.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new TypeError('no port')),
      )
    })
  })
}

/** File of the token `caller` shows to `callee`. */
export function tokenFile(dataDir: string, caller: string, callee: string): string {
  return join(dataDir, 'tokens', `${caller}-to-${callee}.token`)
}

/**
 * What each role's process is told: ports, peers, tokens, keys, configuration.
 *
 * @param port the public port, settled
 */
export async function planRoles(
  options: StartOptions,
  port: number,
  anchor: ClockAnchor | undefined,
): Promise<RoleSetup[]> {
  const { dataDir, host, roles, config } = options
  const content = await ensureContentKeys(join(dataDir, 'keys'))
  const ports = new Map<RoleName, number>()
  for (const role of ROLES) {
    const wanted = port + PORT_OFFSET[role]
    const usable = role === 'portal' || !roles.includes(role) || (await portIsFree(host, wanted))
    ports.set(role, usable ? wanted : await anyFreePort(host))
  }
  const urlOf = (role: RoleName): string => options.peers[role] ?? `http://${host}:${ports.get(role)}`
  return roles.map((role) => {
    const callers = Object.fromEntries(
      CALLERS[role].map((caller) => [caller, ensureTokenFile(tokenFile(dataDir, caller, role))]),
    )
    const peers: Partial<Record<RoleName, PeerAddress>> = {}
    for (const peer of ROLES)
      if (
        peer !== role &&
        (roles.includes(peer) || options.peers[peer] !== undefined || options.roles.length < ROLES.length)
      )
        peers[peer] = { url: urlOf(peer), tokenFile: ensureTokenFile(tokenFile(dataDir, role, peer)) }
    const section = config[role]
    const simulated = {
      ...(options.meters === undefined ? {} : { meters: options.meters }),
      ...(options.seed === undefined ? {} : { seed: options.seed }),
      basePort: port + METER_PORT_OFFSET,
      ...(typeof section === 'object' ? section : {}),
    }
    return {
      role,
      dataDir: join(dataDir, role),
      ...(options.databaseUrl === undefined ? {} : { databaseUrl: options.databaseUrl }),
      host,
      port: ports.get(role) ?? 0,
      peers,
      callers,
      ...(role === 'headend' ? { contentPublicKeyFile: content.publicKeyFile } : {}),
      ...(role === 'mdms' ? { contentPrivateKeyFile: content.privateKeyFile } : {}),
      ...(anchor ? { anchor } : {}),
      ...(role === 'simulator' ? { config: simulated } : section === undefined ? {} : { config: section }),
    }
  })
}

/** The public port: the one asked for if it is free, any free one for 0. @throws Error in words when it is taken */
export async function settlePort(host: string, port: number): Promise<number> {
  if (port === 0) return anyFreePort(host)
  if (await portIsFree(host, port)) return port
  throw Object.assign(
    new Error(`port ${port} on ${host} is taken: stop what listens there, or choose another with --port`),
    {
      code: 'EADDRINUSE',
    },
  )
}
