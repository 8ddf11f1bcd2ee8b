import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expectNoPositionals, FLAG, HELP, parseArguments, speedFactor, TEXT, wholeNumber } from './arguments.ts'
import { type Command, type CommandIo, EXIT } from './command.ts'

/** A fleet by itself, as the simulator starts it. */
export interface SimulatedFleet {
  readonly size: number
  readonly host: string
  readonly basePort: number
  readonly seed: number
  shipment(): object
  faults(): string[]
  connections(): { readonly open: number; readonly total: number }
  close(): Promise<void>
}

/** What is handed in to start one; the command line opens no door to the roles itself. */
export type StartSimulatedFleet = (options: {
  readonly folder: string
  readonly config: unknown
  readonly speed: number
}) => Promise<SimulatedFleet>

const USAGE = `usage: gridtally simulate [options]

Starts simulated electricity meters alone, as a test bench for any head-end: each is a DLMS/COSEM server over TCP (wrapper,
IEC 62056-4-7) on a port of its own, with keys of its own. What connects to them, and with which keys, is in the shipment file
(docs/shipment-file.md); who is there, what they hold and how they fail is told in roles/simulator/README.md.

options
  --meters N           how many, default 10
  --host ADDRESS       where they listen, default 127.0.0.1
  --port N             first port; taken ones move the range. Default: the first free range from 20000
  --seed N             same seed, same neighbourhood, weather and faults; default 1
  --speed X            seconds of the meters' time per second, default 1
  --perfect            no faults, no clock drift, no cloned meter
  --shipment-out FILE  where to write the shipment file, default <data-dir>/shipment.json. It holds keys in clear
  --data-dir DIR       folder that keeps secret and counters from run to run, default ./gridtally-bench
  --help               this text

examples
  gridtally simulate --meters 100 --perfect
  gridtally simulate --meters 10000 --port 20000 --speed 60
`

interface SimulateOptions {
  readonly folder: string
  readonly shipmentOut: string
  readonly seed: number
  readonly speed: number
  readonly config: object
}

function simulateOptions(argv: readonly string[]): SimulateOptions | undefined {
  const { values, positionals } = parseArguments(argv, {
    meters: TEXT,
    host: TEXT,
    port: TEXT,
    seed: TEXT,
    speed: TEXT,
    perfect: FLAG,
    'shipment-out': TEXT,
    'data-dir': TEXT,
    help: HELP,
  })
  if (values.help) return undefined
  expectNoPositionals(positionals)
  const speed = speedFactor(values.speed)
  const folder = resolve(values['data-dir'] ?? 'gridtally-bench')
  const seed = wholeNumber('--seed', values.seed, 0, 0xffff_ffff) ?? 1
  return {
    folder,
    shipmentOut: resolve(values['shipment-out'] ?? join(folder, 'shipment.json')),
    seed,
    speed,
    config: {
      meters: wholeNumber('--meters', values.meters, 1, 40_000) ?? 10,
      basePort: wholeNumber('--port', values.port, 0, 65_535) ?? 0,
      seed,
      meterHost: values.host ?? '127.0.0.1',
      perfect: values.perfect === true,
      provision: false,
    },
  }
}

/** How often the progress line is brought up to date. */
const PROGRESS_MS = 1000
/** Faulty meters named one by one; of large fleets the rest is counted. */
const FAULTS_NAMED = 20

async function run(options: SimulateOptions, start: StartSimulatedFleet, io: CommandIo): Promise<number> {
  const began = performance.now()
  const fleet = await start(options)
  try {
    writeFileSync(options.shipmentOut, `${JSON.stringify(fleet.shipment(), null, 2)}\n`, { mode: 0o600 })
    const last = fleet.basePort + fleet.size - 1
    const ms = Math.round(performance.now() - began)
    io.stdout.write(`${fleet.size} meters listen on ${fleet.host}, ports ${fleet.basePort} to ${last} (${ms} ms)\n`)
    io.stdout.write(
      `  DLMS/COSEM, TCP wrapper, server 1; clients 16 public, 1 management (HLS-GMAC, suite 0), 2 reader (LLS)\n`,
    )
    io.stdout.write(`  keys and addresses: ${options.shipmentOut}\n`)
    if (fleet.seed !== options.seed) io.stdout.write(`  the folder's fleet keeps its seed ${fleet.seed}\n`)
    if (options.speed !== 1) io.stdout.write(`  time runs ${options.speed} times as fast as outside\n`)
    const faults = fleet.faults()
    if (faults.length > 0) io.stdout.write(`${faults.length} of them are faulty on purpose:\n`)
    for (const line of faults.slice(0, FAULTS_NAMED)) io.stdout.write(`  ${line}\n`)
    if (faults.length > FAULTS_NAMED) io.stdout.write(`  and ${faults.length - FAULTS_NAMED} more\n`)
    io.stdout.write('stop with Ctrl-C\n')
    await progress(fleet, io)
    return EXIT.done
  } finally {
    await fleet.close()
  }
}

/** One line that is rewritten on a terminal, and told once a change elsewhere, until the person stops it. */
async function progress(fleet: SimulatedFleet, io: CommandIo): Promise<void> {
  let told = ''
  while (!io.signal.aborted) {
    const { open, total } = fleet.connections()
    const line = `${open} connections open, ${total} served`
    if (line !== told) {
      told = line
      io.stderr.write(io.interactive ? `\r\u001b[2K${line}` : `${line}\n`)
    }
    // An abort ends the wait, and with it the loop.
    await delay(PROGRESS_MS, undefined, { signal: io.signal }).catch(() => {})
  }
  if (io.interactive) io.stderr.write('\n')
}

/** `gridtally simulate`. @param start starts a fleet in a folder */
export function createSimulateCommand(start: StartSimulatedFleet): Command {
  return {
    name: 'simulate',
    summary: 'start simulated meters alone, as a test bench for a head-end',
    usage: USAGE,
    async run(argv, io) {
      const options = simulateOptions(argv)
      if (!options) {
        io.stdout.write(USAGE)
        return EXIT.done
      }
      return run(options, start, io)
    },
  }
}
