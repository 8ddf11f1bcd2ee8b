import type { EndDeviceEvent } from '@gridtally/metering'
import type { LogDraft } from './event-log.ts'

/** An event as a log entry. Events are operational: head-end and operators need them, and they hold no consumption. */
export function eventDraft(event: EndDeviceEvent): LogDraft {
  const { meterId, at } = event
  return { dataClass: 'operational', meterId, from: at, to: at, count: 1, payload: { kind: 'event', event } }
}
