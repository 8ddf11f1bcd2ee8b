import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createClock } from '#platform/clock'
import type { Log } from '#platform/log'
import { silentLog } from '#platform/log'
import { createPeer } from '#platform/peer'
import type { RoleOptions } from '#platform/role'
import { ensureTokenFile } from '#platform/tokens'
import { readSimulatorConfig } from './config.ts'
import { startTestFleet } from './dev/test-fleet.ts'
import { start } from './main.ts'
import { type Provisioning, startProvisioning } from './provision.ts'

interface Heard {
  readonly path: string
  readonly body: string
}

/** A peer that writes down what it is told; `failing` makes it refuse as a starting service does. */
async function listener(): Promise<{
  url: string
  heard: Heard[]
  failing: { count: number }
  close(): Promise<void>
}> {
  const heard: Heard[] = []
  const failing = { count: 0 }
  const server: Server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      if (failing.count > 0) {
        failing.count--
        response.writeHead(503, { 'content-type': 'application/problem+json' }).end('{"code":"STARTING"}')
        return
      }
      heard.push({ path: request.url ?? '', body })
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"failed":0}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    heard,
    failing,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

async function until(state: () => Provisioning, phase: Provisioning['phase']): Promise<void> {
  for (let i = 0; i < 500 && state().phase !== phase; i++) await delay(10)
  assert.equal(state().phase, phase)
}

test('the platform is told of a fleet in order, the demonstration first; a restart sends no history again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-provision-'))
  const t = await startTestFleet({ meters: 12, perfect: false, historyDays: 40 })
  const [headend, mdms, access] = await Promise.all([listener(), listener(), listener()])
  const stop = new AbortController()
  const token = ensureTokenFile(join(folder, 'token'))
  const ports = {
    fleet: t.fleet,
    config: t.config,
    bornAt: t.now(),
    folder,
    clock: { ...createClock(), now: t.now },
    log: silentLog,
    headend: createPeer({ url: headend.url, tokenFile: token }),
    mdms: createPeer({ url: mdms.url, tokenFile: token }),
    access: createPeer({ url: access.url, tokenFile: token }),
    retryMs: 5,
  }
  try {
    mdms.failing.count = 3
    const first = startProvisioning(ports, stop.signal)
    await until(first.state, 'done')
    assert.equal(first.state().demoReady, true)
    assert.deepEqual(
      mdms.heard.slice(0, 3).map(({ path }) => path),
      ['/usage-points', '/assignments', '/imports'],
    )
    const points = mdms.heard
      .filter(({ path }) => path === '/usage-points')
      .flatMap(({ body }) => JSON.parse(body) as { id: string }[])
    assert.deepEqual(
      points.map(({ id }) => id),
      Array.from({ length: 12 }, (_, i) => `UP-${String(i + 1).padStart(4, '0')}`),
    )
    const lines = mdms.heard
      .filter(({ path }) => path === '/imports')
      .flatMap(({ body }) => body.trim().split('\n'))
      .map((line) => JSON.parse(line) as { meterId: string; channel?: string; register?: string; values: number[] })
    assert.equal(lines[0].meterId, t.fleet.device(1).serial)
    assert.equal(new Set(lines.map(({ meterId }) => meterId)).size, 12)
    assert.ok(
      lines.some((line) => line.register === '1.0.1.8.0.255'),
      'registers at the beginning of each month',
    )
    const month = lines.filter((line) => line.meterId === lines[0].meterId && line.channel === 'import')
    assert.equal(
      month.reduce((sum, line) => sum + line.values.length, 0),
      37 * 96 + 4,
      'the night clocks go back is among them',
    )

    const people = JSON.parse(access.heard[0].body) as {
      customers: { id: string }[]
      operators: { id: string }[]
      tariffs: unknown[]
    }
    assert.equal(people.customers[0].id, 'demo-customer')
    assert.equal(people.operators[0].id, 'demo-operator')
    assert.equal(people.tariffs.length, 2)

    const shipment = JSON.parse(headend.heard[0].body) as {
      devices: { serial: string; usagePointId?: string; readFrom: string }[]
    }
    assert.equal(shipment.devices.length, 13)
    assert.equal(shipment.devices[12].usagePointId, undefined, 'nobody installed the clone')
    assert.equal(shipment.devices[0].readFrom, '2026-11-16T23:00:00Z')

    const sent = mdms.heard.filter(({ path }) => path === '/imports').length
    const again = startProvisioning(ports, stop.signal)
    await until(again.state, 'done')
    assert.equal(mdms.heard.filter(({ path }) => path === '/imports').length, sent)
    assert.ok(headend.heard.length === 2, 'addresses are told again')
  } finally {
    stop.abort()
    await Promise.all([t.close(), headend.close(), mdms.close(), access.close()])
    rmSync(folder, { recursive: true })
  }
})

