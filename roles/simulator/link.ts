import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { ConnectionFate } from './faults.ts'

/** One client's conversation with a meter: octets in, octets out. */
export interface MeterSession {
  /** Takes octets as they come and gives what to answer, possibly nothing. Throws when the connection is to be closed. */
  receive(octets: Uint8Array): readonly Uint8Array[]
  close(): void
}

/** Silence after which a meter hangs up. */
const IDLE_MS = 180_000

/** Octets of answers kept for a client that does not take them. */
const MOST_PENDING_OCTETS = 256 * 1024

/** Slow links hand over their octets in pieces of this many milliseconds. */
const SLICE_MS = 50

type SlowLink = Pick<Extract<ConnectionFate, { serve: true }>, 'latencyMs' | 'octetsPerSecond'>

/** Carries a session over a socket, with what its fate does to it. Resolves when the socket is closed. */
export function serveSocket(socket: Socket, fate: ConnectionFate, openSession: () => MeterSession): Promise<void> {
  return new Promise((resolve) => {
    const gone = new AbortController()
    socket.on('error', () => {})
    socket.setTimeout(IDLE_MS, () => socket.destroy())
    if (!fate.serve) {
      // Half-open: the far end is lost, but nobody says so. Octets vanish.
      socket.resume()
      socket.on('close', () => resolve())
      return
    }
    const session = openSession()
    socket.on('close', () => {
      gone.abort()
      session.close()
      resolve()
    })
    const send = fate.latencyMs > 0 || fate.octetsPerSecond > 0 ? slowly(socket, fate, gone.signal) : atOnce(socket)
    let sent = 0
    socket.on('data', (chunk: Buffer) => {
      // A client that asks on and on without taking the answers is left.
      if (socket.writableLength > MOST_PENDING_OCTETS) return socket.destroy()
      try {
        for (const answer of session.receive(chunk)) {
          sent += answer.length
          if (fate.resetAfterOctets === 0 || sent < fate.resetAfterOctets) send(answer)
          else {
            socket.write(answer.subarray(0, fate.resetAfterOctets - sent + answer.length), () =>
              socket.resetAndDestroy(),
            )
            return undefined
          }
        }
      } catch {
        // Octets that are no DLMS: a meter tells by hanging up.
        socket.destroy()
      }
      return undefined
    })
  })
}

type Send = (octets: Uint8Array) => void

const atOnce =
  (socket: Socket): Send =>
  (octets) =>
    void socket.write(octets)

/** Answers wait for those before them, then for the latency, and then drip. */
function slowly(socket: Socket, { latencyMs, octetsPerSecond }: SlowLink, signal: AbortSignal): Send {
  const slice =
    octetsPerSecond > 0 ? Math.max(1, Math.round((octetsPerSecond * SLICE_MS) / 1000)) : Number.MAX_SAFE_INTEGER
  let work = Promise.resolve()
  return (octets) => {
    work = work
      .then(async () => {
        await delay(latencyMs, undefined, { signal })
        for (let at = 0; at < octets.length; at += slice) {
          if (at > 0) await delay(SLICE_MS, undefined, { signal })
          socket.write(octets.subarray(at, at + slice))
        }
      })
      // The socket closed meanwhile: nobody waits for the rest.
      .catch(() => {})
  }
}
