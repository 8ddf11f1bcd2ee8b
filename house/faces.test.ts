import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claims, errorsPage, faceRecords, REQUIREMENT_ID } from './records.ts'
import { read } from './sources.ts'

for (const [file, names] of faceRecords())
  test(`the public face recorded in ${file} is the package's own`, () => {
    const text = read(`packages/${file.split('/')[2].replace('.txt', '')}/src/index.ts`)
    assert.ok(!/export\s+\*/.test(text), 'exports are listed by hand')
    assert.ok(!/\b(function|class|const|let)\b/.test(text), 'no logic in an index')
    // Growing a public face is a decision: "npm run records" writes it down.
    assert.equal(
      names,
      read(file),
      'the face changed; if that is meant, run "npm run records" and say so in CHANGELOG.md',
    )
  })

test('docs/errors.md lists every problem code with its status, and no other', () => {
  assert.ok(errorsPage() === read('docs/errors.md'), 'the table is out of date; run "npm run records"')
})

test('docs/conformance.md claims no requirement that no test title carries', () => {
  const titled = claims()
  const listed = read('docs/conformance.md').match(REQUIREMENT_ID) ?? []
  assert.deepEqual(
    [...new Set(listed)].filter((id) => !titled.has(id)),
    [],
  )
})

test('docs/errors.md lists every decode error code', () => {
  const source = read('packages/wire/src/decode-error.ts')
  const union = /DecodeCode =([^\n]*(?:\n\s+\|[^\n]*)*)/.exec(source)?.[1] ?? ''
  const codes = [...union.matchAll(/'([A-Z]+)'/g)].map(([, code]) => code)
  assert.ok(codes.length > 4)
  for (const code of codes) assert.ok(read('docs/errors.md').includes(`\`${code}\``), code)
})
