import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import { createApp, HTTP_METRICS } from '#platform/http'
import { silentLog } from '#platform/log'
import { createMetrics } from '#platform/metrics'
import { openStore } from '#platform/store'
import { type AuditEntry, openAuditLog } from './audit-log.ts'
import { ACCESS_DEFAULTS } from './config.ts'
import { decide, enforcePolicies, POLICIES, type Policy } from './policy.ts'
import { dataRoutes } from './routes-data.ts'
import { operatorRoutes } from './routes-operator.ts'
import { peopleRoutes } from './routes-people.ts'
import { serviceRoutes } from './routes-service.ts'
import { borrowWorld, returnWorld, type World } from './test-world.ts'

/** Who may use what: the published matrix. A route that is not here fails the tests. */
const MATRIX: Readonly<Record<string, Policy>> = {
  'POST /customers': 'provisioner',
  'POST /grants': 'provisioner',
  'POST /links': 'provisioner',
  'GET /stream/scope': 'signed-in',
  'POST /stream/poll': 'browser-service',
  'POST /links/redeem': 'anonymous',
  'POST /sessions/end': 'anonymous',
  'POST /passkeys/assertion/options': 'anonymous',
  'POST /passkeys/assertion': 'anonymous',
  'GET /me': 'signed-in',
  'GET /me/usage-points': 'signed-in',
  'GET /me/accesses': 'signed-in',
  'GET /sessions': 'signed-in',
  'DELETE /sessions/:sessionId': 'signed-in',
  'GET /passkeys': 'signed-in',
  'POST /passkeys/registration/options': 'signed-in',
  'POST /passkeys/registration': 'signed-in',
  'DELETE /passkeys/:passkeyId': 'signed-in',
  'GET /usage-points/:usagePointId/now': 'usage-point',
  'GET /usage-points/:usagePointId/summary': 'usage-point',
  'GET /usage-points/:usagePointId/buckets': 'usage-point',
  'GET /usage-points/:usagePointId/intervals': 'usage-point',
  'GET /usage-points/:usagePointId/export.csv': 'usage-point',
  'GET /operator/overview': 'operator',
  'GET /operator/meters': 'operator',
  'GET /operator/meters.csv': 'operator',
  'GET /operator/meters/:meterId': 'operator',
  'GET /operator/meters/:meterId/sessions': 'operator',
  'POST /operator/meters/:meterId/commands': 'operator',
  'GET /operator/commands/:commandId': 'operator',
  'GET /operator/sessions': 'operator',
  'GET /operator/events': 'operator',
  'GET /operator/audit': 'operator',
  'GET /operator/audit/verification': 'operator',
}
const OPEN = ['GET /health', 'GET /metrics', 'GET /openapi.json']

let world: World
let sessions: { anna: string; olga: string }
before(async () => {
  world = await borrowWorld()
})
// Other files move the world's clock, and sessions end by it.
beforeEach(async () => {
  sessions = { anna: await world.signIn('anna'), olga: await world.signIn('olga') }
})
after(returnWorld)

async function bareApp() {
  return createApp({
    role: 'access',
    description: '',
    log: silentLog,
    metrics: createMetrics(HTTP_METRICS),
    tokens: () => undefined,
    health: async () => ({ status: 'ok' }),
  })
}

/** Sends a path as it stands; fetch would tidy it up. */
function send(
  method: string,
  path: string,
  session: string | undefined,
  token = readFileSync(world.portalToken, 'utf8').trim(),
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const body = method === 'POST' ? '{}' : undefined
    const sent = httpRequest(
      world.access.url,
      {
        method,
        path,
        headers: {
          authorization: `Bearer ${token}`,
          ...(session === undefined ? {} : { 'x-session': session }),
          ...(body ? { 'content-type': 'application/json', 'content-length': body.length } : {}),
        },
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk) => {
          text += chunk
        })
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }))
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

const QUERY = '?from=2026-06-01&to=2026-06-02&bucket=P1D'
const filled = (url: string, usagePointId: string): string =>
  `${url.replace(':usagePointId', usagePointId).replace(/:\w+/g, 'M1')}${url.includes('usagePoint') ? QUERY : ''}`

test('SMCG-5.2.2-11 every route names a policy and stands in the published matrix; one without cannot be registered', async () => {
  const app = await bareApp()
  const found: Record<string, Policy> = {}
  // Registering asks nothing of the services behind.
  const nothing = {} as never
  enforcePolicies(app, nothing)
  app.addHook('onRoute', ({ method, url, config }) => {
    if (method !== 'HEAD') found[`${method} ${url}`] = config?.policy as Policy
  })
  serviceRoutes(app, nothing)
  peopleRoutes(app, nothing)
  dataRoutes(app, nothing)
  operatorRoutes(app, nothing, nothing)
  assert.deepEqual(found, MATRIX)
  assert.throws(() => app.get('/forgotten', { schema: {} }, async () => 'x'), /names no policy/)
  assert.throws(
    () => app.get('/misspelt', { config: { policy: 'opne' as Policy }, schema: {} }, async () => 'x'),
    /names no policy/,
  )
  await app.close()
})

