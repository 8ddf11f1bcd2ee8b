import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Instant } from '@gridtally/wire'

/** When and from which seed a fleet was made. Registers are anchored there, so neither may change later. */
export interface Birth {
  readonly bornAt: Instant
  readonly seed: number
  readonly meters: number
}

/**
 * Reads `fleet.json` of a folder, or writes it at first start. What it holds wins over the configuration: a fleet does not
 * change its size or seed by a restart with other options.
 */
export function keepBirth(folder: string, fresh: Birth): Birth {
  const path = join(folder, 'fleet.json')
  if (!existsSync(path)) {
    writeFileSync(path, `${JSON.stringify(fresh)}\n`)
    return fresh
  }
  // Our own file: written above, by this version or an older one with the same members.
  return JSON.parse(readFileSync(path, 'utf8')) as Birth
}
