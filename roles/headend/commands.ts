import { randomUUID } from 'node:crypto'
import type { Command } from '@gridtally/metering'
import type { Clock } from '@gridtally/wire'
import type { Log } from '#platform/log'
import { Problem } from '#platform/problems'
import type { Registry } from './registry.ts'
import type { Scheduler } from './schedule.ts'
import type { SessionOutcome } from './session-record.ts'
import type { HeadendStore } from './store.ts'

/** What commands need. */
export interface CommandPorts {
  readonly store: Pick<HeadendStore, 'addCommand' | 'saveCommand' | 'openCommands'>
  readonly registry: Pick<Registry, 'get'>
  readonly scheduler: Pick<Scheduler, 'request'>
  readonly clock: Clock
  readonly log: Log
  /** How long a command waits unless it says otherwise. */
  readonly waitMs: number
  /** How the last session with a meter ended. */
  readonly lastOutcome: (meterId: string) => { outcome: SessionOutcome; detail: string } | undefined
}

/** An order as posted. */
export interface CommandRequest {
  readonly meterId: string
  readonly kind: 'read'
  /** Chosen by the caller, so that posting twice is one command; made here otherwise. */
  readonly id?: string
  readonly expiresAt?: number
}

/** Takes orders and follows them to their end: `requested → dispatched → confirmed | failed | expired`, each step stored. */
export interface CommandDesk {
  /**
   * Stores an order and sets it off.
   *
   * @throws Problem `METER_UNKNOWN`, `CONFLICT` for a meter in quarantine
   */
  post(request: CommandRequest): Promise<Command>
  /** Takes up the orders a stop left open. Reading twice does no harm. */
  resume(): Promise<void>
  /** Resolves when no step is being stored. */
  idle(): Promise<void>
}

/** A desk over the store and the scheduler. */
export function commandDesk(ports: CommandPorts): CommandDesk {
  const { store, registry, scheduler, clock } = ports
  // One writer: numbers of changes are given in the order of changes.
  let writing: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = writing.then(work)
    writing = result.catch(() => undefined)
    return result
  }
  const step = (command: Command, state: Command['state'], detail = ''): Promise<void> =>
    inTurn(() => store.saveCommand({ ...command, state, detail })).catch((error: unknown) =>
      ports.log.error('command.failed', { id: command.id, state, error }),
    )

  async function carryOut(command: Command): Promise<void> {
    const { meterId, expiresAt } = command
    let begun = false
    const expiry = Math.max(0, expiresAt - clock.now())
    let timer: NodeJS.Timeout | undefined
    const expired = new Promise<'expired'>((resolve) => {
      timer = setTimeout(() => !begun && resolve('expired'), Math.min(expiry / speedOf(clock), 2_147_483_647))
    })
    const session = scheduler.request(meterId, () => {
      begun = true
      if (clock.now() <= expiresAt) void step(command, 'dispatched')
    })
    const end = await Promise.race([session, expired])
    clearTimeout(timer)
    if (end === 'expired') return step(command, 'expired', 'its meter was not reached in time')
    const last = ports.lastOutcome(meterId)
    if (last?.outcome === 'OK') return step(command, 'confirmed')
    // The head-end is being stopped: the order stays open and is taken up at the next start.
    if (last?.outcome === 'CANCELLED') return
    return step(command, 'failed', last ? `${last.outcome}: ${last.detail}` : 'no session took place')
  }

  return {
    async post({ meterId, kind, id = randomUUID(), expiresAt }) {
      const entry = registry.get(meterId)
      if (!entry) throw new Problem('METER_UNKNOWN', `no meter ${meterId} is registered`)
      if (entry.status.state === 'quarantined')
        throw new Problem('CONFLICT', `${meterId} is in quarantine (${entry.status.stateReason}) and takes no commands`)
      const requestedAt = clock.now()
      const fresh: Command = {
        id,
        meterId,
        kind,
        state: 'requested',
        requestedAt,
        expiresAt: expiresAt ?? requestedAt + ports.waitMs,
        detail: '',
      }
      const stored = await inTurn(() => store.addCommand(fresh))
      if (stored.meterId !== meterId) throw new Problem('CONFLICT', `command ${id} is for another meter`)
      const isNew = stored.requestedAt === requestedAt && stored.state === 'requested'
      if (isNew) void carryOut(stored)
      return stored
    },
    async resume() {
      for (const command of await store.openCommands()) void carryOut(command)
    },
    async idle() {
      await writing
    },
  }
}

const speedOf = (clock: Clock): number => ('speed' in clock && typeof clock.speed === 'number' ? clock.speed : 1)