test('SMCG-5.2.2-10 the decision point allows who is permitted, denies who is not, denies the unknown, and without policy denies all', () => {
  const portal = { caller: 'portal', role: null, hasRight: false } as const
  const customer = { ...portal, role: 'customer' } as const
  const operator = { ...portal, role: 'operator' } as const
  const admin = { ...portal, caller: 'admin' } as const
  const stranger = { caller: '', role: null, hasRight: false } as const
  const expected: Record<Policy, readonly string[]> = {
    open: ['allow', 'allow', 'allow', 'allow', 'allow', 'allow'],
    provisioner: ['NOT_ALLOWED', 'NOT_ALLOWED', 'NOT_ALLOWED', 'NOT_ALLOWED', 'allow', 'NOT_ALLOWED'],
    'browser-service': ['allow', 'allow', 'allow', 'allow', 'NOT_ALLOWED', 'NOT_ALLOWED'],
    anonymous: ['allow', 'allow', 'allow', 'allow', 'NOT_ALLOWED', 'NOT_ALLOWED'],
    'signed-in': ['SESSION_REQUIRED', 'allow', 'allow', 'allow', 'NOT_ALLOWED', 'NOT_ALLOWED'],
    'usage-point': ['SESSION_REQUIRED', 'USAGE_POINT_UNKNOWN', 'allow', 'allow', 'NOT_ALLOWED', 'NOT_ALLOWED'],
    operator: ['SESSION_REQUIRED', 'ROLE_REQUIRED', 'ROLE_REQUIRED', 'allow', 'NOT_ALLOWED', 'NOT_ALLOWED'],
  }
  const everybody = [portal, customer, { ...customer, hasRight: true }, operator, admin, stranger]
  for (const policy of POLICIES)
    assert.deepEqual(
      everybody.map((who) => decide(policy, who, ACCESS_DEFAULTS)),
      expected[policy],
      policy,
    )
  for (const who of everybody) assert.equal(decide(undefined, who, ACCESS_DEFAULTS), 'NOT_ALLOWED')
  // No session of a person helps a service that is not the portal.
  for (const policy of POLICIES)
    if (policy !== 'open') assert.equal(decide(policy, { ...operator, caller: 'mdms' }, ACCESS_DEFAULTS), 'NOT_ALLOWED')
})

test('X1332-10.1-02 every route answers every kind of caller as the matrix says: default is to deny', async () => {
  const { anna, olga } = sessions
  for (const [route, policy] of Object.entries(MATRIX)) {
    const [method, url] = route.split(' ')
    const path = filled(url, 'UP-1')
    const status = async (session: string | undefined, token?: string): Promise<number> =>
      (await send(method, path, session, token)).status
    assert.equal(await status(undefined, 'x'.repeat(43)), 401, `${route} with a made-up token`)
    const nobody = await status(undefined)
    const forged = await status('A'.repeat(43))
    const customer = route === 'POST /sessions/end' ? 204 : await status(anna)
    if (policy === 'provisioner')
      assert.deepEqual([nobody, forged, customer, await status(olga)], [403, 403, 403, 403], route)
    else if (policy === 'operator') assert.deepEqual([nobody, forged, customer], [401, 401, 403], route)
    else if (policy === 'signed-in' || policy === 'usage-point') {
      assert.deepEqual([nobody, forged], [401, 401], route)
      assert.ok(customer !== 401 && customer !== 403, `${route} as customer: ${customer}`)
    } else assert.ok(nobody !== 403, route)
    const admin = readFileSync(join(world.folder, 'tokens', 'admin-to-access'), 'utf8').trim()
    if (policy !== 'provisioner')
      assert.equal(await status(olga, admin), 403, `${route} as a service with a person's session`)
  }
  for (const route of OPEN) assert.equal((await send('GET', route.slice(4), undefined, '')).status, 200)
})

