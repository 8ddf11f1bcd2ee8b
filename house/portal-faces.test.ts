import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Compile } from 'typebox/schema'
import { silentLog } from '#platform/log'
import { borrowWorld, returnWorld, type World } from '../roles/access/test-world.ts'
import { PORTAL_DEFAULTS } from '../roles/portal/config.ts'
import { templateOf } from '../roles/portal/description.ts'
import { openPortal, type Portal } from '../roles/portal/portal.ts'
import { createAuthenticator } from '../roles/portal/test-authenticator.ts'

let world: World
let portal: Portal
let url: string
const folder = mkdtempSync(join(tmpdir(), 'gridtally-portal-'))

before(async () => {
  world = await borrowWorld()
  const peer = (role: string, at: string) => ({ url: at, tokenFile: join(world.folder, 'tokens', `portal-to-${role}`) })
  portal = await openPortal(
    {
      dataDir: folder,
      host: '127.0.0.1',
      port: 0,
      peers: {
        access: { url: world.access.url, tokenFile: world.portalToken },
        mdms: peer('mdms', world.urls.mdms),
        headend: peer('headend', world.urls.headend),
      },
      callers: {},
      clock: world.clock,
      log: silentLog,
    },
    { ...PORTAL_DEFAULTS, limits: { ...PORTAL_DEFAULTS.limits, signInsPerMinute: 1000 } },
  )
  url = await portal.app.listen({ host: '127.0.0.1', port: 0 })
  portal.listening(url)
})
after(async () => {
  await portal.close()
  await returnWorld()
  rmSync(folder, { recursive: true, force: true })
})

const MARK = { 'x-gridtally-request': '1' }

interface Browser {
  cookie: string
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>
}

