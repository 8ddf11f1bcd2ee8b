import type { PlatformClock } from './clock.ts'
import type { Log } from './log.ts'

/** The parts a running platform is made of. */
export const ROLES = ['simulator', 'headend', 'mdms', 'access', 'portal'] as const

/** Name of a role. */
export type RoleName = (typeof ROLES)[number]

/** Where another role answers, and the file that holds the token this role shows it. */
export interface PeerAddress {
  readonly url: string
  readonly tokenFile: string
}

/** What a role is given when it starts. Everything a role knows of its surroundings is here. */
export interface RoleOptions {
  /** Folder of this role alone; it exists and is writable. */
  readonly dataDir: string
  /** PostgreSQL to use instead of the embedded database. */
  readonly databaseUrl?: string
  readonly host: string
  /** TCP port of the role's HTTP face, 0 for any free one. */
  readonly port: number
  /** Other roles, as far as they run or are known. */
  readonly peers: Readonly<Partial<Record<RoleName, PeerAddress>>>
  /** Token files of the callers this role lets in, by caller's name. */
  readonly callers: Readonly<Record<string, string>>
  /** Files of the key pair that protects billing payloads on the way from head-end to MDMS; each role gets its half. */
  readonly contentPublicKeyFile?: string
  readonly contentPrivateKeyFile?: string
  readonly clock: PlatformClock
  readonly log: Log
  /** The role's section of the configuration file, unchecked. */
  readonly config?: unknown
}

/** A role that answers. */
export interface RunningRole {
  /** Base URL of its HTTP face, without a slash at the end. */
  readonly url: string
  /** Stops taking work, finishes what is under way within 3 s and lets go of every resource. */
  close(): Promise<void>
}

/** What `roles/<name>/main.ts` exports as `start`. */
export type StartRole = (options: RoleOptions) => Promise<RunningRole>
