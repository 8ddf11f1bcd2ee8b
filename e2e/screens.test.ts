import assert from 'node:assert/strict'
import { test } from 'node:test'
import { launchBrowser } from './browser.ts'
import { freePort, startPlatform, temporaryFolder } from './platform.ts'
import { signIn } from './session.ts'

test('a customer on a phone and an operator on a desktop sign in with their links and see the same data', {
  timeout: 300_000,
}, async (t) => {
  const platform = await startPlatform(t, temporaryFolder(t), ['--port', String(await freePort()), '--meters', '6'])
  const browser = await launchBrowser()
  t.after(() => browser.close())

  const phone = await browser.newContext({ viewport: { width: 320, height: 700 } })
  const customer = await phone.newPage()
  const errors: string[] = []
  customer.on('pageerror', (error) => errors.push(String(error)))
  customer.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  await customer.goto(`${platform.url}/sign-in#token=${platform.linkToken('customer')}`)
  await customer.getByRole('heading', { name: /now/i }).first().waitFor({ timeout: 30_000 })
  await customer
    .getByRole('heading', { name: /history/i })
    .first()
    .waitFor({ timeout: 30_000 })
  assert.ok(!customer.url().includes('token'), 'the link is gone from the address')
  const width = await customer.evaluate(() => document.documentElement.scrollWidth)
  assert.ok(width <= 320, `nothing sticks out at 320 px (${width})`)
  assert.match((await customer.textContent('main')) ?? '', /kWh/)

  const desktop = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const operator = await desktop.newPage()
  operator.on('pageerror', (error) => errors.push(String(error)))
  await operator.goto(`${platform.url}/sign-in#token=${platform.linkToken('operator')}`)
  await operator.getByRole('heading', { name: 'Overview' }).waitFor({ timeout: 30_000 })
  await operator.goto(`${platform.url}/console/meters`)
  const { meters } = await platform.asAdmin<{ meters: { meterId: string }[] }>('simulator', '/fleet')
  await operator.getByText(meters[0].meterId).first().waitFor({ timeout: 30_000 })
  assert.deepEqual(errors, [])
  await platform.stop()
})

test('X1332-10.2-05 a customer reaches only their own usage points, whatever they ask for', {
  timeout: 300_000,
}, async (t) => {
  const platform = await startPlatform(t, temporaryFolder(t), ['--port', String(await freePort()), '--meters', '4'])
  const customer = await signIn(platform, 'customer')
  const { items } = await customer.json<{ items: { id: string }[] }>('/api/me/usage-points')
  assert.ok(items.length >= 1)
  const { meters } = await platform.asAdmin<{ meters: { usagePointId: string | null; meterId: string }[] }>(
    'simulator',
    '/fleet',
  )
  const own = new Set(items.map(({ id }) => id))
  const foreign = meters.flatMap(({ usagePointId }) =>
    usagePointId !== null && !own.has(usagePointId) ? [usagePointId] : [],
  )
  assert.ok(foreign.length > 0)
  for (const id of [...foreign, 'NOSUCH', '..%2F..', '%00'])
    for (const face of [
      'now',
      'summary',
      'buckets?from=2026-01-01&to=2026-01-02&bucket=P1D',
      'intervals?from=2026-01-01&to=2026-01-02',
      'export.csv?from=2026-01-01&to=2026-01-02',
    ]) {
      const { status } = await customer.raw(`/api/usage-points/${id}/${face}`)
      assert.ok(status === 404 || status === 400, `${id}/${face}: ${status}`)
    }
  for (const path of [
    '/api/operator/overview',
    '/api/operator/meters',
    `/api/operator/meters/${meters[0].meterId}`,
    '/api/operator/events',
  ])
    assert.equal((await customer.raw(path)).status, 403, path)
  assert.equal((await fetch(`${platform.url}/api/me`)).status, 401)
  await platform.stop()
})
