import {
  type AttributeRef,
  Clock as ClockClass,
  type ConnectOptions,
  connectMeter,
  DlmsError,
  type DlmsErrorCode,
  instantOf,
  type Meter,
  ProfileGeneric,
  type ProfileRows,
  Register,
  readInvocationCounter,
  SecretKey,
} from '@gridtally/dlms'
import { type ObisCode, wallToInstant } from '@gridtally/metering'
import { type ByteChannel, type Clock, DecodeError, type Instant, toHex } from '@gridtally/wire'
import { dlmsCrypto } from '#platform/dlms-crypto'
import type { KeyVault } from '#platform/key-vault'
import { connectTcp } from '#platform/tcp'
import type { HeadendConfig } from './config.ts'
import type { CounterStore } from './counters.ts'
import type { CaptureList, Device, DeviceEntry } from './device.ts'
import type { CaptureObjects, MeterSession, Survey } from './meter-session.ts'
import type { Traffic, WithSession } from './read-meter.ts'
import { SessionError, type SessionOutcome } from './session-record.ts'

/** What sessions are made with. */
export interface SessionPorts {
  readonly vault: Pick<KeyVault, 'key'>
  readonly counters: CounterStore
  readonly clock: Clock
  readonly limits: HeadendConfig['sessions']
  /** Aborted when the head-end stops. */
  readonly signal: AbortSignal
}

/** What one session has, with all its connections. */
interface Trip extends SessionPorts {
  readonly traffic: Traffic
  /** By performance.now(). */
  readonly deadline: number
}

const isLate = ({ deadline }: Trip): boolean => performance.now() >= deadline - 50

const CLOCK = ClockClass.at('0.0.1.0.0.255')

/** Reasons of the DLMS client in our words. */
const OUTCOME_OF: Readonly<Record<DlmsErrorCode, Exclude<SessionOutcome, 'OK'>>> = {
  ASSOCIATION_REJECTED: 'ASSOCIATION_REJECTED',
  AUTHENTICATION_FAILED: 'AUTHENTICATION_FAILED',
  PEER_NOT_AUTHENTIC: 'PEER_NOT_AUTHENTIC',
  TIMEOUT: 'TIMEOUT',
  CLOSED: 'CLOSED_BY_PEER',
  ABORTED: 'CANCELLED',
  COUNTER_REPLAYED: 'REPLAY',
  COUNTER_REJECTED: 'COUNTER_REJECTED',
  COUNTER_EXHAUSTED: 'COUNTER_EXHAUSTED',
  TAG_MISMATCH: 'TAG_MISMATCH',
  NOT_PROTECTED: 'NOT_PROTECTED',
  EXCEPTION_RESPONSE: 'REFUSED_BY_METER',
  ANSWER_TOO_LARGE: 'ANSWER_TOO_LARGE',
  PROTOCOL: 'PROTOCOL',
}

/** How meters behave that do not like our invocation counter: they say so, refuse without a word, or just close. */
const MAYBE_COUNTER: ReadonlySet<string> = new Set([
  'COUNTER_REJECTED',
  'ASSOCIATION_REJECTED',
  'REFUSED_BY_METER',
  'CLOSED_BY_PEER',
])

/** Furthest a meter's word may raise our counter: whoever answers in its place must not be able to use the key up. */
const MOST_COUNTER_JUMP = 16_777_216

/** Opens sessions over TCP: connects, associates with mutual authentication (HLS-GMAC, suite 0) and checks who answered. */
export function sessionOpener(ports: SessionPorts): WithSession {
  return async (entry, work, traffic) => {
    const trip: Trip = { ...ports, traffic, deadline: performance.now() + ports.limits.deadlineMs }
    try {
      const meter = await associate(entry, trip)
      try {
        return await work(dlmsSession(meter, entry.device))
      } finally {
        await meter.release()
      }
    } catch (error) {
      throw asSessionError(error, isLate(trip))
    }
  }
}

/** Connects and associates; when the meter seems to want a higher counter, learns it as public client and tries once more. */
async function associate(entry: DeviceEntry, trip: Trip): Promise<Meter> {
  const { counters } = trip
  const { meterId } = entry.device
  if (!counters.knows(meterId)) await learnCounter(entry, trip)
  try {
    return await associateOnce(entry, trip)
  } catch (error) {
    const reason = asSessionError(error, isLate(trip))
    const before = counters.peek(meterId) ?? 0
    if (!MAYBE_COUNTER.has(reason.code)) throw reason
    // A meter that cannot decipher our first message holds other keys: no counter will help.
    if (error instanceof DlmsError && error.detail.reason?.includes('deciphering-error'))
      throw new SessionError('AUTHENTICATION_FAILED', 'the meter cannot decipher what is sealed with our keys for it', {
        cause: error,
      })
    const learnt = await learnCounter(entry, trip).catch(() => undefined)
    // The counter was not the reason: tell the first failure.
    if (learnt === undefined || learnt < before) throw reason
    return await associateOnce(entry, trip)
  }
}

