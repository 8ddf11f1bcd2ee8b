import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProfileRows } from '@gridtally/dlms'
import { obisCode } from '@gridtally/metering'
import fc from 'fast-check'
import type { CaptureList } from './device.ts'
import { convertEventLog, convertLoadProfile, type Seam } from './to-readings.ts'

const STEP = 900_000
const START = Date.UTC(2026, 2, 1)
const column = (classId: number, obis: string) => ({
  classId,
  obis: obisCode(obis),
  attribute: 2,
  dataIndex: 0,
  scaler: 0,
  unit: 30,
})
const LIST: CaptureList = {
  profile: obisCode('1.0.99.1.0.255'),
  version: 1,
  periodMs: STEP,
  columns: [column(8, '0.0.1.0.0.255'), column(1, '0.0.96.10.1.255'), column(3, '1.0.1.8.0.255')],
  since: 0,
}
type Row = readonly [at: number, value: number | bigint]
const rowsOf = (rows: readonly Row[]): ProfileRows => ({
  count: rows.length,
  columns: [
    { kind: 'clock', instants: rows.map(([at]) => at), status: rows.map(() => 0) },
    { kind: 'value', values: rows.map(() => 0) },
    { kind: 'value', values: rows.map(([, value]) => value) },
  ],
})

test('however rows come - in parts, doubled, out of order, with gaps - sums of intervals are advances of the register, and none is there twice', () => {
  const steps = fc.array(fc.record({ advance: fc.nat(5000), kept: fc.boolean(), copies: fc.nat(2) }), {
    minLength: 2,
    maxLength: 60,
  })
  fc.assert(
    fc.property(steps, fc.array(fc.nat(59), { maxLength: 4 }), fc.infiniteStream(fc.nat()), (all, cuts, shuffle) => {
      let register = 0
      const truth = all.map(({ advance }, i): Row => {
        register += advance
        return [START + i * STEP, register]
      })
      const bounds = [0, ...cuts.filter((c) => c < all.length).sort((a, b) => a - b), all.length]
      let seam: Seam | undefined
      const values = new Map<number, number | null>()
      bounds.slice(1).forEach((end, part) => {
        const some = truth
          .slice(0, end)
          // What was delivered before comes again, as meters that ignore ranges do.
          .filter((_, i) => (i >= bounds[part] || i % 3 === 0) && all[i].kept)
          .flatMap((row, i) => Array.from({ length: 1 + (all[i]?.copies ?? 0) }, () => row))
          .map((row) => [row, shuffle.next().value] as const)
          .sort((a, b) => a[1] - b[1])
          .map(([row]) => row)
        const converted = convertLoadProfile('M', LIST, rowsOf(some), seam)
        for (const run of converted.runs)
          run.values.forEach((value, i) => {
            const at = run.start + i * STEP
            assert.ok(!values.has(at), 'twice')
            values.set(at, value)
          })
        seam = converted.seam
        assert.deepEqual(converted.events, [])
      })
      for (let i = 1; i < all.length; i++) {
        const value = values.get(START + (i - 1) * STEP)
        if (all[i].kept && all[i - 1].kept) assert.equal(value, all[i].advance, `interval ${i}`)
        else assert.ok(value === null || value === undefined)
      }
    }),
    { numRuns: 500 },
  )
})

test('registers longer than a double count exactly', () => {
  const big = 2n ** 60n
  const { runs, seam } = convertLoadProfile(
    'M',
    LIST,
    rowsOf([
      [START, big],
      [START + STEP, big + 7n],
    ]),
    undefined,
  )
  assert.deepEqual([runs[0].values, seam?.values['1.0.1.8.0.255']], [[7], String(big + 7n)])
})

test('rows between two stamps, as clocks that are set leave them, mark the interval and break nothing', () => {
  const rows = rowsOf([
    [START, 10],
    [START + STEP / 3, 12],
    [START + STEP, 15],
  ])
  const [, status] = rows.columns
  const marked = {
    ...rows,
    columns: [rows.columns[0], { ...status, values: [0, 0x20, 0] }, rows.columns[2]],
  } as ProfileRows
  const { runs } = convertLoadProfile('M', LIST, marked, undefined)
  assert.deepEqual([runs[0].values, runs[0].flags], [[5], [0x02]])
})

test('events with one stamp are all told, once each, over any number of reads', () => {
  const list: CaptureList = {
    ...LIST,
    profile: obisCode('0.0.99.98.0.255'),
    columns: [column(8, '0.0.1.0.0.255'), column(1, '0.0.96.11.0.255')],
  }
  const log: Row[] = [
    [START, 1],
    [START, 2],
    [START, 40],
    [START + 1000, 41],
    [START + 1000, 42],
  ]
  const told: string[] = []
  let after = { at: 0, count: 0 }
  for (const upTo of [1, 2, 2, 4, 5, 5]) {
    const rows = log.slice(0, upTo).filter(([at]) => at >= after.at)
    const converted = convertEventLog(
      'M',
      list,
      {
        count: rows.length,
        columns: [
          { kind: 'clock', instants: rows.map(([at]) => at), status: rows.map(() => 0) },
          { kind: 'value', values: rows.map(([, code]) => code) },
        ],
      },
      after,
    )
    told.push(...converted.events.map(({ type }) => type))
    after = converted
  }
  assert.deepEqual(told, [
    'meter.powerDown',
    'meter.powerUp',
    'meter.terminalCoverRemoved',
    'meter.terminalCoverClosed',
    'meter.magneticField',
  ])
})
