import { relative } from 'node:path'
import { REQUIREMENT_ID } from './records.ts'
import { ROOT } from './sources.ts'

interface TestEvent {
  readonly type: string
  readonly data: {
    readonly name?: string
    readonly file?: string
    readonly skip?: boolean | string
    readonly todo?: boolean | string
  }
}

/** A reporter for Node's test runner: one JSON line per test whose title carries requirement ids. */
export default async function* conformance(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const ids = data.name?.match(REQUIREMENT_ID) ?? []
    const skipped = data.skip !== undefined && data.skip !== false
    const outcome = type === 'test:fail' ? 'failed' : skipped ? 'skipped' : 'passed'
    const file = data.file ? relative(ROOT, data.file).replaceAll('\\', '/') : ''
    for (const id of ids) yield `${JSON.stringify({ id, outcome, title: data.name, file })}\n`
  }
}