async function associateOnce({ device }: DeviceEntry, trip: Trip): Promise<Meter> {
  const { vault, counters } = trip
  const { meterId } = device
  const guekKey = vault.key(meterId, 'dlms-guek')
  const gakKey = vault.key(meterId, 'dlms-gak')
  if (!guekKey || !gakKey) throw new SessionError('KEYS_MISSING', `no keys of ${meterId} are in the vault`)
  const meter = await connectMeter({
    ...(await linkOptions(device, device.clients.management, trip)),
    authentication: { mechanism: 'high-gmac' },
    security: {
      crypto: dlmsCrypto,
      keys: { encryptionKey: new SecretKey(guekKey), authenticationKey: new SecretKey(gakKey) },
      systemTitle: counters.systemTitle,
      counters: {
        reserve: (count) => counters.reserve(meterId, count),
        raise: (next) => raiseWithin(counters, meterId, next),
      },
    },
  })
  const { association } = meter
  const title = association.systemTitle && toHex(association.systemTitle)
  if (association.proven && title === device.systemTitle) return meter
  await meter.release()
  if (!association.proven) throw new SessionError('PEER_NOT_AUTHENTIC', 'the meter did not prove who it is')
  throw new SessionError('IDENTITY_MISMATCH', `the device proved to be ${title}, not ${device.systemTitle}`, {
    claimedTitle: title,
  })
}

/** Reads the meter's counter as public client and raises ours beyond it. Gives the counter read. */
async function learnCounter({ device }: DeviceEntry, trip: Trip): Promise<number | undefined> {
  const options = await linkOptions(device, device.clients.public, trip)
  const result = await readInvocationCounter(options, device.clients.invocationCounter)
  if (!result.ok) return undefined
  await raiseWithin(trip.counters, device.meterId, result.value + 1)
  return result.value
}

async function raiseWithin(counters: CounterStore, meterId: string, next: number): Promise<void> {
  if (next - (counters.peek(meterId) ?? 0) > MOST_COUNTER_JUMP)
    throw new SessionError(
      'COUNTER_REJECTED',
      `the meter names ${next - 1} as its counter, too far from ours to believe`,
    )
  await counters.raise(meterId, next)
}

async function linkOptions(
  device: Device,
  clientAddress: number,
  { clock, limits, signal, deadline, traffic }: Trip,
): Promise<Omit<ConnectOptions, 'authentication' | 'security'>> {
  const left = deadline - performance.now()
  if (left <= 0) throw new SessionError('TOO_SLOW', 'no time is left for the session')
  const { host, port, server } = device
  const channel = await connect(host, port, Math.min(limits.connectTimeoutMs, left), signal)
  return {
    channel: counted(channel, traffic),
    clock,
    clientAddress,
    serverAddress: server,
    answerTimeoutMs: limits.responseTimeoutMs,
    sessionTimeoutMs: left,
    signal,
  }
}

/** A channel that counts. */
function counted(channel: ByteChannel, traffic: Traffic): ByteChannel {
  return {
    async read(signal) {
      const octets = await channel.read(signal)
      traffic.octetsIn += octets?.length ?? 0
      return octets
    },
    write(octets, signal) {
      traffic.octetsOut += octets.length
      return channel.write(octets, signal)
    },
    close: () => channel.close(),
  }
}

