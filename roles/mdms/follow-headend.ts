import type { LogPage } from '@gridtally/metering'
import type { PlatformClock } from '#platform/clock'
import type { Log } from '#platform/log'
import type { Metrics } from '#platform/metrics'
import { createPeer } from '#platform/peer'
import type { Opener } from '#platform/protection'
import type { PeerAddress } from '#platform/role'
import { type CollectPorts, follow } from './collect.ts'
import type { MdmsConfig } from './config.ts'

/** What following needs of the role. */
export interface FollowContext {
  readonly config: MdmsConfig['collect']
  readonly clock: PlatformClock
  readonly log: Log
  readonly metrics: Metrics
  readonly opener: Opener
  readonly store: CollectPorts['store']
  /** Kept up to date: `none` before anything came, `ok`, or `failing` while the head-end is away. */
  readonly health: { collection: string }
}

/** Collects from the head-end until `signal` aborts; without a head-end there is nothing to do. */
export async function followHeadend(
  headend: PeerAddress | undefined,
  { config, clock, log, metrics, opener, store, health }: FollowContext,
  signal: AbortSignal,
): Promise<void> {
  if (!headend) return
  const peer = createPeer(headend)
  const path = (cursor: string): string =>
    `/log?limit=${config.pageEntries}${cursor === '' ? '' : `&after=${encodeURIComponent(cursor)}`}`
  await follow(
    {
      source: {
        async logAfter(cursor, abort) {
          const page = await peer.json<LogPage>(path(cursor), { signal: abort })
          health.collection = 'ok'
          return page
        },
      },
      opener,
      store,
      onPage({ entries, refused, appended }) {
        metrics.count('mdms_log_entries_total', {}, entries)
        metrics.count('mdms_log_entries_refused_total', {}, refused)
        metrics.count('mdms_intervals_total', { provenance: 'RAW' }, appended.intervals)
        log.debug('collect.page', { entries, refused, ...appended.blocks })
      },
      onFailure(error) {
        // Told once, not every second.
        if (health.collection !== 'failing') log.warn('collect.failed', { error })
        health.collection = 'failing'
      },
      // Machine time: an accelerated clock must not mean a tighter loop.
      pause: (why, abort) => clock.sleep((why === 'idle' ? config.idleMs : config.retryMs) * clock.speed, abort),
    },
    signal,
  )
}
