import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Command, EXIT, UsageError } from './command.ts'
import { dataFolder, roleOf } from './running.ts'

const USAGE = `usage: gridtally export --usage-point ID [options]

Writes the interval values of a usage point as CSV: start and end of each interval with offset, then value (kWh, exact) and
quality of each channel; a missing value is empty. What is written can be read again by "gridtally import".

options
  --usage-point ID   whose values
  --from TIME        first instant, ISO 8601; without offset in the usage point's zone; default the beginning
  --to TIME          end, not included; default the end
  --out FILE         write to a file instead of standard output
  --data-dir DIR     data folder of the platform, default ./gridtally-data (GRIDTALLY_DATA_DIR)
`

/** `gridtally export`. */
export const exportCommand: Command = {
  name: 'export',
  summary: "write a usage point's interval values as CSV",
  usage: USAGE,
  async run(argv, io) {
    let values: { readonly [name: string]: string | boolean | undefined }
    try {
      const text = { type: 'string' } as const
      values = parseArgs({
        args: [...argv],
        options: {
          'usage-point': text,
          from: text,
          to: text,
          out: text,
          'data-dir': text,
          help: { type: 'boolean', short: 'h' },
        },
      }).values
    } catch (cause) {
      throw new UsageError(`${(cause as Error).message.split('\n')[0]} (try --help)`, { cause })
    }
    if (values.help) {
      io.stdout.write(USAGE)
      return EXIT.done
    }
    const string = (name: string): string | undefined => (typeof values[name] === 'string' ? values[name] : undefined)
    const usagePoint = string('usage-point')
    if (usagePoint === undefined) throw new UsageError('say whose values with --usage-point ID')
    const query = new URLSearchParams({ usagePoint })
    for (const name of ['from', 'to']) {
      const value = string(name)
      if (value !== undefined) query.set(name, value)
    }
    const mdms = roleOf(dataFolder(string('data-dir')), 'mdms')
    const response = await mdms.raw(`/exports/intervals.csv?${query}`, { timeoutMs: 600_000, signal: io.signal })
    if (!response.ok || !response.body) {
      const problem = (await response.json().catch(() => ({}))) as { detail?: string }
      io.stderr.write(`gridtally export: ${problem.detail ?? `the platform answered ${response.status}`}\n`)
      return EXIT.someFailed
    }
    const out = string('out')
    const file = out === undefined ? undefined : createWriteStream(out)
    const decoder = new TextDecoder()
    let rows = -1
    for await (const chunk of response.body) {
      const text = decoder.decode(chunk, { stream: true })
      rows += text.split('\n').length - 1
      if (!file) io.stdout.write(text)
      else if (!file.write(text)) await once(file, 'drain')
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
