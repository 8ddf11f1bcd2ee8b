import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { createClock } from '#platform/clock'
import { silentLog } from '#platform/log'
import { ensureTokenFile } from '#platform/tokens'
import { PUBLIC_FACES } from './faces.ts'
import { upstreamPath } from './forward.ts'
import { addressKey } from './guard.ts'
import { isFor } from './live.ts'
import { start } from './main.ts'
import { siteOf } from './site.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'gridtally-portal-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A portal whose access does not answer. */
async function alone(t: TestContext, config: object = {}): Promise<string> {
  const path = folder(t)
  const running = await start({
    dataDir: path,
    host: '127.0.0.1',
    port: 0,
    peers: { access: { url: 'http://127.0.0.1:1', tokenFile: ensureTokenFile(join(path, 'token')) } },
    callers: {},
    clock: createClock(),
    log: silentLog,
    config,
  })
  t.after(() => running.close())
  return running.url
}

function get(
  url: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    httpRequest({ hostname, port, path, headers }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
      )
    })
      .on('error', reject)
      .end()
  })
}

test('before the screens are built a page says so; then they are served without a new start', async (t) => {
  const webFolder = join(folder(t), 'dist')
  const url = await alone(t, { webFolder })
  const waiting = await get(url, '/')
  assert.equal(waiting.status, 503)
  assert.match(waiting.body.toString(), /being built/)
  mkdirSync(join(webFolder, 'assets'), { recursive: true })
  const script = `console.log(${'1+'.repeat(500)}1)`
  writeFileSync(join(webFolder, 'assets', 'app-Ab3dE6gH.js'), script)
  writeFileSync(join(webFolder, '.stamp'), 'secret')
  writeFileSync(join(webFolder, 'index.html'), '<!doctype html><title>screens</title>')
  await new Promise((resolve) => setTimeout(resolve, 1100))
  for (const path of ['/', '/sign-in', '/console/meters', '/index.html?x=1']) {
    const page = await get(url, path)
    assert.deepEqual([page.status, page.headers['cache-control']], [200, 'no-cache'], path)
    assert.match(page.body.toString(), /<title>screens/)
  }
  const asset = await get(url, '/assets/app-Ab3dE6gH.js', { 'accept-encoding': 'gzip, br' })
  assert.equal(asset.headers['cache-control'], 'public, max-age=31536000, immutable')
  assert.equal(asset.headers['content-encoding'], 'br')
  assert.equal(brotliDecompressSync(asset.body).toString(), script)
  const zipped = await get(url, '/assets/app-Ab3dE6gH.js', { 'accept-encoding': 'gzip' })
  assert.equal(gunzipSync(zipped.body).toString(), script)
  assert.equal((await get(url, '/assets/app-Ab3dE6gH.js')).body.toString(), script)
  const again = await get(url, '/', { 'if-none-match': (await get(url, '/')).headers.etag ?? '' })
  assert.deepEqual([again.status, again.body.length], [304, 0])
  for (const path of ['/assets/missing.js', '/.stamp', '/..%2f..%2fetc%2fpasswd.txt', '/%2e%2e/%2e%2e/package.json'])
    assert.equal((await get(url, path)).status, 404, path)
  assert.match((await get(url, '/../../../etc/passwd')).body.toString(), /<title>screens/)
  for (const path of ['/api/nowhere', '/api', '/roles/mdms/health']) {
    const none = await get(url, path)
    assert.equal(none.status, 404, path)
    assert.match(String(none.headers['content-type']), /problem\+json/, path)
  }
})

test('every answer carries the policy the screens are built for, and over https the browser is told to stay there', async (t) => {
  const url = await alone(t)
  for (const path of ['/', '/health', '/api/me', '/nothing.here']) {
    const { headers } = await get(url, path)
    assert.equal(
      headers['content-security-policy'],
      "default-src 'none';script-src 'self';style-src 'self';img-src 'self' data:;connect-src 'self';manifest-src 'self';base-uri 'none';form-action 'self';frame-ancestors 'none'",
      path,
    )
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['referrer-policy'], 'no-referrer')
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
    assert.equal(headers['strict-transport-security'], undefined)
    assert.equal(headers['access-control-allow-origin'], undefined)
    assert.equal(headers.server, undefined)
    assert.equal(headers['x-powered-by'], undefined)
  }
  const secure = await alone(t, { publicUrl: 'https://portal.example' })
  assert.match(String((await get(secure, '/')).headers['strict-transport-security']), /max-age=31536000/)
  assert.equal((await get(secure, '/api/me', { host: 'evil.example' })).status, 403)
})

