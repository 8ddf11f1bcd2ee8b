import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { projectFiles, ROOT, read } from './sources.ts'

const pages = projectFiles(/\.md$/)

test('every link between pages leads somewhere', () => {
  const broken: string[] = []
  for (const page of pages)
    for (const [, link] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:|#)/.test(link)) continue
      const path = join(ROOT, dirname(page), decodeURIComponent(link.split('#')[0]))
      if (!existsSync(path)) broken.push(`${page} → ${link}`)
    }
  assert.deepEqual(broken, [])
})

test('every role and every package has a page that says what it is for', () => {
  for (const main of projectFiles(/^roles\/[a-z-]+\/main\.ts$/)) {
    const page = `${dirname(main)}/README.md`
    assert.ok(read(page).length > 300, `${page} is missing or empty`)
  }
})

test('every dependency has a paragraph in the decisions', () => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read('package.json')) as Record<
    string,
    Record<string, string>
  >
  const decisions = read('docs/decisions.md')
  const unexplained = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
    (name) => !decisions.includes(`\`${name}\``),
  )
  assert.deepEqual(unexplained, [])
})

test('every dependency is pinned to one version', () => {
  const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'])
    for (const [name, version] of Object.entries(manifest[kind] ?? {})) assert.match(version, /^\d+\.\d+\.\d+$/, name)
})

test('the lock file names no registry host and no dependency needs an install script', () => {
  const lock = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { resolved?: string; hasInstallScript?: boolean; optional?: boolean }>
  }
  const hosts = Object.entries(lock.packages).filter(([, { resolved }]) => resolved?.startsWith('http'))
  assert.deepEqual(hosts, [])
  const scripts = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript && !entry.optional)
  assert.deepEqual(scripts, [])
})

test('the README gives the two commands', () => {
  assert.match(read('README.md'), /npm start/)
  assert.match(read('README.md'), /npm test/)
})
