import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ConfigError, readConfigFile } from '#platform/config'
import { ROLES, type RoleName } from '#platform/role'
import { UsageError } from './command.ts'

/** What `gridtally start` was asked to do, checked. */
export interface StartOptions {
  readonly host: string
  /** Public port; the roles' own ports follow it. */
  readonly port: number
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  readonly meters: number | undefined
  readonly seed: number | undefined
  readonly speed: number
  readonly roles: readonly RoleName[]
  /** Base URLs of roles that run elsewhere. */
  readonly peers: Readonly<Partial<Record<RoleName, string>>>
  /** Configuration file, one section a role. */
  readonly config: Readonly<Record<string, unknown>>
}

/** What `gridtally start --help` prints. */
export const START_USAGE = `usage: npm start -- [options]        or        gridtally start [options]

Starts the platform: simulated meters → head-end → meter data management → access → portal, one process a role,
supervised together. Open the address it prints; it also prints one-time sign-in links for a demo customer and operator.

roles (all by default)
  simulator   a neighbourhood of meters that speak DLMS/COSEM over TCP, and the people who live there
  headend     reads the meters, keeps an append-only log
  mdms        stores interval blocks and registers, answers queries
  access      accounts, permissions, tariffs; decides who sees what
  portal      the screens, and the one public address

options
  --port N          public port, default 8080 (environment: PORT); roles use N+1 … N+4, meters N+1000 …
  --host ADDRESS    address to listen on, default 127.0.0.1
  --data-dir DIR    folder that holds everything stored, default ./gridtally-data (GRIDTALLY_DATA_DIR)
  --meters N        size of the simulated fleet at first start, default 200
  --seed N          same seed, same neighbourhood; default 1
  --speed X         platform seconds per second, default 1 (real time); 60 makes a day pass in 24 minutes
  --only R,R        run only these roles
  --peer R=URL      where a role that is not run here answers (repeatable)
  --config FILE     JSON, one section a role; unknown keys stop the start
  --help            this text

storage
  Without more, each role keeps its data in an embedded PostgreSQL (PGlite) below the data folder. It outlives a killed
  process, but not a power cut's last seconds. DATABASE_URL=postgres://… uses a real server instead: do so in production.

stop it with Ctrl-C or SIGTERM; started again it goes on where it was.
`

const wholeNumber = (name: string, text: string | undefined, least: number, most: number): number | undefined => {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new UsageError(`${name} must be a whole number from ${least} to ${most}, not "${text}"`)
  return value
}

function roleName(text: string): RoleName {
  const found = ROLES.find((role) => role === text)
  if (!found) throw new UsageError(`there is no role "${text}"; roles are ${ROLES.join(', ')}`)
  return found
}

/**
 * Reads the arguments and the environment of `gridtally start`.
 *
 * @returns `undefined` when help was asked for
 * @throws UsageError, ConfigError
 */
export function startOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): StartOptions | undefined {
  let values: { [name: string]: string | boolean | string[] | undefined }
  try {
    values = parseArgs({
      args: [...argv],
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        'data-dir': { type: 'string' },
        meters: { type: 'string' },
        seed: { type: 'string' },
        speed: { type: 'string' },
        only: { type: 'string' },
        peer: { type: 'string', multiple: true },
        config: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message.split('\n')[0]} (try --help)`, { cause })
  }
  if (values.help) return undefined
  const text = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  const speed = Number(text('speed') ?? 1)
  if (!(speed > 0 && speed <= 86_400))
    throw new UsageError(`--speed must be a number above 0 and up to 86400, not "${text('speed')}"`)
  const only = text('only')
  const roles = only === undefined ? [...ROLES] : [...new Set(only.split(',').map((part) => roleName(part.trim())))]
  const peers: Partial<Record<RoleName, string>> = {}
  for (const pair of Array.isArray(values.peer) ? values.peer : []) {
    const [name, url] = pair.split(/=(.*)/s)
    if (!URL.canParse(url ?? ''))
      throw new UsageError(`--peer takes ROLE=URL such as headend=http://127.0.0.1:8083, not "${pair}"`)
    peers[roleName(name)] = url.replace(/\/+$/, '')
  }
  const configFile = text('config')
  const config = configFile === undefined ? {} : readConfigFile(configFile)
  for (const section of Object.keys(config))
    if (!ROLES.some((role) => role === section))
      throw new ConfigError(`${configFile}: unknown section "${section}"; sections are ${ROLES.join(', ')}`)
  const port =
    text('port') !== undefined
      ? wholeNumber('--port', text('port'), 0, 65_000)
      : wholeNumber('PORT', env.PORT, 0, 65_000)
  return {
    host: text('host') ?? '127.0.0.1',
    port: port ?? 8080,
    dataDir: resolve(text('data-dir') ?? env.GRIDTALLY_DATA_DIR ?? 'gridtally-data'),
    databaseUrl: env.DATABASE_URL || undefined,
    meters: wholeNumber('--meters', text('meters'), 1, 40_000),
    seed: wholeNumber('--seed', text('seed'), 0, 0xffff_ffff),
    speed,
    roles,
    peers,
    config,
  }
}
