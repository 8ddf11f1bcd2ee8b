import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createPeer, type Peer } from '#platform/peer'
import type { RoleName } from '#platform/role'
import { UsageError } from './command.ts'
import { tokenFile } from './start-plan.ts'

/** File in the data folder that tells where the platform answers. */
export const RUN_FILE = 'run.json'

/** What {@link RUN_FILE} holds. */
export interface RunFile {
  readonly url: string
  readonly roles: Readonly<Partial<Record<RoleName, string>>>
}

/** The data folder a command was pointed at, or the usual one. */
export function dataFolder(option: string | undefined): string {
  return resolve(option ?? process.env.GRIDTALLY_DATA_DIR ?? 'gridtally-data')
}

/** Where the platform of a data folder answers. @throws UsageError when it never ran */
export function runningPlatform(dataDir: string): RunFile {
  const file = join(dataDir, RUN_FILE)
  if (!existsSync(file))
    throw new UsageError(
      `no platform has run with the data folder ${dataDir}; start one with "gridtally start", or name its folder with --data-dir`,
    )
  // Written by `gridtally start`.
  return JSON.parse(readFileSync(file, 'utf8')) as RunFile
}

/** A role of the running platform, asked in the name of the person at the machine. @throws UsageError when it does not run here */
export function roleOf(dataDir: string, role: RoleName): Peer {
  const url = runningPlatform(dataDir).roles[role]
  if (url === undefined) throw new UsageError(`the platform in ${dataDir} runs without ${role}`)
  return createPeer({ url, tokenFile: tokenFile(dataDir, 'admin', role) })
}
