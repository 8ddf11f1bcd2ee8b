/** One face of access that browsers may reach below `/api`. Nothing else is passed on. */
export interface PublicFace {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Path of access; `:name` stands for one segment. */
  readonly path: string
  /** An attempt to sign in: fewer are let through. */
  readonly signsIn?: true
  /** Answers something else than JSON, passed on as it comes. */
  readonly streams?: true
}

/** All of them. */
export const PUBLIC_FACES: readonly PublicFace[] = [
  { method: 'GET', path: '/me' },
  { method: 'GET', path: '/me/usage-points' },
  { method: 'GET', path: '/me/accesses' },
  { method: 'POST', path: '/links/redeem', signsIn: true },
  { method: 'GET', path: '/sessions' },
  { method: 'POST', path: '/sessions/end' },
  { method: 'DELETE', path: '/sessions/:sessionId' },
  { method: 'GET', path: '/passkeys' },
  { method: 'POST', path: '/passkeys/registration/options' },
  { method: 'POST', path: '/passkeys/registration' },
  { method: 'POST', path: '/passkeys/assertion/options', signsIn: true },
  { method: 'POST', path: '/passkeys/assertion', signsIn: true },
  { method: 'DELETE', path: '/passkeys/:passkeyId' },
  { method: 'GET', path: '/usage-points/:usagePointId/now' },
  { method: 'GET', path: '/usage-points/:usagePointId/summary' },
  { method: 'GET', path: '/usage-points/:usagePointId/buckets' },
  { method: 'GET', path: '/usage-points/:usagePointId/intervals' },
  { method: 'GET', path: '/usage-points/:usagePointId/export.csv', streams: true },
  { method: 'GET', path: '/operator/overview' },
  { method: 'GET', path: '/operator/meters' },
  { method: 'GET', path: '/operator/meters.csv', streams: true },
  { method: 'GET', path: '/operator/meters/:meterId' },
  { method: 'GET', path: '/operator/meters/:meterId/sessions' },
  { method: 'POST', path: '/operator/meters/:meterId/commands' },
  { method: 'GET', path: '/operator/commands/:commandId' },
  { method: 'GET', path: '/operator/sessions' },
  { method: 'GET', path: '/operator/events' },
  { method: 'GET', path: '/operator/audit' },
  { method: 'GET', path: '/operator/audit/verification' },
]
