import type { Peer } from '#platform/peer'
import type { RoleOptions } from '#platform/role'
import type { Store } from '#platform/store'
import { type AuditLog, openAuditLog } from './audit-log.ts'
import type { AccessConfig } from './config.ts'
import { type CustomerData, createCustomerData } from './customer-data.ts'
import { createHeadend } from './headend.ts'
import { createMdms } from './mdms.ts'
import { createOperatorData, type OperatorData } from './operator-data.ts'
import { createPasskeys, type Passkeys } from './passkeys.ts'
import { createSignIn, type SignIn } from './sign-in.ts'
import { type AccessStore, createAccessStore } from './store.ts'
import { StreamHub } from './stream-hub.ts'

/** All that the faces of access answer from. */
export interface Services {
  readonly store: AccessStore
  readonly signIn: SignIn
  readonly passkeys: Passkeys
  readonly audit: AuditLog
  readonly data: CustomerData
  readonly operator: OperatorData
  readonly hub: StreamHub
  /** The machine's time: sessions and links live by it, however fast the platform's runs. */
  readonly now: () => number
}

/** Puts the services together. */
export async function openServices(
  database: Store,
  peers: { readonly mdms: Peer; readonly headend: Peer },
  config: AccessConfig,
  { clock, log }: Pick<RoleOptions, 'clock' | 'log'>,
): Promise<Services> {
  const now = clock.speed === 1 ? clock.now : Date.now
  const { idleMinutes, absoluteHours } = config.session
  const { zone, targetPercent, refreshSeconds, lateAfterMinutes } = config.operator
  const store = createAccessStore(database)
  const mdms = createMdms(peers.mdms)
  const hub = new StreamHub()
  return {
    store,
    signIn: createSignIn(database, { idleMs: idleMinutes * 60_000, absoluteMs: absoluteHours * 3_600_000 }, now),
    passkeys: createPasskeys(database, now),
    audit: await openAuditLog(database),
    data: createCustomerData({ source: mdms, store, now: clock.now }),
    operator: createOperatorData({
      headend: createHeadend(peers.headend),
      mdms,
      store,
      hub,
      clock,
      log,
      zone,
      targetPercent,
      refreshMs: refreshSeconds * 1000,
      lateAfterMs: lateAfterMinutes * 60_000,
    }),
    hub,
    now,
  }
}
