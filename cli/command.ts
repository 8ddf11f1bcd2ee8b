/** Where a command writes and what it knows of the terminal. Results go to `stdout`, everything else to `stderr`. */
export interface CommandIo {
  readonly stdin: AsyncIterable<Uint8Array>
  readonly stdout: { write(text: string): void }
  readonly stderr: { write(text: string): void }
  /** Whether `stdout` is a terminal that takes colours (and NO_COLOR is unset). */
  readonly color: boolean
  /** Whether `stderr` is a terminal, so that a progress line may be rewritten. */
  readonly interactive: boolean
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal
}

/** Exit codes every command keeps to. */
export const EXIT = { done: 0, someFailed: 1, wrongUse: 2 } as const

/** One word after `gridtally`. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What `--help` prints: usage, options, examples. */
  readonly usage: string
  /** @returns the exit code, see {@link EXIT} */
  run(argv: readonly string[], io: CommandIo): Promise<number>
}

/** Thrown for arguments a command cannot use; becomes one line on standard error and exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A command that is loaded when it is asked for. */
export interface CommandLoader {
  readonly name: string
  load(): Promise<Command>
}

/** Text kept back until it is worth a write: for output of many short lines. */
const WRITE_CHARACTERS = 1 << 16

/** Gathers many short texts into fewer writes. Call `flush` at the end. */
export function gathered(out: CommandIo['stdout']): { write(text: string): void; flush(): void } {
  let held = ''
  return {
    write(text) {
      held += text
      if (held.length >= WRITE_CHARACTERS) this.flush()
    },
    flush() {
      if (held !== '') out.write(held)
      held = ''
    },
  }
}
