import assert from 'node:assert/strict'
import { test } from 'node:test'
import { obisCode } from '@gridtally/metering'
import { at, type Bucket, type MdmsAsked, QUARTER, ramp, run } from './dev/asked.ts'

/** Imports, completeness, summaries, refusals, restart: what is asked of the HTTP face. */
export function faceTests({ name, mdms: under, point, get, values, upload }: MdmsAsked): void {
  test(`${name}: register values are imported too, and the same again changes nothing`, async () => {
    await point('UP-R', [['M-R', '2026-02-01', null]])
    const line = { meterId: 'M-R', register: '1.0.1.8.0.255', scaler: 0, unit: 'Wh' }
    const lines = [
      { ...line, at: '2026-02-01', value: '1000' },
      { ...line, at: '2026-03-01T00:00:00+01:00', value: '123456789012345' },
      { ...line, at: '2026-03-02', value: 'much' },
    ]
    for (let i = 0; i < 2; i++) assert.equal((await upload<{ failed: number }>(lines)).failed, 1)
    const { readings } = await get<{ readings: { value: string }[] }>(
      '/usage-points/UP-R/registers?from=2026-02-01&to=2026-04-01',
    )
    assert.deepEqual(
      readings.map(({ value }) => value),
      ['1000', '123456789012345'],
    )
  })

  test(`${name}: imports are stored, named line by line where wrong, and the same file again changes nothing`, async () => {
    await point('UP-F', [['M-F', '2026-03-20', null]])
    const line = {
      usagePointId: 'UP-F',
      channel: 'import',
      start: '2026-02-01T00:00:00+01:00',
      stepMs: QUARTER,
      scaler: -1,
      unit: 'Wh',
    }
    const lines = [
      { ...line, values: ramp(96 * 47, 5) },
      'nonsense',
      { ...line, usagePointId: 'nobody', values: [1] },
      '',
      { ...line, start: '2026-03-21', values: [10, 20], qualities: ['ESTIMATED', 'VALID'] },
      { ...line, values: [1.5] },
    ]
    interface Answer {
      lines: number
      failed: number
      intervals: number
      blocks: Record<string, number>
      errors: { line: number }[]
    }
    const first = await upload<Answer>(lines)
    assert.deepEqual([first.lines, first.failed, first.intervals], [5, 3, 96 * 47 + 2])
    assert.deepEqual(
      first.errors.map((error) => error.line),
      [2, 3, 6],
    )
    assert.deepEqual(first.blocks, { created: 48, filled: 0, changed: 0, same: 0 })
    const second = await upload<Answer>(lines)
    assert.deepEqual(second.blocks, { created: 0, filled: 0, changed: 0, same: 48 })
    // The meter itself told more and better; it holds over the estimate, and fills in around.
    await under().headend.add(run('M-F', '2026-03-21', [7, 20, 8]))
    await under().collected()
    assert.deepEqual(await values('usage-points/UP-F/channels/import', '2026-03-21', '2026-03-22'), [
      '7.0',
      '2.0',
      '8.0',
    ])
    const [march] = (
      await get<{ buckets: Bucket[] }>(
        '/usage-points/UP-F/channels/import/buckets?from=2026-03-21&to=2026-03-22&bucket=P1D',
      )
    ).buckets
    assert.deepEqual([march.sum, march.estimated, march.expected], ['17.0', 0, 96])
    const status = await under().simulator.raw('/imports', {
      method: 'POST',
      contentType: 'application/x-ndjson',
      body: lines.map((l) => JSON.stringify(l)).join('\n'),
    })
    assert.equal(status.status, 207)
    const progress = await under().simulator.raw('/imports', {
      method: 'POST',
      contentType: 'application/x-ndjson',
      body: JSON.stringify(lines[0]),
      headers: { accept: 'application/x-ndjson' },
    })
    const told = (await progress.text())
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text) as Partial<Answer>)
    assert.ok(told.length >= 2)
    assert.deepEqual(told.at(-1)?.blocks, { created: 0, filled: 0, changed: 0, same: 47 })
  })

  test(`${name}: completeness tells what is missing by day and by usage point, and is up to date after each page`, async () => {
    await point('UP-K1', [['M-K1', '2026-05-01', null]], 'Europe/Lisbon')
    await point('UP-K2', [['M-K2', '2026-05-02', null]], 'Europe/Lisbon')
    await under().headend.add(run('M-K1', '2026-05-01T01:00', Array(96 * 2).fill(1)))
    await under().headend.add(run('M-K2', '2026-05-02T01:00', Array(90).fill(1)))
    await under().collected()
    interface Answer {
      days: { day: string; expected: number; present: number; usagePoints: number; complete: number }[]
      usagePoints: { usagePointId: string; missing: number; expected: number }[]
      after: string | null
    }
    const ask = async (): Promise<Answer> => get('/completeness?from=2026-05-01&to=2026-05-02&order=missing&limit=1000')
    const of = async (): Promise<[number, number]> => {
      const { usagePoints } = await ask()
      const missing = (id: string): number => usagePoints.find(({ usagePointId }) => usagePointId === id)?.missing ?? -1
      return [missing('UP-K1'), missing('UP-K2')]
    }
    assert.deepEqual(await of(), [0, 6])
    const { days } = await ask()
    const before = days[1]
    await under().headend.add(run('M-K2', '2026-05-02T23:30', Array(6).fill(1)))
    await under().collected()
    assert.deepEqual(await of(), [0, 0])
    const now = (await ask()).days[1]
    assert.deepEqual(
      [now.present - before.present, now.complete - before.complete, now.expected - before.expected],
      [6, 1, 0],
    )
    const paged = await get<Answer>('/completeness?from=2026-05-01&to=2026-05-02&limit=1')
    assert.equal(paged.usagePoints.length, 1)
    assert.ok(paged.after)
  })

  test(`${name}: summary and latest values of a usage point`, async () => {
    await point('UP-L', [['M-L', '2026-06-01', null]])
    await under().headend.add(run('M-L', '2026-06-01', [...Array(90).fill(2), null, null]))
    await under().headend.add(run('M-L', '2026-06-02', [4, 6]))
    await under().headend.add({
      kind: 'readings',
      readings: [
        {
          meterId: 'M-L',
          obis: obisCode('1.0.1.7.0.255'),
          scaler: 0,
          unit: 27,
          at: at('2026-06-02T00:31'),
          value: '512',
          reason: 'on-demand',
        },
      ],
    })
    await under().collected()
    const summary = await get<{ channels: object[] }>('/usage-points/UP-L/summary')
    assert.partialDeepStrictEqual(summary.channels, [
      {
        channel: 'import',
        first: '2026-06-01T00:00:00+02:00',
        last: '2026-06-02T00:30:00+02:00',
        sum: '190',
        present: 92,
      },
    ])
    const latest = await get<{ registers: object[]; intervals: object[] }>('/usage-points/UP-L/latest')
    assert.partialDeepStrictEqual(latest, {
      meterId: 'M-L',
      registers: [{ obis: '1.0.1.7.0.255', value: '512', unit: 'W', at: '2026-06-02T00:31:00+02:00' }],
      intervals: [{ channel: 'import', start: '2026-06-02T00:15:00+02:00', value: '6', quality: 'RAW' }],
    })
  })

  test(`${name}: what cannot be answered is refused with a code`, async () => {
    for (const [path, status, code] of [
      ['/usage-points/none', 404, 'USAGE_POINT_UNKNOWN'],
      ['/usage-points/UP-1/channels/heat/intervals?from=2026-03-10&to=2026-03-11', 404, 'CHANNEL_UNKNOWN'],
      ['/meters/none', 404, 'METER_UNKNOWN'],
      ['/usage-points/UP-1/channels/import/intervals?from=2026-03-11&to=2026-03-10', 400, 'RANGE_INVALID'],
      ['/usage-points/UP-1/channels/import/intervals?from=yesterday&to=2026-03-10', 400, 'RANGE_INVALID'],
      ['/usage-points/UP-1/channels/import/buckets?from=1990-01-01&to=2026-03-10&bucket=PT15M', 400, 'RANGE_INVALID'],
      [
        '/usage-points/UP-1/channels/import/buckets?from=2026-03-10&to=2026-03-11&bucket=P1D&zone=Mars/One',
        400,
        'ZONE_UNKNOWN',
      ],
      ['/usage-points/UP-1/channels/import/buckets?from=2026-03-10&to=2026-03-11&bucket=P2D', 400, 'REQUEST_INVALID'],
      ['/usage-points?after=rubbish', 400, 'CURSOR_INVALID'],
      ['/completeness?from=2026-05-02&to=2026-05-01', 400, 'RANGE_INVALID'],
    ] as const) {
      const answer = await under().reader.raw(path)
      assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [status, code], path)
    }
  })

  test(`${name}: everything is there after a restart, and usage points are listed in pages`, async () => {
    const path = 'usage-points/UP-F/channels/import'
    const before = await values(path, '2026-02-01', '2026-03-22')
    await under().restart()
    assert.deepEqual(await values(path, '2026-02-01', '2026-03-22'), before)
    await under().headend.add(run('M-L', '2026-06-02T00:30', [5]))
    await under().collected()
    assert.deepEqual(await values('usage-points/UP-L/channels/import', '2026-06-02', '2026-06-03'), ['4', '6', '5'])
    const seen: string[] = []
    let after: string | null = ''
    while (after !== null) {
      const page: { usagePoints: { id: string; meterId: string | null }[]; after: string | null } = await get(
        `/usage-points?limit=5&after=${after}`,
      )
      seen.push(...page.usagePoints.map(({ id }) => id))
      after = page.after
    }
    assert.deepEqual(seen, [...new Set(seen)].sort())
    assert.ok(seen.includes('UP-1') && seen.length >= 10)
    const found = await get<{ usagePoints: { id: string }[] }>('/usage-points?search=m-k2')
    assert.deepEqual(
      found.usagePoints.map(({ id }) => id),
      ['UP-K2'],
    )
  })

  test(`${name}: events are read forwards and backwards`, async () => {
    for (const text of ['a', 'b', 'c'])
      await under().headend.add({
        kind: 'event',
        event: { meterId: 'M-R', at: at('2026-03-05'), type: '3.26.0.47', severity: 'info', text },
      })
    await under().collected()
    for (const [order, expected] of [
      ['oldest', 'abc'],
      ['newest', 'cba'],
    ] as const) {
      let seen = ''
      let after = ''
      for (;;) {
        const path = `/events?meterId=M-R&limit=2&order=${order}&after=${after}`
        const page = await get<{ events: { text: string }[]; after: string }>(path)
        if (page.events.length === 0) break
        seen += page.events.map(({ text }) => text).join('')
        after = page.after
      }
      assert.equal(seen, expected)
    }
  })
}
