import { type IntervalRun, localDayOf, localDayRange, obisCode, type Reading } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import { PROFILE_STATUS, type ProfileRow, type SimulatedMeter } from './meter.ts'
import type { ProfileColumnName } from './meter-kind.ts'

/** OBIS codes of the energy registers, Wh with scaler 0. */
export const ENERGY = { import: obisCode('1.0.1.8.0.255'), export: obisCode('1.0.2.8.0.255') } as const

/** COSEM unit code of Wh. */
const WATT_HOURS = 30

/** Flag bits of metering's `DEVICE_FLAGS` for what the status octet of a row says. */
const POWER_FAIL = 0x01
const CLOCK_CHANGED = 0x02

/** Stretch of history handed over once, on local midnights. */
export interface HistorySpan {
  readonly from: Instant
  readonly to: Instant
}

/** The stretch for a fleet born at `bornAt`: from `days` before to `tailDays` before, local midnights. */
export function historySpan(bornAt: Instant, zone: string, days: number, tailDays: number): HistorySpan {
  const birthDay = localDayOf(bornAt, zone)
  const from = localDayRange(birthDay - days, zone).from
  return { from, to: Math.max(from, localDayRange(birthDay - tailDays, zone).from) }
}

/** First instants of local months between two instants, both ends added: month after month of history. */
export function monthsOf({ from, to }: HistorySpan, zone: string): HistorySpan[] {
  const months: HistorySpan[] = []
  let start = from
  while (start < to) {
    const day = new Date(localDayOf(start, zone) * 86_400_000)
    const next = Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 1) / 86_400_000
    const end = Math.min(to, localDayRange(next, zone).from)
    months.push({ from: start, to: end })
    start = end
  }
  return months
}

/** What a meter's history is made of: one line of an import each. */
export type HistoryLine =
  | { readonly kind: 'readings'; readonly readings: readonly Reading[] }
  | { readonly kind: 'intervals'; readonly run: IntervalRun }

/** Which energy channels a meter captures, in the order of its columns. */
export function energyColumns(meter: SimulatedMeter): ('import' | 'export')[] {
  return meter.kind.columns.filter((name: ProfileColumnName) => name === 'import' || name === 'export')
}

const advance = (channel: 'import' | 'export', row: ProfileRow): number =>
  channel === 'import' ? row.importWh : row.exportWh

/**
 * A stretch of a meter's history: the register readings at its beginning, then a run of intervals for each channel.
 * The values are differences of the rows the meter's own profile holds, so intervals and registers agree to the last unit.
 * Intervals next to a missing row are `null`.
 */
export function historyLines(meter: SimulatedMeter, span: HistorySpan): HistoryLine[] {
  const step = meter.periodMs
  const rows = meter.rows(span.from, span.to)
  const count = Math.floor((span.to - span.from) / step)
  const lines: HistoryLine[] = []
  const first = rows[0]
  const channels = energyColumns(meter)
  if (first?.stamp === span.from)
    lines.push({
      kind: 'readings',
      readings: channels.map((channel) => ({
        meterId: meter.serial,
        obis: ENERGY[channel],
        scaler: 0,
        unit: WATT_HOURS,
        at: first.stamp,
        value: String(advance(channel, first)),
        reason: 'imported',
      })),
    })
  for (const channel of channels) {
    const values = new Array<number | null>(count).fill(null)
    const flags = new Array<number>(count).fill(0)
    let flagged = false
    for (let i = 1; i < rows.length; i++) {
      const [before, row] = [rows[i - 1], rows[i]]
      const at = (row.stamp - span.from) / step - 1
      if (row.stamp - before.stamp === step) values[at] = advance(channel, row) - advance(channel, before)
      const flag =
        (row.status & PROFILE_STATUS.POWER_DOWN ? POWER_FAIL : 0) |
        (row.status & PROFILE_STATUS.CLOCK_ADJUSTED ? CLOCK_CHANGED : 0)
      if (flag !== 0) {
        flags[at] = flag
        flagged = true
      }
    }
    const run: IntervalRun = {
      meterId: meter.serial,
      obis: ENERGY[channel],
      scaler: 0,
      unit: WATT_HOURS,
      start: span.from,
      stepMs: step,
      values,
      ...(flagged ? { flags } : {}),
      captureVersion: 1,
    }
    lines.push({ kind: 'intervals', run })
  }
  return lines
}
