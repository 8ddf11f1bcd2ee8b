#!/usr/bin/env node
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CommandIo, CommandLoader } from './cli/command.ts'
import type { RoleName, StartRole } from './platform/role.ts'

/** Each role's `main.ts` exports `start`; a test of the house holds them to it. */
const loadRole = (role: RoleName): Promise<{ start: StartRole }> =>
  import(`./roles/${role}/main${extname(import.meta.filename)}`)

const [, , first, ...rest] = process.argv

// Each command and each role is loaded alone: what is not asked for costs no time.
if (first === 'role') await (await import('./cli/role-process.ts')).runRoleProcess(loadRole)
else {
  const stop = new AbortController()
  process.on('SIGTERM', () => stop.abort())
  process.on('SIGINT', () => (stop.signal.aborted ? process.exit(130) : stop.abort()))
  if (process.env.npm_lifecycle_event !== undefined) {
    // npm that is killed outright cannot pass the signal on: whoever it started must not stay behind.
    const { ppid } = process
    setInterval(() => process.ppid !== ppid && stop.abort(), 500).unref()
  }
  process.stdout.on('error', (error: { code?: string }) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  const io: CommandIo = {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    color: process.stdout.isTTY === true && !process.env.NO_COLOR,
    interactive: process.stderr.isTTY === true,
    signal: stop.signal,
  }
  const entry = fileURLToPath(import.meta.url)
  const commands: CommandLoader[] = [
    {
      name: 'start',
      load: async () => (await import('./cli/start.ts')).createStartCommand(entry, import.meta.dirname),
    },
    { name: 'read', load: async () => (await import('./cli/read.ts')).readCommand },
    { name: 'decode', load: async () => (await import('./cli/decode.ts')).decodeCommand },
    { name: 'import', load: async () => (await import('./cli/import.ts')).importCommand },
    { name: 'export', load: async () => (await import('./cli/export.ts')).exportCommand },
    { name: 'link', load: async () => (await import('./cli/link.ts')).linkCommand },
    {
      name: 'simulate',
      load: async () =>
        (await import('./cli/simulate.ts')).createSimulateCommand(async (options) =>
          (await import('./roles/simulator/test-bench.ts')).startTestBench(options),
        ),
    },
  ]
  const { runCommand } = await import('./cli/run.ts')
  process.exitCode = await runCommand(commands, first === undefined ? [] : [first, ...rest], io)
  // Watches, sockets kept alive and the like must not hold a finished command.
  process.stdout.write('', () => process.exit())
}
