import { createReadStream, existsSync, statSync } from 'node:fs'
import {
  decodePush,
  type ExplainedNode,
  explain,
  faultsOf,
  type OpeningKeys,
  type OpeningOptions,
  type PushResult,
  readPush,
  SecretKey,
} from '@gridtally/dlms'
import { concatBytes, DecodeError, fromHex, toHex } from '@gridtally/wire'
import { dlmsCrypto } from '#platform/dlms-crypto'
import { FLAG, HELP, parseArguments, TEXT } from './arguments.ts'
import { captureOfText, type InputForm, readCapture } from './capture-input.ts'
import { type Command, type CommandIo, EXIT, gathered, UsageError } from './command.ts'
import { paint, readingLines, readingsJson, treeLines } from './decode-print.ts'

const USAGE = `usage: gridtally decode [FILE | - | HEX…] [options]

Takes DLMS/COSEM octets apart and says what each means: HDLC, wrapper and M-Bus frames, bare APDUs, ciphered messages when the
key is given, segments and blocks put together. Then shows the readings of pushed messages. Without a file it reads standard input.

options
  --key HEX        encryption key of the meter (GUEK), 32 hex digits (64 for security suite 2)
  --auth-key HEX   authentication key (GAK); without it messages are opened unchecked
  --keys FILE      keys of several meters: a line each, system title, key and perhaps authentication key; or a JSON object
                   {"<system title>": {"key": "…", "authKey": "…"}}. The system title * stands for all others
  --hex, --binary  how the input is written down; found by itself otherwise
  --readings       the readings alone
  --json           one JSON object a frame on standard output: its tree, and readings if it has any

exit code 0 when all was decoded, 1 when something was not, 2 for wrong use

examples
  gridtally decode capture.log --key 00112233445566778899AABBCCDDEEFF
  gridtally decode 7EA0070321930F017E
  cat push.bin | gridtally decode - --json
`

/** Largest capture taken, octets: its tree needs a hundred times as much memory. */
const MAX_CAPTURE = 16 << 20

/** `gridtally decode`: octets annotated, and the readings in them. */
export const decodeCommand: Command = {
  name: 'decode',
  summary: 'explain DLMS/COSEM octets and show the readings in them',
  usage: USAGE,
  async run(argv, io) {
    const options = await parse(argv, io)
    if (options === undefined) {
      io.stdout.write(USAGE)
      return EXIT.done
    }
    let failures = 0
    for (const { source, octets } of options.captures) {
      const tell = (where: number, code: string, reason: string): void => {
        failures++
        const name = options.captures.length > 1 ? `${source}, ` : ''
        io.stderr.write(`gridtally decode: ${name}octet ${where}: ${code}: ${reason}\n`)
      }
      if (options.captures.length > 1 && !options.json) io.stdout.write(`${source}\n`)
      if (options.readings) showReadings(octets, options, io, tell)
      else showTrees(octets, options, io, tell)
    }
    return failures === 0 ? EXIT.done : EXIT.someFailed
  },
}

type Tell = (where: number, code: string, reason: string) => void

interface DecodeOptions {
  readonly captures: readonly { readonly source: string; readonly octets: Uint8Array }[]
  readonly opening: OpeningOptions | undefined
  readonly json: boolean
  readonly readings: boolean
}

function showReadings(octets: Uint8Array, { opening, json }: DecodeOptions, io: CommandIo, tell: Tell): void {
  const colors = paint(io.color)
  const out = gathered(io.stdout)
  for (const result of decodePush(octets, opening)) {
    if (result.kind === 'fault') tell(result.offset, result.code, result.reason)
    if (result.kind !== 'notification') continue
    out.write(
      json ? `${JSON.stringify({ offset: result.offset, ...readingsJson(result) })}\n` : readingLines(result, colors),
    )
  }
  out.flush()
}

function showTrees(octets: Uint8Array, { opening, json }: DecodeOptions, io: CommandIo, tell: Tell): void {
  const colors = paint(io.color)
  const out = gathered(io.stdout)
  const pushed = new Map<ExplainedNode, PushResult>()
  const roots = explain(octets, opening, (apdu, node) => pushed.set(node, readPush(apdu, opening)))
  for (const root of roots) {
    const push = pushed.get(root)
    const faults = faultsOf([root])
    if (json) {
      const { children, ...node } = root.toJSON()
      const said = push?.kind === 'notification' ? { push: readingsJson(push) } : {}
      out.write(`${JSON.stringify({ ...node, ...said, ...(children !== undefined && { children }) })}\n`)
    } else out.write(treeLines(root, octets, colors))
    for (const { fault } of faults) if (fault) tell(fault.offset, fault.code, fault.reason)
    // What the tree cannot know: that the message stays closed for want of a key.
    if (faults.length === 0 && push?.kind === 'fault') tell(push.offset, push.code, push.reason)
  }
  if (!json)
    for (const push of pushed.values()) if (push.kind === 'notification') out.write(`\n${readingLines(push, colors)}`)
  out.flush()
}

async function parse(argv: readonly string[], io: CommandIo): Promise<DecodeOptions | undefined> {
  const { values, positionals } = parseArguments(argv, OPTIONS)
  if (values.help) return undefined
  if (values.hex && values.binary) throw new UsageError('--hex and --binary exclude each other')
  const form: InputForm = values.hex ? 'hex' : values.binary ? 'binary' : 'auto'
  const captures = await readInputs(positionals, form, io)
  if (captures.every(({ octets }) => octets.length === 0)) throw new UsageError('there are no octets to decode')
  return {
    captures,
    opening: await readKeys(values),
    json: values.json ?? false,
    readings: values.readings ?? false,
  }
}

