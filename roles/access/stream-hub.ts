import type { Instant } from '@gridtally/wire'

/** One event of the live stream and who it is for. */
export interface HubEvent {
  /** Counts up from 1 while the process lives. */
  readonly id: number
  readonly event: 'reading' | 'session' | 'completeness'
  /** The usage point a reading is of; null for what only operators see. */
  readonly usagePointId: string | null
  readonly data: object
}

const EVENTS_KEPT = 2000
/** A usage point nobody asked for within this is watched no more. */
const WATCH_MS = 60_000
const MOST_WATCHED = 2000

/** Events for the portal's live stream: kept for a while, told to who waits. */
export class StreamHub {
  #events: HubEvent[] = []
  #next = 1
  readonly #watched = new Map<string, Instant>()
  #waiting: (() => void)[] = []

  /** Tells an event. */
  tell(event: HubEvent['event'], usagePointId: string | null, data: object): void {
    this.#events.push({ id: this.#next++, event, usagePointId, data })
    if (this.#events.length > EVENTS_KEPT * 1.5) this.#events = this.#events.slice(-EVENTS_KEPT)
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  /** Number of the newest event; 0 when there was none. */
  get latest(): number {
    return this.#next - 1
  }

  /** Says that somebody watches usage points. */
  watch(usagePointIds: readonly string[], now: Instant): void {
    for (const id of usagePointIds)
      if (this.#watched.size < MOST_WATCHED || this.#watched.has(id)) this.#watched.set(id, now)
  }

  /** Usage points watched of late. */
  watched(now: Instant): string[] {
    for (const [id, at] of this.#watched) if (now - at > WATCH_MS) this.#watched.delete(id)
    return [...this.#watched.keys()]
  }

  /** Events behind `after`; waits up to `waitMs` for one. A number from before a restart gives all there is. */
  async after(after: number, waitMs: number, signal: AbortSignal): Promise<readonly HubEvent[]> {
    const from = after > this.latest ? 0 : after
    const found = (): HubEvent[] => this.#events.filter(({ id }) => id > from)
    if (this.latest > from || waitMs === 0) return found()
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, waitMs)
      const waiting = this.#waiting
      function done(): void {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        const place = waiting.indexOf(done)
        if (place >= 0) waiting.splice(place, 1)
        resolve()
      }
      waiting.push(done)
      signal.addEventListener('abort', done, { once: true })
    })
    return found()
  }
}