/** A browser: keeps its cookie and marks its writes. */
function browser(): Browser {
  const self: Browser = {
    cookie: '',
    async ask(method, path, body, headers = {}) {
      const answer = await fetch(url + path, {
        method,
        headers: {
          ...(method === 'GET' ? {} : MARK),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(self.cookie === '' ? {} : { cookie: self.cookie }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const set = answer.headers.get('set-cookie')
      if (set !== null) self.cookie = /=;/.test(set) ? '' : set.split(';')[0]
      return answer
    },
  }
  return self
}

async function signedIn(accountId: string): Promise<Browser> {
  const { token } = await world.admin.json<{ token: string }>('/links', { method: 'POST', body: { accountId } })
  const one = browser()
  assert.equal((await one.ask('POST', '/api/links/redeem', { token })).status, 200)
  return one
}

const codeOf = async (answer: Response): Promise<string> => ((await answer.json()) as { code: string }).code

test('signing in gives a cookie no script can read, and no credential in the body; signing out takes it', async () => {
  const { token } = await world.admin.json<{ token: string }>('/links', { method: 'POST', body: { accountId: 'anna' } })
  const one = browser()
  const answer = await one.ask('POST', '/api/links/redeem', { token })
  const set = answer.headers.get('set-cookie') ?? ''
  assert.match(set, /^gridtally=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
  assert.equal(answer.headers.get('x-session-set'), null)
  const body = await answer.text()
  assert.ok(!body.includes(one.cookie.split('=')[1]))
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  assert.equal((await one.ask('GET', '/api/me')).status, 200)
  const stolen = one.cookie
  assert.equal((await one.ask('POST', '/api/sessions/end')).status, 204)
  assert.equal(one.cookie, '')
  one.cookie = stolen
  assert.equal(await codeOf(await one.ask('GET', '/api/me')), 'SESSION_REQUIRED')
  assert.equal((await browser().ask('POST', '/api/sessions/end')).status, 204)
})

test('a session chosen by somebody else is never taken over: signing in always gives a new one', async () => {
  const victim = browser()
  victim.cookie = `gridtally=${'A'.repeat(43)}`
  const { token } = await world.admin.json<{ token: string }>('/links', { method: 'POST', body: { accountId: 'anna' } })
  await victim.ask('POST', '/api/links/redeem', { token })
  assert.notEqual(victim.cookie, `gridtally=${'A'.repeat(43)}`)
  const first = victim.cookie
  const next = await world.admin.json<{ token: string }>('/links', { method: 'POST', body: { accountId: 'anna' } })
  await victim.ask('POST', '/api/links/redeem', next)
  const old = browser()
  old.cookie = first
  assert.equal((await old.ask('GET', '/api/me')).status, 401)
})

test('writes without our header, and anything from another site or host name, are refused', async () => {
  const olga = await signedIn('olga')
  const write = (headers: Record<string, string>): Promise<Response> =>
    olga.ask('POST', '/api/operator/meters/M1/commands', { kind: 'read' }, headers)
  assert.equal(await codeOf(await write({ 'x-gridtally-request': '' })), 'CSRF_HEADER_REQUIRED')
  assert.equal(await codeOf(await write({ 'x-gridtally-request': '2' })), 'CSRF_HEADER_REQUIRED')
  assert.equal(await codeOf(await write({ origin: 'https://evil.example' })), 'NOT_ALLOWED')
  assert.equal(await codeOf(await write({ origin: 'null' })), 'NOT_ALLOWED')
  assert.equal(await codeOf(await write({ 'sec-fetch-site': 'cross-site' })), 'NOT_ALLOWED')
  assert.equal((await write({ origin: url, 'sec-fetch-site': 'same-origin' })).status, 202)
  assert.equal((await write({ origin: url.replace('127.0.0.1', 'localhost') })).status, 202)
  assert.equal((await olga.ask('GET', '/api/me', undefined, { origin: 'https://evil.example' })).status, 403)
  const preflight = await olga.ask('OPTIONS', '/api/me', undefined, { origin: 'https://evil.example' })
  assert.equal(preflight.headers.get('access-control-allow-origin'), null)
  const form = await fetch(`${url}/api/sessions/end`, {
    method: 'POST',
    body: new URLSearchParams({ a: '1' }),
    headers: { cookie: olga.cookie },
  })
  assert.ok([403, 415].includes(form.status))
  const large = await olga.ask('POST', '/api/links/redeem', { token: 'x'.repeat(100_000) })
  assert.equal(await codeOf(large), 'BODY_TOO_LARGE')
})

test('requests without a session, with an ended, forged or another person’s are refused', async () => {
  const anna = await signedIn('anna')
  const paths = ['/api/me', '/api/usage-points/UP-1/now', '/api/operator/overview', '/api/stream']
  for (const path of paths) {
    assert.equal((await browser().ask('GET', path)).status, 401, path)
    for (const cookie of ['gridtally=x', `gridtally=${'B'.repeat(43)}`, `gridtally=${'%00'.repeat(14)}`]) {
      const forger = browser()
      forger.cookie = cookie
      assert.equal((await forger.ask('GET', path)).status, 401, `${path} with ${cookie}`)
    }
  }
  assert.equal((await anna.ask('GET', '/api/usage-points/UP-2/now')).status, 404)
  assert.equal((await anna.ask('GET', '/api/operator/overview')).status, 403)
  assert.equal((await anna.ask('GET', '/api/usage-points/UP-1/now')).status, 200)
  for (const path of [
    '/api/usage-points/..%2fcustomers/now',
    '/api/usage-points/%2e%2e/now',
    '/api/links',
    '/api/customers',
    '/api/stream/poll',
  ])
    assert.equal((await anna.ask('GET', path)).status, 404, path)
  for (const path of ['/api/links', '/api/customers', '/api/stream/poll'])
    assert.equal((await anna.ask('POST', path, {})).status, 404, path)
})

test('a passkey registers and signs in where it belongs; wrong origin, host, challenge, counter or no verification are refused', async () => {
  const anna = await signedIn('anna')
  const key = createAuthenticator()
  const origin = url.replace('127.0.0.1', 'localhost')
  const here = { origin, rpId: 'localhost' }
  const options = async (who: Browser, path: string): Promise<{ challenge: string; rp?: { id: string } }> => {
    const answer = await who.ask('POST', `/api/passkeys/${path}/options`, {}, { origin })
    assert.equal(answer.status, 200)
    return (await answer.json()) as { challenge: string; rp?: { id: string } }
  }
  const register = async (response: object): Promise<Response> =>
    anna.ask('POST', '/api/passkeys/registration', { name: 'phone', response }, { origin })
  const asked = await options(anna, 'registration')
  assert.equal(asked.rp?.id, 'localhost')
  for (const wrong of [
    key.register(asked, { ...here, origin: 'https://evil.example' }),
    key.register(await options(anna, 'registration'), { ...here, rpId: 'evil.example' }),
    key.register(await options(anna, 'registration'), { ...here, userVerified: false }),
    key.register({ challenge: Buffer.from('made up').toString('base64url') }, here),
    {},
    { id: 'x', response: { clientDataJSON: '!!!' } },
  ])
    assert.equal((await register(wrong)).status, 400)
  assert.equal(
    await codeOf(await register(key.register(asked, here))),
    'PASSKEY_INVALID',
    'a question is answered once',
  )
  const made = await register(key.register(await options(anna, 'registration'), { ...here, counter: 5 }))
  assert.equal(made.status, 201)

  const stranger = browser()
  const assertion = (response: object): Promise<Response> =>
    stranger.ask('POST', '/api/passkeys/assertion', { response }, { origin })
  for (const [what, wrong] of Object.entries({
    origin: { ...here, origin: 'http://localhost:1', counter: 9 },
    host: { ...here, rpId: 'evil.example', counter: 9 },
    'no verification': { ...here, userVerified: false, counter: 9 },
    'old counter': { ...here, counter: 5 },
  })) {
    const refused = await assertion(key.assert(await options(stranger, 'assertion'), wrong))
    assert.equal(await codeOf(refused), 'PASSKEY_REFUSED', what)
  }
  const forged = createAuthenticator()
  assert.equal((await assertion(forged.assert(await options(stranger, 'assertion'), here))).status, 401)
  const good = key.assert(await options(stranger, 'assertion'), { ...here, counter: 6 })
  const signedInAnswer = await assertion(good)
  assert.equal(signedInAnswer.status, 200)
  const me = (await signedInAnswer.json()) as { accountId: string; signedInBy: string; passkeys: number }
  assert.deepEqual([me.accountId, me.signedInBy, me.passkeys], ['anna', 'passkey', 1])
  assert.equal((await assertion(good)).status, 401, 'an answer is taken once')
  const registrationChallenge = await options(anna, 'registration')
  assert.equal((await assertion(key.assert(registrationChallenge, { ...here, counter: 20 }))).status, 401)
  assert.equal(
    await codeOf(await anna.ask('POST', '/api/passkeys/registration/options', {}, { origin: url })),
    'PASSKEY_INVALID',
    'an address is no host name',
  )
  const { items } = (await (await anna.ask('GET', '/api/passkeys')).json()) as { items: { id: string }[] }
  const bram = await signedIn('bram')
  assert.equal((await bram.ask('DELETE', `/api/passkeys/${items[0].id}`)).status, 404)
  assert.equal((await anna.ask('DELETE', `/api/passkeys/${items[0].id}`)).status, 204)
  assert.equal(
    (await assertion(key.assert(await options(stranger, 'assertion'), { ...here, counter: 30 }))).status,
    401,
  )
})

/** Reads a live stream until `enough` or its end. */
async function readStream(
  who: Browser,
  enough: (text: string) => boolean,
  headers: Record<string, string> = {},
): Promise<string> {
  const ending = new AbortController()
  const answer = await fetch(`${url}/api/stream`, {
    headers: { cookie: who.cookie, ...headers },
    signal: ending.signal,
  })
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-type') ?? '', /^text\/event-stream/)
  assert.ok(answer.headers.get('content-security-policy'))
  let text = ''
  const timer = setTimeout(() => ending.abort(), 15_000)
  try {
    for await (const chunk of answer.body ?? []) {
      text += Buffer.from(chunk).toString()
      if (enough(text)) break
    }
  } finally {
    clearTimeout(timer)
    ending.abort()
  }
  return text
}

test('the live stream gives a customer their own readings, goes on where it broke off, and ends with the session', async () => {
  const [anna, olga] = [await signedIn('anna'), await signedIn('olga')]
  const point = world.points.get('UP-1')
  assert.ok(point)
  const first = await readStream(anna, (text) => text.includes('event: reading'))
  assert.match(first, /data: \{"usagePointId":"UP-1","at":"[^"]+","powerW":"[^"]+"\}\n\n/)
  assert.ok(!first.includes('UP-2') && !first.includes('event: session'))
  const [, id] = /id: (\S+)\nevent: reading/.exec(first) ?? []
  const resumed = readStream(anna, (text) => text.includes('"powerW":"777"'), { 'last-event-id': id })
  const at = new Date(world.clock.now() - 1000).toISOString()
  point.registers = [{ obis: '1.0.1.7.0.255', at, value: '777', unit: 'W', reason: 'scheduled' }]
  const text = await resumed
  delete point.registers
  assert.ok(!text.includes(`id: ${id}\n`), 'what was seen does not come again')
  const sessions = readStream(olga, (seen) => seen.includes('event: session'))
  await new Promise((resolve) => setTimeout(resolve, 300))
  world.sessions.push({ ...world.sessions[0], seq: world.sessions.length + 1 })
  assert.match(await sessions, /event: session\ndata: \{.*"meterId":"M1"/)
  const ended = readStream(anna, () => false)
  await new Promise((resolve) => setTimeout(resolve, 200))
  await anna.ask('POST', '/api/sessions/end')
  await ended
})

type Operation = {
  parameters?: { name: string; in: string; required?: boolean; schema?: object }[]
  responses: Record<string, { content?: Record<string, { schema: object }> }>
  security?: object[]
}
type Document = { openapi: string; paths: Record<string, Record<string, Operation> & { servers?: object[] }> }

const document = async (): Promise<Document> => (await (await fetch(`${url}/openapi.json`)).json()) as Document

test('every route of the portal is described, and everything described as its own is a route', async () => {
  const { paths } = await document()
  const described = new Set<string>()
  for (const [path, item] of Object.entries(paths)) {
    if (path.startsWith('/roles/')) {
      assert.ok(item.servers, path)
      continue
    }
    for (const method of Object.keys(item)) described.add(`${method.toUpperCase()} ${path}`)
  }
  const served = portal.routes.filter((route) => !route.startsWith('HEAD') && !route.endsWith('/*')).map(templateOf)
  assert.deepEqual([...described].sort(), [...new Set(served)].sort())
  for (const role of ['access', 'mdms', 'headend']) assert.ok(`/roles/${role}/health` in paths, role)
})

test('every described route answers as its description says: to nobody, and to who may', async () => {
  const { paths } = await document()
  const [anna, olga] = [await signedIn('anna'), await signedIn('olga')]
  await world.as().json('/passkeys/assertion/options', { method: 'POST', body: {} })
  const { token } = await world.admin.json<{ token: string }>('/links', { method: 'POST', body: { accountId: 'bram' } })
  const samples: Record<string, string> = {
    usagePointId: 'UP-1',
    meterId: 'M1',
    commandId: 'c-1',
    sessionId: 'none',
    passkeyId: 'none',
  }
  const bodies: Record<string, unknown> = {
    '/api/links/redeem': { token },
    '/api/passkeys/registration': { name: 'x', response: { id: 'x', response: { clientDataJSON: 'x' } } },
    '/api/passkeys/assertion': { response: { id: 'x', response: { clientDataJSON: 'x' } } },
    '/api/operator/meters/{meterId}/commands': { kind: 'read' },
  }
  const query: Record<string, string> = { from: '2026-06-01', to: '2026-06-08', bucket: 'P1D' }
  await olga.ask('POST', '/api/operator/meters/M1/commands', { kind: 'read' })
  let checked = 0
  for (const [path, item] of Object.entries(paths)) {
    if (path.startsWith('/roles/') || path === '/api/stream' || path === '/') continue
    for (const [method, operation] of Object.entries(item) as [string, Operation][]) {
      const asked = (operation.parameters ?? []).filter((one) => one.in === 'query' && one.required)
      const search = new URLSearchParams(asked.map(({ name }) => [name, query[name] ?? '1']))
      const real = path.replace(/\{(\w+)\}/g, (_, name: string) => samples[name] ?? 'x')
      const body = method === 'post' ? (bodies[path] ?? {}) : undefined
      const ends = path === '/api/sessions/end'
      const who = path.startsWith('/api/operator') ? olga : path === '/api/links/redeem' || ends ? browser() : anna
      const answer = await who.ask(method.toUpperCase(), `${real}${search.size > 0 ? `?${search}` : ''}`, body, {
        ...(method === 'get' ? {} : { origin: url.replace('127.0.0.1', 'localhost') }),
      })
      const status = String(answer.status)
      const said = operation.responses[status] ?? operation.responses[`${status[0]}XX`]
      assert.ok(said, `${method} ${path} answered ${status}, which is not described`)
      const text = await answer.text()
      const type = (answer.headers.get('content-type') ?? '').split(';')[0]
      const schema = said.content?.[type]?.schema
      if (schema && /json/.test(type)) {
        const [holds, errors] = Compile(schema).Errors(JSON.parse(text))
        assert.ok(holds, `${method} ${path}: ${JSON.stringify(errors).slice(0, 300)}`)
        checked++
      }
      if (operation.security?.length) {
        const nobody = await browser().ask(method.toUpperCase(), real, body)
        if (nobody.status === 401) assert.match(nobody.headers.get('content-type') ?? '', /problem\+json/)
        assert.ok(
          nobody.status >= 400 || ['/api/links/redeem', '/api/sessions/end'].includes(path) || /assertion/.test(path),
          path,
        )
      }
    }
  }
  assert.ok(checked > 25, `${checked} answers held against their schema`)
})

test('health gathers one object a role', async () => {
  const answer = await fetch(`${url}/health`)
  const roles = (await answer.json()) as Record<string, { role: string; status: string }>
  assert.deepEqual(Object.keys(roles).sort(), ['access', 'headend', 'mdms', 'portal'])
  assert.equal(answer.status, 200)
  for (const [name, { role, status }] of Object.entries(roles)) assert.deepEqual([role, status], [name, 'ok'])
})