async function connect(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<ByteChannel> {
  try {
    return await connectTcp({ host, port, timeoutMs, signal })
  } catch (cause) {
    if (signal.aborted) throw new SessionError('CANCELLED', 'the head-end stops', { cause })
    const { code } = cause as NodeJS.ErrnoException
    const where = `${host}:${port}`
    if (code === 'ECONNREFUSED') throw new SessionError('CONNECT_REFUSED', `nobody listens at ${where}`, { cause })
    if (code === 'ETIMEDOUT') throw new SessionError('CONNECT_TIMEOUT', `no connection to ${where}`, { cause })
    if (code === 'ECONNRESET') throw new SessionError('CLOSED_BY_PEER', `${where} closed at once`, { cause })
    throw new SessionError('UNREACHABLE', `no way to ${where}: ${code ?? 'unknown'}`, { cause })
  }
}

/** A failure in the words of session records. What is none of the meter's doing is passed on as it is. */
export function asSessionError(error: unknown, late = false): SessionError {
  if (error instanceof SessionError) return error
  if (error instanceof DlmsError) {
    const code = late && (error.code === 'TIMEOUT' || error.code === 'CLOSED') ? 'TOO_SLOW' : OUTCOME_OF[error.code]
    return new SessionError(code, error.message, { cause: error })
  }
  if (error instanceof DecodeError)
    return new SessionError('PROTOCOL', `undecodable answer: ${error.message}`, { cause: error })
  throw error
}

/** A DLMS session in the words of collection. */
export function dlmsSession(meter: Meter, device: Device): MeterSession {
  const session = rawSession(meter, device)
  const named = <A extends unknown[], T>(call: (...args: A) => Promise<T>): ((...args: A) => Promise<T>) => {
    return async (...args) => {
      try {
        return await call(...args)
      } catch (error) {
        // Rows that do not fit their list are for collection to judge.
        throw error instanceof DecodeError ? error : asSessionError(error)
      }
    }
  }
  return {
    survey: named(session.survey),
    readCapture: named(session.readCapture),
    readScalers: named(session.readScalers),
    readRows: named(session.readRows),
  }
}

function rawSession(meter: Meter, device: Device): MeterSession {
  const localToInstant = (wallMs: number): Instant => wallToInstant(wallMs, device.zone)
  const registersOf = (codes: readonly ObisCode[]): AttributeRef<unknown>[] =>
    codes.flatMap((code) => [Register.at(code).value, Register.at(code).scalerUnit])
  return {
    async survey(profile, registers) {
      const { captureObjects, capturePeriod } = ProfileGeneric.at(profile)
      const [time, objects, period, ...values] = await meter.getMany([
        CLOCK.time,
        captureObjects,
        capturePeriod,
        ...registersOf(registers),
      ] as const)
      return {
        clock: time.ok ? instantOf(time.value, localToInstant) : null,
        capture: objects.ok ? captureOf(objects.value, period.ok ? period.value : 0) : undefined,
        registers: registerValues(registers, values),
      }
    },
    async readCapture(profile) {
      const { captureObjects, capturePeriod } = ProfileGeneric.at(profile)
      const [objects, period] = await meter.getMany([captureObjects, capturePeriod])
      return objects.ok ? captureOf(objects.value, period.ok ? period.value : 0) : undefined
    },
    async readScalers(columns) {
      const refs = columns.map((column) =>
        column.classId === Register.classId && column.attribute === 2 ? Register.at(column.obis).scalerUnit : undefined,
      )
      const asked = refs.filter((ref) => ref !== undefined)
      const answers = asked.length > 0 ? await meter.getMany(asked) : []
      return refs.map((ref) => {
        const answer = ref && answers[asked.indexOf(ref)]
        return answer?.ok ? answer.value : { scaler: 0, unit: 255 }
      })
    },
    async readRows(list, from, to) {
      const reading = await meter.profile({
        profile: descriptionOf(list),
        from,
        // The client takes a half-open range, and stamps are whole seconds.
        to: to + 1000,
        localToInstant,
      })
      if (!reading.ok) throw new SessionError('REFUSED_BY_METER', `profile ${list.profile}: ${reading.error}`)
      const batches: ProfileRows[] = []
      try {
        for await (const batch of reading.value.rows) batches.push(batch)
      } catch (error) {
        if (error instanceof DlmsError && error.cause instanceof DecodeError) throw error.cause
        throw error
      }
      return joinRows(batches, list)
    },
  }
}

const captureOf = (
  objects: readonly { classId: number; logicalName: ObisCode; attributeId: number; dataIndex: number }[],
  periodSeconds: number,
): CaptureObjects => ({
  periodMs: periodSeconds * 1000,
  columns: objects.map(({ classId, logicalName, attributeId, dataIndex }) => ({
    classId,
    obis: logicalName,
    attribute: attributeId,
    dataIndex,
  })),
})

/** Answers come in pairs: value, scaler and unit. Registers the meter lacks, or that hold no whole number, are left out. */
function registerValues(
  codes: readonly ObisCode[],
  answers: readonly ({ ok: true; value: unknown } | { ok: false })[],
): Survey['registers'] {
  return codes.flatMap((obis, i) => {
    const value = answers[2 * i]
    const scalerUnit = answers[2 * i + 1]
    if (!value?.ok || !scalerUnit?.ok) return []
    // The types of both attributes follow from the class table; only the value may be of any kind.
    const data = (value.value as { value: unknown }).value
    const { scaler, unit } = scalerUnit.value as { scaler: number; unit: number }
    if (typeof data === 'bigint' || (typeof data === 'number' && Number.isInteger(data)))
      return [{ obis, value: BigInt(data), scaler, unit }]
    return []
  })
}

function descriptionOf(list: CaptureList): Parameters<Meter['profile']>[0]['profile'] {
  return {
    obis: list.profile,
    capturePeriodMs: list.periodMs,
    columns: list.columns.map(({ classId, obis, attribute, dataIndex, scaler, unit }) => ({
      classId,
      logicalName: obis,
      attributeId: attribute,
      dataIndex,
      kind: classId === 8 && attribute === 2 ? ('clock' as const) : ('value' as const),
      scaler,
      unit,
    })),
  }
}

/** One batch of all; most answers are one already. */
function joinRows(batches: readonly ProfileRows[], list: CaptureList): ProfileRows {
  if (batches.length === 1) return batches[0]
  return {
    count: batches.reduce((sum, { count }) => sum + count, 0),
    columns: list.columns.map(({ classId, attribute }, c) => {
      const parts = batches.map(({ columns }) => columns[c])
      return classId === 8 && attribute === 2
        ? {
            kind: 'clock',
            instants: parts.flatMap((part) => (part.kind === 'clock' ? part.instants : [])),
            status: parts.flatMap((part) => (part.kind === 'clock' ? part.status : [])),
          }
        : { kind: 'value', values: parts.flatMap((part) => (part.kind === 'value' ? part.values : [])) }
    }),
  }
}
