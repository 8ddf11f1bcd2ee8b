import { randomBytes } from 'node:crypto'
import {
  AssociationLn,
  type Cell,
  Clock,
  type ConnectOptions,
  clientAddress,
  connectMeter,
  Data,
  DlmsError,
  type Framing,
  hdlcClientFraming,
  instantOf,
  type Meter,
  obisName,
  type ProfileDescription,
  Register,
  readInvocationCounter,
  SecretKey,
  serverAddress,
} from '@gridtally/dlms'
import { csvLine } from '@gridtally/exchange'
import { formatInstant, formatScaled, type ObisCode, obisCode, unitSymbol } from '@gridtally/metering'
import { toHex } from '@gridtally/wire'
import { createClock } from '#platform/clock'
import { dlmsCrypto } from '#platform/dlms-crypto'
import { connectTcp } from '#platform/tcp'
import { type Command, type CommandIo, EXIT } from './command.ts'
import { READ_USAGE, type ReadOptions, readOptions } from './read-options.ts'

/** FLAG id of clients that have no title of their own; five random octets follow, so that counters of runs never meet. */
const CLIENT_TITLE_PREFIX = new TextEncoder().encode('GTC')

/** Writes findings in the form asked for. */
interface Findings {
  meter(facts: Readonly<Record<string, string | boolean | null>>): void
  object(classId: number, version: number, obis: ObisCode): void
  register(obis: ObisCode, value: string, unit: string): void
  columns(description: ProfileDescription): void
  row(
    at: string | null,
    cells: readonly { readonly text: string; readonly unit: string; readonly obis: ObisCode }[],
  ): void
}

function findings(o: ReadOptions, io: CommandIo): Findings {
  const line = (value: object): void => io.stdout.write(`${JSON.stringify(value)}\n`)
  if (o.output === 'json')
    return {
      meter: (facts) => line({ type: 'meter', ...facts }),
      object: (classId, version, obis) =>
        line({ type: 'object', classId, version, obis, name: obisName(obis) ?? null }),
      register: (obis, value, unit) => line({ type: 'register', obis, name: obisName(obis) ?? null, value, unit }),
      columns: () => {},
      row: (at, cells) =>
        line({
          type: 'row',
          at,
          values: cells.map(({ obis, text, unit }) => ({ obis, value: text === '' ? null : text, unit })),
        }),
    }
  if (o.output === 'csv') {
    let headed = false
    const head = (fields: readonly string[]): void => {
      if (!headed) io.stdout.write(csvLine(fields))
      headed = true
    }
    return {
      meter: () => {},
      object(classId, version, obis) {
        head(['class', 'version', 'obis', 'name'])
        io.stdout.write(csvLine([String(classId), String(version), obis, obisName(obis) ?? '']))
      },
      register(obis, value, unit) {
        head(['obis', 'name', 'value', 'unit'])
        io.stdout.write(csvLine([obis, obisName(obis) ?? '', value, unit]))
      },
      columns({ columns }) {
        const named = columns.filter(({ kind }) => kind !== 'clock')
        head([
          'at',
          ...named.map(({ logicalName, unit }) =>
            unit === null ? logicalName : `${logicalName} (${unitSymbol(unit)})`,
          ),
        ])
      },
      row: (at, cells) => io.stdout.write(csvLine([at ?? '', ...cells.map(({ text }) => text)])),
    }
  }
  return {
    meter(facts) {
      for (const [name, value] of Object.entries(facts))
        if (value !== null) io.stdout.write(`${name.padEnd(14)} ${value}\n`)
    },
    object: (classId, version, obis) =>
      io.stdout.write(`class ${String(classId).padStart(3)} v${version}  ${obis.padEnd(20)} ${obisName(obis) ?? ''}\n`),
    register: (obis, value, unit) =>
      io.stdout.write(`${obis.padEnd(20)} ${(obisName(obis) ?? '').padEnd(26)} ${value.padStart(16)} ${unit}\n`),
    columns({ columns, capturePeriodMs }) {
      const named = columns.filter(({ kind }) => kind !== 'clock')
      io.stdout.write(
        `\nevery ${capturePeriodMs / 60_000} min: ${named.map(({ logicalName }) => obisName(logicalName) ?? logicalName).join(', ')}\n`,
      )
    },
    row: (at, cells) =>
      io.stdout.write(
        `${(at ?? '(no time)').padEnd(27)}${cells.map(({ text, unit }) => `${(text === '' ? '–' : text).padStart(14)} ${unit}`).join('')}\n`,
      ),
  }
}

