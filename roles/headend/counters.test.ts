import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { openCounters } from './counters.ts'

async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gt-counters-'))
  try {
    await work(join(folder, 'counters'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('no counter is given twice over restarts, wherever the process stopped', () =>
  inFolder(async (path) => {
    const used = new Map<string, Set<number>>()
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('A', 'B'), fc.integer({ min: 1, max: 9 })), { maxLength: 8 }),
        async (steps) => {
          const counters = await openCounters(path, 4)
          await Promise.all(
            steps.map(async ([meterId, count]) => {
              const first = await counters.reserve(meterId, count)
              const seen = used.get(meterId) ?? new Set()
              used.set(meterId, seen)
              for (let value = first; value < first + count; value++) {
                assert.ok(!seen.has(value), `${value} of ${meterId} again`)
                seen.add(value)
              }
            }),
          )
          await counters.close()
          // A write that was torn by the end of the process is no reason to lower anything.
          await appendFile(path, '0badc0de 1 A\n12345')
        },
      ),
      { numRuns: 30 },
    )
  }))

test('a counter read from the meter raises ours and never lowers it', () =>
  inFolder(async (path) => {
    const counters = await openCounters(path, 4)
    assert.equal(counters.knows('A'), false)
    await counters.raise('A', 1000)
    await counters.raise('A', 10)
    assert.equal(await counters.reserve('A', 3), 1000)
    await counters.close()
    const again = await openCounters(path, 4)
    assert.ok((again.peek('A') ?? 0) > 1000)
    await again.close()
  }))

test('our system title stays as long as the counters do, and is another when they were lost', () =>
  inFolder(async (path) => {
    const titles: string[] = []
    for (let i = 0; i < 3; i++) {
      const counters = await openCounters(path)
      titles.push(Buffer.from(counters.systemTitle).toString('hex'))
      await counters.close()
      if (i === 1) await rm(path)
    }
    assert.equal(titles[0], titles[1])
    assert.notEqual(titles[1], titles[2])
  }))

test('32 bits are the end', () =>
  inFolder(async (path) => {
    const counters = await openCounters(path)
    await counters.raise('A', 0xffff_fffe)
    assert.equal(await counters.reserve('A', 2), 0xffff_fffe)
    await assert.rejects(counters.reserve('A', 1), RangeError)
    await counters.close()
  }))
