/**
 * From a bare clone to the first chart in a browser, downloads included, and from a second start. Prints one JSON line a figure.
 * The machine's limit is told beside it: `npm ci` alone, and an empty Node process.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launchBrowser } from '../e2e/browser.ts'
import { freePort } from '../e2e/platform.ts'

const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'gridtally-start-'))
const clone = join(folder, 'clone')
execFileSync('git', ['clone', '-q', root, clone])
const port = await freePort()
const browser = await launchBrowser()

const print = (figure: string, ms: number, more: object = {}): void =>
  console.log(JSON.stringify({ figure, value: Number((ms / 1000).toFixed(2)), unit: 's', ...more }))

interface Started {
  readonly child: ChildProcess
  readonly readyMs: number
  readonly chartMs: number
}

async function start(): Promise<Started> {
  const began = performance.now()
  const child = spawn('npm', ['start', '--', '--port', String(port)], {
    cwd: clone,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  const link = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`npm start ended with code ${code}:\n${text}`)))
    running.add(child)
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const match = /customer\s+(http\S+)/.exec(text)
      if (match) resolve(match[1])
    })
  })
  const readyMs = performance.now() - began
  const page = await browser.newPage({ viewport: { width: 390, height: 844 } })
  await page.goto(link)
  // A drawing as wide as a chart, not an icon.
  await page.waitForFunction(
    () =>
      [...document.querySelectorAll('main canvas, main svg')].some(
        (drawing) => drawing.getBoundingClientRect().width > 200,
      ),
    undefined,
    { timeout: 60_000 },
  )
  const chartMs = performance.now() - began
  await page.close()
  return { child, readyMs, chartMs }
}

/** Children still running when something goes wrong below. */
const running = new Set<ChildProcess>()

async function stop(child: ChildProcess): Promise<number> {
  const began = performance.now()
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  child.kill('SIGTERM')
  await gone
  running.delete(child)
  return performance.now() - began
}

try {
  const cold = await start()
  print('bare clone to first chart', cold.chartMs, {
    least: 120,
    aim: 60,
    readyS: Number((cold.readyMs / 1000).toFixed(2)),
  })
  print('stop', await stop(cold.child), { least: 5 })
  const warm: Started[] = []
  for (let i = 0; i < 3; i++) {
    const one = await start()
    warm.push(one)
    await stop(one.child)
  }
  const [, median] = warm.sort((a, b) => a.chartMs - b.chartMs)
  print('warm start to first chart', median.chartMs, {
    least: 12,
    aim: 5,
    readyS: Number((median.readyMs / 1000).toFixed(2)),
    of: 3,
  })

  rmSync(join(clone, 'node_modules'), { recursive: true })
  const began = performance.now()
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: clone, stdio: 'ignore' })
  print('limit: npm ci alone', performance.now() - began)
} finally {
  for (const child of running) child.kill('SIGTERM')
  await browser.close()
  rmSync(folder, { recursive: true, force: true })
}
