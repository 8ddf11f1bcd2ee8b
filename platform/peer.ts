import { readSecretFile } from './config.ts'
import { Problem } from './problems.ts'
import type { PeerAddress } from './role.ts'

/** Another role's answer that was no success: its status and, if it sent one, its problem code. */
export class PeerError extends Error {
  override readonly name = 'PeerError'
  readonly status: number
  readonly code: string
  /** The problem document, as far as there was one. */
  readonly body: Readonly<Record<string, unknown>>

  constructor(status: number, code: string, message: string, body: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.body = body
  }
}

/** What a request to another role may carry. */
export interface PeerRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Sent as JSON, unless it is text or a stream. */
  readonly body?: unknown
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** A role seen by another: JSON requests with its token, bounded in time. */
export interface Peer {
  readonly url: string
  /** The JSON answer. @throws PeerError for refusals, Problem `PEER_UNAVAILABLE` or `PEER_TIMEOUT` when there is no answer */
  json<T>(path: string, request?: PeerRequest): Promise<T>
  /** The raw answer of any status, for passing on. */
  raw(path: string, request?: PeerRequest): Promise<Response>
}

/** Makes a client for a role at an address; the token is read once. */
export function createPeer(address: PeerAddress): Peer {
  const token = readSecretFile(address.tokenFile)
  const raw: Peer['raw'] = async (path, request = {}) => {
    const { method = 'GET', body, timeoutMs = 30_000, signal } = request
    const isPlain = typeof body === 'string' || body instanceof Uint8Array || body instanceof ReadableStream
    const limit = AbortSignal.timeout(timeoutMs)
    try {
      return await fetch(address.url + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
          ...request.headers,
        },
        // `duplex` is required for streams; the DOM's types do not know it yet.
        ...(body === undefined ? {} : { body: (isPlain ? body : JSON.stringify(body)) as BodyInit, duplex: 'half' }),
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      })
    } catch (cause) {
      if (signal?.aborted) throw signal.reason
      const late = limit.aborted
      const words = late ? `no answer from ${address.url} within ${timeoutMs} ms` : `${address.url} cannot be reached`
      throw new Problem(late ? 'PEER_TIMEOUT' : 'PEER_UNAVAILABLE', words, {}, { cause })
    }
  }
  return {
    url: address.url,
    raw,
    async json<T>(path: string, request?: PeerRequest): Promise<T> {
      const response = await raw(path, request)
      if (response.ok) {
        if (response.status === 204) return undefined as T
        // The caller names the type of a face both sides describe by schema.
        return (await response.json()) as T
      }
      const text = await response.text()
      let body: Record<string, unknown> = {}
      try {
        body = JSON.parse(text) as Record<string, unknown>
      } catch {
        // Not a problem document: the status alone speaks.
      }
      const code = typeof body.code === 'string' ? body.code : 'UNKNOWN'
      throw new PeerError(
        response.status,
        code,
        `${path} answered ${response.status}: ${String(body.detail ?? text.slice(0, 200))}`,
        body,
      )
    },
  }
}
