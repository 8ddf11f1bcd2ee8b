import { createClock } from '#platform/clock'
import { ConfigError } from '#platform/config'
import { ensureFolder } from '#platform/data-folder'
import { createLog } from '#platform/log'
import type { RoleName, RunningRole, StartRole } from '#platform/role'
import { EXIT } from './command.ts'
import { type RoleMessage, type RoleSetup, SETUP_VARIABLE } from './supervisor.ts'

/** Longest a role may take to stop before its process ends all the same. */
const STOP_MS = 3500

/** The sentence for a person and the exit code for a start that failed. */
function explain(error: unknown, setup: RoleSetup): { message: string; exitCode: number } {
  const { code, message } = error as { code?: string; message: string }
  if (error instanceof ConfigError) return { message, exitCode: EXIT.wrongUse }
  if (code === 'EADDRINUSE')
    return {
      message: `port ${setup.port} on ${setup.host} is taken: stop what listens there, or choose another with --port`,
      exitCode: EXIT.someFailed,
    }
  return {
    message:
      code?.startsWith('STORE_') || code === 'FOLDER_UNUSABLE' ? message : `${setup.role} could not start: ${message}`,
    exitCode: EXIT.someFailed,
  }
}

/** The body of a role's process: starts the role the supervisor named and lives until told to stop or left alone. */
export async function runRoleProcess(load: (role: RoleName) => Promise<{ start: StartRole }>): Promise<void> {
  const text = process.env[SETUP_VARIABLE]
  if (text === undefined)
    throw new TypeError('this command is for the supervisor; run "gridtally start --only ROLE" instead')
  // Written by our own supervisor.
  const setup = JSON.parse(text) as RoleSetup
  const log = createLog(setup.role)
  process.title = `gridtally ${setup.role} (main.ts)`
  let running: RunningRole | undefined
  let stopping = false
  const tell = (message: RoleMessage): void => {
    process.send?.(message)
  }
  const stop = async (exitCode: number): Promise<void> => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(exitCode), STOP_MS).unref()
    await running?.close().catch((error: unknown) => log.error('role.closeFailed', { error }))
    process.exit(exitCode)
  }
  // Ctrl-C reaches the whole process group; the supervisor decides.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => void stop(0))
  process.on('disconnect', () => process.exit(0))
  process.on('unhandledRejection', (error) => {
    log.error('role.crashed', { error })
    process.exit(70)
  })
  try {
    const { anchor, role, ...options } = setup
    const { start } = await load(role)
    running = await start({ ...options, dataDir: ensureFolder(setup.dataDir), clock: createClock(anchor), log })
    log.info('role.ready', { url: running.url })
    tell({ type: 'ready', url: running.url })
  } catch (error) {
    log.error('role.startFailed', { error })
    const fatal = explain(error, setup)
    process.send?.({ type: 'fatal', ...fatal }, undefined, {}, () => process.exit(fatal.exitCode))
  }
}
