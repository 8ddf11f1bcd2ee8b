import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatLocalDay, localDayOf, localDayRange } from '@gridtally/metering'
import { eventually, freePort, gridtally, type Platform, startPlatform, temporaryFolder } from './platform.ts'
import { signIn } from './session.ts'

interface FleetMeter {
  readonly meterId: string
  readonly port: number
  readonly usagePointId: string | null
  readonly periodMinutes: number
  readonly faults: readonly unknown[]
}

const ROLES = ['access', 'headend', 'mdms', 'portal', 'simulator']
/** Zone of the simulated neighbourhood. */
const ZONE = 'Europe/Amsterdam'

/** Everything collected: history imported, and the meters' last days read over DLMS. */
async function settled(platform: Platform): Promise<FleetMeter[]> {
  await eventually(
    async () => {
      const health = (await (await fetch(`${platform.url}/health`)).json()) as {
        simulator: { provisioning: { phase: string } }
      }
      return health.simulator.provisioning.phase === 'done' ? true : undefined
    },
    120_000,
    'history stored',
  )
  const { meters } = await platform.asAdmin<{ meters: FleetMeter[] }>('simulator', '/fleet')
  return meters
}

interface Row {
  readonly type: string
  readonly at: string
  readonly values: readonly { readonly obis: string; readonly value: string }[]
}

test('SMCG-A3-1a2-02 X1332-3.2-08 one number from meter to screen: truth, profile, store, API and CSV agree for every meter without faults', {
  timeout: 600_000,
}, async (t) => {
  const dataDir = temporaryFolder(t)
  const port = await freePort()
  const platform = await startPlatform(t, dataDir, ['--port', String(port), '--meters', '10', '--seed', '7'])
  assert.equal(platform.url, `http://127.0.0.1:${port}`)
  const health = await fetch(`${platform.url}/health`)
  assert.equal(health.status, 200)
  const perRole = (await health.json()) as Record<string, { status: string }>
  assert.deepEqual(Object.keys(perRole).sort(), ROLES)
  for (const role of ROLES) assert.equal(perRole[role].status, 'ok', role)

  const meters = await settled(platform)
  const sound = meters.filter(({ faults, usagePointId }) => faults.length === 0 && usagePointId !== null)
  assert.ok(sound.length >= 5, 'a fleet of ten has at least five sound meters')
  // Two whole local days that were read over DLMS, up to the last local midnight.
  const today = localDayOf(Date.now(), ZONE)
  const { from } = localDayRange(today - 2, ZONE)
  const { to } = localDayRange(today - 1, ZONE)
  const shipment = join(dataDir, 'shipment.json')
  writeFileSync(shipment, JSON.stringify(await platform.asAdmin('simulator', '/shipment')), { mode: 0o600 })
  const operator = await signIn(platform, 'operator')

  for (const meter of sound) {
    const { registers } = await platform.asAdmin<{
      registers: { from: { importWh: number }; to: { importWh: number } }
    }>('simulator', `/truth/${meter.meterId}?from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`)
    const truth = registers.to.importWh - registers.from.importWh
    const range = `from=${encodeURIComponent(new Date(from).toISOString())}&to=${encodeURIComponent(new Date(to).toISOString())}`
    const stored = await eventually(
      async () => {
        const { intervals } = await platform.asAdmin<{ intervals: { value: string | null }[] }>(
          'mdms',
          `/usage-points/${meter.usagePointId}/channels/import/intervals?${range}`,
        )
        const expected = (to - from) / 60_000 / meter.periodMinutes
        return intervals.length === expected && intervals.every(({ value }) => value !== null) ? intervals : undefined
      },
      180_000,
      `intervals of ${meter.meterId}`,
    )
    assert.equal(
      stored.reduce((sum, { value }) => sum + Number(value), 0),
      truth,
      `store of ${meter.meterId}`,
    )

    const profile = await gridtally([
      'read',
      `127.0.0.1:${meter.port}`,
      '--auth',
      'gmac',
      '--keys',
      shipment,
      '--profile',
      '1.0.99.1.0.255',
      '--from',
      new Date(from).toISOString(),
      '--to',
      new Date(to + 60_000).toISOString(),
      '--json',
    ])
    assert.equal(profile.code, 0, profile.err)
    const rows = profile.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Row)
      .filter(({ type }) => type === 'row')
    const register = (row: Row | undefined): number =>
      Number(row?.values.find(({ obis }) => obis === '1.0.1.8.0.255')?.value)
    assert.equal(register(rows.at(-1)) - register(rows[0]), truth, `profile of ${meter.meterId}`)

    const csv = await gridtally([
      'export',
      '--data-dir',
      dataDir,
      '--usage-point',
      String(meter.usagePointId),
      '--from',
      new Date(from).toISOString(),
      '--to',
      new Date(to).toISOString(),
    ])
    assert.equal(csv.code, 0, csv.err)
    const [heading, ...lines] = csv.out
      .trim()
      .split('\r\n')
      .map((line) => line.split(','))
    const column = (name: string): number => heading.indexOf(name)
    const exported = lines
      .filter((fields) => fields[column('channel')] === 'import')
      .reduce((sum, fields) => sum + Number(fields[column('value')]), 0)
    assert.equal(exported, truth, `CSV of ${meter.meterId}`)

    const shown = await operator.json<{
      total: { import: { energyWh: string } }
      buckets: { import: { energyWh: string } }[]
    }>(
      `/api/usage-points/${meter.usagePointId}/buckets?from=${formatLocalDay(today - 2)}&to=${formatLocalDay(today)}&bucket=PT1H`,
    )
    assert.equal(Number(shown.total.import.energyWh), truth, `total on the screens of ${meter.meterId}`)
    assert.equal(
      shown.buckets.reduce((sum, bucket) => sum + Number(bucket.import.energyWh), 0),
      truth,
      `bars of ${meter.meterId}`,
    )
  }

  const stopped = await platform.stop()
  assert.equal(stopped.code, 0)
  assert.ok(stopped.ms < 5000, `stopped within ${stopped.ms} ms`)

  const again = await startPlatform(t, dataDir, ['--port', String(port)])
  for (const meter of sound) {
    const { registers } = await again.asAdmin<{ registers: { from: { importWh: number }; to: { importWh: number } } }>(
      'simulator',
      `/truth/${meter.meterId}?from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`,
    )
    const { intervals } = await again.asAdmin<{ intervals: { value: string | null }[] }>(
      'mdms',
      `/usage-points/${meter.usagePointId}/channels/import/intervals?from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`,
    )
    assert.equal(
      intervals.reduce((sum, { value }) => sum + Number(value), 0),
      registers.to.importWh - registers.from.importWh,
      `after the restart: ${meter.meterId}`,
    )
  }
  assert.equal((await again.stop()).code, 0)
})

