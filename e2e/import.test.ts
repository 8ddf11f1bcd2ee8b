import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort, gridtally, startPlatform, temporaryFolder } from './platform.ts'
import { signIn } from './session.ts'

const CASES = process.env.GRIDTALLY_CASES
const HOME = CASES ? join(CASES, 'load', 'home-half-hourly-2011-2012.csv') : undefined

interface Total {
  readonly channel: string
  readonly intervals: number
  readonly totalKwh: string
}

const totals = (out: string): Total[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Total)

/** Exact sum of decimal texts, in units of 10^-6. */
const micro = (text: string): bigint => {
  const [whole, fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(6, '0').slice(0, 6))
}

test('a table goes in, comes out with the same digits, goes in again without change, and wrong ones are named by line', {
  timeout: 300_000,
}, async (t) => {
  const dataDir = temporaryFolder(t)
  const platform = await startPlatform(t, dataDir, ['--port', String(await freePort()), '--meters', '2'])
  const file = join(dataDir, 'home.csv')
  const lines = ['time,consumption,generation']
  for (let i = 0; i < 192; i++) {
    const at = new Date(Date.UTC(2026, 2, 28) + i * 900_000).toISOString().slice(0, 16).replace('T', ' ')
    const skipped = at.startsWith('2026-03-29 02')
    lines.push(`${at},${skipped ? '0.0' : `0.${String(100 + i)}`},${i % 40 === 0 ? '' : skipped ? '0' : '0.05'}`)
  }
  writeFileSync(file, `${lines.join('\n')}\n`)
  const args = [
    'import',
    file,
    '--data-dir',
    dataDir,
    '--usage-point',
    'HOME-1',
    '--zone',
    'Europe/Amsterdam',
    '--account',
    'demo-customer',
    '--json',
  ]
  const first = await gridtally(args)
  assert.equal(first.code, 0, first.err)
  const [imported] = totals(first.out).filter(({ channel }) => channel === 'import')
  assert.equal(imported.intervals, 188)

  const exported = await gridtally(['export', '--data-dir', dataDir, '--usage-point', 'HOME-1'])
  assert.equal(exported.code, 0, exported.err)
  const rows = exported.out
    .trim()
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(','))
  const sum = rows
    .filter(([, channel]) => channel === 'import')
    .reduce((all, [, , , , value]) => all + Number(value), 0)
  assert.equal(sum, Number(micro(imported.totalKwh)) / 1000)

  writeFileSync(join(dataDir, 'again.csv'), exported.out)
  const again = await gridtally([
    'import',
    join(dataDir, 'again.csv'),
    '--data-dir',
    dataDir,
    '--usage-point',
    'HOME-1',
    '--json',
  ])
  assert.equal(again.code, 0, again.err)
  assert.equal(totals(again.out).find(({ channel }) => channel === 'import')?.totalKwh, imported.totalKwh)
  const unchanged = await gridtally(['export', '--data-dir', dataDir, '--usage-point', 'HOME-1'])
  assert.equal(unchanged.out, exported.out)

  const customer = await signIn(platform, 'customer')
  const { items } = await customer.json<{ items: { id: string }[] }>('/api/me/usage-points')
  assert.ok(
    items.some(({ id }) => id === 'HOME-1'),
    'the customer sees it',
  )

  writeFileSync(file, 'time,consumption\n2026-01-01 00:00,1\n2026-01-01 00:15,x\n')
  const wrong = await gridtally(['import', file, '--data-dir', dataDir, '--usage-point', 'HOME-1'])
  assert.equal(wrong.code, 1)
  assert.match(wrong.err, /line 3.*"x"/)
  const nowhere = await gridtally(['import', file, '--data-dir', dataDir, '--usage-point', 'HOME-2'])
  assert.equal(nowhere.code, 1)

  const shipment = join(dataDir, 'shipment.json')
  const whole = JSON.stringify(await platform.asAdmin('simulator', '/shipment'))
  writeFileSync(shipment, whole.slice(0, whole.length / 2), { mode: 0o600 })
  const corrupt = await gridtally(['import', shipment, '--data-dir', dataDir])
  assert.equal(corrupt.code, 1)
  assert.match(corrupt.err, /shipment\.json: .*(line|column|octet|character)/)
  assert.equal(corrupt.err.trim().split('\n').length, 1)
  writeFileSync(shipment, whole)
  const taken = await gridtally(['import', shipment, '--data-dir', dataDir])
  assert.equal(taken.code, 0, taken.err)
  await platform.stop()
})

test("a real home's half-hourly year: same totals to the last digit in store, on both screens and in the export", {
  timeout: 300_000,
  skip: HOME && existsSync(HOME) ? false : 'GRIDTALLY_CASES names no folder with real inputs',
}, async (t) => {
  const dataDir = temporaryFolder(t)
  const platform = await startPlatform(t, dataDir, ['--port', String(await freePort()), '--meters', '2'])
  const imported = await gridtally([
    'import',
    HOME ?? '',
    '--data-dir',
    dataDir,
    '--usage-point',
    'REAL-1',
    '--zone',
    'Australia/Sydney',
    '--account',
    'demo-customer',
    '--json',
  ])
  assert.equal(imported.code, 0, imported.err)
  // The file's own sums, in exact decimals of its three meant places.
  const expected: Record<string, bigint> = { import: 0n, export: 0n }
  for (const line of readFileSync(HOME ?? '', 'utf8')
    .trim()
    .split('\n')
    .slice(1)) {
    const [, consumption, generation] = line.split(',')
    expected.import += BigInt(Math.round(Number(consumption) * 1000))
    expected.export += BigInt(Math.round(Number(generation) * 1000))
  }
  for (const { channel, totalKwh } of totals(imported.out))
    assert.equal(micro(totalKwh) / 1000n, expected[channel], channel)

  const exported = await gridtally(['export', '--data-dir', dataDir, '--usage-point', 'REAL-1'])
  const [heading, ...rows] = exported.out
    .trim()
    .split('\r\n')
    .map((line) => line.split(','))
  const at = (name: string): number => heading.indexOf(name)
  for (const channel of ['import', 'export']) {
    const sum = rows
      .filter((row) => row[at('channel')] === channel)
      .reduce((all, row) => all + Number(row[at('value')]), 0)
    assert.equal(BigInt(sum), expected[channel], `export of ${channel}`)
  }
  for (const who of ['customer', 'operator'] as const) {
    const session = await signIn(platform, who)
    const { total } = await session.json<{
      total: Record<string, { energyWh: string; present: number; expected: number }>
    }>('/api/usage-points/REAL-1/buckets?from=2011-07-01&to=2012-07-01&bucket=P1M')
    for (const channel of ['import', 'export']) {
      assert.equal(BigInt(total[channel].energyWh), expected[channel], `${who}, ${channel}`)
      assert.equal(total[channel].present, 366 * 48, `${who}: every half hour of a year with both clock changes`)
    }
  }
  const operator = await signIn(platform, 'operator').catch(() => undefined)
  assert.equal(operator, undefined, 'a link works once')
  await platform.stop()
})
