import { Problem } from './problems.ts'

/** Makes an opaque cursor of a list position: the last key a page gave. */
export function encodeCursor(position: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/**
 * Reads what {@link encodeCursor} made.
 *
 * @throws Problem `CURSOR_INVALID` for anything else
 */
export function decodeCursor(cursor: string, length: number): (string | number)[] {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (
      Array.isArray(parsed) &&
      parsed.length === length &&
      parsed.every((part) => typeof part === 'string' || typeof part === 'number')
    )
      return parsed
  } catch {
    // Told below, in words.
  }
  throw new Problem('CURSOR_INVALID', `"${cursor}" is not a cursor this service gave`)
}