test('a taken port, an unwritable folder and a broken configuration are one clear line each', {
  timeout: 60_000,
}, async (t) => {
  const folder = temporaryFolder(t)
  const port = await freePort()
  const squatter = createServer()
  await new Promise<void>((resolve) => squatter.listen(port, '127.0.0.1', resolve))
  t.after(() => squatter.close())
  const taken = await gridtally(['start', '--port', String(port), '--data-dir', join(folder, 'a')])
  assert.equal(taken.code, 1)
  assert.match(taken.err, new RegExp(`port ${port} .*taken.*--port`))

  const unwritable = await gridtally(['start', '--port', String(await freePort()), '--data-dir', '/proc/nowhere'])
  assert.equal(unwritable.code, 1)
  assert.match(unwritable.err, /\/proc\/nowhere/)
  if (process.getuid?.() !== 0) {
    const closed = join(folder, 'closed')
    mkdirSync(closed)
    chmodSync(closed, 0o500)
    assert.match((await gridtally(['start', '--data-dir', join(closed, 'data')])).err, /closed/)
  }

  const config = join(folder, 'config.json')
  for (const [content, words] of [
    ['{"headend":{"nosuch":1}}', /nosuch/],
    ['{"headend":', /config\.json/],
    ['{"heedend":{}}', /heedend/],
  ] as const) {
    writeFileSync(config, content)
    const wrong = await gridtally([
      'start',
      '--port',
      String(await freePort()),
      '--data-dir',
      join(folder, 'b'),
      '--config',
      config,
    ])
    assert.equal(wrong.code, 2, wrong.err)
    assert.match(wrong.err, words)
  }
})

test('no key, password or token is in any log', { timeout: 300_000 }, async (t) => {
  const dataDir = temporaryFolder(t)
  const platform = await startPlatform(t, dataDir, ['--port', String(await freePort()), '--meters', '3'])
  await settled(platform)
  const shipment = await platform.asAdmin<{ devices: { keys: Record<string, string> }[] }>('simulator', '/shipment')
  await signIn(platform, 'customer')
  const link = platform.linkToken('customer')
  await platform.stop()
  const secrets = [link, ...shipment.devices.flatMap(({ keys }) => Object.values(keys))]
  for (const role of ROLES) {
    const log = readFileSync(join(dataDir, 'logs', `${role}.log`), 'utf8')
    for (const secret of secrets) {
      assert.ok(!log.includes(secret), `${role} logs a secret`)
      assert.ok(
        !log.includes(Buffer.from(secret, 'hex').toString('base64')) || secret === link,
        `${role} logs a secret in base64`,
      )
    }
  }
})
