/**
 * Measures what the built web app makes a browser load, and fails above the budgets: customer home ≤ 150 kB of gzipped JavaScript with
 * everything it needs to show its first screen, each operator chunk loaded later ≤ 250 kB. Run after `npm run build:web`.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const DIST = join(import.meta.dirname, 'dist')
const KB = 1000

/** Budgets in bytes of gzipped JavaScript. */
export const BUDGETS = { home: 150 * KB, operator: 250 * KB } as const

interface Chunk {
  readonly file: string
  readonly imports?: readonly string[]
  readonly dynamicImports?: readonly string[]
}

/** Gzipped bytes of JavaScript that `entry` of the build loads at once, its static imports included, without those in `have`. */
export function measure(
  entry: string,
  have: ReadonlySet<string> = new Set(),
  dist = DIST,
): { readonly bytes: number; readonly files: ReadonlySet<string> } {
  // Vite writes this file in this shape.
  const manifest = JSON.parse(readFileSync(join(dist, '.vite', 'manifest.json'), 'utf8')) as Record<string, Chunk>
  const files = new Set<string>()
  const visit = (name: string): void => {
    const chunk = manifest[name]
    if (!chunk) throw new RangeError(`the build has no ${name}`)
    if (files.has(chunk.file) || have.has(chunk.file)) return
    files.add(chunk.file)
    for (const next of chunk.imports ?? []) visit(next)
  }
  visit(entry)
  let bytes = 0
  for (const file of files)
    if (file.endsWith('.js')) bytes += gzipSync(readFileSync(join(dist, file)), { level: 9 }).length
  return { bytes, files }
}

/** What each route loads, in gzipped bytes; the console is counted on top of the shared start. */
export function routeSizes(dist = DIST): {
  readonly home: number
  readonly operator: number
  readonly operatorTotal: number
} {
  const home = measure('index.html', new Set(), dist)
  const operator = measure('src/console/console.tsx', home.files, dist)
  return { home: home.bytes, operator: operator.bytes, operatorTotal: home.bytes + operator.bytes }
}

if (import.meta.main) {
  const sizes = routeSizes()
  process.stdout.write(`${JSON.stringify({ ...sizes, budgets: BUDGETS })}\n`)
  if (sizes.home > BUDGETS.home || sizes.operator > BUDGETS.operator) process.exitCode = 1
}
