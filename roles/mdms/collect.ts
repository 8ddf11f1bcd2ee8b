import type { EndDeviceEvent, LogEntry, LogPage, LogPayload, Reading } from '@gridtally/metering'
import { DecodeError } from '@gridtally/wire'
import type { Opener } from '#platform/protection'
import { checkDelivery, checkEvent, checkReading } from './append.ts'
import { type Appended, channelName, type Delivery } from './channel.ts'
import type { Batch } from './store.ts'

/** What collection needs; `main.ts` hands in the real ones, tests plain objects. */
export interface CollectPorts {
  readonly source: { logAfter(cursor: string, signal: AbortSignal): Promise<LogPage> }
  readonly opener: Opener
  readonly store: {
    progress(): Promise<{ readonly cursor: string; readonly seq: number }>
    /** Stores page and cursor in one transaction; repeating it changes nothing. */
    append(batch: Batch): Promise<Appended>
  }
  /** Told after each page. */
  readonly onPage?: (page: { readonly entries: number; readonly refused: number; readonly appended: Appended }) => void
}

const decoder = new TextDecoder()

/** The payload of an entry. @throws DecodeError or TypeError for anything a sound head-end does not send */
async function payloadOf({ header, sealed, payload }: LogEntry, opener: Opener): Promise<LogPayload> {
  if (sealed !== undefined) {
    const octets = await opener.open(header, Buffer.from(sealed, 'base64'))
    return JSON.parse(decoder.decode(octets)) as LogPayload
  }
  // Billing values in clear would be values anybody on the way could have written.
  if (header.dataClass === 'billing') throw new DecodeError('AUTHENTICATION', 0, 'billing payload that is not sealed')
  if (!payload) throw new TypeError('entry without payload')
  return payload
}

function addRun(payload: Extract<LogPayload, { kind: 'intervals' }>, seq: number, into: Delivery[]): void {
  const { meterId, obis, unit, scaler, start, stepMs, values, flags, captureVersion } = payload.run
  const delivery: Delivery = {
    ownerKind: 'meter',
    ownerId: meterId,
    name: channelName(obis),
    unit,
    scaler,
    start,
    stepMs,
    values,
    ...(flags ? { flags } : {}),
    captureVersion,
    provenance: 'RAW',
    source: seq,
  }
  checkDelivery(delivery)
  into.push(delivery)
}

/** Takes a page apart. What cannot be opened or is not as its header says becomes an alarm and holds nothing up. */
async function readPage(page: LogPage, opener: Opener): Promise<Batch & { refused: number }> {
  const deliveries: Delivery[] = []
  const readings: Reading[] = []
  const events: EndDeviceEvent[] = []
  let refused = 0
  let seq = 0
  for (const entry of page.entries) {
    const { header } = entry
    seq = Math.max(seq, header.seq)
    try {
      const payload = await payloadOf(entry, opener)
      if (payload.kind !== header.kind) throw new TypeError(`a payload of ${payload.kind} under ${header.kind}`)
      const meters =
        payload.kind === 'intervals'
          ? [payload.run.meterId]
          : payload.kind === 'readings'
            ? payload.readings.map(({ meterId }) => meterId)
            : [payload.event.meterId]
      if (meters.some((meterId) => meterId !== header.meterId)) throw new TypeError('a payload of another meter')
      if (payload.kind === 'intervals') addRun(payload, header.seq, deliveries)
      else if (payload.kind === 'readings') {
        for (const reading of payload.readings) checkReading(reading)
        readings.push(...payload.readings)
      } else {
        checkEvent(payload.event)
        events.push(payload.event)
      }
    } catch (error) {
      refused++
      events.push({
        // The header itself may be what is wrong.
        meterId: String(header.meterId).replaceAll('\0', '').slice(0, 200),
        at: Number.isSafeInteger(header.recordedAt) ? header.recordedAt : 0,
        type: 'mdms.entry.refused',
        severity: 'alarm',
        text: `log entry ${header.seq} was refused: ${(error as Error).message}`.replaceAll('\0', '').slice(0, 2000),
      })
    }
  }
  return { deliveries, readings, events, cursor: { cursor: page.cursor, seq }, refused }
}

/**
 * Pulls the head-end's log into the meter data store until nothing is left. Safe to repeat and to interrupt anywhere: page and
 * cursor move together. The next page is fetched and opened while the last one is stored.
 *
 * @returns entries read; 0 means the store was up to date
 */
export async function collectAll(ports: CollectPorts, signal: AbortSignal): Promise<number> {
  const { source, opener, store } = ports
  let { cursor } = await store.progress()
  let entries = 0
  let storing: Promise<void> = Promise.resolve()
  try {
    while (!signal.aborted) {
      const page = await source.logAfter(cursor, signal)
      if (page.entries.length === 0) break
      const { refused, ...batch } = await readPage(page, opener)
      await storing
      storing = store.append(batch).then((appended) => {
        entries += page.entries.length
        ports.onPage?.({ entries: page.entries.length, refused, appended })
      })
      // Awaited in the next round or below; a failure between must not count as unheard.
      storing.catch(() => undefined)
      cursor = page.cursor
    }
  } finally {
    await storing
  }
  return entries
}

/** What the endless loop needs besides. */
export interface FollowPorts extends CollectPorts {
  readonly pause: (why: 'idle' | 'failed', signal: AbortSignal) => Promise<void>
  readonly onFailure: (error: unknown) => void
}

/** Collects until told to stop; a head-end that is away is tried again. */
export async function follow(ports: FollowPorts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    let why: 'idle' | 'failed' = 'idle'
    try {
      await collectAll(ports, signal)
    } catch (error) {
      if (signal.aborted) break
      why = 'failed'
      ports.onFailure(error)
    }
    await ports.pause(why, signal).catch(() => undefined)
  }
}
