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
              const range = await counters.lease(meterId, count)
              const seen = used.get(meterId) ?? new Set()
              used.set(meterId, seen)
              // One number is used, the rest given back.
              assert.ok(!seen.has(range.first), `${range.first} of ${meterId} again`)
              seen.add(range.first)
              range.giveBack(count - 1)
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
    assert.equal((await counters.lease('A', 3)).first, 1000)
    await counters.close()
    const again = await openCounters(path, 4)
    assert.ok((again.peek('A') ?? 0) > 1000)
    await again.close()
  }))

test('what a session did not use is given to the next, unless another session or the meter was faster', () =>
  inFolder(async (path) => {
    const counters = await openCounters(path)
    const one = await counters.lease('A', 10)
    one.giveBack(7)
    one.giveBack(3)
    const two = await counters.lease('A', 10)
    assert.equal(two.first, 3)
    const three = await counters.lease('A', 10)
    two.giveBack(10)
    assert.equal(three.first, 13)
    assert.equal(counters.peek('A'), 23)
    await counters.close()
  }))

test('32 bits are the end', () =>
  inFolder(async (path) => {
    const counters = await openCounters(path)
    await counters.raise('A', 0xffff_fffe)
    assert.equal((await counters.lease('A', 2)).first, 0xffff_fffe)
    await assert.rejects(counters.lease('A', 1), RangeError)
    await counters.close()
  }))
