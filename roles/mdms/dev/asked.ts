import { type IntervalRun, obisCode, parseInstant } from '@gridtally/metering'
import type { MdmsUnderTest } from './mdms-under-test.ts'

/** Zone of the usage points. */
export const ZONE = 'Europe/Amsterdam'
/** A quarter hour in ms. */
export const QUARTER = 900_000
/** Register of energy taken. */
export const IMPORT = obisCode('1.0.1.8.0.255')
/** Register of energy given. */
export const EXPORT = obisCode('1.0.2.8.0.255')
/** Instant of a local time. */
export const at = (text: string): number => parseInstant(text, ZONE)

/** A log payload of intervals. */
export function run(
  meterId: string,
  start: string,
  values: readonly (number | null)[],
  more: Partial<IntervalRun> = {},
) {
  const fields = { meterId, obis: IMPORT, scaler: 0, unit: 30, start: at(start), stepMs: QUARTER, captureVersion: 1 }
  return { kind: 'intervals', run: { ...fields, values, ...more } } as const
}
/** `from`, `from` + 1, … */
export const ramp = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)
/** Their sum. */
export const sumOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

/** A bucket as answered. */
export interface Bucket {
  start: string
  end: string
  sum: string
  min: string | null
  max: string | null
  mean: number | null
  count: number
  expected: number
  estimated: number
}
/** Intervals as objects. */
export interface IntervalAnswer {
  intervals: { start: string; end: string; value: string | null; quality: string; flags?: string[] }[]
}
/** Intervals in columns. */
export interface ColumnAnswer {
  runs: { start: string; stepMs: number; scaler: number; values: (number | null)[]; marks: number[][] }[]
}

/** Short ways to ask the MDMS of a suite. */
export interface MdmsAsked {
  readonly name: string
  readonly mdms: () => MdmsUnderTest
  point(id: string, meters: readonly [string, string, string | null][], zone?: string): Promise<void>
  get<T>(path: string): Promise<T>
  values(owner: string, from: string, to: string, more?: string): Promise<(string | null)[]>
  upload<T>(lines: readonly unknown[]): Promise<T>
}

/** Puts and asks by the clients of `mdms`. */
export function asked(name: string, mdms: () => MdmsUnderTest): MdmsAsked {
  const get: MdmsAsked['get'] = (path) => mdms().reader.json(path)
  return {
    name,
    mdms,
    get,
    async point(id, meters, zone = ZONE) {
      const body = [{ id, zone, commodity: 'electricity', category: 'household' }]
      await mdms().simulator.json('/usage-points', { method: 'PUT', body })
      const assignments = meters.map(([meterId, from, to]) => ({ usagePointId: id, meterId, from, to }))
      await mdms().simulator.json('/assignments', { method: 'PUT', body: assignments })
    },
    async values(owner, from, to, more = '') {
      const answer = await get<IntervalAnswer>(`/${owner}/intervals?from=${from}&to=${to}${more}`)
      return answer.intervals.map(({ value }) => value)
    },
    upload: (lines) =>
      mdms().simulator.json('/imports', {
        method: 'POST',
        contentType: 'application/x-ndjson',
        body: lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
      }),
  }
}