/** Text of a value with its scaler: exact decimals for numbers, hex for octets that are no text. */
export function cellText(cell: Cell, scaler: number | null): string {
  if (cell === null) return ''
  if (typeof cell === 'bigint' || (typeof cell === 'number' && Number.isInteger(cell)))
    return formatScaled(cell, scaler ?? 0)
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell)
  if (typeof cell === 'string') return cell
  if (cell instanceof Uint8Array) {
    const printable = cell.length > 0 && cell.every((octet) => octet >= 0x20 && octet < 0x7f)
    return printable ? new TextDecoder().decode(cell) : toHex(cell)
  }
  return JSON.stringify('value' in cell ? cell.value : cell, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
}

/** How to reach the meter, with a fresh TCP connection. */
async function connection(o: ReadOptions, io: CommandIo, client: number): Promise<ConnectOptions> {
  const framing: Framing | undefined =
    o.framing === 'hdlc'
      ? hdlcClientFraming({ client: clientAddress(client), server: serverAddress(o.server, o.hdlcServer) })
      : undefined
  return {
    channel: await connectTcp({ host: o.host, port: o.port, timeoutMs: o.timeoutMs, signal: io.signal }),
    clock: createClock(),
    clientAddress: client,
    serverAddress: o.server,
    answerTimeoutMs: o.timeoutMs,
    signal: io.signal,
    authentication: { mechanism: 'lowest' },
    ...(framing ? { framing } : {}),
  }
}

const PUBLIC_CLIENT = 16

/** First invocation counter beyond all the meter has seen: told by the caller, or by the meter to its public client. */
async function firstCounter(o: ReadOptions, io: CommandIo): Promise<number> {
  if (o.counter !== undefined) return o.counter
  try {
    const { authentication: _, ...options } = await connection(o, io, PUBLIC_CLIENT)
    const found = await readInvocationCounter(options)
    if (found.ok) return found.value + 1
  } catch (error) {
    if (!(error instanceof DlmsError)) throw error
  }
  io.stderr.write(
    'note: the meter does not tell its invocation counter to the public client; beginning at 0, it may ask for more\n',
  )
  return 0
}

async function connect(o: ReadOptions, io: CommandIo): Promise<Meter> {
  if (o.auth === 'none') return connectMeter(await connection(o, io, o.client))
  if (o.auth === 'low')
    return connectMeter({
      ...(await connection(o, io, o.client)),
      authentication: { mechanism: 'low', password: o.password ?? new Uint8Array() },
    })
  if (!o.keys) throw new TypeError('options were checked: gmac has keys')
  let next = await firstCounter(o, io)
  return connectMeter({
    ...(await connection(o, io, o.client)),
    authentication: { mechanism: 'high-gmac' },
    security: {
      crypto: dlmsCrypto,
      keys: { encryptionKey: new SecretKey(o.keys.guek), authenticationKey: new SecretKey(o.keys.gak) },
      systemTitle: o.keys.clientTitle ?? new Uint8Array([...CLIENT_TITLE_PREFIX, ...randomBytes(5)]),
      counters: {
        reserve(count) {
          const first = next
          next += count
          return first
        },
        raise(least) {
          next = Math.max(next, least)
        },
      },
    },
  })
}

/** Who the meter is and what its clock shows. */
async function identify(meter: Meter, o: ReadOptions, out: Findings): Promise<void> {
  const { systemTitle, proven } = meter.association
  const [name, time] = await meter.getMany([Data.at('0.0.42.0.0.255').value, Clock.at('0.0.1.0.0.255').time])
  const shown = time.ok ? instantOf(time.value) : null
  const nameCell = name.ok && 'value' in name.value ? (name.value.value as Cell) : null
  out.meter({
    name: nameCell === null ? null : cellText(nameCell, null),
    systemTitle: systemTitle ? toHex(systemTitle) : null,
    proven: o.auth === 'gmac' ? proven : null,
    clock: shown === null ? null : formatInstant(shown, o.zone),
    clockAheadSeconds: shown === null ? null : ((shown - Date.now()) / 1000).toFixed(0),
  })
}

/** Objects the meter shows this client. Empty when it will not tell. */
async function objectList(
  meter: Meter,
): Promise<readonly { classId: number; version: number; logicalName: ObisCode }[]> {
  const list = await meter.get(AssociationLn.at('0.0.40.0.0.255').objectList)
  return list.ok ? list.value : []
}

const USUAL_REGISTERS = ['1.0.1.8.0.255', '1.0.2.8.0.255'].map(obisCode)

