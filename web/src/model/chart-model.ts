import type { BucketLength, Buckets, Decimal, Energy } from '../api/types.ts'
import { addDecimals, negateDecimal, subtractDecimals } from './decimal.ts'
import type { Formats } from './format.ts'
import type { Measure } from './view-state.ts'

/** How much a bar can be trusted. `partial`: some of its intervals are missing; `future`: it has not begun to be measured. */
export type BarState = 'measured' | 'estimated' | 'partial' | 'missing' | 'future'

/** One direction of one bar. */
export interface BarSide {
  /** As drawn, ≥ 0 for ordinary bars; null where nothing is known. */
  readonly value: number | null
  /** The same number as text, with its unit; empty where nothing is known. */
  readonly text: string
  readonly state: BarState
  /** Share of present intervals that are estimated, 0 … 1: that much of the bar is hatched. */
  readonly estimatedShare: number
  /** Intervals that should be there and are not. */
  readonly missing: number
  readonly estimated: number
  readonly expected: number
}

/** One bar (a pair of sides) of a history chart; the table's row is made of the same fields. */
export interface Bar {
  readonly index: number
  /** Instants, ms. */
  readonly start: number
  readonly end: number
  /** What it is, in full: `Sunday 25 October 2026`, `02:00 – 03:00 CET`. */
  readonly label: string
  /** Short text under the axis. */
  readonly tick: string
  readonly import: BarSide
  /** Null for usage points without export. */
  readonly export: BarSide | null
}

/** Everything a history chart, its table and its words show. */
export interface ChartModel {
  readonly measure: Measure
  readonly bars: readonly Bar[]
  /** Largest values, for the scale; export counts as positive. At least a little above 0. */
  readonly up: number
  readonly down: number
  /** Axis marks: value (negative below zero) and text. */
  readonly marks: readonly { readonly value: number; readonly text: string }[]
  readonly importTotal: string
  readonly exportTotal: string | null
  /** Import + standing − export, with currency; null without tariff. */
  readonly balance: string | null
  readonly standing: string | null
  /** Mean import per day of the days that are complete enough (at least half present); null when there are none. */
  readonly highest: Bar | null
  readonly counts: { readonly missing: number; readonly estimated: number; readonly expected: number }
  /** The clock changes inside the chart. */
  readonly clockChange: 'forward' | 'back' | null
}

function stateOf(energy: Energy): BarState {
  if (energy.expected === 0) return 'future'
  if (energy.present === 0) return 'missing'
  if (energy.present < energy.expected) return 'partial'
  return energy.estimated > 0 ? 'estimated' : 'measured'
}

function sideOf(energy: Energy, measure: Measure, text: (value: Decimal) => string, scale: number): BarSide {
  const amount = measure === 'energy' ? energy.energyWh : energy.money
  const state = stateOf(energy)
  const known = amount !== null && (state !== 'future' || energy.present > 0)
  return {
    value: known ? Number(amount) * scale : null,
    text: known ? text(amount) : '',
    state,
    estimatedShare: energy.present > 0 ? energy.estimated / energy.present : 0,
    missing: Math.max(0, energy.expected - energy.present),
    estimated: energy.estimated,
    expected: energy.expected,
  }
}

/** Offset from UTC an ISO time carries, as text (`+02:00`). */
function offsetText(time: string): string {
  return time.endsWith('Z') ? '+00:00' : time.slice(-6)
}

interface Labels {
  readonly label: string
  readonly tick: string
}

function labelsOf(at: number, end: number, bucket: BucketLength, zone: string, f: Formats, named: boolean): Labels {
  switch (bucket) {
    case 'PT15M':
    case 'PT30M':
    case 'PT1H': {
      // Only on days with a clock change do hours need their zone's name to be told apart.
      const [from, to] = named ? [f.zoneName(at, zone), f.zoneName(end, zone)] : ['', '']
      const first = from === to ? f.time(at, zone) : `${f.time(at, zone)} ${from}`
      return { label: `${first} – ${f.time(end, zone)} ${to}`.trimEnd(), tick: f.time(at, zone) }
    }
    case 'P1D':
      return { label: f.longDay(at, zone), tick: f.dayOfMonth(at, zone) }
    case 'P1W':
      return { label: f.dayRange(at, end - 1, zone), tick: `${f.dayOfMonth(at, zone)} ${f.shortMonth(at, zone)}` }
    case 'P1M':
      return { label: f.month(at, zone), tick: f.shortMonth(at, zone) }
    case 'P1Y':
      return { label: f.year(at, zone), tick: f.year(at, zone) }
  }
}

/** Round steps for an axis that reaches `most`: 1, 2 or 5 times a power of ten, three to five of them. */
export function axisStep(most: number): number {
  if (!(most > 0)) return 1
  const rough = most / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].find((times) => times * power >= rough) ?? 10
  return step * power
}

