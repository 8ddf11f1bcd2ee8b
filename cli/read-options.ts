import { existsSync, readFileSync } from 'node:fs'
import { type ObisCode, obisCode, parseInstant, type TimeRange } from '@gridtally/metering'
import { DecodeError, fromHex } from '@gridtally/wire'
import { FLAG, HELP, parseArguments, TEXT, TEXTS, wholeNumber } from './arguments.ts'
import { UsageError } from './command.ts'

/** What `gridtally read --help` prints. */
export const READ_USAGE = `usage: gridtally read HOST:PORT [options]

Reads a DLMS/COSEM meter over TCP. Without more it shows who the meter is, its clock, and every register it lets us see.

connection
  --framing wrapper|hdlc   link layer, default wrapper (IEC 62056-4-7)
  --client N               client address, default 16 (public), 1 with --auth gmac
  --server N               logical device, default 1
  --hdlc-server N          physical HDLC address below it, when the meter has one
  --timeout SECONDS        longest wait for an answer, default 30

security
  --auth none|low|gmac     none, password (LLS), or HLS-GMAC with ciphering (suite 0); default none
  --password TEXT          for low; hex when it begins with 0x
  --keys FILE              for gmac: JSON with "guek" and "gak" as hex (and "systemTitle" of the client if it matters), or a
                           shipment file, in which the device is found by --serial or by its address
  --serial ID              which device of a shipment file
  --client-title HEX       the client's system title, 8 octets
  --counter N              first invocation counter to use; found out by the public client when not given

what to read
  --objects                the association view: every object the meter shows this client
  --register OBIS          one register (repeatable), instead of all
  --profile OBIS           a load profile, such as 1.0.99.1.0.255
  --from TIME --to TIME    rows stamped from … until before …, ISO 8601; without offset in --zone
  --zone ZONE              zone of times without offset and of what is shown, default UTC

output
  --json                   one JSON object a line: meter, clock, object, register, row
  --csv                    registers or profile rows as CSV
`

/** Ways to prove who we are. */
export type ReadAuth = 'none' | 'low' | 'gmac'

/** Keys of a meter as a file gave them. Never printed. */
export interface FileKeys {
  readonly guek: Uint8Array
  readonly gak: Uint8Array
  readonly clientTitle: Uint8Array | undefined
}

/** What `gridtally read` was asked to do, checked. */
export interface ReadOptions {
  readonly host: string
  readonly port: number
  readonly framing: 'wrapper' | 'hdlc'
  readonly client: number
  readonly server: number
  readonly hdlcServer: number | undefined
  readonly timeoutMs: number
  readonly auth: ReadAuth
  readonly password: Uint8Array | undefined
  readonly keys: FileKeys | undefined
  readonly counter: number | undefined
  readonly objects: boolean
  readonly registers: readonly ObisCode[]
  readonly profile: ObisCode | undefined
  readonly range: TimeRange | undefined
  readonly zone: string
  readonly output: 'table' | 'json' | 'csv'
}

function hexOf(value: unknown, octets: number, what: string): Uint8Array {
  if (typeof value !== 'string') throw new UsageError(`${what} is missing; it is ${octets} octets as hex`)
  let bytes: Uint8Array
  try {
    bytes = fromHex(value)
  } catch (cause) {
    // The value itself may be a key: only where it is wrong may be told.
    if (cause instanceof DecodeError) throw new UsageError(`${what} is not hex (at character ${cause.offset})`)
    throw cause
  }
  if (bytes.length !== octets) throw new UsageError(`${what} must be ${octets} octets, not ${bytes.length}`)
  return bytes
}

interface KeyFile {
  readonly guek?: unknown
  readonly gak?: unknown
  readonly systemTitle?: unknown
  readonly devices?: readonly {
    readonly serial?: unknown
    readonly address?: { readonly host?: unknown; readonly port?: unknown }
    readonly keys?: { readonly guek?: unknown; readonly gak?: unknown }
  }[]
}

function readKeys(path: string, serial: string | undefined, port: number, title: string | undefined): FileKeys {
  if (!existsSync(path)) throw new UsageError(`there is no key file ${path}`)
  let parsed: KeyFile
  try {
    // Members are checked one by one below.
    parsed = JSON.parse(readFileSync(path, 'utf8')) as KeyFile
  } catch {
    throw new UsageError(`the key file ${path} is not JSON`)
  }
  const device = parsed.devices?.find((one) =>
    serial === undefined ? one.address?.port === port : one.serial === serial,
  )
  if (parsed.devices && !device)
    throw new UsageError(
      serial === undefined
        ? `no device of ${path} answers at port ${port}; say which one with --serial`
        : `there is no device ${serial} in ${path}`,
    )
  const keys = device?.keys ?? parsed
  const own = title ?? (device ? undefined : parsed.systemTitle)
  return {
    guek: hexOf(keys.guek, 16, `"guek" in ${path}`),
    gak: hexOf(keys.gak, 16, `"gak" in ${path}`),
    clientTitle: own === undefined ? undefined : hexOf(own, 8, "the client's system title"),
  }
}

