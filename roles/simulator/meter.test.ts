import assert from 'node:assert/strict'
import { test } from 'node:test'
import { localDayRange, parseInstant, parseLocalDay } from '@gridtally/metering'
import fc from 'fast-check'
import type { SimulatorConfig } from './config.ts'
import { NOON, startTestFleet, type TestFleet } from './dev/test-fleet.ts'
import { ENERGY, energyColumns, historyLines, historySpan, monthsOf, registerLines } from './history.ts'
import { EVENT_CODES, PROFILE_STATUS } from './meter.ts'
import { MeterClock } from './meter-clock.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const ZONE = 'Europe/Amsterdam'

const withFleet =
  (changes: Partial<SimulatorConfig>, body: (t: TestFleet) => void | Promise<void>) => async (): Promise<void> => {
    const fleet = await startTestFleet(changes)
    try {
      await body(fleet)
    } finally {
      await fleet.close()
    }
  }

for (const [minutes, count, capture] of [
  [5, 288, { fiveMinutes: 1, thirtyMinutes: 0, hourly: 0 }],
  [15, 96, { fiveMinutes: 0, thirtyMinutes: 0, hourly: 0 }],
  [30, 48, { fiveMinutes: 0, thirtyMinutes: 1, hourly: 0 }],
  [60, 24, { fiveMinutes: 0, thirtyMinutes: 0, hourly: 1 }],
] as const)
  test(
    `X1332-6-01 a meter that captures every ${minutes} minutes has ${count} intervals a day, with the right stamps`,
    withFleet({ capture, meters: 2 }, ({ fleet }) => {
      for (const index of [1, 2]) {
        const meter = fleet.meter(index)
        assert.equal(meter.kind.periodMinutes, minutes)
        const { from, to } = localDayRange(parseLocalDay('2026-11-19'), ZONE)
        const rows = meter.rows(from, to)
        assert.equal(rows.length, count + 1)
        assert.deepEqual(
          rows.map((row) => row.stamp),
          rows.map((_, i) => from + i * minutes * MINUTE),
        )
        assert.equal(
          rows[count].importWh - rows[0].importWh,
          meter.registersAt(to).importWh - meter.registersAt(from).importWh,
        )
      }
    }),
  )

test(
  'a profile holds the configured days and not a row more, up to the last period that has ended',
  withFleet({ profileDays: 10 }, ({ fleet }) => {
    const meter = fleet.meter(2)
    const rows = meter.rows(0, Number.MAX_SAFE_INTEGER)
    assert.equal(rows.length, 10 * 96)
    assert.equal(rows.length, meter.capacity)
    assert.equal(rows.at(-1)?.stamp, NOON - 30_000)
    assert.deepEqual(meter.rows(NOON, NOON + DAY), [])
    assert.deepEqual(meter.rows(NOON, NOON - DAY), [])
  }),
)

test(
  'SMCG-6.5.5-01 SMCG-A3-1b1-01 a prosumer is metered both ways: intervals add up to the advance of each register, and net is their difference',
  withFleet({}, ({ fleet, setNow }) => {
    setNow(parseInstant('2026-06-20T22:10:00Z'))
    const meter = fleet.meter(1)
    const { from, to } = localDayRange(parseLocalDay('2026-06-20'), ZONE)
    const rows = meter.rows(from, to)
    const [first, last] = [meter.registersAt(from), meter.registersAt(to)]
    let [inn, out, net] = [0, 0, 0]
    for (let i = 1; i < rows.length; i++) {
      const [dIn, dOut] = [rows[i].importWh - rows[i - 1].importWh, rows[i].exportWh - rows[i - 1].exportWh]
      assert.ok(dIn >= 0 && dOut >= 0)
      inn += dIn
      out += dOut
      net += dIn - dOut
    }
    assert.equal(inn, last.importWh - first.importWh)
    assert.equal(out, last.exportWh - first.exportWh)
    assert.ok(inn > 500 && out > 5000)
    assert.equal(net, inn - out)
    setNow(parseInstant('2026-06-20T11:00:00Z'))
    assert.ok(meter.powerW() < -200, 'it feeds in at noon in June')
    assert.ok(meter.voltage() > 2200)
  }),
)

test(
  'SMCG-2.2-03 what clients ask changes no register',
  withFleet({}, ({ fleet }) => {
    const [busy, idle] = [fleet.meter(2), fleet.meter(2)]
    const before = idle.registers()
    for (let i = 0; i < 200; i++) busy.rows(NOON - i * HOUR, NOON)
    assert.deepEqual(idle.registers(), before)
  }),
)

