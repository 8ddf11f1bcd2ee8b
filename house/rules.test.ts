import assert from 'node:assert/strict'
import { builtinModules } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { importsOf, projectFiles, read, withoutComments, withoutTypeImports } from './sources.ts'

/** Rooms a room's code may import from; `node` and `npm` are Node's modules and the registry's. `*` opens all doors. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  'packages/wire': [],
  'packages/metering': ['packages/wire'],
  'packages/dlms': ['packages/wire', 'packages/metering'],
  'packages/vee': ['packages/wire', 'packages/metering'],
  'packages/exchange': ['packages/wire', 'packages/metering'],
  platform: ['packages/wire', 'packages/metering', 'packages/dlms', 'node', 'npm'],
  'roles/simulator': ['packages', 'platform', 'node', 'npm'],
  'roles/headend': ['packages', 'platform', 'node', 'npm'],
  'roles/mdms': ['packages', 'platform', 'node', 'npm'],
  'roles/access': ['packages', 'platform', 'node', 'npm'],
  'roles/portal': ['packages', 'platform', 'node', 'npm'],
  cli: ['packages', 'platform', 'node', 'npm'],
  web: ['packages/metering', 'npm'],
  house: ['*'],
  e2e: ['*'],
  bench: ['*'],
  'main.ts': ['*'],
}

/** Inside dlms: a folder may import those named; `index.ts` and the link-layer port are open to all. */
const DLMS_DOORS: Readonly<Record<string, readonly string[]>> = {
  axdr: [],
  hdlc: [],
  wrapper: [],
  'mbus-carrier': [],
  security: ['axdr', 'xdlms'],
  acse: ['axdr', 'xdlms', 'security'],
  xdlms: ['axdr'],
  gbt: ['axdr', 'xdlms'],
  cosem: ['axdr', 'xdlms', 'acse'],
  client: ['axdr', 'xdlms', 'acse', 'security', 'cosem', 'wrapper', 'hdlc'],
  server: ['axdr', 'xdlms', 'acse', 'security', 'cosem', 'wrapper', 'hdlc'],
  explain: ['axdr', 'xdlms', 'acse', 'security', 'cosem', 'gbt', 'hdlc', 'wrapper', 'mbus-carrier'],
  push: ['axdr', 'xdlms', 'security', 'cosem', 'explain'],
}

const isTest = (path: string): boolean => /\.(test|suite)\.tsx?$/.test(path) || path.includes('/dev/')
const sources = projectFiles(/\.(ts|tsx)$/)
const builtin = new Set(builtinModules)

function roomOf(path: string): string {
  const room = Object.keys(DOORS).find((name) => path === name || path.startsWith(`${name}/`))
  assert.ok(room, `${path} lies in no room the door table knows`)
  return room
}

/** The room an import leads to. */
function target(from: string, name: string): string {
  if (name.startsWith('.')) return roomOf(normalize(join(dirname(from), name)).replaceAll('\\', '/'))
  if (name.startsWith('#platform/')) return 'platform'
  const own = /^@gridtally\/([a-z]+)$/.exec(name)
  if (own) return `packages/${own[1]}`
  if (name.startsWith('node:') || builtin.has(name)) return 'node'
  return 'npm'
}

