import type { Instant } from '@gridtally/wire'
import type { Channel } from './data-source.ts'
import type { Sight } from './policy.ts'
import { isSeen, type Series } from './series.ts'

/** Import over a stretch of time and, slot for slot, export beside it. */
export interface Part {
  readonly imported: Series
  readonly exported: Series | undefined
}

/** A channel's series out of parts. */
export function seriesOf(parts: readonly Part[], channel: Channel): Series[] {
  return parts.flatMap(({ imported, exported }) => (channel === 'import' ? imported : (exported ?? [])))
}

/** Slots that have ended and may be seen. */
export function seenSlots(
  sight: Sight,
  parts: readonly Part[],
  now: Instant,
): { readonly part: Part; readonly slot: number; readonly start: Instant; readonly end: Instant }[] {
  const found: { part: Part; slot: number; start: Instant; end: Instant }[] = []
  for (const part of parts) {
    const { start: first, stepMs, values } = part.imported
    for (let slot = 0; slot < values.length; slot++) {
      const start = first + slot * stepMs
      const end = start + stepMs
      if (end <= now && isSeen(sight.spans, start, end)) found.push({ part, slot, start, end })
    }
  }
  return found
}
