import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { LogHeader } from '@gridtally/metering'
import { Type } from 'typebox'
import { createClock } from './clock.ts'
import { ConfigError, mergeConfig, readConfigFile } from './config.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { createApp, HTTP_METRICS, listen, Problem } from './http.ts'
import { openKeyVault } from './key-vault.ts'
import { silentLog } from './log.ts'
import { createMetrics } from './metrics.ts'
import { createPeer } from './peer.ts'
import { createOpener, createSealer, ensureContentKeys } from './protection.ts'
import { connectTcp, listenTcp, socketChannel } from './tcp.ts'
import { ensureTokenFile, tokenCheck } from './tokens.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'gridtally-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

test('configuration lays a file over typed defaults and names what does not fit', () => {
  const defaults = { read: { everyMs: 900_000, zone: 'UTC' }, tags: ['a'] }
  assert.deepEqual(mergeConfig(defaults, { read: { everyMs: 1 } }, 'f.json'), {
    read: { everyMs: 1, zone: 'UTC' },
    tags: ['a'],
  })
  assert.throws(() => mergeConfig(defaults, { raed: {} }, 'f.json'), /f\.json.*raed.*read, tags/)
  assert.throws(() => mergeConfig(defaults, { read: { everyMs: '1' } }, 'f.json'), /read\.everyMs.*number/)
  assert.throws(() => mergeConfig(defaults, [], 'f.json'), ConfigError)
  assert.throws(() => readConfigFile('/nonexistent.json'), /nonexistent\.json/)
})

test('a key survives reopening, its file is for the owner only, and a torn last line is dropped', (t) => {
  const path = folder(t)
  const value = Uint8Array.from({ length: 16 }, (_, i) => i)
  const vault = openKeyVault(path)
  vault.put([{ owner: 'm1', purpose: 'dlms-guek', value }], 5)
  vault.put([{ owner: 'm1', purpose: 'dlms-guek', value }], 6)
  vault.close()
  assert.equal(statSync(join(path, 'kek')).mode & 0o777, 0o600)
  assert.ok(!readFileSync(join(path, 'vault.jsonl'), 'latin1').includes(Buffer.from(value).toString('base64')))
  appendFileSync(join(path, 'vault.jsonl'), '[{"owner":"m2","purp')
  const again = openKeyVault(path)
  assert.deepEqual(again.key('m1', 'dlms-guek')?.join(), value.join())
  assert.equal(again.key('m1', 'dlms-gak'), undefined)
  assert.deepEqual(again.info('m1'), [{ owner: 'm1', purpose: 'dlms-guek', generation: 1, createdAt: 5 }])
  again.put([{ owner: 'm1', purpose: 'dlms-guek', value: new Uint8Array(16) }], 7)
  again.close()
  const third = openKeyVault(path)
  assert.equal(third.info('m1')[0].generation, 2)
  third.close()
})

test('a key wrapped for one owner does not unwrap for another', (t) => {
  const path = folder(t)
  const vault = openKeyVault(path)
  vault.put([{ owner: 'm1', purpose: 'dlms-guek', value: new Uint8Array(16) }], 1)
  vault.close()
  const file = join(path, 'vault.jsonl')
  writeFileSync(file, readFileSync(file, 'utf8').replace('"m1"', '"m2"'))
  const forged = openKeyVault(path)
  assert.throws(() => forged.key('m2', 'dlms-guek'))
  forged.close()
})

const header: LogHeader = {
  seq: 1,
  kind: 'readings',
  dataClass: 'billing',
  meterId: 'm1',
  from: 1,
  to: 2,
  count: 3,
  recordedAt: 4,
}

test('X1332-10.1-02 a billing payload is opened by the MDMS alone, and not if header or octets changed', async (t) => {
  const keys = await ensureContentKeys(folder(t))
  const others = await ensureContentKeys(folder(t))
  const sealer = await createSealer(keys.publicKeyFile)
  const opener = await createOpener(keys.privateKeyFile)
  const payload = new TextEncoder().encode('{"kwh":"12.3"}')
  const sealed = await sealer.protect(header, payload)
  assert.deepEqual([...(await opener.open(header, sealed))], [...payload])
  assert.ok(!Buffer.from(sealed).includes('kwh'))
  await assert.rejects(opener.open({ ...header, meterId: 'm2' }, sealed), { code: 'AUTHENTICATION' })
  for (let i = 1; i < sealed.length; i += 7) {
    const altered = Uint8Array.from(sealed)
    altered[i] ^= 1
    await assert.rejects(opener.open(header, altered), { code: 'AUTHENTICATION' }, `octet ${i}`)
  }
  await assert.rejects((await createOpener(others.privateKeyFile)).open(header, sealed), { code: 'AUTHENTICATION' })
  await assert.rejects(opener.open(header, sealed.subarray(0, 20)), { code: 'TRUNCATED' })
})

