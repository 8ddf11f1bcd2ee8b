import { readFileSync } from 'node:fs'

/** A configuration that cannot be used: says which key, what was expected and where the value came from. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'CONFIG_INVALID'
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Lays `overrides` over `defaults`, an object of an interface with wide types. The type of each default is the type its override must have.
 *
 * @param where where the overrides came from, for error texts
 * @throws ConfigError for unknown keys and wrong types
 */
export function mergeConfig<T extends object>(defaults: T, overrides: unknown, where: string, path = ''): T {
  if (overrides === undefined) return defaults
  if (!isTable(overrides)) throw new ConfigError(`${where}: ${path || 'the configuration'} must be an object`)
  const merged: Record<string, unknown> = { ...(defaults as Record<string, unknown>) }
  for (const [key, value] of Object.entries(overrides)) {
    const name = path ? `${path}.${key}` : key
    if (!(key in defaults)) {
      const known = Object.keys(defaults).join(', ')
      throw new ConfigError(`${where}: unknown key "${name}"; known here: ${known}`)
    }
    const standard = (defaults as Record<string, unknown>)[key]
    if (isTable(standard)) merged[key] = mergeConfig(standard, value, where, name)
    else {
      const want = Array.isArray(standard) ? 'array' : typeof standard
      const got = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
      if (want !== got) throw new ConfigError(`${where}: "${name}" must be of type ${want}, not ${got}`)
      if (typeof value === 'number' && !Number.isFinite(value))
        throw new ConfigError(`${where}: "${name}" must be finite`)
      merged[key] = value
    }
  }
  // Built key by key from the defaults' own keys and types above.
  return merged as T
}

/**
 * Reads a JSON configuration file, one object with a section per role.
 *
 * @throws ConfigError when it cannot be read or is no JSON object
 */
export function readConfigFile(path: string): Record<string, unknown> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigError(`cannot read the configuration file ${path}: ${(cause as Error).message}`, { cause })
  }
  try {
    const parsed: unknown = JSON.parse(text)
    if (!isTable(parsed)) throw new TypeError('the file must hold one JSON object')
    return parsed
  } catch (cause) {
    throw new ConfigError(`configuration file ${path}: ${(cause as Error).message}`, { cause })
  }
}

/**
 * Reads a secret from a file named in the configuration; line ends are trimmed.
 *
 * @throws ConfigError when the file is missing or empty
 */
export function readSecretFile(path: string): string {
  let secret: string
  try {
    secret = readFileSync(path, 'utf8').trim()
  } catch (cause) {
    throw new ConfigError(`cannot read the secret file ${path}: ${(cause as Error).message}`, { cause })
  }
  if (secret === '') throw new ConfigError(`the secret file ${path} is empty`)
  return secret
}
