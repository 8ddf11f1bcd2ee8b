import { createReadStream, existsSync } from 'node:fs'
import { basename } from 'node:path'
import {
  CsvDecoder,
  type CsvRow,
  detectStep,
  ExchangeError,
  integerAt,
  type PlacedValue,
  planTable,
  ScalerFinder,
  TablePlacer,
  type TablePlan,
} from '@gridtally/exchange'
import { formatScaled, type ReadingQuality, unitCode, zoneOffsetMs } from '@gridtally/metering'
import { PeerError } from '#platform/peer'
import { FLAG, HELP, parseArguments, TEXT, TEXTS } from './arguments.ts'
import { type Command, type CommandIo, EXIT, UsageError } from './command.ts'
import { importShipment } from './import-shipment.ts'
import { dataFolder, roleOf } from './running.ts'

const USAGE = `usage: gridtally import FILE.csv --usage-point ID [options]
       gridtally import SHIPMENT.json [--data-dir DIR] [--json]

A shipment file (JSON) goes to the head-end: devices with their addresses and keys, see docs/shipment-file.md.

Brings a table of interval values into the running platform: one row an interval, one column a channel. The same file twice
changes nothing. Sums are kept to the last digit, also where clocks change.

options
  --usage-point ID       where the values belong; made when it does not exist yet (then --zone is needed)
  --zone ZONE            IANA zone (Europe/Amsterdam) or offset (+10:00) of times without offset
  --column NAME=CHANNEL  read column NAME as channel import, export, … ; NAME=CHANNEL:Wh for another unit than kWh.
                         Repeatable. Without it known headings are read: import_kwh, export_kwh, consumption, GC, GG, …
  --time NAME            column of the times; found by itself when called time, timestamp, start, date or nothing
  --stamp start|end      whether a time is the beginning (default) or the end of its interval
  --account ID           let this account see the usage point
  --category WORD        what the usage point is, default household
  --address TEXT         what people call the place; default its id
  --currency CODE        currency of its prices, default EUR
  --data-dir DIR         data folder of the platform, default ./gridtally-data (GRIDTALLY_DATA_DIR)
  --json                 one JSON object a channel on standard output

example
  gridtally import home.csv --usage-point HOME-1 --zone Australia/Sydney --column GC=import --column GG=export --account demo-customer
`

const OPTIONS = {
  'usage-point': TEXT,
  zone: TEXT,
  column: TEXTS,
  time: TEXT,
  stamp: TEXT,
  account: TEXT,
  category: TEXT,
  address: TEXT,
  currency: TEXT,
  'data-dir': TEXT,
  json: FLAG,
  help: HELP,
}

/** A shipment file is JSON; tables are not. */
const isShipment = (file: string): boolean => /\.json$/i.test(file)

interface ImportOptions {
  readonly file: string
  readonly usagePointId: string
  readonly zone: string | undefined
  readonly columns: Readonly<Record<string, string>>
  readonly time: string | undefined
  readonly stamp: 'start' | 'end'
  readonly account: string | undefined
  readonly category: string
  readonly address: string | undefined
  readonly currency: string
  readonly dataDir: string
  readonly json: boolean
}