/**
 * Turns buckets into what a history chart shows: bars with texts, axis, totals, and counts of missing and estimated values.
 *
 * @param buckets answer of the API, ascending and without holes
 * @param measure energy in kWh or money in the usage point's currency
 */
export function chartModel(buckets: Buckets, measure: Measure, f: Formats): ChartModel {
  const { zone, currency, bucket, total } = buckets
  const fine = bucket.startsWith('PT')
  const energyDigits = fine ? 3 : 2
  const moneyDigits = fine ? 3 : 2
  const text = (value: Decimal): string =>
    measure === 'energy' ? f.energy(value, energyDigits) : f.money(value, currency, moneyDigits)
  const scale = measure === 'energy' ? 0.001 : 1
  const offsets = buckets.buckets.map(({ start }) => offsetText(start))
  const change = fine ? offsets.find((offset) => offset !== offsets[0]) : undefined
  const week = bucket === 'P1D' && buckets.buckets.length <= 7

  const bars = buckets.buckets.map((one, index): Bar => {
    const start = Date.parse(one.start)
    const end = Date.parse(one.end)
    const { label, tick } = labelsOf(start, end, bucket, zone, f, change !== undefined)
    return {
      index,
      start,
      end,
      label: bucket === 'PT1H' && buckets.buckets.length > 25 ? `${f.day(start, zone)}, ${label}` : label,
      tick: week ? `${f.weekday(start, zone)} ${tick}` : tick,
      import: sideOf(one.import, measure, text, scale),
      export: one.export === null ? null : sideOf(one.export, measure, text, scale),
    }
  })

  const most = Math.max(0, ...bars.map((bar) => bar.import.value ?? 0), ...bars.map((bar) => -(bar.export?.value ?? 0)))
  const least = Math.max(
    0,
    ...bars.map((bar) => bar.export?.value ?? 0),
    ...bars.map((bar) => -(bar.import.value ?? 0)),
  )
  const step = axisStep(Math.max(most, least))
  const marks: { value: number; text: string }[] = []
  const up = Math.max(Math.ceil(most / step - 1e-9), least > 0 ? 0 : 1)
  const down = Math.ceil(least / step - 1e-9)
  for (let n = -down; n <= up; n++)
    marks.push({ value: n * step, text: axisText(n * step, step, measure, currency, f) })

  const highest = bars.reduce<Bar | null>(
    (best, bar) => ((bar.import.value ?? -1) > (best?.import.value ?? 0) ? bar : best),
    null,
  )
  const counted = [total.import, ...(total.export ? [total.export] : [])]
  const sum = (pick: (energy: Energy) => number): number => counted.reduce((all, energy) => all + pick(energy), 0)
  const totalText = (energy: Energy): string => {
    const amount = measure === 'energy' ? energy.energyWh : energy.money
    if (amount === null) return '–'
    return measure === 'energy' ? f.energy(amount, 2) : f.money(amount, currency)
  }
  return {
    measure,
    bars,
    up: up * step,
    down: down * step,
    marks,
    importTotal: totalText(total.import),
    exportTotal: total.export === null ? null : totalText(total.export),
    balance: balanceText(buckets, f),
    standing: total.standing === null ? null : f.money(total.standing, currency),
    highest,
    counts: {
      missing: sum((energy) => Math.max(0, energy.expected - energy.present)),
      estimated: sum((energy) => energy.estimated),
      expected: sum((energy) => energy.expected),
    },
    clockChange: change === undefined ? null : offsetMinutes(change) > offsetMinutes(offsets[0]) ? 'forward' : 'back',
  }
}

function offsetMinutes(text: string): number {
  const [hours, minutes] = text.slice(1).split(':').map(Number)
  return (text[0] === '-' ? -1 : 1) * (hours * 60 + minutes)
}

function axisText(value: number, step: number, measure: Measure, currency: string, f: Formats): string {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const text = Math.abs(value).toFixed(digits)
  if (value === 0) return '0'
  if (measure === 'money') return f.money(text, currency, digits === 1 ? 2 : digits)
  return new Intl.NumberFormat(f.locale, { minimumFractionDigits: digits }).format(Number(text))
}

/** What the period costs in all: import + standing charges − export. Null while no tariff is known. */
function balanceText({ total, currency }: Buckets, f: Formats): string | null {
  if (total.import.money === null) return null
  const costs = addDecimals(total.import.money, total.standing ?? '0')
  const balance = total.export?.money ? subtractDecimals(costs, total.export.money) : costs
  return Number(balance) < 0 ? `−${f.money(negateDecimal(balance), currency)}` : f.money(balance, currency)
}