test('a peer that refuses for good is told in health, and nothing is tried for ever', async () => {
  const t = await startTestFleet({ meters: 2 })
  const refusing = createServer((_request, response) => {
    response
      .writeHead(422, { 'content-type': 'application/problem+json' })
      .end('{"code":"IMPORT_INVALID","detail":"no"}')
  })
  await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve))
  const { port } = refusing.address() as { port: number }
  const stop = new AbortController()
  try {
    const mdms = createPeer({ url: `http://127.0.0.1:${port}`, tokenFile: ensureTokenFile(join(t.folder, 'token')) })
    const clock = createClock()
    const ports = { fleet: t.fleet, config: t.config, bornAt: t.now(), folder: t.folder, clock, log: silentLog, mdms }
    const { state, ended } = startProvisioning(ports, stop.signal)
    await ended
    assert.deepEqual([state().failed, state().demoReady], [true, false])
    assert.notEqual(state().waiting, '')
  } finally {
    stop.abort()
    await t.close()
    refusing.closeAllConnections()
    refusing.close()
  }
})

/** A log that keeps everything as text. */
function keepingLog(): Log & { text(): string } {
  let text = ''
  const keep =
    (level: string) =>
    (event: string, fields: object = {}): void => {
      text += `${level} ${event} ${JSON.stringify(fields)}\n`
    }
  return { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error'), text: () => text }
}

test('the role starts, tells fleet, shipment, truth and faults, keeps who its meters are, and shows keys in the shipment alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-simulator-'))
  const log = keepingLog()
  const tokenFile = ensureTokenFile(join(folder, 'admin.token'))
  const basePort = 23_000 + (process.pid % 80) * 100
  const options: RoleOptions = {
    dataDir: folder,
    host: '127.0.0.1',
    port: 0,
    peers: {},
    callers: { admin: tokenFile },
    clock: createClock(),
    log,
    config: { meters: 9, basePort },
  }
  try {
    const role = await start(options)
    const peer = createPeer({ url: role.url, tokenFile })
    const fleet = await peer.json<{ size: number; meters: { meterId: string; port: number; faults: unknown[] }[] }>(
      '/fleet',
    )
    assert.equal(fleet.size, 10)
    const shipment = await peer.json<{ devices: { serial: string; keys: Record<string, string> }[] }>('/shipment')
    assert.deepEqual(
      shipment.devices.map(({ serial }) => serial),
      fleet.meters.map(({ meterId }) => meterId),
    )
    assert.equal((await fetch(`${role.url}/shipment`)).status, 401)
    assert.equal((await fetch(`${role.url}/fleet`)).status, 401)

    const today = Date.now()
    const range = `from=${new Date(today - 86_400_000).toISOString()}&to=${new Date(today).toISOString()}`
    const truth = await peer.json<{ rows: { importWh: number }[]; registers: { to: { importWh: number } } }>(
      `/truth/${fleet.meters[0].meterId}?${range}`,
    )
    assert.equal(truth.rows.length, 96)
    assert.ok(truth.registers.to.importWh >= truth.rows[95].importWh)
    await assert.rejects(peer.json(`/truth/NOBODY?${range}`), { code: 'METER_UNKNOWN' })
    await assert.rejects(peer.json(`/truth/${fleet.meters[0].meterId}?from=2020-01-01&to=2026-01-01`), {
      code: 'RANGE_INVALID',
    })

    const order = { meterId: fleet.meters[1].meterId, kind: 'comms-outage', on: true }
    const broken = await peer.json<{ faults: { kind: string; to: string | null }[] }>('/faults', {
      method: 'POST',
      body: order,
    })
    assert.deepEqual(
      broken.faults.map(({ kind, to }) => [kind, to]),
      [['comms-outage', null]],
    )
    await assert.rejects(peer.json('/faults', { method: 'POST', body: { ...order, kind: 'clone' } }), {
      code: 'REQUEST_INVALID',
    })

    const health = await peer.json<{ role: string; status: string; provisioning: Provisioning }>('/health')
    assert.deepEqual([health.role, health.status], ['simulator', 'ok'])
    const shown =
      log.text() + JSON.stringify(fleet) + (await (await peer.raw('/metrics')).text()) + JSON.stringify(health)
    for (const { keys } of shipment.devices)
      for (const key of Object.values(keys)) {
        assert.ok(!shown.includes(key))
        assert.ok(!shown.includes(Buffer.from(key, 'hex').toString('latin1')))
      }
    await role.close()

    // Another size or seed does not make other meters of those that are known.
    const again = await start({ ...options, config: { meters: 20, seed: 99, basePort } })
    const later = createPeer({ url: again.url, tokenFile })
    assert.deepEqual(
      (await later.json<typeof shipment>('/shipment')).devices.map(({ serial, keys }) => [serial, keys]),
      shipment.devices.map(({ serial, keys }) => [serial, keys]),
    )
    const kept = await later.json<typeof fleet>('/fleet')
    assert.equal(kept.meters[1].faults.length, 1, 'a fault that was switched on outlives the restart')
    await again.close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a folder whose secret was cut does not start a fleet with weaker keys', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-simulator-'))
  try {
    writeFileSync(join(folder, 'fleet-secret'), 'short')
    const options = {
      dataDir: folder,
      host: '127.0.0.1',
      port: 0,
      peers: {},
      callers: {},
      clock: createClock(),
      log: silentLog,
    }
    await assert.rejects(start({ ...options, config: readSimulatorConfig({ meters: 1 }) }))
  } finally {
    rmSync(folder, { recursive: true })
  }
})
