import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from '@gridtally/metering'
import { silentLog } from '#platform/log'
import { type CommandPorts, commandDesk } from './commands.ts'
import type { Device } from './device.ts'
import { openJournal } from './journal.ts'
import { newStatus, Registry } from './registry.ts'
import type { SessionOutcome } from './session-record.ts'

const DEVICE = { meterId: 'M', systemTitle: '4754540000000001' } as Device

interface World {
  readonly ports: CommandPorts
  readonly states: string[]
  readonly stored: Map<string, Command>
  /** Lets the session that was asked for begin, or end. */
  begin(): void
  end(outcome: SessionOutcome): void
}

function world(): World {
  const registry = new Registry()
  registry.put(DEVICE, newStatus(0))
  const states: string[] = []
  const stored = new Map<string, Command>()
  const asked: { begun: () => void; done: () => void }[] = []
  let outcome: SessionOutcome = 'OK'
  return {
    states,
    stored,
    begin: () => {
      for (const { begun } of asked) begun()
    },
    end: (how) => {
      outcome = how
      for (const { done } of asked.splice(0)) done()
    },
    ports: {
      store: {
        addCommand: async (command) => {
          if (!stored.has(command.id)) stored.set(command.id, command)
          return stored.get(command.id) ?? command
        },
        saveCommand: async (command) => {
          states.push(command.state)
          stored.set(command.id, command)
        },
        openCommands: async () =>
          [...stored.values()].filter(({ state }) => state === 'requested' || state === 'dispatched'),
      },
      registry,
      scheduler: {
        request: (_meterId, begun = () => {}) =>
          new Promise((done) => {
            asked.push({ begun, done })
          }),
      },
      clock: { now: () => Date.now() },
      log: silentLog,
      waitMs: 60_000,
      lastOutcome: () => ({ outcome, detail: 'as it was' }),
    },
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

test('an order is requested, dispatched when its session begins, and confirmed when it ended well', async () => {
  const w = world()
  const desk = commandDesk(w.ports)
  const { id, state } = await desk.post({ meterId: 'M', kind: 'read' })
  assert.equal(state, 'requested')
  w.begin()
  await turn()
  w.end('OK')
  await turn()
  assert.deepEqual(w.states, ['dispatched', 'confirmed'])
  assert.equal(w.stored.get(id)?.state, 'confirmed')
})

test('an order whose meter is not reached in time expires, and a late session does not revive it', async () => {
  const w = world()
  const desk = commandDesk(w.ports)
  const { id } = await desk.post({ meterId: 'M', kind: 'read', expiresAt: Date.now() + 20 })
  await new Promise((resolve) => setTimeout(resolve, 60))
  w.begin()
  w.end('OK')
  await turn()
  assert.equal(w.stored.get(id)?.state, 'expired')
  assert.deepEqual(w.states, ['expired'])
})

test('orders left open by a stop are taken up again; one cut off by the stop stays open', async () => {
  const w = world()
  const desk = commandDesk(w.ports)
  const { id } = await desk.post({ meterId: 'M', kind: 'read' })
  w.begin()
  w.end('CANCELLED')
  await turn()
  assert.equal(w.stored.get(id)?.state, 'dispatched')
  const next = commandDesk(w.ports)
  await next.resume()
  w.begin()
  w.end('TIMEOUT')
  await turn()
  assert.equal(w.stored.get(id)?.state, 'failed')
  assert.match(w.stored.get(id)?.detail ?? '', /^TIMEOUT/)
})

test('a meter in quarantine takes no orders', async () => {
  const w = world()
  const registry = w.ports.registry as Registry
  registry.quarantine('M', 'systemTitle')
  await assert.rejects(commandDesk(w.ports).post({ meterId: 'M', kind: 'read' }), { code: 'CONFLICT' })
})

test('what the database did not take is offered again, and sessions keep their numbers', async () => {
  const registry = new Registry()
  registry.put(DEVICE, newStatus(0))
  const taken: { statuses: string[]; sessions: number[] }[] = []
  let broken = true
  const journal = openJournal({
    registry,
    log: silentLog,
    lastSeq: 7,
    store: {
      async saveChanges(_registry, { statuses }, sessions) {
        if (broken) throw new Error('away')
        taken.push({ statuses: [...statuses], sessions: sessions.map(({ seq }) => seq) })
      },
    },
  })
  registry.touch('M')
  const session = { meterId: 'M', priority: 'scheduled', outcome: 'OK', detail: '', rows: 1 } as const
  journal.record({ ...session, startedAt: 0, durationMs: 1, octetsIn: 1, octetsOut: 1 })
  await journal.flush()
  assert.equal(journal.failing, true)
  broken = false
  journal.record({ ...session, startedAt: 0, durationMs: 1, octetsIn: 1, octetsOut: 1 })
  await journal.flush()
  assert.deepEqual(taken, [{ statuses: ['M'], sessions: [8, 9] }])
  await journal.close()
})
