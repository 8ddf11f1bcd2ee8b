import type { Server, Socket } from 'node:net'
import { listenTcp } from '#platform/tcp'
import type { SimulatorConfig } from './config.ts'
import { type Fault, plannedFault } from './faults.ts'
import type { FleetIdentity, MeterKeys } from './identity.ts'
import { type MeterSession, serveSocket } from './link.ts'
import { chance } from './load/hash.ts'
import { createNeighbourhood, type Neighbourhood } from './load/neighbourhood.ts'
import { type Archetype, archetypeOf } from './load/traits.ts'
import { SimulatedMeter } from './meter.ts'
import { type MeterKind, meterKindOf } from './meter-kind.ts'
import type { StateStore } from './state.ts'

/** A device of the fleet, without what belongs to its inside. Never holds keys. */
export interface FleetDevice {
  readonly index: number
  readonly serial: string
  readonly systemTitle: Uint8Array
  readonly archetype: Archetype
  readonly kind: MeterKind
  readonly port: number
  readonly usagePointId: string
  /** Where a postman would find it; invented. */
  readonly address: string
  readonly faults: readonly Fault[]
}

/** What a fleet is made from. */
export interface FleetOptions {
  readonly config: SimulatorConfig
  readonly identity: FleetIdentity
  readonly store: StateStore
  /** When the fleet was born, platform time. */
  readonly bornAt: number
  readonly now: () => number
  readonly openSession: (meter: SimulatedMeter, keys: () => MeterKeys) => MeterSession
}

/** Listening meters. */
export interface Fleet {
  readonly size: number
  readonly basePort: number
  readonly neighbourhood: Neighbourhood
  /** Devices by index from 1; the cloned one, if any, is the last. */
  device(index: number): FleetDevice
  /** The meter behind a device, made when first asked for. */
  meter(index: number): SimulatedMeter
  /** Index of a serial, or `undefined`. */
  indexOf(serial: string): number | undefined
  /** Keys as they leave the factory, for the shipment. */
  keys(index: number): MeterKeys
  /** Opens and closes ports after a fault was switched; also done every second. */
  refresh(): Promise<void>
  /** Connections open now, and all that were ever served. */
  connections(): number
  accepted(): number
  /** Connections closed at once because a meter had as many as it serves. */
  refused(): number
  close(): Promise<void>
}

/** Where a free range is looked for first: below the ports systems hand out for outgoing connections. */
const FIRST_PORT = 20_000
const LAST_PORT = 32_700
/** Number of the cloned meter, beyond those of all others. */
const CLONE_NUMBER = 9_000_000
const LISTEN_AT_ONCE = 256
const REFRESH_MS = 1000
const MS_PER_DAY = 86_400_000
const CLOCK_STREAM = { offset: 501, drift: 502 }

/** Wh history of meters with a period of five minutes is drawn that finely, all others by quarter hours. */
const slotsOf = (kind: MeterKind): 96 | 288 => (kind.periodMinutes === 5 ? 288 : 96)

