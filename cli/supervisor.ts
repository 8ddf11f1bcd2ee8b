import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { ClockAnchor } from '#platform/clock'
import type { PeerAddress, RoleName } from '#platform/role'

/** What a role's process is told, as JSON in its environment. Secrets are paths to files. */
export interface RoleSetup {
  readonly role: RoleName
  readonly dataDir: string
  readonly databaseUrl?: string
  readonly host: string
  readonly port: number
  readonly peers: Readonly<Partial<Record<RoleName, PeerAddress>>>
  readonly callers: Readonly<Record<string, string>>
  readonly contentPublicKeyFile?: string
  readonly contentPrivateKeyFile?: string
  readonly anchor?: ClockAnchor
  readonly config?: unknown
}

/** What a role's process tells its supervisor. */
export type RoleMessage =
  | { readonly type: 'ready'; readonly url: string }
  | { readonly type: 'fatal'; readonly message: string; readonly exitCode: number }

/** Name of the environment variable that carries a {@link RoleSetup}. */
export const SETUP_VARIABLE = 'GRIDTALLY_ROLE_SETUP'

/** What happens to the roles' processes, for the person watching. */
export interface SupervisorEvents {
  ready(role: RoleName, url: string, restarted: boolean): void
  died(role: RoleName, how: string, againInMs: number): void
  /** A start that cannot succeed, such as a taken port: everything is to stop. */
  fatal(role: RoleName, message: string, exitCode: number): void
}

/** Processes of the roles, kept alive. */
export interface Supervisor {
  /** Starts a role's process. */
  start(setup: RoleSetup): void
  /** Asks all to stop; kills what still lives after `graceMs`. Resolves when none is left. */
  stop(graceMs: number): Promise<void>
}

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 10_000
/** A process that lived this long may be restarted at once again. */
const HEALTHY_MS = 30_000

interface Kept {
  readonly setup: RoleSetup
  child?: ChildProcess
  timer?: NodeJS.Timeout
  pauseMs: number
  starts: number
}

/**
 * Runs each role as a process of its own in this process group and starts it again when it dies.
 *
 * @param entry path of `main.ts`
 * @param logDir folder for the roles' JSON log lines, one file a role
 */
export function createSupervisor(entry: string, logDir: string, events: SupervisorEvents): Supervisor {
  const kept = new Map<RoleName, Kept>()
  let stopping = false

  const launch = (one: Kept): void => {
    const { role } = one.setup
    const logFile = openSync(join(logDir, `${role}.log`), 'a', 0o600)
    const startedAt = Date.now()
    const child = spawn(process.execPath, [...process.execArgv, entry, 'role', role], {
      stdio: ['ignore', logFile, logFile, 'ipc'],
      env: { ...process.env, [SETUP_VARIABLE]: JSON.stringify(one.setup) },
    })
    closeSync(logFile)
    one.child = child
    one.starts++
    let fatal = false
    child.on('message', (message: RoleMessage) => {
      if (message.type === 'ready') events.ready(role, message.url, one.starts > 1)
      else if (one.starts === 1) {
        fatal = true
        if (!stopping) events.fatal(role, message.message, message.exitCode)
      }
    })
    const ended = (how: string): void => {
      if (one.child !== child) return
      one.child = undefined
      if (stopping || fatal) return
      one.pauseMs = Date.now() - startedAt > HEALTHY_MS ? FIRST_PAUSE_MS : Math.min(one.pauseMs * 2, LONGEST_PAUSE_MS)
      events.died(role, how, one.pauseMs)
      one.timer = setTimeout(() => launch(one), one.pauseMs)
    }
    child.on('error', (error) => ended(error.message))
    child.on('exit', (code, signal) => ended(signal ? `ended by ${signal}` : `exit code ${code}`))
  }
  return {
    start(setup) {
      const one: Kept = { setup, pauseMs: FIRST_PAUSE_MS / 2, starts: 0 }
      kept.set(setup.role, one)
      launch(one)
    },
    async stop(graceMs) {
      stopping = true
      const gone = [...kept.values()].map(
        (one) =>
          new Promise<void>((resolve) => {
            clearTimeout(one.timer)
            const { child } = one
            if (!child) return resolve()
            child.once('exit', () => resolve())
            child.kill('SIGTERM')
          }),
      )
      const timer = setTimeout(() => {
        for (const { child } of kept.values()) child?.kill('SIGKILL')
      }, graceMs)
      await Promise.all(gone)
      clearTimeout(timer)
    },
  }
}
