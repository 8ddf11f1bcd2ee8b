import assert from 'node:assert/strict'
import { test } from 'node:test'
import { localDayRange, parseLocalDay, zoneOffsetMs } from '@gridtally/metering'
import fc from 'fast-check'
import { createCalendar, DAY_KINDS, easterSunday } from './calendar.ts'
import type { Outage } from './day-energy.ts'
import type { EnergyCounter } from './energy-counter.ts'
import { chance } from './hash.ts'
import { createNeighbourhood, type Neighbourhood, type NeighbourhoodOptions } from './neighbourhood.ts'

const DAY = 86_400_000
const QUARTER = 900_000
const ZONE = 'Europe/Amsterdam'
const BIRTH = parseLocalDay('2026-11-20')

const neighbourhood = (changes: Partial<NeighbourhoodOptions> = {}): Neighbourhood =>
  createNeighbourhood({
    seed: 7,
    zone: ZONE,
    place: { latitude: 52.1, longitude: 5.2 },
    mix: { shop: 0.08, pv: 0.2, vacant: 0.04 },
    holidays: [],
    birthDay: BIRTH,
    daysKept: 256,
    ...changes,
  })
const noOutages = (): Outage[] => []
const counterOf = (n: Neighbourhood, index: number, slots: 96 | 288 = 96): EnergyCounter =>
  n.counter(index, slots, noOutages)

/** Import and export of a stretch, kWh. */
const between = (counter: EnergyCounter, from: number, to: number): { import: number; export: number } => {
  const [a, b] = [counter.at(from), counter.at(to)]
  return { import: (b.importWh - a.importWh) / 1000, export: (b.exportWh - a.exportWh) / 1000 }
}
const year = { from: (BIRTH - 365) * DAY, to: BIRTH * DAY }

test('the same seed gives the same energy, whatever was asked before and in whichever order', () => {
  const [a, b] = [neighbourhood(), neighbourhood()]
  for (const index of [1, 2, 3, 4, 17]) {
    const [one, other] = [counterOf(a, index), counterOf(b, index)]
    other.at((BIRTH - 200) * DAY + 5)
    other.at((BIRTH + 30) * DAY)
    for (const at of [BIRTH * DAY - 1, BIRTH * DAY, BIRTH * DAY + 12_345_678, (BIRTH - 100) * DAY + 77_777])
      assert.deepEqual(one.at(at), other.at(at))
  }
  const stranger = counterOf(neighbourhood({ seed: 8 }), 2)
  assert.notEqual(stranger.at((BIRTH + 3) * DAY).importWh, counterOf(a, 2).at((BIRTH + 3) * DAY).importWh)
})

test('registers never fall, and what they rise by is the sum of the intervals', () => {
  const n = neighbourhood()
  const counters = [1, 2, 3, 4, 5].map((index) => counterOf(n, index))
  fc.assert(
    fc.property(
      fc.nat(4),
      fc.integer({ min: -300, max: 60 }),
      fc.nat(DAY - 1),
      fc.nat(3 * DAY),
      (which, day, ms, span) => {
        const counter = counters[which]
        const from = (BIRTH + day) * DAY + ms
        const [a, b] = [counter.at(from), counter.at(from + span)]
        assert.ok(b.importWh >= a.importWh && b.exportWh >= a.exportWh)
        const first = Math.ceil(from / QUARTER) * QUARTER
        const last = Math.floor((from + span) / QUARTER) * QUARTER
        let sum = 0
        for (let at = first; at < last; at += QUARTER) {
          const sums = counter.day(Math.floor(at / DAY))
          const slot = (at % DAY) / QUARTER
          sum += sums.importWh[slot + 1] - sums.importWh[slot]
        }
        if (last > first) assert.equal(counter.at(last).importWh - counter.at(first).importWh, sum)
      },
    ),
    { numRuns: 300 },
  )
})