test('X1332-10.2-05 a customer reaches no other customer’s usage point on any route, by any spelling, is told no more than of one that does not exist, and the attempt is kept', async () => {
  const spellings = [
    'UP-2',
    'UP%2D2',
    '%55%50%2d%32',
    'UP%252D2',
    'up-2',
    'UP-2%00',
    'UP-2%20',
    '%20UP-2',
    'UP-2%23',
    'UP-2%3Fx',
    'UP-2;a=1',
    'UP-1,UP-2',
    'UP-1%2F..%2FUP-2',
    'UP-1/../UP-2',
    './UP-2',
    '..%2FUP-2',
    '%2e%2e%2fUP-2',
    '%2E%2E/UP-2',
    'UP-2/',
    '/UP-2',
    "UP-2'--",
    "x'%20OR%20'1'='1",
    '*',
    '%25',
    'UP_2',
    'UP%E2%80%902',
    'UP-2%0d%0a',
    'UP-2%u002d',
    '[]=UP-2',
  ]
  const unknown = await send('GET', filled('/usage-points/:usagePointId/now', 'UP-999999'), sessions.anna)
  assert.equal(unknown.status, 404)
  world.asked.length = 0
  for (const [route, policy] of Object.entries(MATRIX)) {
    if (policy !== 'usage-point') continue
    const url = route.slice(4)
    for (const spelling of spellings) {
      const path = filled(url, spelling)
      const answer = await send('GET', path, sessions.anna)
      assert.ok([400, 404].includes(answer.status), `${path} → ${answer.status}`)
      assert.ok(!/Mill Lane|UP-2"/.test(answer.body), path)
    }
    assert.deepEqual(await send('GET', filled(url, 'UP-2'), sessions.anna), unknown, route)
    const polluted = await send('GET', `${filled(url, 'UP-1')}&usagePointId=UP-2&id=UP-2`, sessions.anna)
    assert.ok(polluted.status === 200 && !polluted.body.includes('UP-2'), route)
  }
  assert.ok(
    // The live stream of an operator's or owner's screen may still look for its latest power.
    world.asked.every((url) => !url.includes('UP-2') || url.endsWith('/latest')),
    'the store behind was never asked for it',
  )
  const { items } = await world.as(sessions.olga).json<{ items: AuditEntry[] }>('/operator/audit?subject=UP-2&limit=50')
  const kept = items
    .filter(({ actor, outcome }) => actor === 'anna' && outcome === 'refused')
    .map(({ action }) => action)
  for (const action of ['data.now', 'data.summary', 'data.buckets', 'data.intervals', 'data.export'])
    assert.ok(kept.includes(action), action)
})

test('random ids give a customer nothing but their own usage point', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }), async (id) => {
      fc.pre(id !== 'UP-1')
      const { status } = await send('GET', `/usage-points/${encodeURIComponent(id)}/now`, sessions.anna)
      return status === 404 || status === 400 || status === 414
    }),
    { numRuns: 150 },
  )
})

test('customers are shown when an operator looked at their data', async () => {
  await world.as(sessions.olga).json('/usage-points/UP-1/now')
  const { items } = await world
    .as(sessions.anna)
    .json<{ items: { who: string; what: string; subject: string; purpose: string }[] }>('/me/accesses')
  assert.ok(items.some(({ who, what, subject }) => who === 'operator' && what === 'data.now' && subject === 'UP-1'))
  assert.ok(items.some(({ who, what }) => who === 'you' && what.startsWith('signin')))
  assert.ok(items.every(({ subject }) => subject === 'UP-1' || subject === 'anna'))
})

test('no session, link or service token is logged or stored as it is', async () => {
  const { token } = await world.admin.json<{ token: string }>('/links', { method: 'POST', body: { accountId: 'anna' } })
  await world.as(sessions.anna).raw('/nowhere')
  await world.as(sessions.anna).raw('/links/redeem', { method: 'POST', body: { token: 'B'.repeat(43) } })
  const secrets = [token, ...Object.values(sessions), readFileSync(world.portalToken, 'utf8').trim()]
  const logged = world.logged()
  for (const secret of secrets) assert.ok(!logged.includes(secret))
  const { items } = await world.as(sessions.olga).json<{ items: object[] }>('/operator/audit?limit=200')
  for (const secret of secrets) assert.ok(!JSON.stringify(items).includes(secret))
})

test('the audit log cannot be changed through the database, and shows it when its trigger was taken away and a row changed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-audit-'))
  const store = await openStore({ folder, schema: 'access', migrations: new URL('./migrations', import.meta.url) })
  try {
    const log = await openAuditLog(store)
    const entry: AuditEntry = {
      at: 1,
      actor: 'anna',
      actorRole: 'customer',
      action: 'data.now',
      subject: 'UP-1',
      purpose: 'own data',
      outcome: 'done',
    }
    await Promise.all(Array.from({ length: 500 }, (_, i) => log.append({ ...entry, at: i })))
    const again = await openAuditLog(store)
    await again.append({ ...entry, action: 'data.export' })
    assert.deepEqual(await again.verify(), { entries: 501, brokenAt: null })
    for (const sql of ["UPDATE audit SET actor = 'x'", 'DELETE FROM audit', 'TRUNCATE audit'])
      await assert.rejects(store.query(sql), /only grows/)
    await store.exec('DROP TRIGGER audit_no_change ON audit')
    await store.query("UPDATE audit SET actor = 'bram' WHERE seq = 77")
    assert.deepEqual(await again.verify(), { entries: 76, brokenAt: 77 })
    await store.query("UPDATE audit SET actor = 'anna' WHERE seq = 77")
    await store.query('DELETE FROM audit WHERE seq = 300')
    assert.deepEqual(await again.verify(), { entries: 299, brokenAt: 300 })
    // What cannot be kept is not done: the append fails, and with it the request.
    await store.exec('DROP TABLE audit')
    await assert.rejects(again.append(entry))
  } finally {
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
