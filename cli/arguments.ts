import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { UsageError } from './command.ts'

/** An option that takes a text. */
export const TEXT = { type: 'string' } as const
/** An option that takes a text and may be given again. */
export const TEXTS = { type: 'string', multiple: true } as const
/** An option that stands alone. */
export const FLAG = { type: 'boolean' } as const
/** The option every command has. */
export const HELP = { type: 'boolean', short: 'h' } as const

/**
 * Reads a command's arguments.
 *
 * @throws UsageError naming the option that is wrong
 */
export function parseArguments<const T extends ParseArgsOptionsConfig>(argv: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true })
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message.split('\n')[0]} (try --help)`, { cause })
  }
}

/** Refuses arguments that belong to no option. @throws UsageError */
export function expectNoPositionals(positionals: readonly string[]): void {
  if (positionals.length > 0) throw new UsageError(`"${positionals[0]}" belongs to no option (try --help)`)
}

/** A whole number within bounds, or `undefined` when the option was not given. @throws UsageError naming the option */
export function wholeNumber(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new UsageError(`${name} must be a whole number from ${least} to ${most}, not "${text}"`)
  return value
}

/** How many times faster than the machine's the platform's time runs. @throws UsageError */
export function speedFactor(text: string | undefined): number {
  const speed = Number(text ?? 1)
  if (!(speed > 0 && speed <= 86_400))
    throw new UsageError(`--speed must be a number above 0 and up to 86400, not "${text}"`)
  return speed
}