const OPTIONS = {
  key: TEXT,
  'auth-key': TEXT,
  keys: TEXT,
  hex: FLAG,
  binary: FLAG,
  readings: FLAG,
  json: FLAG,
  help: HELP,
}

async function readInputs(
  names: readonly string[],
  form: InputForm,
  io: CommandIo,
): Promise<{ source: string; octets: Uint8Array }[]> {
  const inputs = names.length === 0 ? ['-'] : names
  // Hex on the command line may be cut into words; it is one capture all the same.
  if (inputs.every((name) => name !== '-' && !existsSync(name))) {
    const text = inputs.join(' ')
    if (!/^[0-9a-fA-Fx:,\s-]+$/.test(text)) throw new UsageError(`there is no file ${inputs[0]}, and it is no hex`)
    return [{ source: 'the command line', octets: captureOfText(text, 'the command line') }]
  }
  const captures: { source: string; octets: Uint8Array }[] = []
  for (const name of inputs) {
    if (name !== '-' && !existsSync(name)) throw new UsageError(`there is no file ${name}`)
    if (name !== '-' && !statSync(name).isFile()) throw new UsageError(`${name} is no file`)
    const source = name === '-' ? 'standard input' : name
    const content = await readAll(name === '-' ? io.stdin : createReadStream(name), source)
    captures.push({ source, octets: readCapture(content, form, source) })
  }
  return captures
}

async function readAll(stream: AsyncIterable<Uint8Array>, source: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    // Hex takes three characters an octet.
    if (size > 3 * MAX_CAPTURE) throw new UsageError(`${source} has more than ${MAX_CAPTURE >> 20} MiB of octets`)
    chunks.push(chunk)
  }
  return concatBytes(...chunks)
}

async function readKeys(values: {
  key?: string
  'auth-key'?: string
  keys?: string
}): Promise<OpeningOptions | undefined> {
  if (values['auth-key'] !== undefined && values.key === undefined)
    throw new UsageError('--auth-key is of no use without --key')
  const all = new Map<string, OpeningKeys>()
  if (values.key !== undefined) all.set('*', meterKeys(values.key, values['auth-key'], '--key', '--auth-key'))
  if (values.keys !== undefined) {
    if (!existsSync(values.keys)) throw new UsageError(`there is no file ${values.keys}`)
    const text = new TextDecoder().decode(await readAll(createReadStream(values.keys), values.keys))
    for (const [title, keys] of keyFile(text, values.keys)) all.set(title, keys)
  }
  if (all.size === 0) return undefined
  return { crypto: dlmsCrypto, keysFor: (title) => all.get(toHex(title)) ?? all.get('*') }
}

function keyFile(text: string, file: string): [string, OpeningKeys][] {
  if (text.trimStart().startsWith('{')) {
    const entries = Object.entries(parseKeyJson(text, file))
    return entries.map(([title, { key, authKey }]) => [
      titleOf(title, file),
      meterKeys(key ?? '', authKey, `the key of ${title}`, `the authentication key of ${title}`),
    ])
  }
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .flatMap((line, i): [string, OpeningKeys][] => {
      if (line === '') return []
      const [title, key, authKey] = line.split(/[\s,;=]+/)
      const where = `${file}, line ${i + 1}`
      return [
        [
          titleOf(title, where),
          meterKeys(key ?? '', authKey, `the key in ${where}`, `the authentication key in ${where}`),
        ],
      ]
    })
}

function parseKeyJson(text: string, file: string): Record<string, { key?: string; authKey?: string }> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    // The reason is left out on purpose: it quotes the file, and the file is keys.
    throw new UsageError(`${file} is no JSON`)
  }
  const isText = (value: unknown): boolean => value === undefined || typeof value === 'string'
  const isEntry = (value: unknown): value is { key?: string; authKey?: string } =>
    typeof value === 'object' &&
    value !== null &&
    isText(Reflect.get(value, 'key')) &&
    isText(Reflect.get(value, 'authKey'))
  const entries: [string, unknown][] = typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : []
  return Object.fromEntries(
    entries.map(([title, value]) => {
      if (!isEntry(value)) throw new UsageError(`${file}: the entry of ${title} is no {"key": …, "authKey": …}`)
      return [title, value]
    }),
  )
}

function titleOf(text: string, where: string): string {
  if (text === '*') return text
  if (!/^[0-9a-fA-F]{16}$/.test(text)) throw new UsageError(`${where}: a system title has 16 hex digits`)
  return text.toLowerCase()
}

/** Messages name the option, never the key. */
function meterKeys(key: string, authKey: string | undefined, name: string, authName: string): OpeningKeys {
  const authenticationKey = authKey === undefined ? undefined : secret(authKey, authName)
  return { encryptionKey: secret(key, name), ...(authenticationKey && { authenticationKey }) }
}

function secret(hex: string, name: string): SecretKey {
  try {
    const octets = fromHex(hex)
    if (octets.length === 16 || octets.length === 32) return new SecretKey(octets)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
  }
  throw new UsageError(`${name} has to be 32 hex digits (64 for security suite 2)`)
}
