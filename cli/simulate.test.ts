import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { CommandIo } from './command.ts'
import { createSimulateCommand } from './simulate.ts'

interface Shipment {
  readonly devices: readonly {
    readonly serial: string
    readonly address: { readonly port: number }
    readonly keys: object
  }[]
}

/** Runs the command until `during` is through, and ends it as Ctrl-C does. */
async function simulate(
  argv: readonly string[],
  during: (told: string) => Promise<void>,
): Promise<{ code: number | null; out: string }> {
  const entry = join(import.meta.dirname, '..', 'main.ts')
  const child = spawn(process.execPath, ['--conditions=@gridtally/source', entry, 'simulate', ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  let out = ''
  try {
    for await (const chunk of child.stdout) {
      out += String(chunk)
      if (out.includes('stop with Ctrl-C')) break
    }
    await during(out)
  } finally {
    child.kill('SIGINT')
  }
  return { code: await ended, out }
}

test('a test bench tells what to connect to, writes the shipment for its owner alone, and keeps its keys from run to run', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-bench-'))
  const port = String(25_000 + (process.pid % 60) * 100)
  const file = join(folder, 'out.json')
  const argv = ['--meters', '9', '--port', port, '--data-dir', folder, '--shipment-out', file]
  try {
    const shipments: Shipment[] = []
    for (const more of [[], ['--perfect', '--seed', '2']]) {
      const { code, out } = await simulate([...argv, ...more], async (told) => {
        const shipment = JSON.parse(readFileSync(file, 'utf8')) as Shipment
        shipments.push(shipment)
        assert.equal(statSync(file).mode & 0o777, 0o600)
        assert.ok(told.includes(file))
        const socket = connect({ host: '127.0.0.1', port: shipment.devices[8].address.port })
        await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
        socket.destroy()
      })
      assert.equal(code, 0)
      assert.equal(out.includes('clone'), more.length === 0)
      assert.equal(out.includes('keeps its seed 1'), more.length > 0)
    }
    const [first, second] = shipments
    assert.equal(first.devices.length, 10)
    assert.deepEqual(
      second.devices.map(({ serial, keys }) => [serial, keys]),
      first.devices.slice(0, 9).map(({ serial, keys }) => [serial, keys]),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('wrong use of the test bench is told before anything starts', async () => {
  const io = { signal: AbortSignal.abort() } as unknown as CommandIo
  const command = createSimulateCommand(() => assert.fail('it started'))
  for (const argv of [['--meters', '0'], ['--speed', 'fast'], ['--nonsense'], ['--port', '70000']])
    await assert.rejects(command.run(argv, io), { name: 'UsageError' })
})
