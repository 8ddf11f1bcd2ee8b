import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { BUDGETS, routeSizes } from '../web/check-budget.ts'
import { type Fixture, startFixture } from '../web/dev/fixture-server.ts'
import { launchBrowser } from './browser.ts'

const ROOT = join(import.meta.dirname, '..')
let browser: Browser
let fixture: Fixture
let dist = ''

before(async () => {
  // A folder of its own: other suites may build and serve web/dist at the same time.
  dist = mkdtempSync(join(tmpdir(), 'gridtally-web-'))
  const vite = join(ROOT, 'node_modules/vite/bin/vite.js')
  execFileSync(process.execPath, [vite, 'build', 'web', '--outDir', dist, '--emptyOutDir'], {
    cwd: ROOT,
    stdio: 'ignore',
  })
  fixture = await startFixture(0, dist)
  browser = await launchBrowser()
})
after(async () => {
  await browser?.close()
  await fixture?.close()
  if (dist) rmSync(dist, { recursive: true, force: true })
})

interface Screen {
  readonly page: Page
  readonly context: BrowserContext
  /** What the page complained about: exceptions, and everything the content security policy stopped. */
  readonly complaints: string[]
}

async function open(options: {
  who?: string
  path: string
  width?: number
  height?: number
  dark?: boolean
}): Promise<Screen> {
  const { who, path, width = 1440, height = 900, dark = false } = options
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    locale: 'en-GB',
    timezoneId: 'Europe/Amsterdam',
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) complaints.push(message.text())
  })
  if (who) {
    await page.goto(`${fixture.url}/sign-in#token=${who}`)
    await page.waitForURL((url) => url.pathname !== '/sign-in')
  }
  await page.goto(`${fixture.url}${path}`)
  await page.waitForLoadState('load')
  return { page, context, complaints }
}

/** Waits until nothing on the page says it is loading. */
async function settled(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor()
  await page.locator('[aria-label="Loading"]').first().waitFor({ state: 'detached' })
  await page.waitForTimeout(250)
}

const SCREENS = [
  { name: 'sign-in', path: '/sign-in' },
  { name: 'customer, month', who: 'customer', path: '/?view=month&table=1' },
  { name: 'customer, long day in money', who: 'customer', path: '/?view=day&date=2026-10-25&show=money' },
  { name: 'customer without data', who: 'empty', path: '/' },
  { name: 'customer while a service is down', who: 'broken', path: '/' },
  { name: 'account', who: 'customer', path: '/account' },
  { name: 'console overview', who: 'operator', path: '/console' },
  { name: 'console meters', who: 'operator', path: '/console/meters' },
  { name: 'console meters, none found', who: 'operator', path: '/console/meters?search=nothing' },
  { name: 'console meter', who: 'operator', path: '/console/meters/GTL10000001' },
  { name: 'console live feed', who: 'operator', path: '/console/live' },
  { name: 'console audit log', who: 'operator', path: '/console/audit' },
  { name: 'no such page', who: 'customer', path: '/nowhere' },
] as const