test(
  'days of 23 and 25 hours have 92 and 100 rows, told apart by their instants, and summer rows say so',
  withFleet({}, ({ fleet }) => {
    const meter = fleet.meter(2)
    for (const [day, count] of [
      ['2026-03-29', 92],
      ['2026-10-25', 100],
    ] as const) {
      const { from, to } = localDayRange(parseLocalDay(day), ZONE)
      const rows = meter.rows(from, to - 1)
      assert.equal(rows.length, count)
      const summer = rows.filter((row) => row.status & PROFILE_STATUS.DAYLIGHT_SAVING).length
      assert.equal(summer, day === '2026-03-29' ? 92 - 8 : 12)
    }
    const daily = meter.dailyRows(NOON - 40 * DAY, NOON)
    assert.equal(daily.length, 40)
    assert.ok(daily.every((row) => localDayRange(Math.floor((row.stamp + 2 * HOUR) / DAY), ZONE).from === row.stamp))
    assert.ok(meter.events(NOON - 40 * DAY, NOON).some((event) => event.code === EVENT_CODES.DAYLIGHT_SAVING))
  }),
)

test('a clock shows what its steps say, and finds the instants it showed a time', () => {
  const clock = new MeterClock([{ at: 1_000_000, shown: 1_060_000, ppm: 1000 }])
  assert.equal(clock.shownAt(999_999), 999_999)
  assert.equal(clock.shownAt(2_000_000), 2_061_000)
  assert.equal(clock.trueOf(900_000), 900_000)
  assert.equal(clock.trueOf(1_030_000), null, 'a time it jumped over')
  clock.set(3_000_000, 2_500_000)
  const again = clock.trueOf(2_600_000)
  assert.ok(again !== null && again > 3_000_000, 'of two moments it showed a time, the last')
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.integer({ min: 1, max: 1e9 }),
          fc.integer({ min: -1e6, max: 1e6 }),
          fc.integer({ min: -500, max: 500 }),
        ),
        { maxLength: 6 },
      ),
      fc.integer({ min: 0, max: 4e9 }),
      (steps, at) => {
        let time = 0
        const any = new MeterClock([])
        for (const [wait, jump, ppm] of steps) {
          time += wait
          any.set(time, any.shownAt(time) + jump, ppm)
        }
        const found = any.trueOf(any.shownAt(at))
        assert.ok(found !== null && Math.abs(any.shownAt(found) - any.shownAt(at)) <= 1)
      },
    ),
  )
})

test(
  'UC-2b1-01 SMCG-2.2-02 setting the clock is honoured and logged, marks the row, and changes no energy',
  withFleet({}, ({ fleet, setNow, now }) => {
    const meter = fleet.meter(2)
    const before = meter.registers()
    meter.setTime(now() + 20 * MINUTE)
    assert.equal(meter.time(), NOON + 20 * MINUTE)
    assert.deepEqual(meter.registers(), before)
    assert.deepEqual(
      meter.events(NOON - HOUR, NOON + HOUR).map((event) => [event.code, event.at]),
      [
        [EVENT_CODES.CLOCK_OLD, NOON],
        [EVENT_CODES.CLOCK_NEW, NOON + 20 * MINUTE],
      ],
    )
    setNow(NOON + HOUR)
    const rows = meter.rows(NOON - HOUR, NOON + 2 * HOUR)
    const skipped = NOON - 30_000 + 15 * MINUTE
    assert.ok(!rows.some((row) => row.stamp === skipped), 'the quarter hour the clock jumped over has no row')
    const after = rows.find((row) => row.stamp === NOON - 30_000 + 30 * MINUTE)
    assert.ok(after && after.status & PROFILE_STATUS.CLOCK_ADJUSTED)
    assert.equal(after.importWh, meter.registersAt(NOON - 30_000 + 10 * MINUTE).importWh)
  }),
)

