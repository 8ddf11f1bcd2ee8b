import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Command, LogPage, LogPayload } from '@gridtally/metering'
import { createClock } from '#platform/clock'
import { silentLog } from '#platform/log'
import { createPeer, type Peer } from '#platform/peer'
import { createOpener, ensureContentKeys } from '#platform/protection'
import type { RunningRole } from '#platform/role'
import { ensureTokenFile } from '#platform/tokens'
import { type ScriptedMeter, shipmentOf, startMeter } from './dev/scripted-meter.ts'
import { start } from './main.ts'

// A minute of the machine is a quarter of an hour of the platform.
const clock = createClock({ real: Date.now(), platform: Date.UTC(2026, 2, 2, 12, 3), speed: 15 })
let folder = ''
let meters: ScriptedMeter[] = []
let role: RunningRole
let peer: Peer
let keys: Awaited<ReturnType<typeof ensureContentKeys>>

async function startRole(): Promise<void> {
  role = await start({
    dataDir: join(folder, 'headend'),
    host: '127.0.0.1',
    port: 0,
    peers: {},
    callers: { admin: ensureTokenFile(join(folder, 'token')) },
    contentPublicKeyFile: keys.publicKeyFile,
    clock,
    log: silentLog,
    config: { sessions: { responseTimeoutMs: 5000 }, retry: { firstSeconds: 600 } },
  })
  peer = createPeer({ url: role.url, tokenFile: join(folder, 'token') })
}

async function until<T>(what: () => Promise<T | undefined | false>): Promise<T> {
  for (let i = 0; i < 200; i++) {
    const found = await what()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('it did not happen within 5 s')
}

async function payloads(): Promise<LogPayload[]> {
  const opener = await createOpener(keys.privateKeyFile)
  const { entries } = await peer.json<LogPage>('/log?limit=100000')
  return Promise.all(
    entries.map(async ({ header, sealed, payload }) =>
      payload
        ? payload
        : (JSON.parse(
            Buffer.from(await opener.open(header, Buffer.from(sealed ?? '', 'base64'))).toString(),
          ) as LogPayload),
    ),
  )
}

interface DeviceJson {
  meterId: string
  state: string
  keys: { type: string; generation: number; counter: number | null }[]
  channels: { obis: string; unit: string; intervalMinutes: number }[]
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gt-role-'))
  keys = await ensureContentKeys(join(folder, 'content'))
  meters = await Promise.all([1, 2, 3].map((i) => startMeter(i, () => clock.now())))
  await startRole()
})

after(async () => {
  await role.close()
  await Promise.all(meters.map((meter) => meter.close()))
  await rm(folder, { recursive: true })
})

test('a shipment over HTTP sets reading off; the log has it all, sealed for the MDMS', async () => {
  const body = shipmentOf(meters)
  const answer = await peer.json<{ counts: object }>('/shipments', { method: 'POST', body })
  assert.deepEqual(answer.counts, { added: 3 })
  await until(async () => {
    const { items } = await peer.json<{ items: DeviceJson[] }>('/devices?state=active')
    return items.length === 3
  })
  const all = await payloads()
  const values = all.flatMap((payload) => (payload.kind === 'intervals' ? payload.run.values : []))
  assert.ok(values.length >= 3 * 2 * 4 * 96)
  assert.ok(values.every((value) => value === 3 || value === 4))
  const { entries, cursor } = await peer.json<LogPage>('/log?limit=2')
  assert.deepEqual([entries.length, cursor], [2, '2'])
  for (const { header, payload } of entries) assert.equal(payload === undefined, header.dataClass === 'billing')
})

test('a device shows its channels and the state of its keys, never a key', async () => {
  const device = await peer.json<DeviceJson>(`/devices/${meters[0].serial}`)
  assert.deepEqual(
    device.keys.map(({ type, generation }) => [type, generation]),
    [
      ['block-cipher', 1],
      ['authentication', 1],
    ],
  )
  assert.ok((device.keys[0].counter ?? 0) > 0)
  assert.ok(
    device.channels.some(
      ({ obis, unit, intervalMinutes }) => obis === '1.0.1.8.0.255' && unit === 'Wh' && intervalMinutes === 15,
    ),
  )
  const text = JSON.stringify(device)
  assert.ok(!text.includes(meters[0].guek) && !text.includes(meters[0].gak))
  await assert.rejects(peer.json('/devices/NOBODY'), { code: 'METER_UNKNOWN' })
  const page = await peer.json<{ items: DeviceJson[]; next: string }>('/devices?limit=2')
  assert.deepEqual([page.items.length, page.next], [2, meters[1].serial])
  const found = await peer.json<{ items: DeviceJson[] }>(`/devices?search=${meters[2].systemTitle}`)
  assert.deepEqual(
    found.items.map(({ meterId }) => meterId),
    [meters[2].serial],
  )
})

