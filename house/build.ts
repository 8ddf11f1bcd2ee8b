/**
 * Fills `dist/` for publishing: one package a folder under `dist/packages`, and the program with its command `gridtally` in `dist`
 * itself, as JavaScript with types, for Node 22 and later.
 */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { buildWeb } from '../cli/build-web.ts'
import { projectFiles, ROOT } from './sources.ts'

type Manifest = Record<string, unknown> & { dependencies?: Record<string, string>; version: string }

const dist = join(ROOT, 'dist')
const manifestOf = (path: string): Manifest => JSON.parse(readFileSync(path, 'utf8')) as Manifest
const write = (path: string, value: object): void => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`)

rmSync(dist, { recursive: true, force: true })
console.log('compiling …')
execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json'], { cwd: ROOT, stdio: 'inherit' })

for (const name of readdirSync(join(ROOT, 'packages'))) {
  const source = join(ROOT, 'packages', name)
  const target = join(dist, 'packages', name)
  const { exports: _, ...manifest } = manifestOf(join(source, 'package.json'))
  write(join(target, 'package.json'), {
    ...manifest,
    exports: { '.': { types: './src/index.d.ts', default: './src/index.js' } },
    files: ['src'],
  })
  copyFileSync(join(ROOT, 'LICENSE'), join(target, 'LICENSE'))
  // The program in `dist` finds the packages as it would find installed ones.
  mkdirSync(join(dist, 'node_modules/@gridtally'), { recursive: true })
  symlinkSync(join('../../packages', name), join(dist, 'node_modules/@gridtally', name), 'junction')
}

for (const file of projectFiles(/^(roles|platform)\/.*\.(sql|json)$/)) {
  mkdirSync(dirname(join(dist, file)), { recursive: true })
  copyFileSync(join(ROOT, file), join(dist, file))
}
console.log('building the screens …')
await buildWeb(ROOT)
if (existsSync(join(ROOT, 'web/dist'))) cpSync(join(ROOT, 'web/dist'), join(dist, 'web/dist'), { recursive: true })

const root = manifestOf(join(ROOT, 'package.json'))
const own = Object.fromEntries(readdirSync(join(ROOT, 'packages')).map((name) => [`@gridtally/${name}`, root.version]))
write(join(dist, 'package.json'), {
  name: 'gridtally',
  version: root.version,
  description: root.description,
  license: root.license,
  type: 'module',
  engines: { node: '>=22' },
  bin: { gridtally: 'main.js' },
  imports: { '#platform/*': './platform/*.js' },
  files: ['main.js', 'cli', 'platform', 'roles', 'web'],
  dependencies: { ...root.dependencies, ...own },
})
copyFileSync(join(ROOT, 'LICENSE'), join(dist, 'LICENSE'))
chmodSync(join(dist, 'main.js'), 0o755)
console.log(`dist/ holds gridtally ${root.version} and ${Object.keys(own).length} packages`)