const AUTHS: Readonly<Record<string, ReadAuth>> = {
  none: 'none',
  lowest: 'none',
  low: 'low',
  lls: 'low',
  gmac: 'gmac',
  'hls-gmac': 'gmac',
  'high-gmac': 'gmac',
}

function orUsage<T>(make: () => T): T {
  try {
    return make()
  } catch (cause) {
    if (cause instanceof TypeError) throw new UsageError(cause.message, { cause })
    throw cause
  }
}

const OPTIONS = {
  framing: TEXT,
  client: TEXT,
  server: TEXT,
  'hdlc-server': TEXT,
  timeout: TEXT,
  auth: TEXT,
  password: TEXT,
  keys: TEXT,
  serial: TEXT,
  'client-title': TEXT,
  counter: TEXT,
  objects: FLAG,
  register: TEXTS,
  profile: TEXT,
  from: TEXT,
  to: TEXT,
  zone: TEXT,
  json: FLAG,
  csv: FLAG,
  help: HELP,
}

/**
 * Reads the arguments of `gridtally read`.
 *
 * @param now end of the range when only its beginning was given
 * @returns `undefined` when help was asked for
 * @throws UsageError
 */
export function readOptions(argv: readonly string[], now: number): ReadOptions | undefined {
  const { values: v, positionals } = parseArguments(argv, OPTIONS)
  if (v.help) return undefined
  const target = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(positionals[0] ?? '')
  if (!target || positionals.length !== 1 || Number(target[3]) > 65_535)
    throw new UsageError('say which meter to read as HOST:PORT, such as 192.0.2.7:4059 (try --help)')
  const auth = AUTHS[v.auth ?? 'none']
  if (!auth) throw new UsageError(`--auth "${v.auth}" is not supported; none, low and gmac are`)
  if (v.framing !== undefined && v.framing !== 'wrapper' && v.framing !== 'hdlc')
    throw new UsageError(`--framing is wrapper or hdlc, not "${v.framing}"`)
  const port = Number(target[3])
  if (auth === 'low' && v.password === undefined) throw new UsageError('--auth low needs --password')
  if (auth === 'gmac' && v.keys === undefined) throw new UsageError('--auth gmac needs --keys FILE')
  const zone = v.zone ?? 'UTC'
  const at = (text: string | undefined): number | undefined =>
    text === undefined ? undefined : orUsage(() => parseInstant(text, zone))
  const from = at(v.from)
  const to = at(v.to) ?? (from === undefined ? undefined : now)
  if (to !== undefined && (from === undefined || from >= to))
    throw new UsageError('--from must be given and lie before --to')
  if (v.json && v.csv) throw new UsageError('choose one of --json and --csv')
  return {
    host: target[1] ?? target[2],
    port,
    framing: v.framing ?? 'wrapper',
    client: wholeNumber('--client', v.client, 0, 65_535) ?? (auth === 'gmac' ? 1 : 16),
    server: wholeNumber('--server', v.server, 0, 65_535) ?? 1,
    hdlcServer: wholeNumber('--hdlc-server', v['hdlc-server'], 0, 16_383),
    timeoutMs: (wholeNumber('--timeout', v.timeout, 1, 3600) ?? 30) * 1000,
    auth,
    password:
      v.password === undefined
        ? undefined
        : v.password.startsWith('0x')
          ? hexOf(v.password, (v.password.length - 2) / 2, 'the password')
          : new TextEncoder().encode(v.password),
    keys: v.keys === undefined ? undefined : readKeys(v.keys, v.serial, port, v['client-title']),
    counter: wholeNumber('--counter', v.counter, 0, 0xffff_ffff),
    objects: v.objects ?? false,
    registers: (v.register ?? []).map((text) => orUsage(() => obisCode(text))),
    profile: v.profile === undefined ? undefined : orUsage(() => obisCode(v.profile ?? '')),
    range: from === undefined || to === undefined ? undefined : { from, to },
    zone: orUsage(() => {
      parseInstant('2026-01-01T00:00', zone)
      return zone
    }),
    output: v.json ? 'json' : v.csv ? 'csv' : 'table',
  }
}