test('every import goes through a door of the table', () => {
  const wrong: string[] = []
  for (const path of sources) {
    const room = roomOf(path)
    const doors = DOORS[room]
    for (const name of importsOf(read(path))) {
      const to = target(path, name)
      if (to === room || doors.includes('*') || doors.some((door) => to === door || to.startsWith(`${door}/`))) continue
      // Tests run under Node with its runner; those of protocol packages may also use the platform's cipher.
      if (isTest(path) && (to === 'node' || to === 'npm' || to === 'platform')) continue
      if (path === 'web/vite.config.ts' || path === 'web/check-budget.ts') continue
      wrong.push(`${path} → ${name}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('packages are imported by name, roles never by each other', () => {
  const wrong = sources.flatMap((path) =>
    importsOf(read(path))
      .filter((name) => name.startsWith('.'))
      .map((name) => [path, normalize(join(dirname(path), name)).replaceAll('\\', '/')] as const)
      .filter(
        ([from, to]) =>
          roomOf(from) !== roomOf(to) && /^(packages|platform)\//.test(to) && from !== 'main.ts' && !isTest(from),
      )
      .map(([from, to]) => `${from} → ${to}`),
  )
  assert.deepEqual(wrong, [])
})

test('inside dlms the layers keep their order', () => {
  const wrong: string[] = []
  for (const path of sources) {
    const [, layer] = /^packages\/dlms\/src\/([a-z-]+)\//.exec(path) ?? []
    if (!layer || isTest(path)) continue
    assert.ok(layer in DLMS_DOORS, `packages/dlms/src/${layer} is no layer the table knows`)
    for (const name of importsOf(read(path))) {
      if (!name.startsWith('.')) continue
      const [, to] =
        /^packages\/dlms\/src\/([a-z-]+)\//.exec(normalize(join(dirname(path), name)).replaceAll('\\', '/')) ?? []
      if (to && to !== layer && !DLMS_DOORS[layer].includes(to)) wrong.push(`${path} → ${name}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('packages use nothing only Node has', () => {
  const wrong = sources.filter(
    (path) =>
      path.startsWith('packages/') &&
      !isTest(path) &&
      /\bBuffer\b|\bprocess\.|\brequire\(/.test(withoutComments(read(path))),
  )
  assert.deepEqual(wrong, [])
})

test('no module is part of a cycle of imports that run', () => {
  const graph = new Map<string, string[]>()
  for (const path of sources)
    graph.set(
      path,
      importsOf(withoutTypeImports(read(path)))
        .filter((name) => name.startsWith('.'))
        .map((name) => normalize(join(dirname(path), name)).replaceAll('\\', '/')),
    )
  const done = new Set<string>()
  const walk = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path]
    if (done.has(path)) return undefined
    for (const next of graph.get(path) ?? []) {
      const cycle = walk(next, [...trail, path])
      if (cycle) return cycle
    }
    done.add(path)
    return undefined
  }
  for (const path of graph.keys()) assert.equal(walk(path, [])?.join(' → '), undefined)
})

test('only configuration code reads the environment', () => {
  const allowed = /^(main\.ts|cli\/|platform\/log\.ts|e2e\/|bench\/|house\/|web\/(dev|vite))/
  const wrong = sources.filter(
    (path) => !allowed.test(path) && !isTest(path) && withoutComments(read(path)).includes('process.env'),
  )
  assert.deepEqual(wrong, [])
})

test('every GCM cipher states its tag length', () => {
  for (const path of sources) {
    const text = withoutComments(read(path))
    for (const { 0: call } of text.matchAll(/\bcreate(?:C|Dec)ipheriv\([^;]*?\)\s*(?:\n|;|\.)/g))
      if (/gcm|ccm/i.test(call))
        assert.ok(/authTagLength|GCM_OPTIONS/.test(call) && /authTagLength:/.test(text), `${path}: ${call}`)
  }
})

test('no house words: enums, namespaces, decorators, folders of leftovers, silenced checks', () => {
  for (const path of sources) {
    assert.ok(!/\/(utils?|helpers?|misc|common)\//.test(path), `${path}: name the room by what it holds`)
    const text = withoutComments(read(path))
    assert.ok(!/^\s*(export\s+)?(declare\s+)?(enum|namespace)\s+\w+\s*\{/m.test(text), `${path}: enum or namespace`)
    assert.ok(
      !/@ts-(ignore|nocheck|expect-error)/.test(read(path)) || path.startsWith('house/'),
      `${path}: silenced check`,
    )
  }
})

test('files stay in one room: no source is longer than 500 lines', () => {
  const long = sources.filter((path) => read(path).split('\n').length > 500)
  assert.deepEqual(long, [])
})

test("a role's main is a composition of under 80 lines that exports start", () => {
  for (const path of projectFiles(/^roles\/[a-z-]+\/main\.ts$/)) {
    assert.ok(read(path).split('\n').length <= 80, path)
    assert.match(read(path), /export (const|async function|function) start\b/, path)
  }
})