test('access that does not answer is told as such, and health is 503 with one object a role', async (t) => {
  const url = await alone(t)
  const me = await get(url, '/api/me')
  assert.deepEqual([me.status, JSON.parse(me.body.toString()).code], [502, 'PEER_UNAVAILABLE'])
  assert.equal(me.headers['cache-control'], 'no-store')
  const health = await get(url, '/health')
  const roles = JSON.parse(health.body.toString()) as Record<string, { status: string }>
  assert.deepEqual([health.status, roles.portal.status, roles.access.status], [503, 'ok', 'unreachable'])
})

test('too many requests from one address are refused with the time to wait, sign-ins much sooner', async (t) => {
  const limits = { requestsPerMinute: 40, signInsPerMinute: 5 }
  const url = await alone(t, { limits })
  const attempt = async (): Promise<Response> =>
    fetch(`${url}/api/links/redeem`, {
      method: 'POST',
      headers: { 'x-gridtally-request': '1', 'content-type': 'application/json' },
      body: '{"token":"x"}',
    })
  const attempts: number[] = []
  for (let i = 0; i < 8; i++) attempts.push((await attempt()).status)
  assert.deepEqual(attempts, [502, 502, 502, 502, 502, 429, 429, 429])
  const refused = await attempt()
  assert.equal(((await refused.json()) as { code: string }).code, 'TOO_MANY_REQUESTS')
  assert.ok(Number(refused.headers.get('retry-after')) > 0)
  let status = 200
  for (let i = 0; i < 60 && status !== 429; i++) status = (await get(url, '/health')).status
  assert.equal(status, 429)
})

test('metrics are for this machine only, not for what a proxy passes on', async (t) => {
  const url = await alone(t)
  assert.equal((await get(url, '/metrics')).status, 200)
  assert.equal((await get(url, '/metrics', { 'x-forwarded-for': '203.0.113.9' })).status, 404)
})

test('the path for access is made of the parts the router took apart; none of them can lead elsewhere', () => {
  const face = { method: 'GET', path: '/usage-points/:usagePointId/now' } as const
  const path = (usagePointId: string, url = '/api/x'): string => upstreamPath(face, { usagePointId }, url)
  assert.equal(path('UP-1', '/api/x?from=1&to=2'), '/usage-points/UP-1/now?from=1&to=2')
  assert.equal(path('../customers'), '/usage-points/..%2Fcustomers/now')
  assert.equal(path('a?b#c'), '/usage-points/a%3Fb%23c/now')
  for (const value of ['.', '..', '']) assert.throws(() => path(value), { code: 'ROUTE_UNKNOWN' }, value)
  for (const value of ['../customers', 'x/../../links', '%2e%2e', 'a\\..\\b']) {
    const { pathname } = new URL(`http://access${path(value)}`)
    assert.ok(/^\/usage-points\/[^/]+\/now$/.test(pathname), pathname)
  }
})

test('what sets up customers or makes links is never passed on', () => {
  for (const { path } of PUBLIC_FACES)
    assert.ok(!/^\/(customers|links$|stream|health|metrics|openapi)/.test(path), path)
})

test('an event of the live stream is for who may see it: their place, their time, operators for the rest', () => {
  const customer = { role: 'customer', usagePoints: [{ id: 'UP-1', from: 1000, to: 5000 }] } as const
  const operator = { role: 'operator', usagePoints: [] } as const
  const reading = (usagePointId: string, at: number) => ({
    event: 'reading',
    usagePointId,
    data: { at: new Date(at).toISOString() },
  })
  assert.ok(isFor(customer, reading('UP-1', 1000)))
  for (const other of [reading('UP-2', 1000), reading('UP-1', 999), reading('UP-1', 5000)])
    assert.ok(!isFor(customer, other))
  const session = { event: 'session', usagePointId: null, data: {} }
  assert.deepEqual([isFor(customer, session), isFor(operator, session)], [false, true])
  assert.ok(!isFor(operator, reading('UP-1', 2000)))
})

test('requests are counted by IPv4 address and by IPv6 /64', () => {
  const key = (ip: string): string => addressKey({ ip })
  assert.equal(key('192.0.2.1'), '192.0.2.1')
  assert.equal(key('2001:db8:1:2:3:4:5:6'), key('2001:db8:1:2::9'))
  assert.notEqual(key('2001:db8:1:2::9'), key('2001:db8:1:3::9'))
  assert.equal(key('::1'), '0:0:0:0::/64')
  assert.equal(key('::ffff:192.0.2.1'), '::ffff:192.0.2.1')
})

test('the loopback goes by all its names, a public name by itself alone', () => {
  assert.deepEqual([...siteOf('http://127.0.0.1:8080').hosts], ['127.0.0.1:8080', 'localhost:8080', '[::1]:8080'])
  assert.deepEqual([...siteOf('https://portal.example').origins], ['https://portal.example'])
  assert.throws(() => siteOf('ftp://x'), TypeError)
})
