import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './sources.ts'

interface Outcome {
  readonly id: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly title: string
  readonly file: string
}

const folder = mkdtempSync(join(tmpdir(), 'gridtally-conformance-'))
const outcomes: Outcome[] = []
for (const [name, globs, flags] of [
  ['unit', '{packages,platform,roles,cli,house,web}/**/*.test.ts', ['--test-isolation=none']],
  ['e2e', 'e2e/**/*.test.ts', ['--test-concurrency=1']],
] as const) {
  console.log(`running the ${name} tests …`)
  const out = join(folder, `${name}.jsonl`)
  spawnSync(
    process.execPath,
    [
      '--conditions=@gridtally/source',
      '--test',
      ...flags,
      '--test-reporter=dot',
      '--test-reporter-destination=stdout',
      '--test-reporter=./house/conformance-reporter.ts',
      `--test-reporter-destination=${out}`,
      globs,
    ],
    { cwd: ROOT, stdio: 'inherit' },
  )
  for (const line of readFileSync(out, 'utf8').split('\n')) if (line !== '') outcomes.push(JSON.parse(line) as Outcome)
}
rmSync(folder, { recursive: true })

const byId = new Map<string, Outcome[]>()
for (const one of outcomes) byId.set(one.id, [...(byId.get(one.id) ?? []), one])
const verdict = (tests: readonly Outcome[]): string =>
  tests.some(({ outcome }) => outcome === 'failed')
    ? 'failed'
    : tests.every(({ outcome }) => outcome === 'skipped')
      ? 'skipped'
      : 'passed'
const rows = [...byId]
  .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
  .map(
    ([id, tests]) =>
      `| ${id} | ${verdict(tests)} | ${[...new Set(tests.map(({ title, file }) => `${title.replaceAll('|', '\\|')} (\`${file}\`)`))].join('<br>')} |`,
  )
writeFileSync(
  join(ROOT, 'docs/conformance.md'),
  `# Conformance

Written by \`npm run conformance\` from the outcomes of the tests it ran; do not edit. Requirement ids name the source document
(SMCG: CEN/CENELEC/ETSI SM-CG reference architecture; X1332, Y4810, X1770, Q3645: the ITU-T Recommendations) and its clause.
A row says that a test with this id in its title passed; the test says what was shown. Ids not listed are not yet claimed.

${byId.size} requirements claimed.

| requirement | outcome | shown by |
| --- | --- | --- |
${rows.join('\n')}
`,
)
console.log(`docs/conformance.md: ${byId.size} requirements`)
