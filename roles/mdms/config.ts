/** What can be set in the `mdms` section of the configuration. */
export interface MdmsConfig {
  /** Callers that may write usage points, assignments and imports. */
  readonly writers: readonly string[]
  /** IANA zone whose days the data of meters without usage point is kept in. */
  readonly zone: string
  /** Step a usage point's channel is expected to have as long as nothing came from it. */
  readonly expectedStepMs: number
  readonly collect: {
    /** Entries asked of the head-end at once. */
    readonly pageEntries: number
    /** Pause when the head-end had nothing new. */
    readonly idleMs: number
    /** Pause after the head-end could not be reached. */
    readonly retryMs: number
  }
  /** Largest import file in octets. */
  readonly importLimit: number
}

/** What holds when nothing is set. */
export const MDMS_DEFAULTS: MdmsConfig = {
  writers: ['simulator', 'admin'],
  zone: 'Europe/Amsterdam',
  expectedStepMs: 900_000,
  collect: { pageEntries: 2000, idleMs: 250, retryMs: 1000 },
  importLimit: 16 * 1024 * 1024 * 1024,
}
