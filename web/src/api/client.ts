import type { Problem } from './types.ts'

/** A face refused or could not be reached. `code` is the problem's stable code, or `OFFLINE` when nothing answered. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, options?: ErrorOptions) {
    super(`${code} (${status})`, options)
    this.status = status
    this.code = code
  }
}

/** How long the last requests took, ms, oldest first; staff see their 95th percentile in the footer. */
const timings: number[] = []
const TIMINGS_KEPT = 100

/** 95th percentile of the last requests' times in ms; undefined before the first. */
export function requestTimeP95(): number | undefined {
  return timings.toSorted((a, b) => a - b)[Math.ceil(timings.length * 0.95) - 1]
}

/** After this long without a key or a touch, refreshes are the page's own and keep no session alive. */
const TOUCH_MS = 60_000
let lastTouch = 0
if (typeof document !== 'undefined')
  for (const event of ['pointerdown', 'keydown', 'wheel'])
    document.addEventListener(event, () => (lastTouch = performance.now()), { capture: true, passive: true })

/**
 * Asks one face of the API. Writes carry the header no other site can send.
 *
 * @throws ApiError for every status that is not 2xx, and `OFFLINE` when the server did not answer
 */
export async function ask<T>(
  path: string,
  init: { method?: string; body?: unknown; signal?: AbortSignal } = {},
): Promise<T> {
  const { method = 'GET', body, signal } = init
  const headers: Record<string, string> = { accept: 'application/json' }
  if (method !== 'GET') headers['x-gridtally-request'] = '1'
  else if (performance.now() - lastTouch > TOUCH_MS) headers['x-background'] = '1'
  if (body !== undefined) headers['content-type'] = 'application/json'
  const began = performance.now()
  let response: Response
  try {
    response = await fetch(path, {
      method,
      headers,
      signal: signal ?? null,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new ApiError(0, 'OFFLINE', { cause })
  }
  timings.push(performance.now() - began)
  if (timings.length > TIMINGS_KEPT) timings.shift()
  if (!response.ok) throw new ApiError(response.status, await problemCode(response))
  // The types are the contract in docs/portal-api.md; the server checks them with the same schemas it documents.
  return (response.status === 204 ? undefined : await response.json()) as T
}

async function problemCode(response: Response): Promise<string> {
  try {
    // A problem document; anything else fails below and is named by its status.
    const problem = (await response.json()) as Partial<Problem>
    return problem.code ?? `HTTP_${response.status}`
  } catch {
    return `HTTP_${response.status}`
  }
}
