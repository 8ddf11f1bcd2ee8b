import { DEVICE_FLAGS, localDayOf, localDayRange, type ObisCode, obisCode } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import { PROFILE_STATUS, type ProfileRow, type SimulatedMeter } from './meter.ts'
import type { ProfileColumnName } from './meter-kind.ts'

/** OBIS codes of the energy registers, Wh with scaler 0. */
export const ENERGY = { import: obisCode('1.0.1.8.0.255'), export: obisCode('1.0.2.8.0.255') } as const

/** COSEM unit code of Wh. */
const WATT_HOURS = 30

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

/** One line of the MDMS's `POST /imports`: the intervals of one channel. */
export interface IntervalLine {
  readonly meterId: string
  readonly channel: 'import' | 'export'
  readonly start: Instant
  readonly stepMs: number
  readonly scaler: number
  readonly unit: number
  readonly values: readonly (number | null)[]
  /** Bits of metering's `DEVICE_FLAGS`, absent when all are 0. */
  readonly flags?: readonly number[]
}

/** Which energy channels a meter captures, in the order of its columns. */
export function energyColumns(meter: SimulatedMeter): ('import' | 'export')[] {
  return meter.kind.columns.filter((name: ProfileColumnName) => name === 'import' || name === 'export')
}

const advance = (channel: 'import' | 'export', row: ProfileRow): number =>
  channel === 'import' ? row.importWh : row.exportWh

/** Another line of `POST /imports`: what a register showed. */
export interface RegisterLine {
  readonly meterId: string
  readonly register: ObisCode
  readonly at: Instant
  /** Digits of an integer. */
  readonly value: string
  readonly scaler: number
  readonly unit: number
}

/** A meter's registers at a time by its clock, as far as it has a row there. */
export function registerLines(meter: SimulatedMeter, at: Instant): RegisterLine[] {
  const [row] = meter.rows(at, at)
  if (!row) return []
  return energyColumns(meter).map((channel) => ({
    meterId: meter.serial,
    register: ENERGY[channel],
    at,
    value: String(advance(channel, row)),
    scaler: 0,
    unit: WATT_HOURS,
  }))
}

/**
 * A stretch of a meter's history, a line for each channel. The values are differences of the rows the meter's own profile
 * holds, so intervals and registers agree to the last unit. Intervals next to a missing row are `null`.
 */
export function historyLines(meter: SimulatedMeter, span: HistorySpan): IntervalLine[] {
  const step = meter.periodMs
  const rows = meter.rows(span.from, span.to)
  const count = Math.floor((span.to - span.from) / step)
  const flags = new Array<number>(count).fill(0)
  for (const row of rows) {
    const at = (row.stamp - span.from) / step - 1
    if (at < 0) continue
    flags[at] =
      (row.status & PROFILE_STATUS.POWER_DOWN ? DEVICE_FLAGS.POWER_FAIL : 0) |
      (row.status & PROFILE_STATUS.CLOCK_ADJUSTED ? DEVICE_FLAGS.CLOCK_CHANGED : 0)
  }
  const isFlagged = flags.some((bits) => bits !== 0)
  return energyColumns(meter).map((channel) => {
    const values = new Array<number | null>(count).fill(null)
    for (let i = 1; i < rows.length; i++) {
      const [before, row] = [rows[i - 1], rows[i]]
      if (row.stamp - before.stamp === step)
        values[(row.stamp - span.from) / step - 1] = advance(channel, row) - advance(channel, before)
    }
    return {
      meterId: meter.serial,
      channel,
      start: span.from,
      stepMs: step,
      scaler: 0,
      unit: WATT_HOURS,
      values,
      ...(isFlagged ? { flags } : {}),
    }
  })
}