test('a year of each kind is of the size its kind has', () => {
  const n = neighbourhood()
  const households: number[] = []
  for (let index = 1; index <= 120; index++) {
    const traits = n.traits(index)
    const { import: kWh, export: out } = between(counterOf(n, index), year.from, year.to)
    if (traits.archetype === 'household') {
      assert.equal(out, 0)
      if (!traits.vehicleW && !traits.heatPumpWPerDegree) households.push(kWh)
    }
    if (traits.archetype === 'shop') assert.ok(kWh > 10_000 && kWh < 42_000, `shop ${kWh}`)
    if (traits.archetype === 'vacant') assert.ok(kWh > 10 && kWh < 120, `vacant ${kWh}`)
    if (traits.archetype === 'pv') {
      assert.ok(traits.panelsWp >= 3000 && traits.panelsWp <= 6000)
      assert.ok(out / traits.panelsWp > 0.35 && out / traits.panelsWp < 0.9, `pv exports ${out}`)
      assert.ok(kWh < traits.annualWh / 1000 + 5000)
    }
  }
  assert.ok(households.length > 50)
  for (const kWh of households) assert.ok(kWh > 1900 && kWh < 5300, `household ${kWh}`)
  const mean = households.reduce((a, b) => a + b, 0) / households.length
  assert.ok(mean > 2600 && mean < 4000, `mean ${mean}`)
})

/** Mean import by local hour over some local days, kWh. */
const byHour = (counter: EnergyCounter, days: readonly number[]): number[] =>
  Array.from({ length: 24 }, (_, hour) => {
    let sum = 0
    for (const day of days) {
      const from = localDayRange(day, ZONE).from + hour * 3_600_000
      sum += between(counter, from, from + 3_600_000).import
    }
    return sum / days.length
  })
const daysFrom = (first: string, count: number): number[] =>
  Array.from({ length: count }, (_, i) => parseLocalDay(first) + i)
const weekdayOf = (day: number): number => new Date(day * DAY).getUTCDay()

test('people sleep at night, are busy in the evening, and a shop keeps its Sunday', () => {
  const n = neighbourhood()
  const november = daysFrom('2026-10-26', 28)
  const workdays = november.filter((d) => weekdayOf(d) % 6 !== 0)
  let households = 0
  let evening = 0
  let night = 0
  for (let index = 5; households < 25; index++) {
    if (n.traits(index).archetype !== 'household' || n.traits(index).vehicleW > 0) continue
    households++
    const hours = byHour(counterOf(n, index), workdays)
    evening += hours[18] + hours[19]
    night += hours[2] + hours[3]
  }
  assert.ok(evening > 2.5 * night, `${evening} against ${night}`)

  const shop = counterOf(n, 3)
  const open = byHour(shop, workdays)
  const closed = byHour(
    shop,
    november.filter((d) => weekdayOf(d) === 0),
  )
  assert.ok(open[12] > 2 * open[3])
  assert.ok(open[12] > 2 * closed[12])
})

test('winter takes more than summer; the sun gives to the roof by day and in summer, and some of it is used at home', () => {
  const n = neighbourhood()
  const household = counterOf(n, 2)
  const days = (first: string): [number, number] => [parseLocalDay(first) * DAY, (parseLocalDay(first) + 56) * DAY]
  const winter = between(household, ...days('2025-12-15'))
  const summer = between(household, ...days('2026-06-15'))
  assert.ok(winter.import > 1.2 * summer.import, `${winter.import} against ${summer.import}`)

  const roof = counterOf(n, 1)
  const bright = between(roof, ...days('2026-06-01'))
  const dim = between(roof, ...days('2025-12-01'))
  assert.ok(bright.export > 4 * dim.export, `${bright.export} against ${dim.export}`)
  const midnight = localDayRange(parseLocalDay('2026-06-10'), ZONE).from
  assert.equal(between(roof, midnight, midnight + 4 * 3_600_000).export, 0)
  const { annualWh } = n.traits(1)
  assert.ok(between(roof, ...days('2026-06-01')).import < ((annualWh / 1000) * 56) / 365)
})

