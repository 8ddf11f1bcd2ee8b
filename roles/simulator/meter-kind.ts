import type { SimulatorConfig } from './config.ts'
import { chance } from './load/hash.ts'
import type { Archetype } from './load/traits.ts'

/** Columns of a load profile. */
export type ProfileColumnName = 'clock' | 'status' | 'import' | 'export'

/** How a meter was built and configured: what a head-end has to find out by asking. */
export interface MeterKind {
  readonly periodMinutes: 5 | 15 | 30 | 60
  readonly columns: readonly ProfileColumnName[]
  /** `local`: date-times are local time with their deviation. `utc`: UTC with deviation 0. */
  readonly stamps: 'local' | 'utc'
  readonly model: string
  readonly firmware: string
}

const STREAM = { period: 301, layout: 302, columns: 303, stamps: 304, firmware: 305 }

const STANDARD: readonly ProfileColumnName[] = ['clock', 'status', 'import', 'export']

function columnsOf(
  { layouts }: SimulatorConfig,
  draw: (stream: number) => number,
  archetype: Archetype,
): readonly ProfileColumnName[] {
  const layout = draw(STREAM.layout)
  let columns = STANDARD
  if (layout < layouts.noStatus) columns = ['clock', 'import', 'export']
  else if (layout < layouts.noStatus + layouts.reordered) columns = ['clock', 'export', 'import', 'status']
  const importOnly = archetype !== 'pv' && draw(STREAM.columns) < layouts.importOnly
  return importOnly ? columns.filter((name) => name !== 'export') : columns
}

/** Draws that only a share of 1 takes: the first meter, which demonstrations show, is a standard one unless all meters are told to differ. */
const LAST_DRAW = 0.999_999_999

/** The kind of the meter at a place in the fleet. */
export function meterKindOf(config: SimulatorConfig, index: number, archetype: Archetype): MeterKind {
  const { seed, capture } = config
  const draw = (stream: number): number => (index === 1 ? LAST_DRAW : chance(seed, stream, index))
  const u = draw(STREAM.period)
  let periodMinutes: MeterKind['periodMinutes'] = 15
  if (u < capture.fiveMinutes) periodMinutes = 5
  else if (u < capture.fiveMinutes + capture.thirtyMinutes) periodMinutes = 30
  else if (u < capture.fiveMinutes + capture.thirtyMinutes + capture.hourly) periodMinutes = 60
  const columns = columnsOf(config, draw, archetype)
  const layout = columns.map((name) => name[0].toUpperCase()).join('')
  return {
    periodMinutes,
    columns,
    stamps: draw(STREAM.stamps) < config.layouts.utc ? 'utc' : 'local',
    // What is learnt of a model holds for all of it, so what differs is in its name.
    model: `GT-${periodMinutes} ${layout}`,
    firmware: draw(STREAM.firmware) < 0.2 ? '1.3.9' : '1.4.2',
  }
}
