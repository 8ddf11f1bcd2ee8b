import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { CsvDecoder } from '@gridtally/exchange'
import type { Peer } from '#platform/peer'
import { expectNoPositionals, FLAG, HELP, parseArguments, TEXT } from './arguments.ts'
import { type Command, EXIT, UsageError } from './command.ts'
import { dataFolder, roleOf } from './running.ts'

const USAGE = `usage: gridtally export --usage-point ID [options]

Writes the interval values of a usage point as CSV: start and end with offset, a row per channel and interval: exact
value with its unit, and quality; a missing value is empty. What is written can be read again by "gridtally import".

options
  --usage-point ID   whose values
  --from TIME        first instant, ISO 8601; without offset in the usage point's zone; default the beginning
  --to TIME          end, not included; default the end
  --json             one JSON object a row instead of CSV
  --out FILE         write to a file instead of standard output
  --data-dir DIR     data folder of the platform, default ./gridtally-data (GRIDTALLY_DATA_DIR)
`

interface Summary {
  readonly channels: readonly { readonly first: string | null; readonly last: string | null }[]
}

/** From the first to the last interval of any channel; `undefined` when there is none. */
async function extentOf(mdms: Peer, usagePoint: string): Promise<{ from: string; to: string } | undefined> {
  const { channels } = await mdms.json<Summary>(`/usage-points/${encodeURIComponent(usagePoint)}/summary`)
  const known = channels.flatMap(({ first, last }) => (first !== null && last !== null ? [{ first, last }] : []))
  if (known.length === 0) return undefined
  const earliest = known.reduce((a, b) => (Date.parse(b.first) < Date.parse(a.first) ? b : a))
  const latest = known.reduce((a, b) => (Date.parse(b.last) > Date.parse(a.last) ? b : a))
  return { from: earliest.first, to: latest.last }
}

/** Turns the CSV as it comes into one JSON object a row; a missing value is null. */
function jsonLines(): { feed(text: string): string } {
  const decoder = new CsvDecoder(',')
  let heading: readonly string[] | undefined
  return {
    feed(text) {
      let lines = ''
      for (const { fields } of decoder.feed(text)) {
        if (heading) {
          const row: Record<string, string | null> = {}
          heading.forEach((name, i) => {
            row[name] = name === 'value' && fields[i] === '' ? null : fields[i]
          })
          lines += `${JSON.stringify(row)}\n`
        } else heading = fields
      }
      return lines
    },
  }
}

/** `gridtally export`. */
export const exportCommand: Command = {
  name: 'export',
  summary: "write a usage point's interval values as CSV",
  usage: USAGE,
  async run(argv, io) {
    const { values, positionals } = parseArguments(argv, {
      'usage-point': TEXT,
      from: TEXT,
      to: TEXT,
      out: TEXT,
      json: FLAG,
      'data-dir': TEXT,
      help: HELP,
    })
    expectNoPositionals(positionals)
    if (values.help) {
      io.stdout.write(USAGE)
      return EXIT.done
    }
    const usagePoint = values['usage-point']
    if (usagePoint === undefined) throw new UsageError('say whose values with --usage-point ID')
    const mdms = roleOf(dataFolder(values['data-dir']), 'mdms')
    const extent = await extentOf(mdms, usagePoint)
    if (extent === undefined) {
      io.stderr.write(`gridtally export: ${usagePoint} has no interval values yet\n`)
      return EXIT.someFailed
    }
    const query = new URLSearchParams({
      usagePoint,
      from: values.from ?? extent.from,
      to: values.to ?? extent.to,
    })
    const response = await mdms.raw(`/exports/intervals.csv?${query}`, { timeoutMs: 600_000, signal: io.signal })
    if (!response.ok || !response.body) {
      const problem = (await response.json().catch(() => ({}))) as { detail?: string }
      io.stderr.write(`gridtally export: ${problem.detail ?? `the platform answered ${response.status}`}\n`)
      return EXIT.someFailed
    }
    const out = values.out
    const file = out === undefined ? undefined : createWriteStream(out)
    const form = values.json ? jsonLines() : { feed: (text: string): string => text }
    const decoder = new TextDecoder()
    let rows = -1
    for await (const chunk of response.body) {
      const text = decoder.decode(chunk, { stream: true })
      rows += text.split('\n').length - 1
      const shown = form.feed(text)
      if (!file) io.stdout.write(shown)
      else if (!file.write(shown)) await once(file, 'drain')
      if (io.interactive && file) io.stderr.write(`\r${rows} intervals`)
    }
    if (file) {
      file.end()
      await once(file, 'finish')
      io.stderr.write(`${io.interactive ? '\r' : ''}${rows} intervals written to ${out}\n`)
    }
    return EXIT.done
  },
}
