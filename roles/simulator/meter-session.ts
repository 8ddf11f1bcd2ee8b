import { CounterLease, DlmsServer, feedServer, SecretKey, type ServerEvent, wrapperFraming } from '@gridtally/dlms'
import { wallToInstant } from '@gridtally/metering'
import { type Instant, toHex } from '@gridtally/wire'
import { dlmsCrypto } from '#platform/dlms-crypto'
import type { MeterKeys } from './identity.ts'
import type { MeterSession } from './link.ts'
import { EVENT_CODES, type SimulatedMeter } from './meter.ts'
import { modelOf, type ServedMeter } from './meter-objects.ts'
import { CLIENTS, SERVER } from './shipment.ts'
import type { StateStore } from './state.ts'

/** Opens DLMS conversations with meters. */
export type SessionOpener = (meter: SimulatedMeter, keys: () => MeterKeys) => MeterSession

/** Counters set aside and noted at once; what is left of them is given up when the process ends. */
const LEASE = 1000
/** A new lease is taken when this few are left: more than one chunk of octets can ask for. */
const LEASE_LOW = 300

const EVENT_OF: Partial<Record<ServerEvent['type'], number>> = {
  'authentication-failed': EVENT_CODES.AUTHENTICATION_FAILED,
  'deciphering-failed': EVENT_CODES.DECIPHERING_FAILED,
  'replay-refused': EVENT_CODES.REPLAY,
}

/**
 * Makes conversations with the meters of one fleet. Meters of a kind share a model; a meter's server is made at its first
 * connection and kept. Counters for sending are noted before use, so none is ever sent twice under a key; the highest counter
 * received is noted when a conversation ends, so a killed process may forget those of conversations under way.
 */
export function createSessions(store: StateStore, profileDays: number, now: () => Instant): SessionOpener {
  const models = new Map<string, ReturnType<typeof modelOf>>()
  const servers = new WeakMap<SimulatedMeter, DlmsServer<ServedMeter>>()
  /** Clients that proved themselves to a meter since the start; few, since it takes the meter's keys. */
  const clients = new WeakMap<SimulatedMeter, Map<string, Uint8Array>>()

  const modelFor = (meter: SimulatedMeter): ReturnType<typeof modelOf> => {
    const { periodMinutes, columns, stamps } = meter.kind
    const name = `${periodMinutes} ${columns} ${stamps}`
    let model = models.get(name)
    if (!model) {
      model = modelOf(meter.kind, meter.capacity, profileDays)
      models.set(name, model)
    }
    return model
  }
  const lease = (meter: SimulatedMeter, counters: CounterLease): void => {
    const first = meter.state.sentBelow
    store.record([meter.index, 'sent', first + LEASE])
    counters.add(first, LEASE)
  }
  const serverOf = (meter: SimulatedMeter, keys: () => MeterKeys): DlmsServer<ServedMeter> => {
    let server = servers.get(meter)
    if (!server) {
      const { guekKey, gakKey, llsPassword } = keys()
      const counters = new CounterLease()
      const made: DlmsServer<ServedMeter> = new DlmsServer<ServedMeter>({
        model: modelFor(meter),
        device: { meter, llsPassword, lastCounter: () => made.lastReceivedCounter },
        systemTitle: meter.systemTitle,
        crypto: dlmsCrypto,
        keys: { encryptionKey: new SecretKey(guekKey), authenticationKey: new SecretKey(gakKey) },
        counters,
        receivedCounters: Object.fromEntries(meter.state.received),
        localToInstant: (wall) => wallToInstant(wall, meter.zone),
        onEvent({ type, clientSap, clientTitle }) {
          if (type === 'associated' && clientSap === CLIENTS.management.id && clientTitle)
            clients.set(meter, (clients.get(meter) ?? new Map()).set(toHex(clientTitle), clientTitle))
          const code = EVENT_OF[type]
          if (code !== undefined) meter.logOften(code)
        },
      })
      server = made
      servers.set(meter, server)
    }
    return server
  }
  return (meter, keys) => {
    const server = serverOf(meter, keys)
    const connection = server.connect()
    const framing = wrapperFraming({ role: 'server', client: CLIENTS.public.id, server: SERVER })
    return {
      receive(octets) {
        if (server.counters.left < LEASE_LOW) lease(meter, server.counters)
        return feedServer(connection, framing, octets, now())
      },
      close() {
        for (const [title, octets] of clients.get(meter) ?? []) {
          const { last } = server.guard(octets)
          if (last > (meter.state.received.get(title) ?? -1)) store.record([meter.index, 'received', title, last])
        }
      },
    }
  }
}