test(
  'a power outage leaves no rows, marks the first after it, is in the log, and nothing was used in it',
  withFleet({}, async ({ fleet, setNow }) => {
    const meter = fleet.meter(3)
    const before = meter.registersAt(NOON)
    meter.breakDown('power-outage', {})
    setNow(NOON + 2 * HOUR)
    meter.repair('power-outage')
    setNow(NOON + 5 * HOUR)
    assert.deepEqual(meter.registersAt(NOON + 2 * HOUR), meter.registersAt(NOON))
    const rise = meter.registersAt(NOON).importWh - before.importWh
    assert.ok(rise === 0 || rise === 1, 'a fraction of a Wh may have been due')
    const rows = meter.rows(NOON - 30_000, NOON + 4 * HOUR)
    assert.deepEqual(
      rows.slice(0, 3).map((row) => [(row.stamp - NOON + 30_000) / MINUTE, row.status & PROFILE_STATUS.POWER_DOWN]),
      [
        [0, 0],
        [135, PROFILE_STATUS.POWER_DOWN],
        [150, 0],
      ],
    )
    assert.deepEqual(
      meter.events(NOON, NOON + 4 * HOUR).map((event) => [event.code, event.at]),
      [
        [EVENT_CODES.POWER_DOWN, NOON],
        [EVENT_CODES.POWER_UP, NOON + 2 * HOUR],
      ],
    )
    meter.breakDown('cover-open', {})
    assert.equal(meter.events(NOON, NOON + 6 * HOUR).at(-1)?.code, EVENT_CODES.COVER_REMOVED)
  }),
)

test(
  'UC-1a2-02 meters differ in period, columns and stamps, so that a head-end has to ask',
  withFleet({ meters: 400, capture: { fiveMinutes: 0.05, thirtyMinutes: 0.05, hourly: 0.05 } }, ({ fleet }) => {
    const kinds = Array.from({ length: 400 }, (_, i) => fleet.device(i + 1))
    const layouts = new Map<string, number>()
    for (const { kind } of kinds) layouts.set(kind.columns.join(), (layouts.get(kind.columns.join()) ?? 0) + 1)
    for (const layout of [
      'clock,status,import,export',
      'clock,status,import',
      'clock,import,export',
      'clock,export,import,status',
    ])
      assert.ok((layouts.get(layout) ?? 0) > 2, layout)
    for (const minutes of [5, 15, 30, 60]) assert.ok(kinds.some(({ kind }) => kind.periodMinutes === minutes))
    assert.ok(kinds.some(({ kind }) => kind.stamps === 'utc'))
    assert.ok(kinds.every(({ archetype, kind }) => archetype !== 'pv' || kind.columns.includes('export')))
    assert.deepEqual(kinds[0].kind.columns, ['clock', 'status', 'import', 'export'])
    const models = new Map(kinds.map(({ kind }) => [kind.model, `${kind.periodMinutes} ${kind.columns}`]))
    for (const { kind } of kinds) assert.equal(models.get(kind.model), `${kind.periodMinutes} ${kind.columns}`)
  }),
)

test(
  'history is what the meters hold: intervals of a year add up to what its readings say, to the last unit',
  withFleet({ meters: 4 }, ({ fleet, now }) => {
    const span = historySpan(now(), ZONE, 396, 3)
    assert.equal(span.from, localDayRange(parseLocalDay('2025-10-20'), ZONE).from)
    assert.equal(span.to, localDayRange(parseLocalDay('2026-11-17'), ZONE).from)
    const months = monthsOf(span, ZONE)
    assert.equal(months.length, 14)
    for (let i = 1; i < months.length; i++) assert.equal(months[i].from, months[i - 1].to)
    for (let index = 1; index <= 4; index++) {
      const meter = fleet.meter(index)
      const start = new Map(registerLines(meter, span.from).map(({ register, value }) => [register, Number(value)]))
      const sums = new Map<string, number>()
      for (const month of months) {
        for (const { register, value } of registerLines(meter, month.from))
          assert.equal(Number(value) - (start.get(register) ?? 0), sums.get(register) ?? 0)
        for (const line of historyLines(meter, month)) {
          assert.equal(line.values.length, (month.to - month.from) / line.stepMs)
          assert.ok(line.values.every((value) => value !== null))
          const sum = line.values.reduce<number>((a, b) => a + (b ?? 0), 0)
          sums.set(ENERGY[line.channel], (sums.get(ENERGY[line.channel]) ?? 0) + sum)
        }
      }
      assert.equal(sums.size, energyColumns(meter).length)
      const end = meter.rows(span.to, span.to)[0]
      assert.equal(end.importWh, (start.get(ENERGY.import) ?? 0) + (sums.get(ENERGY.import) ?? 0))
    }
  }),
)
