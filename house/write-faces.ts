import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportedNames, projectFiles, ROOT, read } from './sources.ts'

mkdirSync(join(ROOT, 'house/faces'), { recursive: true })
for (const path of projectFiles(/^packages\/[a-z-]+\/src\/index\.ts$/)) {
  const names = exportedNames(read(path))
  const file = `house/faces/${path.split('/')[1]}.txt`
  writeFileSync(join(ROOT, file), `${names.join('\n')}\n`)
  console.log(`${file}: ${names.length} names`)
}
