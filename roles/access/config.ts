/** What can be set in the `access` section of the configuration. */
export interface AccessConfig {
  /** Callers that may set up customers and make sign-in links. All others, the portal first, may not. */
  readonly provisioners: readonly string[]
  /** Caller that carries people's sessions. */
  readonly browserCaller: string
  readonly session: { readonly idleMinutes: number; readonly absoluteHours: number }
  readonly operator: {
    /** Zone the utility counts its days in. */
    readonly zone: string
    /** Share of interval values that should be there the day after, per cent. */
    readonly targetPercent: string
    /** How often device states and completeness are asked for. */
    readonly refreshSeconds: number
    /** A meter not reached for longer is shown as late. */
    readonly lateAfterMinutes: number
  }
  /** How often the live stream looks for new power of the usage points somebody watches. */
  readonly streamSeconds: number
}

/** What holds when nothing is set. */
export const ACCESS_DEFAULTS: AccessConfig = {
  provisioners: ['simulator', 'admin'],
  browserCaller: 'portal',
  session: { idleMinutes: 15, absoluteHours: 12 },
  operator: { zone: 'Europe/Amsterdam', targetPercent: '99.0', refreshSeconds: 15, lateAfterMinutes: 60 },
  streamSeconds: 5,
}
