import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatInstant } from '@gridtally/metering'
import fc from 'fast-check'
import {
  CsvDecoder,
  type CsvRow,
  csvLine,
  detectStep,
  ExchangeError,
  instantsOfWall,
  integerAt,
  type PlacedValue,
  planTable,
  readDecimal,
  ScalerFinder,
  TablePlacer,
} from './index.ts'

function rowsOf(text: string, cut = text.length): CsvRow[] {
  const decoder = new CsvDecoder()
  const rows: CsvRow[] = []
  for (let at = 0; at < text.length; at += cut) rows.push(...decoder.feed(text.slice(at, at + cut)))
  return [...rows, ...decoder.end()]
}

function placed(
  text: string,
  zone: string,
  columns: Record<string, string> = {},
): { values: PlacedValue[]; placer: TablePlacer } {
  const [heading, ...rows] = rowsOf(text)
  const plan = planTable(heading, { zone, stamp: 'start', columns })
  const placer = new TablePlacer(plan, detectStep(plan, rows))
  return { values: [...rows.flatMap((row) => placer.place(row)), ...placer.flush()], placer }
}

test('CSV is read whatever its delimiter, line ends and quotes, and however it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.string({ maxLength: 8 }), { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 9 }),
      (table, cut) => {
        const clean = table.map((row) => row.map((field) => field.replaceAll('\uFEFF', '').replace(/^\s+|\s+$/g, '')))
        const text = clean.map((row) => csvLine(row)).join('')
        const filled = clean.filter((row) => row.length > 1 || row[0] !== '')
        const decoder = new CsvDecoder(',')
        const rows: CsvRow[] = []
        for (let at = 0; at < text.length; at += cut) rows.push(...decoder.feed(text.slice(at, at + cut)))
        rows.push(...decoder.end())
        assert.deepEqual(
          rows.map(({ fields }) => fields),
          filled,
        )
      },
    ),
  )
  assert.deepEqual(
    rowsOf('\uFEFFa;b\r\n1;"x;""y"\n').map(({ fields }) => fields),
    [
      ['a', 'b'],
      ['1', 'x;"y'],
    ],
  )
})

test('a broken table says in which line', () => {
  assert.throws(() => rowsOf('a,b\n1,"x\n'), { code: 'CSV_INVALID', line: 2 })
  assert.throws(() => rowsOf('a,b\n1,2\n"x"y,3\n'), { code: 'CSV_INVALID', line: 3 })
  assert.throws(() => placed('time,kwh\n2026-01-01 00:00,1\n2026-01-01 00:30,abc\n', 'UTC'), {
    code: 'VALUE_INVALID',
    line: 3,
  })
  assert.throws(() => placed('time,kwh\n2026-01-01 00:00,1\nyesterday,1\n', 'UTC'), { code: 'TIME_INVALID', line: 3 })
  assert.throws(() => placed('a,b\n1,2\n', 'UTC'), { code: 'COLUMN_UNKNOWN', line: 1 })
  assert.throws(() => placed('time,b\n1,2\n', 'UTC', { c: 'import' }), ExchangeError)
})

test('floating-point noise is taken away, meant digits stay', () => {
  const read = (text: string): string => {
    const { digits, decimals, noisy } = readDecimal(text) ?? { digits: 0n, decimals: -1, noisy: false }
    return `${digits}/${decimals}${noisy ? ' noisy' : ''}`
  }
  assert.equal(read('0.48200000000000004'), '482/3 noisy')
  assert.equal(read('0.45399999999999996'), '454/3 noisy')
  assert.equal(read('12.30'), '1230/2')
  assert.equal(read('-0,5'), '-5/1')
  assert.equal(read('0.123456789012345'), '123456789012345/15')
  for (const text of ['', 'x', '1.2.3', '1e5', 'NaN']) assert.equal(readDecimal(text), undefined, text)
})

test('rows keep their sums over the hour that does not exist and the hour that comes twice', () => {
  const day = (date: string, repeated: string): string =>
    Array.from({ length: 48 }, (_, i) => {
      const hour = String(Math.floor(i / 2)).padStart(2, '0')
      const kwh = hour === '02' ? repeated : '0.5'
      return `${date} ${hour}:${i % 2 ? '30' : '00'}:00,${kwh}\n`
    }).join('')
  const spring = placed(`,GC\n${day('2011-10-02', '0.0')}`, 'Australia/Sydney')
  assert.equal(spring.values.length, 46)
  assert.equal(spring.placer.notes.skipped, 2)
  const autumn = placed(`,GC\n${day('2012-04-01', '1.093')}`, 'Australia/Sydney')
  assert.equal(autumn.values.length, 50)
  assert.equal(autumn.placer.notes.split, 2)
  assert.equal(autumn.values.filter(({ quality }) => quality === 'ESTIMATED').length, 4)
  const watthours = (values: PlacedValue[]): number => values.reduce((sum, { value }) => sum + integerAt(value, 0), 0)
  assert.equal(watthours(autumn.values), 46 * 500 + 2 * 1093)
  const starts = autumn.values.map(({ start }) => start).sort((a, b) => a - b)
  assert.ok(starts.every((at, i) => i === 0 || at - starts[i - 1] === 1_800_000))
  assert.throws(() => placed(`,GC\n${day('2011-10-02', '0.1')}`, 'Australia/Sydney'), { code: 'TIME_INVALID', line: 6 })
})

