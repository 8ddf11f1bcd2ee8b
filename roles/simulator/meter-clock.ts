import type { Instant } from '@gridtally/wire'

/** From a true instant on, a meter's clock showed `shown` and ran by `1 + ppm × 10⁻⁶`. */
export interface ClockStep {
  readonly at: Instant
  readonly shown: Instant
  readonly ppm: number
}

/**
 * A meter's own clock: it drifts, and it is set. Before its first step it showed true time.
 * Steps are kept, since rows of the profile are stamped by the clock as it was then.
 */
export class MeterClock {
  readonly #steps: ClockStep[]

  /** @param steps ascending by `at` */
  constructor(steps: readonly ClockStep[]) {
    this.#steps = [...steps]
  }

  /** All steps so far, ascending. */
  get steps(): readonly ClockStep[] {
    return this.#steps
  }

  /** What the clock shows at a true instant. */
  shownAt(at: Instant): Instant {
    const step = this.#steps.findLast((s) => s.at <= at)
    return step ? shown(step, at) : at
  }

  /** When the clock showed `time`, the last time it did; `null` for times it skipped. The future counts: it is asked of schedules. */
  trueOf(time: Instant): Instant | null {
    for (let i = this.#steps.length - 1; i >= 0; i--) {
      const step = this.#steps[i]
      if (time < step.shown) continue
      const at = step.at + Math.ceil((time - step.shown) / (1 + step.ppm * 1e-6) - 1e-6)
      const end = this.#steps[i + 1]?.at ?? Number.POSITIVE_INFINITY
      if (at < end) return at
    }
    const first = this.#steps[0]
    return first === undefined || time < first.at ? time : null
  }

  /** Sets the clock; its drift stays. Gives the step taken, for keeping. */
  set(at: Instant, time: Instant, ppm = this.#steps.at(-1)?.ppm ?? 0): ClockStep {
    const last = this.#steps.at(-1)
    const step = { at: last ? Math.max(at, last.at) : at, shown: time, ppm }
    this.#steps.push(step)
    return step
  }
}

const shown = (step: ClockStep, at: Instant): Instant => Math.floor(step.shown + (at - step.at) * (1 + step.ppm * 1e-6))
