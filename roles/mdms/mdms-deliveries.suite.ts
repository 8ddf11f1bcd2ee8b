import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EndDeviceEvent, type LogEntry, parseInstant, type Reading } from '@gridtally/metering'
import {
  at,
  type Bucket,
  type ColumnAnswer,
  EXPORT,
  IMPORT,
  type IntervalAnswer,
  type MdmsAsked,
  QUARTER,
  ramp,
  run,
  sumOf,
} from './dev/asked.ts'

/** What becomes of deliveries from meters. */
export function deliveryTests({ name, mdms: under, point, get, values }: MdmsAsked): void {
  test(`${name}: X1332-3.2-02 import, export and event log of a meter are aggregated to the figures worked out beside`, async () => {
    await point('UP-1', [['M-1', '2026-03-01', null]])
    const used = ramp(96, 10)
    const given = ramp(96).map((i) => (i % 3) * 7)
    await under().headend.add(run('M-1', '2026-03-10', used))
    await under().headend.add(run('M-1', '2026-03-10', given, { obis: EXPORT }))
    const event: EndDeviceEvent = {
      meterId: 'M-1',
      at: at('2026-03-10T03:00'),
      type: '3.26.0.47',
      severity: 'alarm',
      text: 'power failed',
    }
    await under().headend.add({ kind: 'event', event })
    await under().collected()
    for (const [channel, all] of [
      ['import', used],
      ['export', given],
    ] as const) {
      const path = `/usage-points/UP-1/channels/${channel}/buckets?from=2026-03-10&to=2026-03-11&bucket=`
      const { buckets } = await get<{ buckets: Bucket[] }>(`${path}PT1H`)
      assert.deepEqual(
        buckets.map(({ sum, min, max, count }) => [sum, min, max, count]),
        Array.from({ length: 24 }, (_, h) => {
          const four = all.slice(h * 4, h * 4 + 4)
          return [String(sumOf(four)), String(Math.min(...four)), String(Math.max(...four)), 4]
        }),
      )
      const [day] = (await get<{ buckets: Bucket[] }>(`${path}P1D`)).buckets
      assert.deepEqual(
        [day.sum, day.count, day.expected, day.estimated, day.mean],
        [String(sumOf(all)), 96, 96, 0, sumOf(all) / 96],
      )
      assert.equal(day.start, '2026-03-10T00:00:00+01:00')
    }
    const { events } = await get<{ events: EndDeviceEvent[] }>('/events?meterId=M-1')
    assert.deepEqual(events, [{ ...event, at: '2026-03-10T03:00:00+01:00' }])
  })

  test(`${name}: X1332-6-01 steps of 5, 15, 30 and 60 minutes give 288, 96, 48 and 24 intervals with the right times`, async () => {
    for (const [minutes, n] of [
      [5, 288],
      [15, 96],
      [30, 48],
      [60, 24],
    ]) {
      await point(`UP-S${minutes}`, [[`M-S${minutes}`, '2026-03-01', null]])
      await under().headend.add(run(`M-S${minutes}`, '2026-03-10', ramp(n), { stepMs: minutes * 60_000 }))
    }
    await under().collected()
    for (const [minutes, n] of [
      [5, 288],
      [15, 96],
      [30, 48],
      [60, 24],
    ]) {
      const path = `/usage-points/UP-S${minutes}/channels/import/intervals?from=2026-03-10&to=2026-03-11`
      const { intervals } = await get<IntervalAnswer>(path)
      assert.equal(intervals.length, n)
      for (const [i, { start, end }] of intervals.entries()) {
        assert.equal(parseInstant(start), at('2026-03-10') + i * minutes * 60_000)
        assert.equal(parseInstant(end) - parseInstant(start), minutes * 60_000)
      }
    }
  })

  test(`${name}: days of 23 and 25 hours are one bucket each, and months are local`, async () => {
    await point('UP-DST', [['M-DST', '2026-01-01', null]])
    for (const [from, to] of [
      ['2026-03-28', '2026-03-31'],
      ['2026-10-24', '2026-10-27'],
    ]) {
      await under().headend.add(run('M-DST', from, Array((at(to) - at(from)) / QUARTER).fill(1)))
      await under().collected()
      const path = `/usage-points/UP-DST/channels/import/buckets?from=${from}&to=${to}&bucket=P1D`
      const { buckets } = await get<{ buckets: Bucket[] }>(path)
      const middle = from === '2026-03-28' ? 92 : 100
      assert.deepEqual(
        buckets.map(({ count, expected }) => [count, expected]),
        [
          [96, 96],
          [middle, middle],
          [96, 96],
        ],
      )
    }
    const path = '/usage-points/UP-DST/channels/import/buckets?from=2026-01-01&to=2027-01-01&bucket=P1M'
    const { buckets } = await get<{ buckets: Bucket[] }>(path)
    assert.equal(buckets.length, 12)
    assert.equal(buckets[2].start, '2026-03-01T00:00:00+01:00')
    assert.equal(buckets[2].end, '2026-04-01T00:00:00+02:00')
    assert.deepEqual([buckets[2].sum, buckets[2].expected], ['284', 31 * 96 - 4])
    assert.deepEqual([buckets[9].sum, buckets[9].expected], ['292', 31 * 96 + 4])
    assert.equal(buckets[11].expected, 0, 'what has not come yet is not expected')
  })

  test(`${name}: the same page again, and pages in another order, change nothing`, async () => {
    await point('UP-I', [['M-I', '2026-03-01', null]])
    const entries: LogEntry[] = []
    for (let part = 0; part < 8; part++)
      entries.push(
        await under().headend.add(
          run(
            'M-I',
            '2026-03-12',
            ramp(96)
              .map((i) => (i >> 3 >= part ? i : null))
              .slice(0, 12 * (part + 1)),
          ),
        ),
      )
    await under().collected()
    const path = 'usage-points/UP-I/channels/import'
    const first = await values(path, '2026-03-12', '2026-03-13')
    const [before] = (await get<{ buckets: Bucket[] }>(`/${path}/buckets?from=2026-03-12&to=2026-03-13&bucket=P1D`))
      .buckets
    const known = (await get<IntervalAnswer>(`/meters/M-I/channels/import/intervals?from=2026-03-12&to=2026-03-13`))
      .intervals
    // Sent again under the same numbers, backwards, and each twice.
    under().headend.onPage = (page) => ({ ...page, entries: [...page.entries, ...entries.toReversed(), ...entries] })
    await under().headend.add(run('M-I2', '2026-03-12', [1]))
    await under().collected()
    under().headend.onPage = (page) => page
    assert.deepEqual(await values(path, '2026-03-12', '2026-03-13'), first)
    const [later] = (await get<{ buckets: Bucket[] }>(`/${path}/buckets?from=2026-03-12&to=2026-03-13&bucket=P1D`))
      .buckets
    assert.deepEqual(later, before)
    const again = (await get<IntervalAnswer>(`/meters/M-I/channels/import/intervals?from=2026-03-12&to=2026-03-13`))
      .intervals
    assert.deepEqual(again, known)
  })

  test(`${name}: SMCG-B3-23 daily, interval and register values, quality and events are kept; a corrected value leaves the earlier one to be asked for`, async () => {
    await point('UP-V', [['M-V', '2026-03-01', null]])
    const path = 'usage-points/UP-V/channels/import'
    await under().headend.add(run('M-V', '2026-03-14', [1, 2, 3, null], { flags: [0, 1, 0, 0] }))
    const reading = (value: string): Reading => ({
      meterId: 'M-V',
      obis: IMPORT,
      scaler: 0,
      unit: 30,
      at: at('2026-03-14T01:00'),
      value,
      reason: 'scheduled',
    })
    await under().headend.add({ kind: 'readings', readings: [reading('18446744073709551615')] })
    await under().collected()
    await new Promise((resolve) => setTimeout(resolve, 5))
    const { cursor: _, ...known } = await get<{ cursor: string; collectedAt: number }>('/health')
    const asOf = new Date(known.collectedAt).toISOString()
    await new Promise((resolve) => setTimeout(resolve, 5))
    await under().headend.add(run('M-V', '2026-03-14', [1, 20, 3, 4]))
    await under().headend.add({ kind: 'readings', readings: [reading('7'), reading('7')] })
    await under().collected()
    assert.deepEqual(await values(path, '2026-03-14', '2026-03-15'), ['1', '20', '3', '4'])
    assert.deepEqual(await values(path, '2026-03-14', '2026-03-15', `&asOf=${asOf}`), ['1', '2', '3'])
    const { intervals } = await get<IntervalAnswer>(`/${path}/intervals?from=2026-03-14&to=2026-03-15&asOf=${asOf}`)
    assert.deepEqual(intervals[1], {
      start: '2026-03-14T00:15:00+01:00',
      end: '2026-03-14T00:30:00+01:00',
      value: '2',
      quality: 'RAW',
      flags: ['POWER_FAIL'],
    })
    const readings = (more = ''): Promise<{ readings: { value: string; version: number; unit: string }[] }> =>
      get(`/usage-points/UP-V/registers?from=2026-03-14&to=2026-03-15${more}`)
    assert.deepEqual(
      (await readings()).readings.map(({ value, version, unit }) => [value, version, unit]),
      [['7', 2, 'Wh']],
    )
    assert.equal((await readings(`&asOf=${asOf}`)).readings[0].value, '18446744073709551615')
    const csv = await (
      await under().reader.raw('/exports/intervals.csv?usagePoint=UP-V&from=2026-03-14&to=2026-03-15')
    ).text()
    assert.equal(csv.split('\r\n')[2], 'UP-V,import,2026-03-14T00:15:00+01:00,2026-03-14T00:30:00+01:00,20,Wh,RAW')
  })

  test(`${name}: SMCG-B3-18 intervals and registers kept side by side convert to each other without loss, status included`, async () => {
    await point('UP-C', [['M-C', '2026-03-01', null]])
    const registers = [1000, 1010, 1010, 1500, 1507]
    const deltas = registers.slice(1).map((value, i) => value - registers[i])
    await under().headend.add(run('M-C', '2026-03-16', deltas, { flags: [0, 0, 4, 0] }))
    const readings = registers.map(
      (value, i): Reading => ({
        meterId: 'M-C',
        obis: IMPORT,
        scaler: 0,
        unit: 30,
        at: at('2026-03-16') + i * QUARTER,
        value: String(value),
        reason: 'scheduled',
      }),
    )
    await under().headend.add({ kind: 'readings', readings })
    await under().collected()
    const { intervals } = await get<IntervalAnswer>(
      '/usage-points/UP-C/channels/import/intervals?from=2026-03-16&to=2026-03-17',
    )
    const kept = await get<{ readings: { at: string; value: string }[] }>(
      '/usage-points/UP-C/registers?from=2026-03-16&to=2026-03-17',
    )
    let running = Number(kept.readings[0].value)
    for (const [i, { end, value, flags }] of intervals.entries()) {
      running += Number(value)
      assert.deepEqual([kept.readings[i + 1].at, Number(kept.readings[i + 1].value)], [end, running])
      assert.deepEqual(flags, i === 2 ? ['CLOCK_INVALID'] : undefined)
    }
  })

  test(`${name}: SMCG-B3-21 a load profile gives the sums of day and night periods that the tariff registers show`, async () => {
    await point('UP-T', [['M-T', '2026-03-01', null]])
    const profile = ramp(48 * 7, 3).map((v, i) => (v * 31 + i) % 977)
    await under().headend.add(run('M-T', '2026-03-02', profile, { stepMs: 1_800_000 }))
    await under().collected()
    const night = sumOf(profile.filter((_, i) => i % 48 < 14))
    const { buckets } = await get<{ buckets: Bucket[] }>(
      '/usage-points/UP-T/channels/import/buckets?from=2026-03-02&to=2026-03-09&bucket=PT1H',
    )
    const isNight = ({ start }: Bucket): boolean => Number(start.slice(11, 13)) < 7
    assert.equal(sumOf(buckets.filter(isNight).map(({ sum }) => Number(sum))), night)
    assert.equal(sumOf(buckets.filter((b) => !isNight(b)).map(({ sum }) => Number(sum))), sumOf(profile) - night)
    const week = await get<{ buckets: Bucket[] }>(
      '/usage-points/UP-T/channels/import/buckets?from=2026-03-02&to=2026-03-09&bucket=P1W',
    )
    assert.deepEqual(
      week.buckets.map(({ sum }) => sum),
      [String(sumOf(profile))],
    )
  })

  test(`${name}: X1332-3.2-07 known systems get what their part allows, an unknown one nothing`, async () => {
    const path = '/usage-points/UP-1'
    assert.equal((await under().reader.raw(path)).status, 200)
    assert.equal((await under().simulator.raw(path)).status, 200)
    const url = under().reader.url + path
    assert.equal((await fetch(url)).status, 401)
    assert.equal((await fetch(url, { headers: { authorization: 'Bearer guessed' } })).status, 401)
    for (const [method, to, body] of [
      ['PUT', '/usage-points', []],
      ['PUT', '/assignments', []],
    ] as const) {
      const answer = await under().reader.raw(to, { method, body })
      assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [403, 'NOT_ALLOWED'])
    }
    const refused = await under().reader.raw('/imports', {
      method: 'POST',
      body: '{}',
      contentType: 'application/x-ndjson',
    })
    assert.equal(refused.status, 403)
  })

  test(`${name}: X1332-10.1-06 a payload altered on the way, moved to another meter or not sealed is refused and told as an alarm`, async () => {
    await point('UP-A', [['M-A', '2026-03-01', null]])
    const sound = await under().headend.add(run('M-A', '2026-03-17', [5, 6]))
    const flipped = Buffer.from(sound.sealed ?? '', 'base64')
    flipped[flipped.length - 20] ^= 1
    const bad = [
      { header: { ...sound.header }, sealed: flipped.toString('base64') },
      { ...sound, header: { ...sound.header, meterId: 'M-1' } },
      { ...sound, header: { ...sound.header, recordedAt: sound.header.recordedAt + 1 } },
      { header: { ...sound.header, dataClass: 'billing' as const }, payload: run('M-A', '2026-03-17', [9, 9]) },
      {
        header: { ...sound.header, kind: 'event' as const, dataClass: 'operational' as const },
        payload: run('M-A', '2026-03-17', [9]),
      },
    ]
    for (const entry of bad)
      under().headend.entries.push({ ...entry, header: { ...entry.header, seq: under().headend.entries.length + 1 } })
    // Soundly sealed, but nothing a database could take: it must not hold up what comes after.
    const reading: Reading = {
      meterId: 'M-A',
      obis: IMPORT,
      scaler: 0,
      unit: 30,
      at: 1e15,
      value: '1',
      reason: 'scheduled',
    }
    await under().headend.add({ kind: 'readings', readings: [reading] })
    await under().headend.add({ kind: 'readings', readings: [{ ...reading, at: 0, value: 'NaN' }] })
    await under().headend.add(run('M-A', '2026-03-17', [1], { unit: 70_000 }))
    const event: EndDeviceEvent = { meterId: 'M-A', at: 5, type: '1.0.0.0', severity: 'info', text: 'a\0b' }
    await under().headend.add({ kind: 'event', event })
    await under().headend.add(run('M-A', '2026-03-17T00:30', [7]))
    await under().collected()
    assert.deepEqual(await values('usage-points/UP-A/channels/import', '2026-03-17', '2026-03-18'), ['5', '6', '7'])
    const { events } = await get<{ events: { type: string; severity: string }[] }>('/events?meterId=M-A')
    assert.equal(events.filter(({ type, severity }) => type === 'mdms.entry.refused' && severity === 'alarm').length, 8)
    assert.equal(
      await under()
        .reader.raw('/metrics')
        .then((r) => r.text())
        .then((t) => /mdms_log_entries_refused_total 9/.test(t)),
      true,
    )
  })

  test(`${name}: a meter exchange within a day gives each its part; a changed capture list is a new channel version`, async () => {
    await point('UP-X', [
      ['M-X1', '2026-03-01', '2026-03-18T10:00'],
      ['M-X2', '2026-03-18T10:00', null],
    ])
    await under().headend.add(run('M-X1', '2026-03-18', Array(96).fill(1)))
    await under().headend.add(run('M-X2', '2026-03-18', Array(60).fill(2)))
    await under().headend.add(
      run('M-X2', '2026-03-18T15:00', Array(27).fill(3), { stepMs: 1_200_000, captureVersion: 2 }),
    )
    await under().collected()
    const { runs } = await get<ColumnAnswer>(
      '/usage-points/UP-X/channels/import/intervals?from=2026-03-18&to=2026-03-19&form=columns',
    )
    assert.deepEqual(
      runs.map(({ stepMs, values: all }) => [stepMs, all]),
      [
        [QUARTER, [...Array(40).fill(1), ...Array(20).fill(2)]],
        [1_200_000, Array(27).fill(3)],
      ],
    )
    const { channels } = await get<{ channels: { captureVersion: number; stepMs: number }[] }>('/meters/M-X2')
    assert.deepEqual(
      channels.map(({ captureVersion, stepMs }) => [captureVersion, stepMs]),
      [
        [1, QUARTER],
        [2, 1_200_000],
      ],
    )
  })
}