test('a read on demand goes requested, dispatched, confirmed; it is there for who follows the cursor', async () => {
  const { serial } = meters[0]
  const order = { meterId: serial, kind: 'read', id: 'order-0001' }
  const first = await peer.json<Command>('/commands', { method: 'POST', body: order })
  const second = await peer.json<Command>('/commands', { method: 'POST', body: order })
  assert.equal(first.id, second.id)
  const done = await until(async () => {
    const command = await peer.json<Command>('/commands/order-0001')
    return command.state === 'confirmed' && command
  })
  assert.equal(done.meterId, serial)
  const { items, cursor } = await peer.json<{ items: Command[]; cursor: string }>('/commands')
  assert.deepEqual(
    items.map(({ state }) => state),
    ['confirmed'],
  )
  assert.deepEqual((await peer.json<{ items: Command[] }>(`/commands?after=${cursor}`)).items, [])
  assert.ok(
    (await payloads()).some((p) => p.kind === 'readings' && p.readings.some(({ reason }) => reason === 'on-demand')),
  )
})

test('a command that cannot be carried out fails with its reason, one that comes too late expires', async () => {
  meters[1].meddle = () => 'close'
  const { id } = await peer.json<Command>('/commands', {
    method: 'POST',
    body: { meterId: meters[1].serial, kind: 'read' },
  })
  const failed = await until(async () => {
    const command = await peer.json<Command>(`/commands/${id}`)
    return command.state === 'failed' && command
  })
  assert.match(failed.detail, /^CLOSED_BY_PEER/)
  meters[1].meddle = undefined
  await assert.rejects(peer.json('/commands', { method: 'POST', body: { meterId: 'NOBODY', kind: 'read' } }), {
    code: 'METER_UNKNOWN',
  })
  const sessions = await until(async () => {
    const page = await peer.json<{ items: { outcome: string; octetsIn: number }[] }>(
      `/devices/${meters[1].serial}/sessions`,
    )
    return page.items.some(({ outcome }) => outcome === 'CLOSED_BY_PEER') && page.items
  })
  assert.ok(sessions.some(({ outcome, octetsIn }) => outcome === 'OK' && octetsIn > 5000))
})

test('faces refuse in words: cursors, shipments, strangers', async () => {
  await assert.rejects(peer.json('/log?after=99999999'), { code: 'CURSOR_INVALID' })
  await assert.rejects(peer.json('/log?after=x'), { code: 'CURSOR_INVALID' })
  await assert.rejects(peer.json('/shipments', { method: 'POST', body: '{"format": "gridtally' }), {
    code: 'SHIPMENT_INVALID',
  })
  assert.equal((await fetch(`${role.url}/log`)).status, 401)
  assert.equal((await fetch(`${role.url}/shipments`, { method: 'POST' })).status, 401)
  const metrics = await (await fetch(`${role.url}/metrics`)).text()
  assert.match(metrics, /headend_sessions_total\{outcome="OK",priority="scheduled"\} \d+/)
  const health = (await (await fetch(`${role.url}/health`)).json()) as { status: string; devices: { active: number } }
  assert.deepEqual([health.status, health.devices.active], ['ok', 3])
})

test('after a restart it goes on where it was: same devices, nothing twice', async () => {
  const before = await peer.json<{ log: { last: number } }>('/health')
  // A meter that is silent neither holds up the stop nor loses the order it was given.
  meters[2].meddle = () => 'silence'
  const order = { meterId: meters[2].serial, kind: 'read', id: 'order-0002' }
  await peer.json('/commands', { method: 'POST', body: order })
  await until(async () => (await peer.json<Command>('/commands/order-0002')).state === 'dispatched')
  const began = performance.now()
  await role.close()
  assert.ok(performance.now() - began < 3000)
  meters[2].meddle = undefined
  await startRole()
  await until(async () => (await peer.json<Command>('/commands/order-0002')).state === 'confirmed')
  const { items } = await peer.json<{ items: DeviceJson[] }>('/devices')
  assert.equal(items.length, 3)
  const repeated = await peer.json<{ counts: object }>('/shipments', { method: 'POST', body: shipmentOf(meters) })
  assert.deepEqual(repeated.counts, { unchanged: 3 })
  await until(async () => {
    const now = await peer.json<{ log: { last: number } }>('/health')
    return now.log.last > before.log.last
  })
  const seen = new Set<string>()
  for (const payload of await payloads()) {
    if (payload.kind !== 'intervals') continue
    const { meterId, obis, start: from, stepMs, values } = payload.run
    values.forEach((_, i) => {
      const key = `${meterId} ${obis} ${from + i * stepMs}`
      assert.ok(!seen.has(key), `${key} twice`)
      seen.add(key)
    })
  }
  assert.ok(!meters.some(({ events }) => events.some(({ type }) => type === 'replay-refused')))
})

test('without a key to seal with it refuses to start', async () => {
  await assert.rejects(
    start({
      dataDir: join(folder, 'none'),
      host: '127.0.0.1',
      port: 0,
      peers: {},
      callers: {},
      clock,
      log: silentLog,
    }),
    { code: 'CONFIG_INVALID' },
  )
})
