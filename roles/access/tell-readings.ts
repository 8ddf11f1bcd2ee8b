import { setTimeout as delay } from 'node:timers/promises'
import { formatInstant } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { Log } from '#platform/log'
import type { CustomerData } from './customer-data.ts'
import type { AccessStore } from './store.ts'
import type { StreamHub } from './stream-hub.ts'
import { decimalText } from './tariff.ts'

/** What telling of readings needs. */
export interface TellPorts {
  readonly hub: StreamHub
  readonly data: Pick<CustomerData, 'power'>
  readonly store: Pick<AccessStore, 'place'>
  readonly log: Log
  readonly everyMs: number
  readonly now: () => Instant
  readonly signal: AbortSignal
}

/** Usage points asked for at once. */
const AT_ONCE = 4

/**
 * Tells the live stream of new power at the usage points somebody watches, until aborted. Nothing is asked for places nobody
 * watches. Never throws.
 */
export async function tellReadings({ hub, data, store, log, everyMs, now, signal }: TellPorts): Promise<void> {
  const told = new Map<string, string>()
  async function look(usagePointId: string): Promise<void> {
    const place = await store.place(usagePointId)
    if (!place) return
    // Who watches was let in by the portal's scope; the hub gives readings of a place to those alone.
    const power = await data.power({ place, spans: [{ from: Number.MIN_SAFE_INTEGER, to: null }] })
    if (!power) return
    const reading = {
      usagePointId,
      at: formatInstant(power.at, place.zone),
      powerW: decimalText(power.value, power.scaler),
    }
    const text = JSON.stringify(reading)
    if (told.get(usagePointId) === text) return
    told.set(usagePointId, text)
    hub.tell('reading', usagePointId, reading)
  }
  while (!signal.aborted) {
    const watched = hub.watched(now())
    for (const known of told.keys()) if (!watched.includes(known)) told.delete(known)
    try {
      for (let i = 0; i < watched.length && !signal.aborted; i += AT_ONCE)
        await Promise.all(watched.slice(i, i + AT_ONCE).map(look))
    } catch (error) {
      log.debug('stream.lookFailed', { error })
    }
    await delay(everyMs, undefined, { signal }).catch(() => undefined)
  }
}