/**
 * Starts a fleet: every meter on a port of its own, `basePort + index - 1`.
 *
 * @throws the socket's error when no range of ports is free
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { config, identity, store, bornAt, now, openSession } = options
  const hasClone = config.faults.clone && !config.perfect && config.meters >= 8
  const size = config.meters + (hasClone ? 1 : 0)
  const birthDay = Math.floor(bornAt / MS_PER_DAY)
  const { seed, zone, latitude, longitude, mix, holidays, profileDays } = config
  const place = { latitude, longitude }
  const neighbourhood = createNeighbourhood({ seed, zone, place, mix, holidays, birthDay, daysKept: 4000 })

  /** The clone shows the title of a meter without other faults. Its keys are its own: nobody got at the other's. */
  const clonedIndex = config.meters < 20 ? 5 : 17
  const isClone = (index: number): boolean => index > config.meters
  /** What serial, keys and state go by: the clone's stays when the fleet grows over its place. */
  const numberOf = (index: number): number => (isClone(index) ? CLONE_NUMBER : index)
  const serialOf = (index: number): string => identity.serial(numberOf(index))
  const keysOf = (index: number): MeterKeys => identity.keys(numberOf(index))
  const archetype = (index: number): Archetype => archetypeOf(seed, index, mix)
  const kind = (index: number): MeterKind => meterKindOf(config, index, archetype(index))
  const titleOf = (index: number): Uint8Array => identity.systemTitle(isClone(index) ? clonedIndex : index)
  const planned = (index: number): readonly Fault[] => {
    if (isClone(index))
      return [{ kind: 'clone', origin: 'plan', from: bornAt, to: null, of: identity.serial(clonedIndex) }]
    const fault =
      config.perfect || index === clonedIndex ? undefined : plannedFault(seed, index, config.faults.share, bornAt)
    return fault ? [fault] : []
  }
  const meters = new Map<number, SimulatedMeter>()
  const meter = (index: number): SimulatedMeter => {
    let found = meters.get(index)
    if (!found) {
      const around = (stream: number): number => (config.perfect ? 0 : chance(seed, stream, index) * 2 - 1)
      const made: SimulatedMeter = new SimulatedMeter({
        index: numberOf(index),
        serial: serialOf(index),
        systemTitle: titleOf(index),
        kind: kind(index),
        counter: neighbourhood.counter(numberOf(index), slotsOf(kind(index)), (from, to) => made.outages(from, to)),
        seed,
        zone,
        profileDays,
        planned: planned(index),
        bornAt,
        clockOffsetMs: Math.round(around(CLOCK_STREAM.offset) * 1500),
        driftPpm: Math.round(around(CLOCK_STREAM.drift) * config.driftPpm),
        store,
        now,
      })
      found = made
      meters.set(index, found)
    }
    return found
  }

  const open = new Map<number, Set<Socket>>()
  let accepted = 0
  let refused = 0
  const serving = new Set<Promise<void>>()
  const answer = (index: number, socket: Socket): void => {
    const sockets = open.get(index) ?? new Set()
    const isFull = sockets.size >= config.connectionsPerMeter
    if (isFull) refused++
    if (isFull || !meter(index).isReachable()) {
      socket.on('error', () => {})
      socket.resetAndDestroy()
      return
    }
    open.set(index, sockets.add(socket))
    accepted++
    const it = meter(index)
    const served = serveSocket(socket, it.nextConnection(), () => openSession(it, () => keysOf(index))).then(() => {
      serving.delete(served)
      sockets.delete(socket)
      if (sockets.size === 0) open.delete(index)
    })
    serving.add(served)
  }
  const listenOn = (index: number, base: number): Promise<Server> =>
    listenTcp(config.meterHost, base + index - 1, (socket) => answer(index, socket))
  const { base, servers } = await findPorts(config, size, listenOn)

  /** Meters with faults that close ports; only these are looked at every second. */
  const mayBeDown = new Set<number>()
  for (let index = 1; index <= size; index++) {
    const faults = store.has(numberOf(index))
      ? [...planned(index), ...store.of(numberOf(index)).faults]
      : planned(index)
    if (faults.some(({ kind }) => kind === 'power-outage' || kind === 'comms-outage')) mayBeDown.add(index)
  }
  let refreshing: Promise<void> = Promise.resolve()
  const refreshOnce = async (): Promise<void> => {
    for (const index of mayBeDown) {
      const server = servers[index - 1]
      const reachable = meter(index).isReachable()
      if (!reachable && server) {
        servers[index - 1] = undefined
        for (const socket of open.get(index) ?? []) socket.destroy()
        await closeServer(server)
      } else if (reachable && !server) {
        // A port that somebody took meanwhile is tried again with the next refresh.
        servers[index - 1] = await listenOn(index, base).catch(() => undefined)
      }
    }
  }
  const refresh = (): Promise<void> => {
    refreshing = refreshing.then(refreshOnce)
    return refreshing
  }
  await refresh()
  const timer = setInterval(refresh, REFRESH_MS)
  timer.unref()

  return {
    size,
    basePort: base,
    neighbourhood,
    device: (index) => ({
      index,
      serial: serialOf(index),
      systemTitle: titleOf(index),
      archetype: archetype(index),
      kind: kind(index),
      port: base + index - 1,
      usagePointId: `UP-${String(index).padStart(4, '0')}`,
      address: `Demo Street ${index}`,
      faults: meters.has(index) || store.has(numberOf(index)) ? meter(index).faults : planned(index),
    }),
    meter,
    indexOf(serial) {
      const number = Number(/^[A-Z]{3}(\d{8})$/.exec(serial)?.[1] ?? 0) - config.firstSerial + 1
      const index = number === CLONE_NUMBER ? config.meters + 1 : number
      return index >= 1 && index <= size && serialOf(index) === serial ? index : undefined
    },
    keys: keysOf,
    async refresh() {
      for (const [index, it] of meters) if (it.state.faults.length > 0) mayBeDown.add(index)
      await refresh()
    },
    connections: () => [...open.values()].reduce((sum, sockets) => sum + sockets.size, 0),
    accepted: () => accepted,
    refused: () => refused,
    async close() {
      clearInterval(timer)
      await refreshing
      for (const sockets of open.values()) for (const socket of sockets) socket.destroy()
      await Promise.all(servers.map((server) => server && closeServer(server)))
      // What conversations leave to be noted is noted when their sockets are closed, which is later than their servers'.
      await Promise.all(serving)
    },
  }
}

const closeServer = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

/** Listens on a contiguous range: the configured one if it is free, else the next that is. */
async function findPorts(
  config: SimulatorConfig,
  size: number,
  listenOn: (index: number, base: number) => Promise<Server>,
): Promise<{ base: number; servers: (Server | undefined)[] }> {
  let base = config.basePort || FIRST_PORT
  for (let wrapped = false; ; ) {
    const servers: Server[] = []
    try {
      for (let first = 1; first <= size; first += LISTEN_AT_ONCE) {
        const batch = Array.from({ length: Math.min(LISTEN_AT_ONCE, size - first + 1) }, (_, i) => first + i)
        const results = await Promise.allSettled(batch.map((index) => listenOn(index, base)))
        for (const result of results) if (result.status === 'fulfilled') servers.push(result.value)
        const failed = results.find((result) => result.status === 'rejected')
        if (failed) throw failed.reason
      }
      return { base, servers }
    } catch (error) {
      await Promise.all(servers.map(closeServer))
      const { code, port } = error as NodeJS.ErrnoException & { port?: number }
      if (code !== 'EADDRINUSE') throw error
      base = (port ?? base) + 1
      if (base + size > LAST_PORT && !wrapped) {
        wrapped = true
        base = FIRST_PORT
      } else if (base + size > 65_535) throw error
    }
  }
}
