import { ExchangeError } from './exchange-error.ts'

/** A row and the line of the document it began in. */
export interface CsvRow {
  readonly line: number
  readonly fields: readonly string[]
}

/** Longest row accepted, in characters: more is no table, or an unclosed quote. */
const MOST_ROW_CHARACTERS = 1_000_000

/** The delimiter a first line speaks for: the one of `,` `;` tab that occurs most outside quotes. */
export function detectDelimiter(firstLine: string): string {
  const bare = firstLine.replace(/"[^"]*"/g, '')
  const counts = [',', ';', '\t'].map((one) => [one, bare.split(one).length] as const)
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0]
}

/**
 * Reads CSV (RFC 4180, and its cousins with `;` or tabs) from text that comes in pieces. Lines end with LF or CRLF, a byte order
 * mark is dropped, quoted fields may hold delimiters, line ends and doubled quotes, empty lines are skipped.
 */
export class CsvDecoder {
  #pending = ''
  #line = 1
  #delimiter: string | undefined
  #begun = false

  constructor(delimiter?: string) {
    this.#delimiter = delimiter
  }

  /** The rows that are complete with this piece of text. @throws ExchangeError `CSV_INVALID` */
  feed(text: string): CsvRow[] {
    return this.#rows(text, false)
  }

  /** The rows left when the text has ended. @throws ExchangeError `CSV_INVALID` for an open quote */
  end(): CsvRow[] {
    return this.#rows('', true)
  }

  #rows(text: string, last: boolean): CsvRow[] {
    let input = this.#pending + text
    if (!this.#begun && input.length > 0) {
      this.#begun = true
      if (input.startsWith('\uFEFF')) input = input.slice(1)
    }
    const rows: CsvRow[] = []
    let from = 0
    for (;;) {
      const end = this.#rowEnd(input, from)
      if (end < 0 && !last) break
      const raw = input.slice(from, end < 0 ? undefined : end)
      if (raw !== '' && raw !== '\r') rows.push(this.#parse(raw.endsWith('\r') ? raw.slice(0, -1) : raw))
      this.#line += raw.split('\n').length
      if (end < 0) {
        from = input.length
        break
      }
      from = end + 1
    }
    this.#pending = input.slice(from)
    if (this.#pending.length > MOST_ROW_CHARACTERS)
      throw new ExchangeError(
        'CSV_INVALID',
        this.#line,
        `a row of over ${MOST_ROW_CHARACTERS} characters; is a quote left open?`,
      )
    return rows
  }

  /** Index of the line end that ends the row from `from` on: the first outside quotes. -1 when it has not come yet. */
  #rowEnd(input: string, from: number): number {
    let end = input.indexOf('\n', from)
    let quote = input.indexOf('"', from)
    while (quote >= 0 && end >= 0 && quote < end) {
      const close = input.indexOf('"', quote + 1)
      if (close < 0) return -1
      if (close > end) end = input.indexOf('\n', close)
      quote = input.indexOf('"', close + 1)
    }
    return quote >= 0 && end < 0 ? -1 : end
  }

  #parse(raw: string): CsvRow {
    this.#delimiter ??= detectDelimiter(raw)
    const delimiter = this.#delimiter
    const line = this.#line
    if (!raw.includes('"')) return { line, fields: raw.split(delimiter) }
    const fields: string[] = []
    let at = 0
    while (at <= raw.length) {
      if (raw[at] !== '"') {
        const end = raw.indexOf(delimiter, at)
        fields.push(raw.slice(at, end < 0 ? undefined : end))
        if (end < 0) break
        at = end + 1
        continue
      }
      let field = ''
      for (;;) {
        const close = raw.indexOf('"', at + 1)
        if (close < 0) throw new ExchangeError('CSV_INVALID', line, 'a quote is opened and not closed')
        field += raw.slice(at + 1, close)
        at = close + 1
        if (raw[at] !== '"') break
        field += '"'
      }
      fields.push(field)
      if (at >= raw.length) break
      if (raw[at] !== delimiter) throw new ExchangeError('CSV_INVALID', line, `"${raw[at]}" after a closing quote`)
      at++
    }
    return { line, fields }
  }
}

/** One CSV line with its line end (CRLF, as RFC 4180 has it). Fields are quoted only where they must be. */
export function csvLine(fields: readonly string[], delimiter = ','): string {
  const special = new RegExp(`["\\r\\n${delimiter}]|^\\s|\\s$`)
  return `${fields.map((field) => (special.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(delimiter)}\r\n`
}