test('a role lets in callers with a token, checks what they send and answers refusals as problems', async (t) => {
  const path = folder(t)
  const metrics = createMetrics(HTTP_METRICS)
  const app = await createApp({
    role: 'test',
    description: 'A role under test.',
    log: silentLog,
    metrics,
    tokens: tokenCheck({ tester: ensureTokenFile(join(path, 'tester')) }),
    health: async () => ({ status: 'ok' }),
  })
  t.after(() => app.close())
  app.get('/twice/:n', { schema: { params: Type.Object({ n: Type.Integer() }) } }, async (request) => ({
    twice: request.params.n * 2,
    caller: request.caller,
  }))
  app.get('/mdms-only', { schema: {}, config: { callers: ['mdms'] } }, async () => ({ ok: true }))
  app.get('/refuse', { schema: {} }, async () => {
    throw new Problem('METER_UNKNOWN', 'no meter m9', { meterId: 'm9' })
  })
  app.get('/break', { schema: {} }, async () => {
    throw new Error('inner detail')
  })
  const url = await listen(app, '127.0.0.1', 0)
  const peer = createPeer({ url, tokenFile: join(path, 'tester') })
  assert.deepEqual(await peer.json('/twice/21'), { twice: 42, caller: 'tester' })
  await assert.rejects(peer.json('/twice/x'), { status: 400, code: 'REQUEST_INVALID' })
  await assert.rejects(peer.json('/refuse'), { status: 404, code: 'METER_UNKNOWN' })
  await assert.rejects(peer.json('/nowhere'), { status: 404, code: 'ROUTE_UNKNOWN' })
  await assert.rejects(peer.json('/mdms-only'), { status: 403, code: 'NOT_ALLOWED' })
  const broken = await peer.raw('/break')
  assert.equal(broken.status, 500)
  assert.ok(!(await broken.text()).includes('inner detail'))
  const stranger = createPeer({ url, tokenFile: ensureTokenFile(join(path, 'stranger')) })
  await assert.rejects(stranger.json('/twice/1'), { status: 401, code: 'TOKEN_INVALID' })
  assert.equal((await fetch(`${url}/health`)).status, 200)
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as { openapi: string; paths: object }
  assert.equal(document.openapi, '3.1.0')
  assert.ok('/twice/{n}' in document.paths)
  assert.match(await (await fetch(`${url}/metrics`)).text(), /http_request_duration_seconds_count\{.*status="200"\} 1/)
})

test('a peer that is not there is named within the time allowed', async (t) => {
  const tokenFile = ensureTokenFile(join(folder(t), 'x'))
  await assert.rejects(createPeer({ url: 'http://127.0.0.1:1', tokenFile }).json('/'), { code: 'PEER_UNAVAILABLE' })
})

test('octets travel both ways over TCP, a closed peer reads as null, an abort ends the wait', async (t) => {
  const server = await listenTcp('127.0.0.1', 0, (socket) => {
    const channel = socketChannel(socket)
    void (async () => {
      for (let octets = await channel.read(); octets; octets = await channel.read()) {
        if (octets[0] === 0) return channel.close()
        await channel.write(octets)
      }
    })()
  })
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const channel = await connectTcp({ host: '127.0.0.1', port, timeoutMs: 1000 })
  await channel.write(Uint8Array.of(1, 2, 3))
  assert.deepEqual([...((await channel.read()) ?? [])], [1, 2, 3])
  await channel.write(Uint8Array.of(0))
  assert.equal(await channel.read(), null)
  const other = await connectTcp({ host: '127.0.0.1', port, timeoutMs: 1000 })
  await assert.rejects(other.read(AbortSignal.timeout(20)))
  await assert.rejects(connectTcp({ host: '127.0.0.1', port: 1, timeoutMs: 1000 }), { code: 'ECONNREFUSED' })
})

test('an accelerated clock runs at its speed from its anchor', async () => {
  const clock = createClock({ real: Date.now(), platform: 1_000_000, speed: 1000 })
  const before = clock.now()
  await clock.sleep(20_000)
  assert.ok(clock.now() - before >= 19_000)
  assert.throws(() => createClock({ real: 0, platform: 0, speed: 0 }), RangeError)
})

test('cursors are read back, and others are refused', () => {
  assert.deepEqual(decodeCursor(encodeCursor(['m1', 7]), 2), ['m1', 7])
  for (const bad of ['', 'x', encodeCursor([1]), 'e30'])
    assert.throws(() => decodeCursor(bad, 2), { code: 'CURSOR_INVALID' }, bad)
})
