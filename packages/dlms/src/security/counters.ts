import { DlmsError } from '../dlms-error.ts'

/** Largest invocation counter: 32 bits. */
export const MAX_COUNTER = 0xffff_ffff

/**
 * Invocation counters set aside for sending under one key. Each is handed out once; a counter used twice under the same key
 * and title would give the key stream away.
 *
 * Whoever fills the lease stores its end *before* adding it, so that a crash skips counters and never repeats them.
 */
export class CounterLease {
  #next = 0
  #end = 0

  /** Counters still to hand out. */
  get left(): number {
    return this.#end - this.#next
  }

  /**
   * Adds `count` counters from `first` on. What was left of an earlier range is given up.
   *
   * @throws RangeError for a range that goes back, or beyond 32 bits
   */
  add(first: number, count: number): void {
    if (!Number.isInteger(first) || !Number.isInteger(count) || count < 1 || first < 0)
      throw new RangeError(`${count} counters from ${first}`)
    if (first < this.#next) throw new RangeError(`counters from ${first} were in use already`)
    if (first + count - 1 > MAX_COUNTER)
      throw new RangeError('invocation counters end at 2^32 - 1: the key must be replaced')
    this.#next = first
    this.#end = first + count
  }

  /** The next counter. Throws DlmsError `COUNTER_EXHAUSTED` when none is reserved. */
  next(): number {
    if (this.#next >= this.#end) throw new DlmsError('COUNTER_EXHAUSTED', 'no invocation counter is reserved')
    return this.#next++
  }
}

/** Refuses repeated APDUs: counters from one sender under one key must rise (IEC 62056-5-3, 5.3.4 on replay). */
export class ReplayGuard {
  #last: number

  /** @param last the highest counter ever accepted; −1 when none was, since 0 is a counter too */
  constructor(last = -1) {
    this.#last = last
  }

  /** Highest counter accepted, −1 before the first. */
  get last(): number {
    return this.#last
  }

  /** Whether `counter` is new; does not take it. */
  isNew(counter: number): boolean {
    return counter > this.#last
  }

  /** Takes a counter of an APDU whose tag was checked; `false` when it is not above all before it. */
  accept(counter: number): boolean {
    if (counter <= this.#last) return false
    this.#last = counter
    return true
  }
}
