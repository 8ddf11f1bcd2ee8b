import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorsPage, faceRecords } from './records.ts'
import { ROOT } from './sources.ts'

mkdirSync(join(ROOT, 'house/faces'), { recursive: true })
for (const [file, names] of faceRecords()) {
  writeFileSync(join(ROOT, file), names)
  console.log(`${file}: ${names.split('\n').length - 1} names`)
}
writeFileSync(join(ROOT, 'docs/errors.md'), errorsPage())
