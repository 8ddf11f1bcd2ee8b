import type { ByteChannel, Clock } from '@gridtally/wire'
import { DecodeError } from '@gridtally/wire'
import { DlmsError } from '../dlms-error.ts'
import type { Framing, FramingEvent } from '../framing.ts'

/** What {@link ClientLink} is made of. */
export interface LinkOptions {
  readonly channel: ByteChannel
  readonly framing: Framing
  readonly clock: Clock
  /** From a request to its whole answer, in ms of real time, however lively octets trickle in. */
  readonly answerTimeoutMs: number
  /** Of all the session, in ms of real time. */
  readonly sessionTimeoutMs: number
  readonly signal?: AbortSignal
  /** Sees every APDU as it travels, for traces. */
  readonly onFrame?: (direction: 'sent' | 'received', apdu: Uint8Array) => void
}

/** A channel under a link layer, as calls that send one APDU or wait for one. Every failure closes the channel for good. */
export class ClientLink {
  readonly #options: LinkOptions
  readonly #inbox: Uint8Array[] = []
  readonly #closing = new AbortController()
  readonly #sessionEnds: number
  #reading: Promise<Uint8Array | null> | undefined
  #connected = false
  #failure: DlmsError | undefined
  readonly #onAbort = (): void => {
    this.#fail(new DlmsError('ABORTED', 'the caller gave up', { cause: this.#options.signal?.reason }))
  }

  constructor(options: LinkOptions) {
    this.#options = options
    this.#sessionEnds = performance.now() + options.sessionTimeoutMs
    options.signal?.addEventListener('abort', this.#onAbort)
    if (options.signal?.aborted) this.#onAbort()
  }

  /** Why the link is of no more use; `undefined` while it is. */
  get failure(): DlmsError | undefined {
    return this.#failure
  }

  /** Opens the link layer. */
  async open(): Promise<void> {
    await this.#apply(this.#options.framing.open(this.#options.clock.now()))
    const deadline = this.#deadline()
    while (!this.#connected) await this.#pump(deadline)
  }

  async send(apdu: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure
    this.#options.onFrame?.('sent', apdu)
    await this.#apply(this.#options.framing.send(apdu, this.#options.clock.now()))
  }

  /** The next APDU, by the deadline for answers. */
  async receive(): Promise<Uint8Array> {
    const deadline = this.#deadline()
    for (;;) {
      const apdu = this.#inbox.shift()
      if (apdu) {
        this.#options.onFrame?.('received', apdu)
        return apdu
      }
      await this.#pump(deadline)
    }
  }

  /** Takes the link layer down if it still stands, and closes the channel. */
  async close(): Promise<void> {
    if (this.#failure) return
    try {
      for (const event of this.#options.framing.close(this.#options.clock.now()))
        if (event.type === 'send') await this.#options.channel.write(event.octets, this.#closing.signal)
    } catch {
      // The peer may be gone already; closing is all that was wanted.
    }
    this.#fail(new DlmsError('CLOSED', 'the session is over'))
  }

  /** Marks the link as of no more use. The first reason stays. */
  fail(error: DlmsError): DlmsError {
    return this.#fail(error)
  }

  #fail(error: DlmsError): DlmsError {
    if (!this.#failure) {
      this.#failure = error
      this.#options.signal?.removeEventListener('abort', this.#onAbort)
      this.#closing.abort(error)
      this.#options.channel.close()
    }
    return this.#failure
  }

  #deadline(): number {
    return Math.min(performance.now() + this.#options.answerTimeoutMs, this.#sessionEnds)
  }

  /** Waits for octets, for the link layer's own timer or for the deadline, whichever is first. */
  async #pump(deadline: number): Promise<void> {
    if (this.#failure) throw this.#failure
    const { framing, clock, channel } = this.#options
    const left = deadline - performance.now()
    if (left <= 0) throw this.#fail(new DlmsError('TIMEOUT', 'the meter took too long to answer'))
    const due = framing.nextDeadline()
    const wait = due === undefined ? left : Math.max(0, Math.min(left, due - clock.now()))
    // One read is kept under way: an abandoned one would lose octets, an aborted one closes the channel.
    this.#reading ??= channel.read(this.#closing.signal)
    let timer: ReturnType<typeof setTimeout> | number | undefined
    try {
      const octets = await Promise.race([
        this.#reading,
        new Promise<undefined>((resolve) => {
          timer = setTimeout(resolve, wait)
        }),
      ])
      if (octets === undefined) await this.#apply(framing.tick(clock.now()))
      else {
        this.#reading = undefined
        if (octets === null) throw new DlmsError('CLOSED', 'the meter closed the connection')
        await this.#apply(framing.feed(octets, clock.now()))
      }
    } catch (cause) {
      throw this.#fail(asDlmsError(cause))
    } finally {
      clearTimeout(timer)
    }
    if (this.#failure) throw this.#failure
  }

  async #apply(events: readonly FramingEvent[]): Promise<void> {
    for (const event of events)
      switch (event.type) {
        case 'send':
          try {
            await this.#options.channel.write(event.octets, this.#closing.signal)
          } catch (cause) {
            throw this.#fail(asDlmsError(cause))
          }
          break
        case 'connected':
          this.#connected = true
          break
        case 'apdu':
          this.#inbox.push(event.apdu)
          break
        case 'closed':
          throw this.#fail(asDlmsError(event.error))
      }
  }
}

function asDlmsError(cause: unknown): DlmsError {
  if (cause instanceof DlmsError) return cause
  if (cause instanceof DecodeError) return new DlmsError('PROTOCOL', `undecodable octets: ${cause.message}`, { cause })
  return new DlmsError('CLOSED', 'the connection broke', { cause })
}
