import { connect, createServer, type Server, type Socket } from 'node:net'
import type { ByteChannel } from '@gridtally/wire'

/** Octets kept unread per connection before the peer is slowed down. */
const HIGH_WATER_OCTETS = 256 * 1024

/** A socket as a {@link ByteChannel}: pull-based, bounded, and closed by an abort. */
export function socketChannel(socket: Socket): ByteChannel {
  const chunks: Uint8Array[] = []
  let waiting: { resolve(octets: Uint8Array | null): void; reject(error: Error): void } | undefined
  let buffered = 0
  let ended = false
  let failure: Error | undefined
  const settle = (): void => {
    if (!waiting) return
    const { resolve, reject } = waiting
    const next = chunks.shift()
    if (next) {
      buffered -= next.length
      if (buffered < HIGH_WATER_OCTETS && socket.isPaused()) socket.resume()
      waiting = undefined
      resolve(next)
    } else if (failure) {
      waiting = undefined
      reject(failure)
    } else if (ended) {
      waiting = undefined
      resolve(null)
    }
  }
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    buffered += chunk.length
    if (buffered >= HIGH_WATER_OCTETS) socket.pause()
    settle()
  })
  socket.on('end', () => {
    ended = true
    settle()
  })
  socket.on('error', (error) => {
    failure = error
    settle()
  })
  socket.on('close', () => {
    ended = true
    settle()
  })
  const withAbort = <T>(signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> => {
    if (!signal) return promise
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        socket.destroy()
        reject(signal.reason)
      }
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort, { once: true })
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
    })
  }
  return {
    read: (signal) =>
      withAbort(
        signal,
        new Promise<Uint8Array | null>((resolve, reject) => {
          if (waiting) return reject(new TypeError('one read at a time'))
          waiting = { resolve, reject }
          settle()
        }),
      ),
    write: (octets, signal) =>
      withAbort(
        signal,
        new Promise<void>((resolve, reject) => {
          if (failure) return reject(failure)
          socket.write(octets, (error) => (error ? reject(error) : resolve()))
        }),
      ),
    close: () => socket.destroy(),
  }
}

/** Where to connect to, and how long to try. */
export interface TcpTarget {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/**
 * Opens a TCP connection.
 *
 * @throws the socket's error (`code` such as ECONNREFUSED), or one with code `ETIMEDOUT` after `timeoutMs`
 */
export function connectTcp({ host, port, timeoutMs, signal }: TcpTarget): Promise<ByteChannel> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const socket = connect({ host, port, noDelay: true })
    const timer = setTimeout(
      () =>
        fail(
          Object.assign(new Error(`no connection to ${host}:${port} within ${timeoutMs} ms`), { code: 'ETIMEDOUT' }),
        ),
      timeoutMs,
    )
    const abort = (): void => fail(signal?.reason)
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      socket.off('error', fail)
    }
    const fail = (error: Error): void => {
      done()
      socket.on('error', () => {})
      socket.destroy()
      reject(error)
    }
    socket.once('error', fail)
    signal?.addEventListener('abort', abort, { once: true })
    socket.once('connect', () => {
      done()
      resolve(socketChannel(socket))
    })
  })
}

/** Listens for TCP connections; rejects with the socket's error (`EADDRINUSE`, `EACCES`). */
export function listenTcp(host: string, port: number, onConnection: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true }, onConnection)
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve(server)
    })
  })
}
