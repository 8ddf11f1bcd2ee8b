import { resolve } from 'node:path'
import { ConfigError, readConfigFile } from '#platform/config'
import { ROLES, type RoleName } from '#platform/role'
import { expectNoPositionals, HELP, parseArguments, speedFactor, TEXT, TEXTS, wholeNumber } from './arguments.ts'
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
  const { values, positionals } = parseArguments(argv, {
    port: TEXT,
    host: TEXT,
    'data-dir': TEXT,
    meters: TEXT,
    seed: TEXT,
    speed: TEXT,
    only: TEXT,
    peer: TEXTS,
    config: TEXT,
    help: HELP,
  })
  if (values.help) return undefined
  expectNoPositionals(positionals)
  const speed = speedFactor(values.speed)
  const only = values.only
  const roles = only === undefined ? [...ROLES] : [...new Set(only.split(',').map((part) => roleName(part.trim())))]
  const peers: Partial<Record<RoleName, string>> = {}
  for (const pair of values.peer ?? []) {
    const [name, url] = pair.split(/=(.*)/s)
    if (!URL.canParse(url ?? ''))
      throw new UsageError(`--peer takes ROLE=URL such as headend=http://127.0.0.1:8083, not "${pair}"`)
    peers[roleName(name)] = url.replace(/\/+$/, '')
  }
  const configFile = values.config
  const config = configFile === undefined ? {} : readConfigFile(configFile)
  for (const section of Object.keys(config))
    if (!ROLES.some((role) => role === section))
      throw new ConfigError(`${configFile}: unknown section "${section}"; sections are ${ROLES.join(', ')}`)
  const port =
    values.port !== undefined ? wholeNumber('--port', values.port, 0, 65_000) : wholeNumber('PORT', env.PORT, 0, 65_000)
  return {
    host: values.host ?? '127.0.0.1',
    port: port ?? 8080,
    dataDir: resolve(values['data-dir'] ?? env.GRIDTALLY_DATA_DIR ?? 'gridtally-data'),
    databaseUrl: env.DATABASE_URL || undefined,
    meters: wholeNumber('--meters', values.meters, 1, 40_000),
    seed: wholeNumber('--seed', values.seed, 0, 0xffff_ffff),
    speed,
    roles,
    peers,
    config,
  }
}
