import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ensureFolder } from '#platform/data-folder'
import { lockFolder } from '#platform/folder-lock'
import { silentLog } from '#platform/log'
import { createPeer } from '#platform/peer'
import type { RoleName } from '#platform/role'
import { ensureTokenFile } from '#platform/tokens'
import { buildWeb } from './build-web.ts'
import { type Command, type CommandIo, EXIT } from './command.ts'
import { healthOf, startFront } from './front.ts'
import { clockAnchor, keepPlatformTime } from './platform-time.ts'
import { RUN_FILE } from './running.ts'
import { START_USAGE, type StartOptions, startOptions } from './start-options.ts'
import { planRoles, settlePort, tokenFile } from './start-plan.ts'
import { createSupervisor } from './supervisor.ts'

/** How long roles get to finish what is under way; the whole stop stays below 5 s. */
const STOP_GRACE_MS = 4000

/** Accounts of the demo, made by the simulated neighbourhood. */
const DEMO_ACCOUNTS = [
  ['customer', 'demo-customer'],
  ['operator', 'demo-operator'],
] as const

/** Prints lines for a person: on a terminal the last one may be rewritten. */
function narrator(io: CommandIo): { line(text: string): void; progress(text: string): void } {
  let open = false
  let last = ''
  return {
    line(text) {
      if (open) io.stderr.write('\r\u001b[2K')
      open = false
      io.stdout.write(`${text}\n`)
    },
    progress(text) {
      if (text === last) return
      last = text
      if (io.interactive) {
        io.stderr.write(`\r\u001b[2K${text}`)
        open = true
      } else io.stderr.write(`${text}\n`)
    },
  }
}

/** One-time sign-in links for the demo's people. */
async function signInLinks(publicUrl: string, accessUrl: string, options: StartOptions): Promise<string[]> {
  const access = createPeer({
    url: accessUrl,
    tokenFile: ensureTokenFile(tokenFile(options.dataDir, 'admin', 'access')),
  })
  const lines: string[] = []
  for (const [who, accountId] of DEMO_ACCOUNTS) {
    const { token } = await access.json<{ token: string }>('/links', { method: 'POST', body: { accountId } })
    lines.push(`  ${who.padEnd(9)} ${publicUrl}/sign-in#token=${token}`)
  }
  return lines
}

interface RoleHealth {
  readonly status: string
  readonly detail?: string
  readonly provisioning?: {
    readonly phase?: string
    readonly done?: number
    readonly total?: number
    readonly demoReady?: boolean
  }
}

async function run(options: StartOptions, io: CommandIo, entry: string, root: string): Promise<number> {
  const say = narrator(io)
  const began = performance.now()
  const port = await settlePort(options.host, options.port)
  const lock = await lockFolder(ensureFolder(options.dataDir))
  const clockFile = join(options.dataDir, 'clock.json')
  const anchor = clockAnchor(clockFile, options.speed, Date.now())
  const releaseTime = anchor ? keepPlatformTime(clockFile, anchor) : (): void => {}
  const setups = await planRoles(options, port, anchor)
  const urls = new Map<RoleName, string>(setups.map((s) => [s.role, `http://${s.host}:${s.port}`]))
  const publicUrl = `http://${options.host}:${port}`
  const store = options.databaseUrl ? 'PostgreSQL' : 'embedded PostgreSQL (PGlite)'
  say.line(`Gridtally 0.1.0 · ${options.roles.join(', ')} · data in ${options.dataDir} · ${store}`)
  if (options.speed !== 1) say.line(`time runs ${options.speed} times as fast as outside`)

  const stopped = Promise.withResolvers<number>()
  const supervisor = createSupervisor(entry, ensureFolder(join(options.dataDir, 'logs')), {
    ready: (role, url, restarted) => say.progress(`${role} answers at ${url}${restarted ? ' again' : ''}`),
    died: (role, how, ms) => say.line(`${role} ended (${how}); starting it again in ${ms} ms`),
    fatal(role, message, exitCode) {
      io.stderr.write(`gridtally: ${message}\n  more in ${join(options.dataDir, 'logs', `${role}.log`)}\n`)
      stopped.resolve(exitCode)
    },
  })
  const ending = new AbortController()
  io.signal.addEventListener('abort', () => stopped.resolve(EXIT.done), { once: true })
  let front: { close(): Promise<void> } | undefined
  try {
    for (const setup of setups) supervisor.start(setup)
    if (!options.roles.includes('portal')) front = await startFront(options.host, port, urls, silentLog)
    else if (await buildWeb(root)) say.progress('the screens are built')
    writeFileSync(join(options.dataDir, RUN_FILE), JSON.stringify({ url: publicUrl, roles: Object.fromEntries(urls) }))
    void announce(options, publicUrl, urls, say, ending.signal, began).catch((error: unknown) => {
      if (!ending.signal.aborted) {
        io.stderr.write(`gridtally: ${(error as Error).message}\n`)
        stopped.resolve(EXIT.someFailed)
      }
    })
    const code = await stopped.promise
    if (io.signal.aborted) say.line('stopping …')
    return code
  } finally {
    ending.abort()
    await front?.close()
    await supervisor.stop(STOP_GRACE_MS)
    releaseTime()
    lock.release()
  }
}

