/** What can be set in the `portal` section of the configuration. */
export interface PortalConfig {
  /** Where people reach the portal: `https://portal.example`. Empty: on the host and port it listens on, over http. */
  readonly publicUrl: string
  /** Address of the proxy in front whose `x-forwarded-for` is believed; empty when there is none. */
  readonly trustProxy: string
  /** Folder of the built screens; empty for the project's own `web/dist`. */
  readonly webFolder: string
  readonly limits: {
    /** Requests a minute from one address (IPv6: one /64). */
    readonly requestsPerMinute: number
    /** Attempts to sign in a minute from one address. */
    readonly signInsPerMinute: number
    /** Live streams at once, in all and of one session. */
    readonly streams: number
    readonly streamsPerSession: number
  }
}

/** What holds when nothing is set. */
export const PORTAL_DEFAULTS: PortalConfig = {
  publicUrl: '',
  trustProxy: '',
  webFolder: '',
  limits: { requestsPerMinute: 12_000, signInsPerMinute: 30, streams: 2000, streamsPerSession: 6 },
}
