import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { lockFolder } from './folder-lock.ts'
import { migrationsFolder, storeSuite } from './store.suite.ts'
import { openStore } from './store.ts'

storeSuite({ name: 'PGlite', schema: 'unused' })

const databaseUrl = process.env.GRIDTALLY_TEST_DATABASE_URL
if (databaseUrl) {
  const schema = `store_test_${process.pid}`
  storeSuite({
    name: 'PostgreSQL',
    databaseUrl,
    schema,
    async forget() {
      const client = new pg.Client(databaseUrl)
      await client.connect()
      await client.query(`DROP SCHEMA ${schema} CASCADE`)
      await client.end()
    },
  })
}

const temporary = (): string => mkdtempSync(join(tmpdir(), 'gridtally-lock-'))

test('a PostgreSQL that does not answer is told in one clear error without the password', async () => {
  const migrations = migrationsFolder(join(temporary(), 'm'), {})
  await assert.rejects(
    openStore({ folder: '', schema: 'x', migrations, databaseUrl: 'postgresql://u:hidden@127.0.0.1:1/db' }),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, 'STORE_UNAVAILABLE')
      assert.ok(error.message.includes('127.0.0.1:1') && !error.message.includes('hidden'), error.message)
      return true
    },
  )
})

test('one folder is for one process; the other is told who has it', async () => {
  const folder = temporary()
  const first = await lockFolder(folder)
  await assert.rejects(lockFolder(folder, 150), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'STORE_LOCKED')
    assert.ok(error.message.includes(folder) && error.message.includes(String(process.pid)), error.message)
    return true
  })
  first.release()
  const second = await lockFolder(folder, 0)
  second.release()
  rmSync(folder, { recursive: true })
})

test('the lock of a killed process does not stand in the way; a live one is waited for', async () => {
  const folder = temporary()
  const code = `const { lockFolder } = await import(${JSON.stringify(new URL('./folder-lock.ts', import.meta.url).href)});
    await lockFolder(${JSON.stringify(folder)}); process.stdout.write('held'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--conditions=@gridtally/source', '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  await assert.rejects(lockFolder(folder, 50), { code: 'STORE_LOCKED' })
  const waiting = lockFolder(folder, 5000)
  child.kill('SIGKILL')
  const lock = await waiting
  assert.equal(JSON.parse(readFileSync(join(folder, 'lock'), 'utf8')).pid, process.pid)
  lock.release()
  rmSync(folder, { recursive: true })
})

test('a pid that was given to another process since holds nothing', async () => {
  const folder = temporary()
  writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: 1, started: 'another boot:1', host: hostname() }))
  const lock = await lockFolder(folder, 0)
  lock.release()
  rmSync(folder, { recursive: true })
})

test('a folder that cannot be made or written is one clear error', async () => {
  const folder = temporary()
  writeFileSync(join(folder, 'file'), '')
  await assert.rejects(lockFolder(join(folder, 'file', 'data')), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'STORE_FOLDER')
    assert.ok(error.message.includes(join(folder, 'file', 'data')), error.message)
    return true
  })
  rmSync(folder, { recursive: true })
})
