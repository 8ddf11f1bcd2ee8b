/** Takes the pictures of the README from the built web app and the fixture server: `node --conditions=@gridtally/source e2e/pictures.ts`. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startFixture } from '../web/dev/fixture-server.ts'
import { launchBrowser } from './browser.ts'

const FOLDER = join(import.meta.dirname, '..', 'docs', 'img')
const PICTURES = [
  { file: 'portal.png', who: 'customer', path: '/?view=month', width: 1280, height: 866, scheme: 'light' },
  { file: 'console.png', who: 'operator', path: '/console', width: 1360, height: 900, scheme: 'dark' },
] as const

mkdirSync(FOLDER, { recursive: true })
const fixture = await startFixture()
const browser = await launchBrowser()
for (const { file, who, path, width, height, scheme } of PICTURES) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    locale: 'en-GB',
    timezoneId: 'Europe/Amsterdam',
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  await page.goto(`${fixture.url}/sign-in#token=${who}`)
  await page.waitForURL((url) => url.pathname !== '/sign-in')
  await page.goto(`${fixture.url}${path}`)
  await page.waitForTimeout(2500)
  await page.screenshot({ path: join(FOLDER, file) })
  await context.close()
}
await browser.close()
await fixture.close()
