import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The project's folder. */
export const ROOT = join(import.meta.dirname, '..')

/** Paths of the project's own files that match, relative to its folder, `/` between parts. */
export function projectFiles(pattern: RegExp): string[] {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: ROOT, encoding: 'utf8' })
  return listed.split('\0').filter((path) => path !== '' && pattern.test(path))
}

/** Text of a project file; empty when it was deleted but not yet committed. */
export function read(path: string): string {
  try {
    return readFileSync(join(ROOT, path), 'utf8')
  } catch {
    return ''
  }
}

/** Source without comments and without the contents of template and plain strings longer than a module name could be. */
export function withoutComments(source: string): string {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|\s)\/\/[^\n]*/g, '$1')
}

/** Module names a source imports or re-exports from, static or dynamic with a literal. */
export function importsOf(source: string): string[] {
  const text = withoutComments(source)
  const names = [
    ...text.matchAll(/(?:^|\n|;)\s*(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]/g),
    ...text.matchAll(/(?:^|\n|;)\s*import\s*['"]([^'"]+)['"]/g),
    ...text.matchAll(/\bimport\(\s*['"`]([^'"`$]+)['"`]\s*\)/g),
  ]
  return names.map((match) => match[1])
}

/** Names an index file exports by hand-listed `export { … }`, sorted. */
export function exportedNames(index: string): string[] {
  const names: string[] = []
  for (const [, list] of index.matchAll(/export\s+(?:type\s+)?\{([^}]*)\}/g))
    for (const part of list.split(',')) {
      const name = part
        .trim()
        .replace(/^type\s+/, '')
        .split(/\s+as\s+/)
        .at(-1)
      if (name) names.push(name)
    }
  return names.sort()
}

/** A source without what the type stripper removes from its imports: `import type`, and lists of types alone. */
export function withoutTypeImports(source: string): string {
  return source
    .replace(/(^|\n)\s*(import|export)\s+type\s[^'"]*?from\s*['"][^'"]+['"]/g, '$1')
    .replace(/(^|\n)\s*import\s*\{((?:\s*type\s+\w+(?:\s+as\s+\w+)?\s*,?)+)\}\s*from\s*['"][^'"]+['"]/g, '$1')
}