test('a local hour written twice is told apart by its order', () => {
  const rows = ['02:00', '02:30', '02:00', '02:30', '03:00'].map((at, i) => `2026-10-25T${at},${i + 1}\n`).join('')
  const { values, placer } = placed(`time,kwh\n2026-10-25T01:30,9\n${rows}`, 'Europe/Amsterdam')
  assert.equal(placer.notes.split, 0)
  assert.deepEqual(
    values.map(({ start, value }) => `${formatInstant(start, 'Europe/Amsterdam')} ${value.digits}`),
    [
      '2026-10-25T01:30:00+02:00 9',
      '2026-10-25T02:00:00+02:00 1',
      '2026-10-25T02:30:00+02:00 2',
      '2026-10-25T02:00:00+01:00 3',
      '2026-10-25T02:30:00+01:00 4',
      '2026-10-25T03:00:00+01:00 5',
    ],
  )
})

test('times with offsets need no zone, end stamps are moved to the beginning, qualities are read', () => {
  const [heading, ...rows] = rowsOf(
    'end,import_kwh,import_quality\n2026-03-29T01:45:00+01:00,0.1,VALID\n2026-03-29T02:00:00+01:00,0.2,ESTIMATED\n',
  )
  const plan = planTable(heading, { zone: 'UTC', stamp: 'end', time: 'end', columns: {} })
  const placer = new TablePlacer(plan, detectStep(plan, rows))
  const values = rows.flatMap((row) => placer.place(row))
  assert.deepEqual(
    values.map(({ start, quality }) => [start, quality]),
    [
      [Date.UTC(2026, 2, 29, 0, 30), 'VALID'],
      [Date.UTC(2026, 2, 29, 0, 45), 'ESTIMATED'],
    ],
  )
})

test('a table with a row per channel and interval is read by what each row names', () => {
  const { values } = placed(
    'usage_point,channel,start,end,value,unit,quality\nU,import,2026-01-01T00:00:00Z,x,250,Wh,RAW\nU,import,2026-01-01T00:15:00Z,x,,Wh,MISSING\n' +
      'U,export,2026-01-01T00:00:00Z,x,0.5,kWh,VALID\nU,export,2026-01-01T00:15:00Z,x,1,kWh,RAW\n',
    'UTC',
  )
  assert.deepEqual(
    values.map(({ channel, value, quality }) => `${channel} ${integerAt(value, 0)} ${quality}`),
    ['import 250 RAW', 'export 500 VALID', 'export 1000 RAW'],
  )
  assert.throws(
    () =>
      placed('channel,start,value,unit\nimport,2026-01-01T00:00:00Z,1,MJ\nimport,2026-01-01T01:00:00Z,1,MJ\n', 'UTC'),
    {
      code: 'VALUE_INVALID',
      line: 2,
    },
  )
})

test('the scaler found holds every value exactly', () => {
  const finder = new ScalerFinder()
  for (const text of ['1.500', '0.0', '2.25', '100'])
    finder.add(readDecimal(text) ?? { digits: 0n, decimals: 0, noisy: false })
  assert.equal(finder.scaler, -2)
  assert.equal(integerAt({ digits: 1500n, decimals: 3, noisy: false }, -2), 150)
  assert.throws(() => integerAt({ digits: 10n ** 20n, decimals: 0, noisy: false }, 0), { code: 'VALUE_INVALID' })
})

test('a wall time names one instant, two or none', () => {
  assert.equal(instantsOfWall(Date.UTC(2026, 2, 29, 2, 30), 'Europe/Amsterdam').length, 0)
  assert.equal(instantsOfWall(Date.UTC(2026, 9, 25, 2, 30), 'Europe/Amsterdam').length, 2)
  assert.equal(instantsOfWall(Date.UTC(2026, 9, 25, 3, 0), 'Europe/Amsterdam').length, 1)
  assert.equal(instantsOfWall(Date.UTC(2026, 3, 5, 1, 45), 'Australia/Lord_Howe').length, 2)
})
