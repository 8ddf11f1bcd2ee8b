import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClock, type PlatformClock } from '#platform/clock'
import { silentLog } from '#platform/log'
import { createPeer, type Peer } from '#platform/peer'
import { createSealer, ensureContentKeys, type Sealer } from '#platform/protection'
import type { RoleOptions, RunningRole } from '#platform/role'
import { ensureTokenFile } from '#platform/tokens'
import { start } from '../main.ts'
import { type FakeHeadend, startFakeHeadend } from './fake-headend.ts'

/** An MDMS with a log server before it and a client behind it, for tests and benchmarks. */
export interface MdmsUnderTest {
  readonly folder: string
  readonly headend: FakeHeadend
  readonly sealer: Sealer
  /** May write. */
  readonly simulator: Peer
  /** May only read. */
  readonly reader: Peer
  readonly options: RoleOptions
  stop(): Promise<void>
  /** Starts again on the same data. */
  restart(): Promise<void>
  /** Waits until the head-end's whole log is stored. */
  collected(): Promise<void>
  close(): Promise<void>
}

/** Keys, tokens and addresses of a role alone in a temporary folder. */
export async function mdmsOptions(
  folder: string,
  headendUrl: string,
  over: Partial<RoleOptions> = {},
): Promise<RoleOptions> {
  const { privateKeyFile } = await ensureContentKeys(join(folder, 'keys'))
  const token = (name: string): string => ensureTokenFile(join(folder, 'tokens', name))
  mkdirSync(join(folder, 'mdms'), { recursive: true })
  return {
    dataDir: join(folder, 'mdms'),
    host: '127.0.0.1',
    port: 0,
    peers: { headend: { url: headendUrl, tokenFile: token('mdms-headend') } },
    callers: { simulator: token('simulator'), reader: token('reader') },
    contentPrivateKeyFile: privateKeyFile,
    clock: createClock(),
    log: silentLog,
    config: { collect: { idleMs: 20, retryMs: 50 } },
    ...over,
  }
}

/** Starts one. `clock` stands for the time of the platform. */
export async function startMdmsUnderTest(
  over: { readonly clock?: PlatformClock; readonly databaseUrl?: string; readonly config?: unknown } = {},
): Promise<MdmsUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-mdms-'))
  const { publicKeyFile } = await ensureContentKeys(join(folder, 'keys'))
  const sealer = await createSealer(publicKeyFile)
  const headend = await startFakeHeadend(sealer)
  const options = await mdmsOptions(folder, headend.url, over)
  let role: RunningRole = await start(options)
  let simulator = createPeer({ url: role.url, tokenFile: options.callers.simulator })
  let reader = createPeer({ url: role.url, tokenFile: options.callers.reader })
  let running = true
  const stop = async (): Promise<void> => {
    if (running) await role.close()
    running = false
  }
  return {
    folder,
    headend,
    sealer,
    options,
    get simulator() {
      return simulator
    },
    get reader() {
      return reader
    },
    stop,
    async restart() {
      await stop()
      role = await start(options)
      running = true
      simulator = createPeer({ url: role.url, tokenFile: options.callers.simulator })
      reader = createPeer({ url: role.url, tokenFile: options.callers.reader })
    },
    async collected() {
      for (;;) {
        const { cursor } = await reader.json<{ cursor: string }>('/health')
        if (Number(cursor || 0) >= headend.entries.length) return
        await new Promise((resolve) => setTimeout(resolve, 15))
      }
    },
    async close() {
      await stop()
      await headend.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
