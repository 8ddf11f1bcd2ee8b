#!/usr/bin/env node
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command, CommandIo } from './cli/command.ts'
import { decodeCommand } from './cli/decode.ts'
import { exportCommand } from './cli/export.ts'
import { importCommand } from './cli/import.ts'
import { readCommand } from './cli/read.ts'
import { runRoleProcess } from './cli/role-process.ts'
import { runCommand } from './cli/run.ts'
import { createSimulateCommand } from './cli/simulate.ts'
import { createStartCommand } from './cli/start.ts'
import type { RoleName, StartRole } from './platform/role.ts'

/** Each role's `main.ts` exports `start`; a test of the house holds them to it. */
const loadRole = (role: RoleName): Promise<{ start: StartRole }> =>
  import(`./roles/${role}/main${extname(import.meta.filename)}`)

const [, , first, ...rest] = process.argv

if (first === 'role') await runRoleProcess(loadRole)
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
  const commands: Command[] = [
    createStartCommand(entry, import.meta.dirname),
    readCommand,
    decodeCommand,
    importCommand,
    exportCommand,
    createSimulateCommand(async (options) => (await import('./roles/simulator/test-bench.ts')).startTestBench(options)),
  ]
  process.exitCode = await runCommand(commands, first === undefined ? [] : [first, ...rest], io)
  // Watches, sockets kept alive and the like must not hold a finished command.
  process.stdout.write('', () => process.exit())
}
