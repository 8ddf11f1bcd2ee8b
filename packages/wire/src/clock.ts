/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number

/** Where time comes from. Libraries get it handed in; only `platform/clock` reads the machine's. */
export interface Clock {
  now(): Instant
}
