import { setTimeout as delay } from 'node:timers/promises'
import type { Clock, Instant } from '@gridtally/wire'

/** Time as the platform lives it: the machine's, or the machine's run faster from an anchor on. */
export interface PlatformClock extends Clock {
  /** Platform seconds per second of the machine; 1 in production. */
  readonly speed: number
  /** Waits `ms` of platform time. Rejects with an AbortError when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** From where on an accelerated clock runs: at machine time `real` it shows `platform`. */
export interface ClockAnchor {
  readonly real: Instant
  readonly platform: Instant
  readonly speed: number
}

/** Longest wait of a Node timer. */
const LONGEST_TIMER_MS = 2_147_483_647

/** The clock of an anchor; without one, the machine's. */
export function createClock(anchor?: ClockAnchor): PlatformClock {
  const speed = anchor?.speed ?? 1
  if (!(speed > 0)) throw new RangeError(`a clock's speed must be above 0, not ${speed}`)
  const now = anchor
    ? (): Instant => Math.floor(anchor.platform + (Date.now() - anchor.real) * speed)
    : (): Instant => Date.now()
  return {
    speed,
    now,
    async sleep(ms, signal) {
      let left = Math.max(0, ms / speed)
      while (left > LONGEST_TIMER_MS) {
        await delay(LONGEST_TIMER_MS, undefined, { signal })
        left -= LONGEST_TIMER_MS
      }
      await delay(left, undefined, { signal })
    },
  }
}