function options(argv: readonly string[]): ImportOptions | undefined {
  const { values, positionals } = parseArguments(argv, OPTIONS)
  if (values.help) return undefined
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) throw new UsageError('name one file to import (try --help)')
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`)
  const usagePointId = values['usage-point'] ?? ''
  if (usagePointId === '' && !isShipment(file))
    throw new UsageError('say where the values belong with --usage-point ID')
  if (values.stamp !== undefined && values.stamp !== 'start' && values.stamp !== 'end')
    throw new UsageError(`--stamp is start or end, not "${values.stamp}"`)
  if (values.zone !== undefined) {
    try {
      zoneOffsetMs(0, values.zone)
    } catch (cause) {
      throw new UsageError((cause as Error).message, { cause })
    }
  }
  const columns: Record<string, string> = {}
  for (const pair of values.column ?? []) {
    const at = pair.lastIndexOf('=')
    if (at < 0) throw new UsageError(`--column takes NAME=CHANNEL, not "${pair}"`)
    columns[pair.slice(0, at)] = pair.slice(at + 1)
  }
  return {
    file,
    usagePointId,
    zone: values.zone,
    columns,
    time: values.time,
    stamp: values.stamp ?? 'start',
    account: values.account,
    category: values.category ?? 'household',
    address: values.address,
    currency: values.currency ?? 'EUR',
    dataDir: dataFolder(values['data-dir']),
    json: values.json ?? false,
  }
}

/** Rows of a CSV file, read in pieces. */
async function* rowsOf(file: string): AsyncGenerator<CsvRow> {
  const decoder = new CsvDecoder()
  for await (const text of createReadStream(file, { encoding: 'utf8' })) yield* decoder.feed(text as string)
  yield* decoder.end()
}

/** Rows looked at to find the length of an interval. */
const SAMPLE_ROWS = 1000

interface Surveyed {
  readonly plan: TablePlan
  readonly stepMs: number
  readonly scalers: ReadonlyMap<string, number>
  readonly rows: number
  readonly zone: string
}

/** First pass: what the columns mean, how long an interval is, how many decimals are needed. Nothing is sent if a row is wrong. */
async function survey(o: ImportOptions, zone: string): Promise<Surveyed> {
  let plan: TablePlan | undefined
  let placer: TablePlacer | undefined
  let stepMs = 0
  const sample: CsvRow[] = []
  const finders = new Map<string, ScalerFinder>()
  const learn = (values: readonly PlacedValue[]): void => {
    for (const { channel, value } of values) {
      const finder = finders.get(channel) ?? new ScalerFinder()
      finders.set(channel, finder)
      finder.add(value)
    }
  }
  const begin = (): TablePlacer => {
    if (!plan) throw new ExchangeError('TIME_INVALID', 0, 'the table is empty')
    stepMs = detectStep(plan, sample)
    const made = new TablePlacer(plan, stepMs)
    for (const row of sample) learn(made.place(row))
    return made
  }
  for await (const row of rowsOf(o.file)) {
    if (!plan) plan = planTable(row, { zone, stamp: o.stamp, time: o.time, columns: o.columns })
    else if (placer) learn(placer.place(row))
    else if (sample.push(row) === SAMPLE_ROWS) placer = begin()
  }
  placer ??= begin()
  learn(placer.flush())
  const scalers = new Map([...finders].map(([channel, finder]) => [channel, finder.scaler]))
  if (!plan) throw new ExchangeError('TIME_INVALID', 0, 'the table is empty')
  return { plan, stepMs, scalers, rows: placer.notes.rows, zone }
}

/** Intervals in one line of the import: about a month of quarter hours. */
const RUN_INTERVALS = 3000
const WATT_HOUR = unitCode('Wh') ?? 30

/** Second pass: the values as lines of `POST /imports`, at most {@link RUN_INTERVALS} values each. */
class RunWriter {
  readonly sums = new Map<string, { count: number; sum: bigint; scaler: number; from: number; to: number }>()
  readonly #open = new Map<string, { start: number; values: (number | null)[]; qualities: ReadingQuality[] }>()
  readonly #o: ImportOptions
  readonly #s: Surveyed

  constructor(o: ImportOptions, s: Surveyed) {
    this.#o = o
    this.#s = s
  }

  /** Lines that are complete with these values. */
  add(values: readonly PlacedValue[]): string[] {
    const lines: string[] = []
    const { stepMs, scalers } = this.#s
    for (const { channel, start, value, quality } of values) {
      const scaler = scalers.get(channel) ?? 0
      const integer = integerAt(value, scaler)
      const sum = this.sums.get(channel) ?? { count: 0, sum: 0n, scaler, from: start, to: start }
      this.sums.set(channel, {
        ...sum,
        count: sum.count + 1,
        sum: sum.sum + BigInt(integer),
        from: Math.min(sum.from, start),
        to: Math.max(sum.to, start + stepMs),
      })
      let run = this.#open.get(channel)
      const gap = run ? (start - run.start) / stepMs - run.values.length : 0
      if (run && (gap < 0 || gap > 96 || !Number.isInteger(gap) || run.values.length + gap >= RUN_INTERVALS)) {
        lines.push(this.#line(channel, run))
        run = undefined
      }
      if (!run) {
        run = { start, values: [], qualities: [] }
        this.#open.set(channel, run)
      } else
        for (let i = 0; i < gap; i++) {
          run.values.push(null)
          run.qualities.push('MISSING')
        }
      run.values.push(integer)
      run.qualities.push(quality)
    }
    return lines
  }

  /** The lines still open. */
  end(): string[] {
    const lines = [...this.#open].map(([channel, run]) => this.#line(channel, run))
    this.#open.clear()
    return lines
  }

  #line(channel: string, run: { start: number; values: (number | null)[]; qualities: ReadingQuality[] }): string {
    const { usagePointId } = this.#o
    const marked = run.qualities.some((word) => word !== 'RAW')
    return `${JSON.stringify({
      usagePointId,
      channel,
      start: run.start,
      stepMs: this.#s.stepMs,
      scaler: this.#s.scalers.get(channel) ?? 0,
      unit: WATT_HOUR,
      values: run.values,
      ...(marked ? { qualities: run.qualities } : {}),
    })}\n`
  }
}

/** What the MDMS says of an import. */
interface ImportAnswer {
  readonly failed: number
  readonly errors: readonly { readonly line: number; readonly error: string }[]
}

/** Octets of NDJSON sent in one request. */
const REQUEST_CHARACTERS = 4_000_000

async function send(
  o: ImportOptions,
  s: Surveyed,
  io: CommandIo,
): Promise<{ writer: RunWriter; placer: TablePlacer; failed: string[] }> {
  const mdms = roleOf(o.dataDir, 'mdms')
  const writer = new RunWriter(o, s)
  const placer = new TablePlacer(s.plan, s.stepMs)
  const failed: string[] = []
  let body = ''
  let told = 0
  const post = async (): Promise<void> => {
    if (body === '') return
    const answer = await mdms.json<ImportAnswer>('/imports', {
      method: 'POST',
      body,
      contentType: 'application/x-ndjson',
      timeoutMs: 120_000,
      signal: io.signal,
    })
    failed.push(...answer.errors.map(({ line, error }) => `run ${line}: ${error}`))
    if (answer.failed > answer.errors.length) failed.push(`${answer.failed - answer.errors.length} more runs`)
    body = ''
  }
  let first = true
  for await (const row of rowsOf(o.file)) {
    if (first) {
      first = false
      continue
    }
    for (const line of writer.add(placer.place(row))) body += line
    if (body.length > REQUEST_CHARACTERS) await post()
    const percent = Math.floor((100 * placer.notes.rows) / Math.max(1, s.rows))
    if (io.interactive && percent > told) {
      told = percent
      io.stderr.write(`\rimporting ${basename(o.file)}: ${percent} %`)
    }
  }
  for (const line of writer.add(placer.flush())) body += line
  for (const line of writer.end()) body += line
  await post()
  if (io.interactive) io.stderr.write('\r\u001b[2K')
  return { writer, placer, failed }
}

/** The zone to read the table in: the one given, else that of the usage point, which is made when it is new. */
async function settleUsagePoint(o: ImportOptions): Promise<string> {
  const mdms = roleOf(o.dataDir, 'mdms')
  const path = `/usage-points/${encodeURIComponent(o.usagePointId)}`
  const known = await mdms.json<{ zone: string }>(path).catch((error: unknown) => {
    if (error instanceof PeerError && error.status === 404) return undefined
    throw error
  })
  if (known && o.zone !== undefined && o.zone !== known.zone && !/^[+-]/.test(o.zone))
    throw new UsageError(`usage point ${o.usagePointId} keeps its days in ${known.zone}, not ${o.zone}`)
  const zone = o.zone ?? known?.zone
  if (zone === undefined)
    throw new UsageError(
      `usage point ${o.usagePointId} is new here: say in which zone it lies with --zone, such as --zone Europe/Amsterdam`,
    )
  if (!known)
    await mdms.json('/usage-points', {
      method: 'PUT',
      body: [{ id: o.usagePointId, zone, commodity: 'electricity', category: o.category }],
    })
  const access = roleOf(o.dataDir, 'access')
  await access.json('/grants', {
    method: 'POST',
    body: {
      usagePoint: {
        id: o.usagePointId,
        address: o.address ?? o.usagePointId,
        zone: known?.zone ?? zone,
        category: o.category,
        currency: o.currency,
      },
      ...(o.account === undefined ? {} : { accountId: o.account }),
    },
  })
  return zone
}

/** `gridtally import`. */
export const importCommand: Command = {
  name: 'import',
  summary: 'bring interval values from a CSV file into the running platform',
  usage: USAGE,
  async run(argv, io) {
    const o = options(argv)
    if (!o) {
      io.stdout.write(USAGE)
      return EXIT.done
    }
    if (isShipment(o.file)) return importShipment(o.file, o.dataDir, o.json, io)
    try {
      const surveyed = await survey(o, o.zone ?? 'UTC')
      const zone = await settleUsagePoint(o)
      const settled = zone === surveyed.zone ? surveyed : await survey(o, zone)
      const { writer, placer, failed } = await send(o, settled, io)
      report(o, settled, writer, placer, io)
      for (const line of failed) io.stderr.write(`gridtally import: ${line}\n`)
      return failed.length > 0 ? EXIT.someFailed : EXIT.done
    } catch (error) {
      if (error instanceof ExchangeError) {
        io.stderr.write(`gridtally import: ${o.file}: ${error.message}\n`)
        return error.code === 'COLUMN_UNKNOWN' ? EXIT.wrongUse : EXIT.someFailed
      }
      throw error
    }
  },
}

function report(o: ImportOptions, s: Surveyed, writer: RunWriter, placer: TablePlacer, io: CommandIo): void {
  for (const [channel, { count, sum, scaler, from, to }] of writer.sums) {
    const totalKwh = formatScaled(sum, scaler - 3)
    if (o.json)
      io.stdout.write(
        `${JSON.stringify({
          usagePointId: o.usagePointId,
          channel,
          intervals: count,
          intervalMinutes: s.stepMs / 60_000,
          from: new Date(from).toISOString(),
          to: new Date(to).toISOString(),
          totalKwh,
        })}\n`,
      )
    else
      io.stdout.write(`${o.usagePointId} ${channel}: ${count} intervals of ${s.stepMs / 60_000} min, ${totalKwh} kWh\n`)
  }
  const { noisy, skipped, split, empty } = placer.notes
  const notes = [
    [noisy, 'values carried floating-point noise, which was taken away'],
    [skipped, 'rows at local times that do not exist, all zero, were left out'],
    [split, 'rows stood for a repeated local hour and were split in two halves, marked estimated; their sum is kept'],
    [empty, 'fields were empty and count as missing'],
  ] as const
  for (const [count, words] of notes) if (count > 0) io.stderr.write(`note: ${count} ${words}\n`)
}