for (const { name, path, ...rest } of SCREENS)
  test(`${name}: accessible in light and dark, and fits 320 px`, async () => {
    for (const dark of [false, true]) {
      const { page, context, complaints } = await open({ ...rest, path, dark })
      if (name.includes('no such')) await page.getByText('There is no such page').waitFor()
      else await settled(page)
      const { violations, passes } = await new AxeBuilder({ page }).analyze()
      assert.ok(passes.length > 8, 'axe looked at something')
      const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
      assert.deepEqual(
        grave.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)} ${nodes[0].failureSummary ?? ''}`),
        [],
      )
      await page.setViewportSize({ width: 320, height: 640 })
      await page.waitForTimeout(200)
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      assert.ok(wider <= 0, `${wider} px wider than the screen`)
      assert.deepEqual(complaints, [], 'no exceptions, nothing against the content security policy')
      await context.close()
    }
  })

test('every control a finger has to hit is at least 24 px', async () => {
  for (const [who, path] of [
    ['customer', '/?view=day&table=1'],
    ['operator', '/console/meters'],
    ['operator', '/console/meters/GTL10000001'],
  ] as const) {
    const { page, context } = await open({ who, path, width: 360, height: 740 })
    await settled(page)
    const small = await page.evaluate(() =>
      [...document.querySelectorAll('button, a, label:has(input), input:not(label input)')]
        .map((element) => ({ element, box: element.getBoundingClientRect() }))
        // A link inside a sentence is exempt (WCAG 2.5.8), and so is what stretches over its whole row.
        .filter(
          ({ element, box }) =>
            box.width > 0 && !element.closest('p, [role=row]') && (box.height < 24 || box.width < 24),
        )
        .map(({ element }) => element.outerHTML.slice(0, 120)),
    )
    assert.deepEqual(
      small.filter((html) => !html.includes('skip')),
      [],
    )
    await context.close()
  }
})

test('the table has the numbers of the chart, and the keyboard reads the same', async () => {
  const { page, context } = await open({ who: 'customer', path: '/?view=month&table=1' })
  await settled(page)
  const rows = await page
    .locator('section[aria-labelledby] table tbody tr')
    .evaluateAll((list) => list.map((row) => [...row.children].map((cell) => cell.textContent ?? '')))
  assert.equal(rows.length, 31)
  const chart = page.getByRole('slider', { name: /Energy chart/ })
  await chart.focus()
  await page.keyboard.press('Home')
  for (const [index, [day, used, given]] of rows.entries()) {
    const text = (await chart.getAttribute('aria-valuetext')) ?? ''
    assert.ok(text.startsWith(`${day}: Used ${used}, Given ${given}`), `${index}: ${text}`)
    await page.keyboard.press('ArrowRight')
  }
  assert.equal(rows[13][1], 'missing', 'a day without values is called missing, not zero')
  assert.match(rows[19][3], /48 of 96 intervals estimated/)
  await page.keyboard.press('Home')
  await page.keyboard.press('Enter')
  await page.waitForURL(/view=day&date=2026-10-01/)
  await context.close()
})

test('the long day has 25 hours and says why; the day has a link', async () => {
  const { page, context } = await open({ who: 'customer', path: '/?view=day&date=2026-10-24&table=1' })
  await settled(page)
  await page.getByRole('button', { name: 'Next day' }).click()
  await page.waitForURL(/date=2026-10-25/)
  await page.getByText('this day has 25 hours').waitFor()
  const rows = page.locator('table tbody tr')
  assert.equal(await rows.count(), 25)
  const labels = await rows.locator('th').allTextContents()
  assert.equal(new Set(labels).size, 25)
  await page.reload()
  await page.getByText('this day has 25 hours').waitFor()
  await context.close()
})

test('kWh and money, 15 minutes, and other lengths are all in the address', async () => {
  const { page, context } = await open({ who: 'customer', path: '/' })
  await settled(page)
  await page.getByText('Money', { exact: true }).click()
  await page.waitForURL(/show=money/)
  await page.getByText('standing charges').waitFor()
  await page.getByText('Year', { exact: true }).click()
  await page.waitForURL(/view=year/)
  await page.getByText('Green Fixed 2026, Green Day & Night').waitFor()
  await page.goBack()
  await page.waitForURL((url) => !url.search.includes('view=year'))
  await context.close()
})

test('own dates are chosen by keyboard in the calendar or typed', async () => {
  const { page, context, complaints } = await open({
    who: 'customer',
    path: '/?view=custom&date=2026-10-01&last=2026-10-09',
  })
  await settled(page)
  const opener = page.getByRole('button', { name: /Choose dates/ })
  await opener.focus()
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('First day').fill('2026-09-20')
  const { violations } = await new AxeBuilder({ page }).analyze()
  assert.deepEqual(
    violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id} ${nodes[0].html}`),
    [],
  )
  await dialog.getByRole('button', { name: 'Show', exact: true }).click()
  await page.waitForURL(/date=2026-09-20&last=2026-10-09/)
  await opener.click()
  await dialog.waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  assert.deepEqual(complaints, [])
  await context.close()
})

test('menus work by keyboard: display, place, signing out', async () => {
  const { page, context, complaints } = await open({ who: 'customer', path: '/' })
  await settled(page)
  const menu = page.getByRole('button', { name: /Account and display/ })
  await menu.focus()
  await page.keyboard.press('Enter')
  await page.getByRole('menuitem', { name: 'Dark' }).waitFor()
  await page.keyboard.press('d')
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark')
  await page.getByRole('menu').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: /^Place: 12 Mill Lane/ }).click()
  await page.getByRole('menuitem', { name: /Harbour View/ }).click()
  await page.waitForURL(/point=871690930000000426/)
  await page.getByRole('button', { name: /^Place: 3 Harbour View/ }).waitFor()
  await menu.click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.waitForURL(/sign-in/)
  assert.deepEqual(complaints, [])
  await page.goto(`${fixture.url}/`)
  await page.waitForURL(/sign-in/)
  await context.close()
})

test('a sign-in token never goes to a server in an address, and bad links say what to do', async () => {
  const { page, context } = await open({ path: '/sign-in' })
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  for (const [token, words] of [
    ['expired', 'too old'],
    ['used', 'has been used'],
    ['cut', 'not complete'],
  ] as const) {
    await page.goto('about:blank')
    await page.goto(`${fixture.url}/sign-in#token=${token}`)
    await page.getByRole('alert').getByText(words).waitFor()
    assert.ok(!page.url().includes(token), 'the token left the address')
  }
  assert.ok(
    asked.length > 0 && asked.every((url) => !/expired|used|cut/.test(new URL(url).pathname + new URL(url).search)),
  )
  await context.close()
})

