import { DecodeError, fromHex } from '@gridtally/wire'
import { UsageError } from './command.ts'

/** How octets are written down. */
export type InputForm = 'hex' | 'binary' | 'auto'

/**
 * The octets of a capture, from a file that holds them as they are or as hex in any spelling: with blanks, colons, commas,
 * hyphens, `0x` or `\x`, braces and quotes of source code, comments (`#`, `//`, `;`, `<!-- -->`), the columns of a hex dump,
 * and words in front such as a log's `12:00:01 RX: `.
 *
 * @throws UsageError with line and column when the text is no hex
 */
export function readCapture(content: Uint8Array, form: InputForm, source: string): Uint8Array {
  if (form === 'binary') return content
  const text = textOf(content)
  if (text === undefined) {
    if (form === 'hex') throw new UsageError(`${source} is no text, so it cannot be hex`)
    return content
  }
  return captureOfText(text, source)
}

/** The text the octets are, or `undefined`: other control characters than line ends and tabs are in no text. */
function textOf(content: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(content)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells octets from text
    return /[\x00-\x08\x0e-\x1f\x7f]/.test(text) ? undefined : text
  } catch {
    // Octets that are no UTF-8 are octets.
    return undefined
  }
}

/** Octets of hex text. See {@link readCapture}. */
export function captureOfText(text: string, source: string): Uint8Array {
  const lines = withoutComments(text).split('\n').map(tidy)
  const hex = (isDump(lines) ? lines.map(dumped) : lines.map(afterWords)).join('\n')
  try {
    return fromHex(hex)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const before = hex.slice(0, error.offset).split('\n')
    const where = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
    throw new UsageError(
      error.code === 'TRUNCATED' ? `${source} ends with half an octet` : `${source}, ${where}: no hex digit`,
      { cause: error },
    )
  }
}

function withoutComments(text: string): string {
  const blank = (found: string): string => found.replace(/[^\n]/g, '')
  return text
    .replace(/<!--.*?-->/gs, blank)
    .replace(/\/\*.*?\*\//gs, blank)
    .replace(/(#|\/\/|;).*$/gm, '')
}

/** Takes off what source code puts around octets. */
function tidy(line: string): string {
  return line
    .replace(/\\x/gi, ' ')
    .replace(/["'`{}[\]()\\]/g, ' ')
    .trimEnd()
}

const DUMP = /^\s*([0-9a-fA-F]{4,8}):?\s/

/** Lines that all begin with an offset which grows by the octets shown, from 0. */
function isDump(lines: readonly string[]): boolean {
  const offsets = lines.filter((line) => line.trim() !== '').map((line) => DUMP.exec(line)?.[1])
  return (
    offsets.length > 1 &&
    Number.parseInt(offsets[0] ?? '1', 16) === 0 &&
    offsets.every((offset, i) => offset !== undefined && Number.parseInt(offset, 16) === i * 16)
  )
}

function dumped(line: string): string {
  const rest = line.replace(DUMP, '').replace(/\|.*$/, '')
  // xxd puts two blanks before its text column; hexdump, whose text has bars, puts them in the middle.
  return line.includes('|') ? rest : rest.trimStart().split(/ {2,}/)[0]
}

/** What stands behind `RX: `, `->` or `=`, in lines that have other characters than hex has. */
function afterWords(line: string): string {
  if (/^[\s0-9a-fA-Fx:,-]*$/.test(line)) return line
  const words = /^.*[:=>]\s+(?=(?:0x)?[0-9a-fA-F]{2})/.exec(line)
  // Blanks keep columns where they are.
  return words ? ' '.repeat(words[0].length) + line.slice(words[0].length) : line
}
