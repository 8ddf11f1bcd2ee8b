import { useEffect, useEffectEvent, useState } from 'react'
import type { StreamEvents } from './types.ts'

/** How the live stream is: `live`, `waiting` for the first or next connection, or `off`. */
export type StreamState = 'live' | 'waiting' | 'off'

type Handlers = { readonly [Name in keyof StreamEvents]?: (data: StreamEvents[Name]) => void }
const NAMES = ['reading', 'session', 'completeness'] as const satisfies readonly (keyof StreamEvents)[]

/** How long to wait after the server refused the stream. */
const RETRY_MS = 10_000

/**
 * Listens to `/api/stream` while mounted. The browser reconnects by itself and tells the last id it saw.
 *
 * @param handlers what to do with each event; may change between renders
 * @param on false closes the stream
 */
export function useStream(handlers: Handlers, on = true): StreamState {
  const [state, setState] = useState<StreamState>('waiting')
  const onEvent = useEffectEvent((name: keyof StreamEvents, text: string) => {
    // Each event name has the one data type StreamEvents gives it, by contract.
    const handle = handlers[name] as ((data: unknown) => void) | undefined
    handle?.(JSON.parse(text))
  })
  useEffect(() => {
    if (!on) {
      setState('off')
      return
    }
    setState('waiting')
    let source: EventSource
    let timer: ReturnType<typeof setTimeout> | undefined
    const connect = (): void => {
      source = new EventSource('/api/stream')
      source.onopen = () => setState('live')
      source.onerror = () => {
        setState('waiting')
        // Browsers reconnect after a broken connection, but not after an error status: then it is on us.
        if (source.readyState === EventSource.CLOSED) timer = setTimeout(connect, RETRY_MS)
      }
      for (const name of NAMES)
        source.addEventListener(name, (event: MessageEvent<string>) => onEvent(name, event.data))
    }
    connect()
    return () => {
      clearTimeout(timer)
      source.close()
    }
  }, [on])
  return state
}