/** @returns the registers that could not be read, each with the meter's reason */
async function readRegisters(meter: Meter, asked: readonly ObisCode[], out: Findings): Promise<string[]> {
  const failed: string[] = []
  let codes = asked
  if (codes.length === 0) {
    const listed = await objectList(meter)
    codes = listed.filter(({ classId }) => classId === 3 || classId === 4).map(({ logicalName }) => logicalName)
    if (codes.length === 0) codes = USUAL_REGISTERS
  }
  for (const code of codes) {
    const register = Register.at(code)
    const [value, scaled] = await meter.getMany([register.value, register.scalerUnit])
    if (!value.ok) {
      failed.push(`register ${code}: ${value.error}`)
      continue
    }
    const scaler = scaled.ok ? scaled.value.scaler : 0
    const cell = 'value' in value.value ? (value.value.value as Cell) : null
    out.register(code, cellText(cell, scaler), scaled.ok ? unitSymbol(scaled.value.unit) : '')
  }
  return failed
}

async function readProfile(
  meter: Meter,
  o: ReadOptions,
  profile: ObisCode,
  out: Findings,
  io: CommandIo,
): Promise<string[]> {
  const reading = await meter.profile({ profile, ...(o.range ?? {}) })
  if (!reading.ok) return [`profile ${profile}: ${reading.error}`]
  const { description, rows } = reading.value
  out.columns(description)
  let count = 0
  for await (const batch of rows) {
    for (let i = 0; i < batch.count; i++) {
      let at: number | null = null
      const cells: { text: string; unit: string; obis: ObisCode }[] = []
      batch.columns.forEach((column, c) => {
        const { logicalName, scaler, unit } = description.columns[c]
        if (column.kind === 'clock') at ??= column.instants[i]
        else
          cells.push({
            obis: logicalName,
            text: cellText(column.values[i], scaler),
            unit: unit === null ? '' : unitSymbol(unit),
          })
      })
      // The range was asked for; some meters answer with more.
      if (o.range && at !== null && (at < o.range.from || at >= o.range.to)) continue
      out.row(at === null ? null : formatInstant(at, o.zone), cells)
      count++
    }
    if (io.interactive && o.output !== 'table') io.stderr.write(`\r${count} rows`)
  }
  if (o.output !== 'json') io.stderr.write(`${io.interactive && o.output !== 'table' ? '\r' : ''}${count} rows\n`)
  return []
}

/** What went wrong with a session, for a person. */
function explain(error: DlmsError, o: ReadOptions): string {
  const hints: Readonly<Record<string, string>> = {
    AUTHENTICATION_FAILED: 'wrong password or keys, or another client address is needed',
    TAG_MISMATCH: 'the keys do not fit this meter',
    PEER_NOT_AUTHENTIC: 'the meter could not prove that it holds the keys: they differ, or it is not the meter',
    ASSOCIATION_REJECTED: `is client ${o.client} allowed this way of proving who it is?`,
    TIMEOUT: 'does it answer at this port, and with this framing?',
  }
  const hint = hints[error.code]
  return `${error.code}: ${error.message}${hint ? ` (${hint})` : ''}`
}

/** `gridtally read`. */
export const readCommand: Command = {
  name: 'read',
  summary: 'read a DLMS/COSEM meter: identity, clock, registers, load profile, association view',
  usage: READ_USAGE,
  async run(argv, io) {
    const o = readOptions(argv, Date.now())
    if (!o) {
      io.stdout.write(READ_USAGE)
      return EXIT.done
    }
    const out = findings(o, io)
    let meter: Meter | undefined
    try {
      meter = await connect(o, io)
      if (o.output !== 'csv') await identify(meter, o, out)
      if (o.objects)
        for (const { classId, version, logicalName } of await objectList(meter))
          out.object(classId, version, logicalName)
      const failed: string[] = []
      if (o.registers.length > 0 || (o.profile === undefined && !o.objects))
        failed.push(...(await readRegisters(meter, o.registers, out)))
      if (o.profile !== undefined) failed.push(...(await readProfile(meter, o, o.profile, out, io)))
      for (const line of failed) io.stderr.write(`gridtally read: ${line}\n`)
      return failed.length > 0 ? EXIT.someFailed : EXIT.done
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      if (error instanceof DlmsError) io.stderr.write(`gridtally read: ${o.host}:${o.port}: ${explain(error, o)}\n`)
      else if (code !== undefined) io.stderr.write(`gridtally read: ${o.host}:${o.port}: ${message}\n`)
      else throw error
      return EXIT.someFailed
    } finally {
      await meter?.release()
    }
  },
}
