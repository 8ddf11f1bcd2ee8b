import { CURVE_STEPS } from './day-context.ts'

/** A day's shape in 288 steps of five minutes, around 1 on average over the week it belongs to. */
export type Curve = Float32Array

/** Shapes for workday, Saturday, Sunday or holiday (see `DAY_KINDS`). */
export type WeekCurves = readonly [Curve, Curve, Curve]

/** Smooth curve through 24 hourly values. */
function throughHours(hours: readonly number[]): Curve {
  const curve = new Float32Array(CURVE_STEPS)
  for (let i = 0; i < CURVE_STEPS; i++) {
    const x = (i / CURVE_STEPS) * 24 - 0.5
    const left = Math.floor(x)
    const t = x - left
    curve[i] = hours[(left + 24) % 24] * (1 - t) + hours[(left + 25) % 24] * t
  }
  return curve
}

/** Scales the three shapes together so that a week of five workdays averages 1. */
function week(workday: readonly number[], saturday: readonly number[], holiday: readonly number[]): WeekCurves {
  const curves = [workday, saturday, holiday].map(throughHours)
  const mean = (curve: Curve): number => curve.reduce((sum, value) => sum + value, 0) / CURVE_STEPS
  const average = (5 * mean(curves[0]) + mean(curves[1]) + mean(curves[2])) / 7
  const scaled = curves.map((curve) => curve.map((value) => value / average))
  return [scaled[0], scaled[1], scaled[2]]
}

/** Activity by hour of the local day. Shapes follow what standard load profiles of European utilities show: peaks at breakfast and in the evening. */
export const CURVES = {
  /** Out during workdays. */
  commuting: week(
    [
      0.4, 0.3, 0.25, 0.25, 0.3, 0.5, 1.1, 1.6, 1.2, 0.7, 0.55, 0.55, 0.65, 0.6, 0.55, 0.7, 1.1, 1.9, 2.4, 2.3, 2.1,
      1.9, 1.4, 0.8,
    ],
    [
      0.5, 0.4, 0.3, 0.25, 0.25, 0.35, 0.6, 1.0, 1.4, 1.6, 1.6, 1.6, 1.7, 1.5, 1.4, 1.4, 1.6, 2.0, 2.3, 2.1, 1.9, 1.8,
      1.4, 0.9,
    ],
    [
      0.6, 0.4, 0.3, 0.25, 0.25, 0.3, 0.45, 0.8, 1.3, 1.6, 1.7, 1.8, 2.0, 1.7, 1.4, 1.4, 1.6, 2.1, 2.4, 2.2, 1.9, 1.7,
      1.3, 0.7,
    ],
  ),
  /** Somebody is in all day. */
  atHome: week(
    [
      0.4, 0.3, 0.25, 0.25, 0.3, 0.45, 0.8, 1.3, 1.4, 1.3, 1.25, 1.35, 1.6, 1.4, 1.25, 1.25, 1.4, 1.9, 2.2, 2.0, 1.8,
      1.7, 1.3, 0.75,
    ],
    [
      0.5, 0.4, 0.3, 0.25, 0.25, 0.35, 0.6, 1.0, 1.4, 1.6, 1.6, 1.6, 1.7, 1.5, 1.4, 1.4, 1.6, 2.0, 2.2, 2.0, 1.8, 1.7,
      1.4, 0.9,
    ],
    [
      0.6, 0.4, 0.3, 0.25, 0.25, 0.3, 0.45, 0.8, 1.3, 1.6, 1.7, 1.8, 2.0, 1.7, 1.4, 1.4, 1.6, 2.0, 2.3, 2.1, 1.8, 1.6,
      1.3, 0.7,
    ],
  ),
  /** Open from nine to six, closed on Sundays and holidays. */
  shop: week(
    [
      0.1, 0.1, 0.1, 0.1, 0.1, 0.15, 0.3, 0.8, 1.8, 2.4, 2.6, 2.7, 2.7, 2.7, 2.7, 2.7, 2.6, 2.4, 1.2, 0.5, 0.3, 0.2,
      0.15, 0.1,
    ],
    [
      0.1, 0.1, 0.1, 0.1, 0.1, 0.15, 0.3, 0.8, 1.9, 2.6, 2.9, 3.0, 3.0, 3.0, 2.9, 2.8, 2.4, 1.4, 0.6, 0.3, 0.2, 0.15,
      0.1, 0.1,
    ],
    [
      0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.12, 0.15, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.15, 0.15, 0.1, 0.1,
      0.1, 0.1,
    ],
  ),
} as const satisfies Record<string, WeekCurves>