test('a passkey is added and signs in', async () => {
  const { page, context } = await open({ path: '/sign-in' })
  const local = fixture.url.replace('127.0.0.1', 'localhost')
  const session = await context.newCDPSession(page)
  await session.send('WebAuthn.enable')
  await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  await page.goto(`${local}/sign-in#token=customer`)
  await page.waitForURL((url) => url.pathname === '/')
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.waitForURL(/account/)
  await page.getByText('No passkeys yet').waitFor()
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByText('Passkey added').waitFor()
  await page.getByRole('button', { name: /Account and display/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.waitForURL((url) => url.pathname === '/')
  await page.getByRole('heading', { name: /Mill Lane/ }).waitFor()
  await context.close()
})

test('a session that ends while the page is open leads back to sign-in and leaves nothing on screen', async () => {
  const { page, context } = await open({ who: 'customer', path: '/' })
  await settled(page)
  await context.clearCookies()
  await page.getByText('Year', { exact: true }).click()
  await page.waitForURL(/sign-in/)
  await page.getByText('Your session has ended').waitFor()
  assert.equal(await page.getByText('Mill Lane').count(), 0)
  await context.close()
})

test('live readings move "now" without a reload', async () => {
  const { page, context } = await open({ who: 'customer', path: '/' })
  await page.getByText('Live', { exact: true }).waitFor()
  const age = page.locator('time').nth(1)
  await age.waitFor()
  const first = await age.getAttribute('datetime')
  await page.waitForFunction((before) => document.querySelectorAll('time')[1]?.dateTime !== before, first, {
    timeout: 8000,
  })
  await context.close()
})

test('the console goes by keyboard: search, meters, reading a meter now', async () => {
  const { page, context } = await open({ who: 'operator', path: '/console' })
  await settled(page)
  await page.keyboard.press('g')
  await page.keyboard.press('m')
  await page.waitForURL(/console\/meters/)
  await page.getByText('10,000 meters').waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('GTL100004')
  await page.waitForURL(/search=GTL100004/)
  await page.getByText('100 meters').waitFor()
  await page.getByText('Failing', { exact: true }).first().click()
  await page.waitForURL(/state=failing/)
  await page.goto(`${fixture.url}/console/meters/GTL10000001`)
  await page.getByRole('button', { name: 'Read now' }).click()
  await page.getByText('Read and stored').waitFor()
  await page.keyboard.press('?')
  await page.getByRole('dialog').getByText('Live feed').waitFor()
  await context.close()
})

test('the audit log is searched by subject, and its seals are checked on request', async () => {
  const { page, context } = await open({ who: 'operator', path: '/console/audit' })
  await settled(page)
  await page.getByRole('button', { name: 'Check the seals' }).click()
  await page.getByText('All 48,213 entries are whole').waitFor()
  await page.keyboard.press('/')
  const field = page.getByRole('searchbox', { name: /About/ })
  await field.fill('nothing')
  await field.press('Enter')
  await page.waitForURL(/subject=nothing/)
  await page.getByText('No entries').waitFor()
  await context.close()
})

test('10 000 meters scroll without 10 000 rows in the page', async () => {
  const { page, context } = await open({ who: 'operator', path: '/console/meters' })
  await settled(page)
  const table = page.getByRole('table', { name: 'Meters' })
  for (let n = 0; n < 6; n++) {
    await table.evaluate((element) => element.scrollTo(0, element.scrollHeight))
    await page.waitForTimeout(150)
  }
  assert.ok((await page.getByRole('row').count()) < 80)
  const last = Number(await page.getByRole('row').last().getAttribute('aria-rowindex'))
  assert.ok(last > 250, `row ${last} reached`)
  await context.close()
})

test('nothing of a customer is left in the browser but the chosen look', async () => {
  const { page, context } = await open({ who: 'customer', path: '/?view=month' })
  await settled(page)
  const kept = await page.evaluate(async () => ({
    local: Object.keys(localStorage),
    session: Object.keys(sessionStorage),
    databases: (await indexedDB.databases()).length,
    caches: (await caches.keys().catch(() => [])).length,
    cookie: document.cookie,
  }))
  assert.deepEqual(kept, { local: [], session: [], databases: 0, caches: 0, cookie: '' })
  await context.close()
})

test('the customer home loads at most 150 kB of JavaScript, the console at most 250 kB more', () => {
  const { home, operator } = routeSizes(dist)
  assert.ok(home <= BUDGETS.home, `${home} octets`)
  assert.ok(operator <= BUDGETS.operator, `${operator} octets`)
})
