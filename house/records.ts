import { PROBLEMS } from '#platform/problems'
import { exportedNames, projectFiles, read } from './sources.ts'

/** Ids of requirements as test titles carry them. */
export const REQUIREMENT_ID = /\b(?:X1332|Y4810|X1770|Q3645|SMCG)-[0-9A-Za-z.]+(?:-[0-9A-Za-z.]+)*-\d+\b/g

/** What each package exports, by the file that records it. */
export function faceRecords(): Map<string, string> {
  const records = new Map<string, string>()
  for (const path of projectFiles(/^packages\/[a-z-]+\/src\/index\.ts$/))
    records.set(`house/faces/${path.split('/')[1]}.txt`, `${exportedNames(read(path)).join('\n')}\n`)
  return records
}

/** `docs/errors.md` with its table of problems as the program has them. */
export function errorsPage(): string {
  const rows = Object.entries(PROBLEMS).map(([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`)
  const table = `| code | status | meaning |\n| --- | --- | --- |\n${rows.join('\n')}\n`
  const page = read('docs/errors.md')
  const from = page.indexOf('| code | status |')
  const rest = page.slice(from).search(/\n\n/)
  return page.slice(0, from) + table + (rest < 0 ? '' : page.slice(from + rest + 1))
}

/** Requirement ids in test titles, each with the tests that claim it. */
export function claims(): Map<string, { file: string; title: string }[]> {
  const found = new Map<string, { file: string; title: string }[]>()
  const titles = /\b(?:test|it|describe|suite)(?:\.\w+)?\(\s*(`[^`]*`|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/g
  for (const file of projectFiles(/\.(test|suite)\.tsx?$/))
    for (const [, quoted] of read(file).matchAll(titles)) {
      const title = quoted.slice(1, -1)
      for (const id of title.match(REQUIREMENT_ID) ?? []) found.set(id, [...(found.get(id) ?? []), { file, title }])
    }
  return found
}
