import type { EndDeviceEvent } from '@gridtally/metering'
import type { PlatformClock } from '#platform/clock'
import type { Log } from '#platform/log'
import type { Metrics } from '#platform/metrics'
import { type CollectPorts, collectMeter } from './collect.ts'
import type { HeadendConfig } from './config.ts'
import type { DeviceEntry, StateNote } from './device.ts'
import { eventDraft } from './events.ts'
import type { MeterSession } from './meter-session.ts'
import type { Registry } from './registry.ts'
import { backoffMs, nextTurn, type Turn } from './schedule.ts'
import { SECURITY_OUTCOMES, SessionError, type SessionOutcome, type SessionRecord } from './session-record.ts'

/** Opens a session, lets `work` use it, and lets go of everything however it ends. Throws SessionError. */
export type WithSession = <T>(
  entry: DeviceEntry,
  work: (session: MeterSession) => Promise<T>,
  traffic: Traffic,
) => Promise<T>

/** Counts octets while a session lasts, over all its connections. */
export interface Traffic {
  octetsIn: number
  octetsOut: number
}

/** What reading a meter needs. */
export interface ReadPorts {
  readonly registry: Registry
  readonly collect: CollectPorts
  readonly withSession: WithSession
  readonly clock: PlatformClock
  readonly config: HeadendConfig
  readonly log: Log
  readonly metrics: Metrics
  /** Is given every session that ended. */
  readonly record: (session: Omit<SessionRecord, 'seq'>) => void
}

/** How a read ended, and when the meter's next regular turn is. */
export interface ReadResult {
  readonly outcome: SessionOutcome
  readonly detail: string
  /** `undefined`: never, the meter is in quarantine. */
  readonly nextAt: number | undefined
}

/** Words of events, by outcome, for failures that people in charge of security look at. */
const SECURITY_EVENTS: Partial<Record<SessionOutcome, string>> = {
  AUTHENTICATION_FAILED: 'security.authenticationFailed',
  PEER_NOT_AUTHENTIC: 'security.peerNotAuthentic',
  IDENTITY_MISMATCH: 'security.identityMismatch',
  REPLAY: 'security.replay',
  TAG_MISMATCH: 'security.tagMismatch',
  NOT_PROTECTED: 'security.notProtected',
}

/** Reads one meter from connection to durable entries, and keeps the books: session record, device status, events, metrics. */
export async function readMeter({ meterId, priority }: Turn, ports: ReadPorts): Promise<ReadResult> {
  const { registry, clock } = ports
  const entry = registry.get(meterId)
  const startedAt = clock.now()
  const began = performance.now()
  let outcome: SessionOutcome = 'OK'
  let detail = ''
  let rows = 0
  let claimedTitle: string | undefined
  const traffic: Traffic = { octetsIn: 0, octetsOut: 0 }
  try {
    if (!entry) throw new SessionError('KEYS_MISSING', 'no such meter is registered')
    if (entry.status.state === 'quarantined')
      throw new SessionError('QUARANTINED', `in quarantine: ${entry.status.stateReason}`)
    const reason = priority === 'interactive' ? 'on-demand' : 'scheduled'
    const collected = await ports.withSession(
      entry,
      (session) => collectMeter(entry, session, reason, ports.collect),
      traffic,
    )
    rows = collected.rows
    if (collected.clockOffsetMs !== null) entry.status.clockOffsetMs = collected.clockOffsetMs
  } catch (error) {
    if (error instanceof SessionError) {
      outcome = error.code
      detail = error.message
      claimedTitle = error.claimedTitle
    } else {
      outcome = 'INTERNAL'
      detail = 'see the log of the head-end'
      ports.log.error('read.failed', { meterId, error })
    }
  }
  const durationMs = Math.round(performance.now() - began)
  ports.record({ meterId, priority, startedAt, durationMs, outcome, detail, rows, ...traffic })
  ports.metrics.count('headend_sessions_total', { outcome, priority })
  ports.metrics.count('headend_rows_total', {}, rows)
  ports.metrics.observe('headend_session_duration_seconds', durationMs / 1000, { priority })
  if (entry) await keepBooks(entry, outcome, detail, claimedTitle, ports)
  return { outcome, detail, nextAt: entry && nextAt(entry, outcome, ports) }
}

function nextAt({ device, status }: DeviceEntry, outcome: SessionOutcome, ports: ReadPorts): number | undefined {
  if (status.state === 'quarantined') return undefined
  const now = ports.clock.now()
  const regular = nextTurn(now, device.meterId, ports.config.readings)
  // A head-end that stops or fails is no reason to leave a meter alone for long.
  if (outcome === 'OK' || outcome === 'CANCELLED') return regular
  return now + backoffMs(Math.max(1, status.failures), ports.config.retry, Math.random())
}

async function keepBooks(
  entry: DeviceEntry,
  outcome: SessionOutcome,
  detail: string,
  claimedTitle: string | undefined,
  ports: ReadPorts,
): Promise<void> {
  const { registry, clock, config } = ports
  const { device, status } = entry
  const { meterId } = device
  if (outcome === 'CANCELLED' || outcome === 'QUARANTINED') return
  const event = (type: string, severity: EndDeviceEvent['severity'], text: string): EndDeviceEvent => ({
    meterId,
    at: clock.now(),
    type,
    severity,
    text,
  })
  const events: EndDeviceEvent[] = []
  let quarantine: string | undefined
  if (outcome === 'OK') {
    if (status.state === 'unreachable')
      events.push(event('device.reachable', 'info', `reached again after ${status.failures} failures`))
    status.state = 'active'
    status.stateReason = ''
    status.failures = 0
    status.lastContact = clock.now()
  } else {
    status.failures++
    status.stateReason = outcome
    if (SECURITY_OUTCOMES.has(outcome)) {
      const owner = claimedTitle === undefined ? undefined : registry.byTitle(claimedTitle)
      if (outcome === 'IDENTITY_MISMATCH' && owner !== undefined && owner !== meterId) {
        quarantine = 'identity'
        const text = `at the address of ${meterId} a device claims the system title of ${owner}; it is in quarantine`
        events.push(event('device.cloned', 'alarm', text))
      } else events.push(event(SECURITY_EVENTS[outcome] ?? 'security.failure', 'alarm', detail))
    }
    if (status.failures === config.retry.unreachableAfter && status.state !== 'unreachable') {
      status.state = 'unreachable'
      events.push(event('device.unreachable', 'warning', `${status.failures} sessions in a row failed: ${outcome}`))
    }
  }
  registry.touch(meterId)
  if (events.length === 0) return
  const note: StateNote | undefined = quarantine === undefined ? undefined : { meterId, quarantine }
  await ports.collect.log.append({ drafts: events.map(eventDraft), note }).catch((error: unknown) => {
    ports.log.error('event.lost', { meterId, outcome, error })
  })
}