/** Waits until everything answers, tells how far it is, and then prints the address and the links. */
async function announce(
  options: StartOptions,
  publicUrl: string,
  urls: ReadonlyMap<RoleName, string>,
  say: ReturnType<typeof narrator>,
  signal: AbortSignal,
  began: number,
): Promise<void> {
  const demo = options.roles.includes('simulator') && options.roles.includes('access')
  for (;;) {
    // The shape every role keeps to; simulators add how far provisioning is.
    const health = (await healthOf(urls)) as Record<string, RoleHealth>
    const waiting = Object.entries(health).filter(([, { status }]) => status !== 'ok')
    const provisioning = health.simulator?.provisioning
    if (waiting.length === 0 && (!demo || provisioning?.demoReady === true)) break
    if (waiting.length > 0) say.progress(`waiting for ${waiting.map(([role]) => role).join(', ')}`)
    else if (provisioning)
      say.progress(
        `provisioning: ${provisioning.phase ?? ''} ${provisioning.done ?? 0} of ${provisioning.total ?? '?'}`,
      )
    await delay(150, undefined, { signal })
  }
  const links =
    demo && options.roles.includes('portal') ? await signInLinks(publicUrl, urls.get('access') ?? '', options) : []
  // In one piece: whoever waits for the line with the address has the links as well.
  say.line(
    [
      `ready ${publicUrl}`,
      ...(links.length > 0
        ? ['sign in with a link (each works once; "./gridtally link demo-customer" prints a new one):', ...links]
        : []),
      ...(links.length > 0 && options.host === '127.0.0.1'
        ? ['  passkeys want a name for an address: for those, put localhost in place of 127.0.0.1']
        : []),
      `up in ${((performance.now() - began) / 1000).toFixed(1)} s; stop with Ctrl-C; logs in ${join(options.dataDir, 'logs')}`,
    ].join('\n'),
  )
  await tellHistory(urls, say, signal)
}

/** Shows how far the neighbourhood's history is stored, until it is whole. */
async function tellHistory(
  urls: ReadonlyMap<RoleName, string>,
  say: ReturnType<typeof narrator>,
  signal: AbortSignal,
): Promise<void> {
  const simulator = urls.get('simulator')
  if (!simulator) return
  let told = ''
  for (;;) {
    const { simulator: health } = (await healthOf(new Map([['simulator', simulator]]))) as Record<string, RoleHealth>
    const { phase, done = 0, total = 0 } = health?.provisioning ?? {}
    if (phase === undefined || phase === 'done') break
    const text = `provisioning: ${phase} ${done} of ${total}`
    if (text !== told) say.progress(text)
    told = text
    await delay(1000, undefined, { signal })
  }
  if (told !== '') say.line('the neighbourhood is complete: meters, usage points, customers, history')
}

/**
 * `gridtally start`: the supervisor.
 *
 * @param entry path of the program each role's process runs
 * @param root the project's folder, where the screens are built
 */
export function createStartCommand(entry: string, root: string): Command {
  return {
    name: 'start',
    summary: 'start the platform with a simulated neighbourhood, or only some of its roles',
    usage: START_USAGE,
    async run(argv, io) {
      const options = startOptions(argv, process.env)
      if (!options) {
        io.stdout.write(START_USAGE)
        return EXIT.done
      }
      return run(options, io, entry, root)
    },
  }
}
