import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { ConnectionFate } from './faults.ts'

/** One client's conversation with a meter: octets in, octets out. */
export interface MeterSession {
  /** Takes octets as they come and gives what to answer, possibly nothing. Rejects when the connection is to be closed. */
  receive(octets: Uint8Array): Promise<readonly Uint8Array[]>
  close(): void
}

/** Silence after which a meter hangs up. */
const IDLE_MS = 180_000

/** Octets a client may send before the meter has answered; more is closed. */
const MOST_PENDING_OCTETS = 256 * 1024

/** Slow links hand over their octets in pieces of this many milliseconds. */
const SLICE_MS = 50

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
    let sent = 0
    let pending = 0
    let work = Promise.resolve()
    socket.on('close', () => {
      gone.abort()
      session.close()
      resolve()
    })
    const send = async (octets: Uint8Array): Promise<void> => {
      if (fate.latencyMs > 0) await delay(fate.latencyMs, undefined, { signal: gone.signal })
      let left = octets
      if (fate.resetAfterOctets > 0 && sent + left.length >= fate.resetAfterOctets) {
        socket.write(left.subarray(0, fate.resetAfterOctets - sent), () => socket.resetAndDestroy())
        throw new Error('reset')
      }
      sent += left.length
      const slice = fate.octetsPerSecond > 0 ? Math.max(1, Math.round((fate.octetsPerSecond * SLICE_MS) / 1000)) : 0
      while (slice > 0 && left.length > slice) {
        socket.write(left.subarray(0, slice))
        left = left.subarray(slice)
        await delay(SLICE_MS, undefined, { signal: gone.signal })
      }
      socket.write(left)
    }
    socket.on('data', (chunk: Buffer) => {
      pending += chunk.length
      if (pending > MOST_PENDING_OCTETS) return socket.destroy()
      work = work
        .then(async () => {
          pending -= chunk.length
          if (socket.destroyed) return
          for (const answer of await session.receive(chunk)) await send(answer)
        })
        // Whatever went wrong, a meter tells by hanging up; the reset has closed the socket already.
        .catch(() => {
          if (!socket.destroyed && fate.resetAfterOctets === 0) socket.destroy()
        })
      return undefined
    })
  })
}