test('weather is shared: neighbours with panels export in the same hours', () => {
  const n = neighbourhood()
  const roofs = [1]
  for (let index = 5; roofs.length < 2; index++)
    if (n.traits(index).archetype === 'pv' && n.traits(index).roof === n.traits(1).roof) roofs.push(index)
  const series = roofs.map((index) => {
    const counter = counterOf(n, index)
    return daysFrom('2026-05-01', 60).map((d) => between(counter, d * DAY, (d + 1) * DAY).export)
  })
  const mean = (xs: number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length
  const [ma, mb] = series.map(mean)
  const cov = mean(series[0].map((x, i) => (x - ma) * (series[1][i] - mb)))
  const sd = series.map((xs, k) => Math.sqrt(mean(xs.map((x) => (x - [ma, mb][k]) ** 2))))
  assert.ok(cov / (sd[0] * sd[1]) > 0.85)
})

test('days on which clocks change have 92 and 100 quarter hours, and nothing is lost in them', () => {
  const n = neighbourhood()
  const counter = counterOf(n, 2)
  for (const [day, quarters] of [
    ['2026-03-29', 92],
    ['2026-10-25', 100],
    ['2026-10-26', 96],
  ] as const) {
    const { from, to } = localDayRange(parseLocalDay(day), ZONE)
    assert.equal((to - from) / QUARTER, quarters)
    let sum = 0
    for (let at = from; at < to; at += QUARTER) sum += counter.at(at + QUARTER).importWh - counter.at(at).importWh
    assert.equal(sum, counter.at(to).importWh - counter.at(from).importWh)
    assert.ok(sum > 1000)
  }
  // The load follows the clock on the wall: the step of a slot is local time.
  const context = n.contexts(parseLocalDay('2026-07-01'), 96)
  assert.equal(context.step[0], ((zoneOffsetMs(parseLocalDay('2026-07-01') * DAY, ZONE) / DAY) * 288) % 288)
})

test('five-minute slots hold the same kind of load, three to a quarter hour', () => {
  const n = neighbourhood()
  const fine = counterOf(n, 2, 288)
  const { import: kWh } = between(fine, year.from, year.to)
  const { import: coarse } = between(counterOf(neighbourhood(), 2), year.from, year.to)
  assert.ok(Math.abs(kWh / coarse - 1) < 0.1, `${kWh} against ${coarse}`)
  assert.equal(fine.day(BIRTH).importWh.length, 289)
})

test('nothing passes a meter without supply, before and after it is as it would have been', () => {
  const from = BIRTH * DAY + 10 * 3_600_000
  const outage = { from, to: from + 2 * 3_600_000 }
  const n = neighbourhood()
  const dark = n.counter(3, 96, (a, b) => (outage.from < b && outage.to > a ? [outage] : []))
  const lit = counterOf(neighbourhood(), 3)
  assert.equal(dark.at(outage.to).importWh, dark.at(outage.from).importWh)
  assert.equal(dark.at(outage.from).importWh, lit.at(outage.from).importWh)
  assert.ok(lit.at(outage.to).importWh > lit.at(outage.from).importWh)
})

test('power is of the size of the interval it lies in, voltage within what a grid gives', () => {
  const counter = counterOf(neighbourhood(), 1)
  for (let at = BIRTH * DAY; at < (BIRTH + 2) * DAY; at += 7_777_777) {
    const start = Math.floor(at / QUARTER) * QUARTER
    const { import: inn, export: out } = between(counter, start, start + QUARTER)
    const mean = (inn - out) * 4000
    assert.ok(Math.abs(counter.powerW(at) - mean) <= Math.abs(mean) * 0.09 + 1)
    assert.ok(counter.voltage(at) > 2200 && counter.voltage(at) < 2400)
  }
})

test('holidays are where the church puts them', () => {
  for (const [y, day] of [
    [2024, '2024-03-31'],
    [2025, '2025-04-20'],
    [2026, '2026-04-05'],
    [2038, '2038-04-25'],
  ] as const)
    assert.equal(easterSunday(y), parseLocalDay(day))
  const kindOf = createCalendar(['04-27'])
  for (const day of ['2026-04-06', '2026-05-14', '2026-05-25', '2026-12-25', '2026-04-27', '2026-11-22'])
    assert.equal(kindOf(parseLocalDay(day)), DAY_KINDS.holiday, day)
  assert.equal(kindOf(parseLocalDay('2026-11-21')), DAY_KINDS.saturday)
  assert.equal(kindOf(parseLocalDay('2026-11-20')), DAY_KINDS.workday)
  assert.throws(() => createCalendar(['30-02']), TypeError)
})

test('chance is even', () => {
  for (const seed of [1, 7, 42]) {
    const counts = new Array<number>(10).fill(0)
    for (let i = 0; i < 20_000; i++) counts[Math.floor(chance(seed, 3, i) * 10)]++
    for (const count of counts) assert.ok(count > 1800 && count < 2200)
  }
})

test('intervals are drawn by the million a second', () => {
  const n = neighbourhood()
  let intervals = 0
  let best = 0
  for (let round = 0; round < 3; round++) {
    const started = performance.now()
    intervals = 0
    for (let index = 1; index <= 30; index++) {
      counterOf(n, index).at((BIRTH - 396) * DAY)
      intervals += 396 * 96
    }
    best = Math.max(best, intervals / ((performance.now() - started) / 1000))
  }
  // Half of what is promised, so that a busy machine does not fail the test; bench/fleet.ts tells the figure.
  assert.ok(best > 2_500_000, `${Math.round(best)} a second`)
})
