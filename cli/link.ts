import type { Peer } from '#platform/peer'
import { PeerError } from '#platform/peer'
import { expectNoPositionals, HELP, parseArguments, TEXT } from './arguments.ts'
import { type Command, EXIT, UsageError } from './command.ts'
import { dataFolder, roleOf, runningPlatform } from './running.ts'

const USAGE = `usage: gridtally link ACCOUNT [options]

Prints a link that signs one person in, once, to the running platform: demo-customer and demo-operator in the demonstration, anybody's
account otherwise. It is how the first operator of a new platform gets in.

options
  --operator NAME    make the account first: an operator of this name
  --minutes N        how long the link is good for, default 60
  --data-dir DIR     data folder of the platform, default ./gridtally-data (GRIDTALLY_DATA_DIR)

examples
  gridtally link demo-operator
  gridtally link night-shift --operator "Night shift"
`

/** `gridtally link`. */
export const linkCommand: Command = {
  name: 'link',
  summary: 'print a one-time sign-in link for an account, made first if need be',
  usage: USAGE,
  async run(argv, io) {
    const { values, positionals } = parseArguments(argv, {
      operator: TEXT,
      minutes: TEXT,
      'data-dir': TEXT,
      help: HELP,
    })
    if (values.help) {
      io.stdout.write(USAGE)
      return EXIT.done
    }
    const [accountId, ...more] = positionals
    if (accountId === undefined) throw new UsageError('say whose link: gridtally link ACCOUNT (try --help)')
    expectNoPositionals(more)
    const minutes = Number(values.minutes ?? 60)
    if (!Number.isInteger(minutes) || minutes < 1)
      throw new UsageError(`--minutes must be a whole number above 0, not "${values.minutes}"`)
    const dataDir = dataFolder(values['data-dir'])
    const access = roleOf(dataDir, 'access')
    try {
      io.stdout.write(`${runningPlatform(dataDir).url}${await linkFor(access, accountId, values.operator, minutes)}\n`)
      return EXIT.done
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      io.stderr.write(`gridtally link: ${String(error.body.detail ?? error.message)}\n`)
      return EXIT.someFailed
    }
  },
}

async function linkFor(
  access: Peer,
  accountId: string,
  operator: string | undefined,
  minutes: number,
): Promise<string> {
  if (operator !== undefined)
    await access.json('/customers', { method: 'POST', body: { operators: [{ id: accountId, name: operator }] } })
  const { path } = await access.json<{ path: string }>('/links', { method: 'POST', body: { accountId, minutes } })
  return path
}
