import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createClock } from '#platform/clock'
import { lockFolder } from '#platform/folder-lock'
import { StoreError } from '#platform/store-error'
import { type CommandIo, type CommandLoader, EXIT } from './command.ts'
import { clockAnchor, keepPlatformTime } from './platform-time.ts'
import { runCommand } from './run.ts'
import { createStartCommand } from './start.ts'
import { startOptions } from './start-options.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'gridtally-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function terminal(): CommandIo & { out: string; err: string } {
  const io = {
    out: '',
    err: '',
    stdin: (async function* () {})(),
    stdout: {
      write(text: string): void {
        io.out += text
      },
    },
    stderr: {
      write(text: string): void {
        io.err += text
      },
    },
    color: false,
    interactive: false,
    signal: new AbortController().signal,
  }
  return io
}

const start: CommandLoader = {
  name: 'start',
  load: async () => createStartCommand('/nonexistent/main.ts', '/nonexistent'),
}

test('options come from arguments first, then from the environment', () => {
  const from = (argv: string[], env = {}) => startOptions(argv, env)
  assert.equal(from([])?.port, 8080)
  assert.equal(from([], { PORT: '9000' })?.port, 9000)
  assert.equal(from(['--port', '9001'], { PORT: '9000' })?.port, 9001)
  assert.equal(from([], { GRIDTALLY_DATA_DIR: '/d' })?.dataDir, '/d')
  assert.equal(from([], { DATABASE_URL: 'postgres://x' })?.databaseUrl, 'postgres://x')
  assert.deepEqual(from(['--only', 'mdms, headend,mdms'])?.roles, ['mdms', 'headend'])
  assert.deepEqual(from(['--peer', 'headend=http://h:1/'])?.peers, { headend: 'http://h:1' })
  assert.equal(from(['--help']), undefined)
})

test('help explains roles, ports, data folder, fleet size and speed, and is no error', async () => {
  const io = terminal()
  assert.equal(await runCommand([start], ['start', '--help'], io), EXIT.done)
  for (const word of [
    'simulator',
    'headend',
    'mdms',
    'access',
    'portal',
    '--port',
    '--data-dir',
    '--meters',
    '--speed',
    'DATABASE_URL',
  ])
    assert.ok(io.out.includes(word), word)
})

for (const [argv, words] of [
  [['--port', 'x'], /--port.*"x"/],
  [['--speed', '0'], /--speed/],
  [['--only', 'nosuch'], /"nosuch".*simulator, headend/],
  [['--nosuch'], /--nosuch/],
  [['--peer', 'headend'], /ROLE=URL/],
  [['--config', '/nonexistent.json'], /nonexistent\.json/],
] as const)
  test(`wrong use "${argv.join(' ')}" is one line that names it, exit code 2`, async () => {
    const io = terminal()
    assert.equal(await runCommand([start], ['start', ...argv], io), EXIT.wrongUse)
    assert.match(io.err, words)
    assert.equal(io.err.trim().split('\n').length, 1)
  })

test('a configuration file with an unknown section or broken JSON is named, exit code 2', async (t) => {
  const file = join(folder(t), 'c.json')
  for (const [content, words] of [
    ['{"heaend":{}}', /unknown section "heaend"/],
    ['{"headend":', /c\.json/],
  ] as const) {
    writeFileSync(file, content)
    const io = terminal()
    assert.equal(await runCommand([start], ['start', '--config', file], io), EXIT.wrongUse)
    assert.match(io.err, words)
  }
})

test('an unknown command lists the known ones, exit code 2', async () => {
  const io = terminal()
  assert.equal(await runCommand([start], ['strat'], io), EXIT.wrongUse)
  assert.match(io.err, /"strat"[\s\S]*start/)
})

test('a data folder is for one process; a lock left by a dead one is taken over', async (t) => {
  const path = join(folder(t), 'data')
  const first = await lockFolder(path)
  first.release()
  writeFileSync(join(path, 'lock'), JSON.stringify({ pid: 4194300, started: '', host: hostname() }))
  const again = await lockFolder(path)
  again.release()
  await assert.rejects(lockFolder('/proc/nowhere'), StoreError)
})

test('accelerated time never falls back, not even when the process was killed', (t) => {
  const file = join(folder(t), 'clock.json')
  assert.equal(clockAnchor(file, 1, 1000), undefined)
  const first = clockAnchor(file, 3600, Date.now())
  assert.ok(first)
  const stop = keepPlatformTime(file, first)
  const shown = createClock(first).now()
  const afterKill = clockAnchor(file, 3600, Date.now())
  assert.ok(afterKill && afterKill.platform >= shown)
  stop()
  const slower = clockAnchor(file, 1, Date.now())
  assert.ok((slower?.platform ?? Date.now()) >= shown)
})
