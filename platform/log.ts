import { pino } from 'pino'

/** Fields of a log line. Keys that name secrets are blanked whatever their depth-one value. */
export type LogFields = Readonly<Record<string, unknown>>

/** Writes JSON lines: an event name with dots and its fields. Never hand it a secret. */
export interface Log {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
}

const SECRET_NAME = /(^|\.)(.*(key|password|secret|token|cookie|authorization|share))$/i

function withoutSecrets(fields: LogFields): LogFields {
  const clean: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (SECRET_NAME.test(name)) clean[name] = '[secret]'
    else if (value instanceof Error)
      clean[name] = { message: value.message, code: (value as { code?: unknown }).code, stack: value.stack }
    else if (value instanceof Uint8Array) clean[name] = `[${value.length} octets]`
    else clean[name] = value
  }
  return clean
}

/** A log of one role on standard error. */
export function createLog(role: string, level = process.env.GRIDTALLY_LOG_LEVEL ?? 'info'): Log {
  const logger = pino(
    {
      level,
      base: { role },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'event',
    },
    pino.destination({ fd: 2, sync: true }),
  )
  return {
    debug: (event, fields = {}) => logger.debug(withoutSecrets(fields), event),
    info: (event, fields = {}) => logger.info(withoutSecrets(fields), event),
    warn: (event, fields = {}) => logger.warn(withoutSecrets(fields), event),
    error: (event, fields = {}) => logger.error(withoutSecrets(fields), event),
  }
}

/** A log that keeps nothing, for libraries' tests. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
