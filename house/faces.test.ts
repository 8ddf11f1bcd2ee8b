import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROBLEMS } from '#platform/problems'
import { exportedNames, projectFiles, read } from './sources.ts'

for (const path of projectFiles(/^packages\/[a-z-]+\/src\/index\.ts$/)) {
  const [, name] = path.split('/')
  test(`the public face of ${name} is the one on record`, () => {
    const text = read(path)
    assert.ok(!/export\s+\*/.test(text), 'exports are listed by hand')
    assert.ok(!/\b(function|class|const|let)\b/.test(text), 'no logic in an index')
    const recorded = read(`house/faces/${name}.txt`).split('\n').filter(Boolean)
    // Growing a public face is a decision: npm run faces writes it down.
    assert.deepEqual(
      exportedNames(text),
      recorded,
      'the face changed; if that is meant, run "npm run faces" and say so in CHANGELOG.md',
    )
  })
}

test('docs/errors.md lists every problem code with its status, and no other', () => {
  const text = read('docs/errors.md')
  const rows = [...text.matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \|/gm)].map(([, code, status]) => `${code} ${status}`)
  const codes = Object.entries(PROBLEMS).map(([code, { status }]) => `${code} ${status}`)
  assert.deepEqual(rows.sort(), codes.sort())
})

test('docs/errors.md lists every decode error code', () => {
  const source = read('packages/wire/src/decode-error.ts')
  const union = /DecodeCode =([^\n]*(?:\n\s+\|[^\n]*)*)/.exec(source)?.[1] ?? ''
  const codes = [...union.matchAll(/'([A-Z]+)'/g)].map(([, code]) => code)
  assert.ok(codes.length > 4)
  for (const code of codes) assert.ok(read('docs/errors.md').includes(`\`${code}\``), code)
})
