import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type LogPage, obisCode } from '@gridtally/metering'
import fc from 'fast-check'
import { createOpener, createSealer, ensureContentKeys } from '#platform/protection'
import { type EventLog, type LogDraft, openEventLog } from './event-log.ts'

const clock = { now: () => 1_700_000_000_000 }

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gt-log-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const event = (meterId: string, text: string, at = 5): LogDraft => ({
  dataClass: 'operational',
  meterId,
  from: at,
  to: at,
  count: 1,
  payload: { kind: 'event', event: { meterId, at, type: 'test', severity: 'info', text } },
})

async function pageOf(log: EventLog, after: number, limit = 1000): Promise<LogPage> {
  return JSON.parse((await log.page(after, limit)).toString()) as LogPage
}

test('entries come back in order by cursor, across segments and restarts', () =>
  inFolder(async (folder) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 10 }),
        async (sizes, limit) => {
          const log = await openEventLog({ folder, clock, segmentOctets: 3000 })
          const before = log.lastSeq
          await Promise.all(
            sizes.map((size) => log.append({ drafts: Array.from({ length: size }, (_, i) => event('M', `${i}`)) })),
          )
          assert.equal(log.lastSeq, before + sizes.reduce((a, b) => a + b, 0))
          await log.close()
          const again = await openEventLog({ folder, clock, segmentOctets: 3000 })
          let cursor = 0
          for (;;) {
            const page = await pageOf(again, cursor, limit)
            assert.ok(page.entries.length <= limit)
            page.entries.forEach(({ header }, i) => {
              assert.equal(header.seq, cursor + 1 + i)
            })
            if (page.entries.length === 0) break
            cursor = Number(page.cursor)
          }
          assert.equal(cursor, again.lastSeq)
          await again.close()
        },
      ),
      { numRuns: 15 },
    )
    assert.ok((await readdir(folder)).length > 2, 'several segments')
  }))

test('cut anywhere in its last write, the log keeps what was acknowledged and takes new entries at the right number', () =>
  inFolder(async (folder) => {
    const log = await openEventLog({ folder, clock })
    await log.append({ drafts: [event('A', 'one'), event('A', 'two')], note: { a: 1 } })
    const path = join(folder, (await readdir(folder))[0])
    const kept = (await stat(path)).size
    await log.append({ drafts: [event('B', 'three')], note: { b: 1 } })
    await log.close()
    const whole = await readFile(path)
    for (let size = kept; size < whole.length; size += 7) {
      await writeFile(path, whole)
      await truncate(path, size)
      const notes: unknown[] = []
      const torn: number[] = []
      const again = await openEventLog({
        folder,
        clock,
        project: (note) => notes.push(note),
        onTornTail: (octets) => torn.push(octets),
      })
      assert.equal(again.lastSeq, 2)
      assert.deepEqual(notes, [{ a: 1 }])
      assert.deepEqual(torn, size > kept ? [size - kept] : [])
      assert.equal(await again.append({ drafts: [event('C', 'new')] }), 3)
      assert.equal((await pageOf(again, 2)).entries[0].header.meterId, 'C')
      await again.close()
      await truncate(path, kept)
    }
  }))

test('octets flipped in the last record are cut off and set aside; flipped in the middle they are told', () =>
  inFolder(async (folder) => {
    const log = await openEventLog({ folder, clock, segmentOctets: 300 })
    for (let i = 0; i < 5; i++) await log.append({ drafts: [event('A', 'x'.repeat(200))] })
    await log.close()
    const names = (await readdir(folder)).sort()
    const flip = async (name: string): Promise<void> => {
      const octets = await readFile(join(folder, name))
      octets[60] ^= 1
      await writeFile(join(folder, name), octets)
    }
    await flip(names.at(-1) ?? '')
    const again = await openEventLog({ folder, clock, segmentOctets: 300 })
    assert.equal(again.lastSeq, 4)
    await again.close()
    assert.equal((await readdir(folder)).filter((name) => name.includes('torn')).length, 1)
    await flip(names[0])
    await assert.rejects(openEventLog({ folder, clock }), /damaged/)
  }))

test('what follows from the log is given again after the point the reader had reached, once each', () =>
  inFolder(async (folder) => {
    const seen: unknown[] = []
    const log = await openEventLog({
      folder,
      clock,
      segmentOctets: 500,
      project: (note, seq) => seen.push([note, seq]),
    })
    for (let i = 1; i <= 9; i++) await log.append({ drafts: [event('A', 'x'.repeat(100))], note: i })
    await log.close()
    assert.deepEqual(seen.at(-1), [9, 9])
    const again: unknown[] = []
    const reopened = await openEventLog({
      folder,
      clock,
      projectAfter: 6,
      project: (note) => again.push(note),
    })
    assert.deepEqual(again, [7, 8, 9])
    assert.equal((await pageOf(reopened, 0)).entries.length, 9)
    await reopened.close()
  }))

test('billing payloads are sealed for the MDMS on disk and on the way; headers stay readable and bound', () =>
  inFolder(async (folder) => {
    const keys = await ensureContentKeys(join(folder, 'keys'))
    const sealer = await createSealer(keys.publicKeyFile)
    const log = await openEventLog({ folder: join(folder, 'log'), clock, sealer })
    const run = {
      meterId: 'SECRET-METER',
      obis: obisCode('1.0.1.8.0.255'),
      scaler: 0,
      unit: 30,
      start: 0,
      stepMs: 900_000,
      values: [424242],
      captureVersion: 1,
    }
    const draft: LogDraft = {
      dataClass: 'billing',
      meterId: 'SECRET-METER',
      from: 0,
      to: 900_000,
      count: 1,
      payload: { kind: 'intervals', run },
    }
    await log.append({ drafts: [draft, event('SECRET-METER', 'hello')] })
    const [name] = await readdir(join(folder, 'log'))
    const disk = await readFile(join(folder, 'log', name), 'latin1')
    assert.ok(!disk.includes('424242'))
    const { entries } = await pageOf(log, 0)
    const opener = await createOpener(keys.privateKeyFile)
    const sealed = Buffer.from(entries[0].sealed ?? '', 'base64')
    assert.deepEqual(JSON.parse(Buffer.from(await opener.open(entries[0].header, sealed)).toString()), draft.payload)
    await assert.rejects(opener.open({ ...entries[0].header, meterId: 'OTHER' }, sealed), { name: 'DecodeError' })
    assert.equal(entries[1].payload?.kind, 'event')
    await log.close()
  }))

test('old segments go by age; a reader that comes too late or from the future is told so', () =>
  inFolder(async (folder) => {
    let now = 1000
    const log = await openEventLog({ folder, clock: { now: () => now }, segmentOctets: 200 })
    for (; now < 1010; now++) await log.append({ drafts: [event('A', 'x'.repeat(300))] })
    assert.equal(await log.dropBefore(1005), 5)
    assert.equal(log.firstSeq, 6)
    await assert.rejects(log.page(4, 10), { code: 'CURSOR_GONE' })
    await assert.rejects(log.page(11, 10), { code: 'CURSOR_INVALID' })
    assert.equal((await pageOf(log, 5)).entries.length, 5)
    await appendFile(join(folder, 'note.txt'), 'strangers are let be')
    await log.close()
    const again = await openEventLog({ folder, clock })
    assert.equal(again.firstSeq, 6)
    await again.close()
  }))
