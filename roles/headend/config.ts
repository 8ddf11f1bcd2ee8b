import { type ObisCode, obisCode } from '@gridtally/metering'
import { ConfigError, mergeConfig } from '#platform/config'

/** How the head-end reads; every number is a default and not normative. */
export interface HeadendConfig {
  /** Write billing payloads in clear when there is no key to seal them with. For tests and single-role trials. */
  readonly allowClearPayloads: boolean
  readonly readings: {
    /** A meter is read once in every such stretch of platform time. */
    readonly everyMinutes: number
    /** Reads begin this long after the stretch has begun, so that meters have captured their row. */
    readonly afterSeconds: number
    /** Reads of one stretch are spread over this long, by a hash of the meter id. */
    readonly spreadSeconds: number
    /** A meter read for the first time is read at most this far back. */
    readonly catchUpDays: number
    /** Most days of rows asked for at once. */
    readonly chunkDays: number
    /** Meters whose clock is further off cause an event. */
    readonly clockLimitSeconds: number
    readonly loadProfile: string
    readonly billingProfile: string
    readonly eventLog: string
    readonly registers: readonly string[]
  }
  readonly sessions: {
    /** Connections open at once. */
    readonly connections: number
    /** Connections begun per second. */
    readonly newPerSecond: number
    /** Connections open at once to one cell. */
    readonly perCell: number
    /**
     * While the process itself is the bottleneck - busy for more than this share of the time - regular sessions are begun only while fewer
     * than `busyConnections` are open: more would not be faster, and people would wait behind them.
     */
    readonly busyShare: number
    readonly busyConnections: number
    /** Limits in milliseconds of the machine's time: for the connection, each answer, the whole session. */
    readonly connectTimeoutMs: number
    readonly responseTimeoutMs: number
    readonly deadlineMs: number
  }
  readonly retry: {
    /** Wait after the first failure; each further one doubles it, with jitter of half as much either way. */
    readonly firstSeconds: number
    readonly mostMinutes: number
    /** Failures in a row after which a device counts as unreachable. */
    readonly unreachableAfter: number
  }
  readonly keep: {
    /** Days of log kept; 0 keeps all. */
    readonly logDays: number
    readonly sessionDays: number
  }
  /** How long a command may wait to be sent unless it says otherwise. */
  readonly commandMinutes: number
}

const DEFAULTS: HeadendConfig = {
  allowClearPayloads: false,
  readings: {
    everyMinutes: 15,
    afterSeconds: 10,
    spreadSeconds: 300,
    catchUpDays: 4,
    chunkDays: 2,
    clockLimitSeconds: 60,
    loadProfile: '1.0.99.1.0.255',
    billingProfile: '1.0.99.2.0.255',
    eventLog: '0.0.99.98.0.255',
    registers: ['1.0.1.8.0.255', '1.0.2.8.0.255', '1.0.1.7.0.255'],
  },
  sessions: {
    connections: 2000,
    newPerSecond: 1000,
    perCell: 2000,
    busyShare: 0.9,
    busyConnections: 40,
    connectTimeoutMs: 10_000,
    responseTimeoutMs: 15_000,
    deadlineMs: 120_000,
  },
  retry: { firstSeconds: 30, mostMinutes: 120, unreachableAfter: 3 },
  keep: { logDays: 0, sessionDays: 7 },
  commandMinutes: 10,
}

const POSITIVE: readonly (readonly [section: 'readings' | 'sessions' | 'retry', key: string])[] = [
  ['readings', 'everyMinutes'],
  ['readings', 'chunkDays'],
  ['sessions', 'connections'],
  ['sessions', 'newPerSecond'],
  ['sessions', 'perCell'],
  ['sessions', 'busyConnections'],
  ['sessions', 'connectTimeoutMs'],
  ['sessions', 'responseTimeoutMs'],
  ['sessions', 'deadlineMs'],
  ['retry', 'firstSeconds'],
  ['retry', 'mostMinutes'],
  ['retry', 'unreachableAfter'],
]

/**
 * The head-end's configuration from its section of the file.
 *
 * @throws ConfigError for unknown keys, wrong types, numbers that make no sense and texts that are no OBIS codes
 */
export function headendConfig(section: unknown): HeadendConfig {
  const config = mergeConfig<HeadendConfig>(DEFAULTS, section, 'headend')
  for (const [part, key] of POSITIVE) {
    const value = (config[part] as unknown as Record<string, number>)[key]
    if (!(value > 0)) throw new ConfigError(`headend: "${part}.${key}" must be above 0, not ${value}`)
  }
  const { readings } = config
  for (const text of [readings.loadProfile, readings.billingProfile, readings.eventLog, ...readings.registers])
    obisOf(text)
  const { everyMinutes, afterSeconds, spreadSeconds } = readings
  if (afterSeconds + spreadSeconds >= everyMinutes * 60)
    throw new ConfigError('headend: "readings.afterSeconds" and "spreadSeconds" must fit into "everyMinutes"')
  return config
}

/** An OBIS code of the configuration. @throws ConfigError */
export function obisOf(text: string): ObisCode {
  try {
    return obisCode(text)
  } catch (cause) {
    throw new ConfigError(`headend: "${text}" is not an OBIS code such as 1.0.99.1.0.255`, { cause })
  }
}
