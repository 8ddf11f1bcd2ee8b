import { ConfigError } from '#platform/config'
import { type CommandIo, type CommandLoader, EXIT, UsageError } from './command.ts'

async function overview(loaders: readonly CommandLoader[]): Promise<string> {
  const commands = await Promise.all(loaders.map((loader) => loader.load()))
  const width = Math.max(...commands.map(({ name }) => name.length))
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return `usage: gridtally <command> [options]\n\n${lines.join('\n')}\n\n"gridtally <command> --help" tells more.\n`
}

/**
 * Finds the command, runs it and turns what it throws into one line on standard error and an exit code.
 *
 * @returns the exit code: 0 done, 1 some items or the start failed, 2 wrong use
 */
export async function runCommand(
  commands: readonly CommandLoader[],
  argv: readonly string[],
  io: CommandIo,
): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const asked = commands.find((one) => one.name === rest[0])
    ;(name === undefined ? io.stderr : io.stdout).write(asked ? (await asked.load()).usage : await overview(commands))
    return name === undefined ? EXIT.wrongUse : EXIT.done
  }
  const loader = commands.find((one) => one.name === name)
  if (!loader) {
    io.stderr.write(`gridtally: there is no command "${name}"\n\n${await overview(commands)}`)
    return EXIT.wrongUse
  }
  try {
    const command = await loader.load()
    return await command.run(rest, io)
  } catch (error) {
    const { message, code } = error as { message: string; code?: string }
    if (error instanceof UsageError || error instanceof ConfigError) {
      io.stderr.write(`gridtally ${name}: ${message}\n`)
      return EXIT.wrongUse
    }
    // What the surroundings refuse is told in words; anything else is a defect of ours and shows where.
    const expected = code !== undefined
    io.stderr.write(`gridtally ${name}: ${expected ? message : ((error as Error).stack ?? message)}\n`)
    return EXIT.someFailed
  }
}
