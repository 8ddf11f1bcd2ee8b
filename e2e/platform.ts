import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** The project's folder. */
export const ROOT = join(import.meta.dirname, '..')

/** A temporary folder that goes when the test has ended. */
export function temporaryFolder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'gridtally-e2e-'))
  t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
  return path
}

/** A base port with room behind it for roles and meters, outside the range systems give to outgoing connections. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + 10 * Math.floor(Math.random() * 2000)
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer()
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (free) return port
  }
}

/** What a command did. */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs `gridtally …` to its end. */
export function gridtally(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--conditions=@gridtally/source', join(ROOT, 'main.ts'), ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString()
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, err }))
  })
}

/** A platform under test. */
export interface Platform {
  readonly url: string
  readonly dataDir: string
  readonly child: ChildProcess
  /** What it printed so far. */
  output(): string
  /** Token of a sign-in link it printed, for `customer` or `operator`. */
  linkToken(who: 'customer' | 'operator'): string
  /** Base URLs of the roles. */
  roles(): Record<string, string>
  /** A GET of a role's face in the name of the person at the machine. */
  asAdmin<T>(role: string, path: string): Promise<T>
  /** SIGTERM; how long it took and with which code it ended. */
  stop(): Promise<{ readonly code: number | null; readonly ms: number }>
}

/**
 * Starts the platform and waits for its `ready` line.
 *
 * @throws Error with all it printed, when it ends before that or takes longer than `patienceMs`
 */
export async function startPlatform(
  t: TestContext,
  dataDir: string,
  args: readonly string[],
  { patienceMs = 120_000, env = {} }: { patienceMs?: number; env?: Readonly<Record<string, string>> } = {},
): Promise<Platform> {
  const child = spawn(
    process.execPath,
    ['--conditions=@gridtally/source', join(ROOT, 'main.ts'), 'start', '--data-dir', dataDir, ...args],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let text = ''
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await ended
  })
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready within ${patienceMs} ms:\n${text}`)), patienceMs)
    const look = (chunk: Buffer): void => {
      text += chunk.toString()
      const match = /^ready (http:\S+)$/m.exec(text)
      if (match) {
        clearTimeout(timer)
        resolve(match[1])
      }
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    void ended.then((code) => {
      clearTimeout(timer)
      reject(new Error(`ended with code ${code} before it was ready:\n${text}`))
    })
  })
  const roles = (): Record<string, string> =>
    (JSON.parse(readFileSync(join(dataDir, 'run.json'), 'utf8')) as { roles: Record<string, string> }).roles
  return {
    url,
    dataDir,
    child,
    output: () => text,
    roles,
    linkToken(who) {
      const match = new RegExp(`${who}\\s+\\S+#token=(\\S+)`).exec(text)
      if (!match) throw new Error(`no ${who} link was printed:\n${text}`)
      return match[1]
    },
    async asAdmin<T>(role: string, path: string): Promise<T> {
      const token = readFileSync(join(dataDir, 'tokens', `admin-to-${role}.token`), 'utf8').trim()
      const response = await fetch(roles()[role] + path, { headers: { authorization: `Bearer ${token}` } })
      if (!response.ok) throw new Error(`${role} ${path}: ${response.status} ${await response.text()}`)
      // The test names the shape it then checks.
      return (await response.json()) as T
    },
    async stop() {
      const began = performance.now()
      child.kill('SIGTERM')
      const code = await ended
      return { code, ms: performance.now() - began }
    },
  }
}

/** Asks again until `look` gives something, `patienceMs` at most. The last failure is told. */
export async function eventually<T>(look: () => Promise<T | undefined>, patienceMs: number, what: string): Promise<T> {
  const deadline = Date.now() + patienceMs
  let last: unknown
  while (Date.now() < deadline) {
    try {
      const found = await look()
      if (found !== undefined) return found
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`${what}: not within ${patienceMs} ms`, { cause: last })
}
