import { chromium } from 'playwright-core'
const [out, h, ...files] = process.argv.slice(2)
const b = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox','--headless=new','--disable-gpu','--allow-file-access-from-files'] })
const p = await b.newPage({ viewport: { width: 1500, height: 800 } })
const { writeFileSync } = await import('node:fs')
writeFileSync('/tmp/sheet.html', `<body style="margin:0;display:flex;gap:8px;background:#888;align-items:flex-start;flex-wrap:nowrap;width:max-content">${files.map((f) => `<img src="/tmp/shots/${f}.png" style="max-height:${h}px">`).join('')}`)
await p.goto('file:///tmp/sheet.html'); await p.waitForTimeout(300)
const w = await p.evaluate(() => document.body.scrollWidth); await p.setViewportSize({ width: w, height: Number(h) })
await p.screenshot({ path: out }); await b.close()
