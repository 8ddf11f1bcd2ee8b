/**
 * One conversation with a meter, without I/O: yields an APDU to send (or `undefined` to wait for one more), is resumed with the APDU
 * that came, and returns the outcome. Whoever drives it brings the link layer and time.
 */
export type Exchange<T> = Generator<Uint8Array | undefined, T, Uint8Array>

/** Runs an exchange against something that answers at once, such as a server in the same process. */
export function runExchange<T>(exchange: Exchange<T>, answer: (apdu: Uint8Array) => Uint8Array): T {
  let step = exchange.next()
  while (!step.done) {
    if (step.value === undefined) throw new TypeError('the exchange waits for an APDU nobody sends')
    step = exchange.next(answer(step.value))
  }
  return step.value
}
