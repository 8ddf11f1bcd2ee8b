import { type ObisCode, obisCode } from '@gridtally/metering'
import { type ByteChannel, type Clock, DecodeError } from '@gridtally/wire'
import type { DlmsData } from '../axdr/data.ts'
import { decodeData } from '../axdr/decode.ts'
import { encodeData } from '../axdr/encode.ts'
import { ProfileDecoder, type ProfileRows } from '../axdr/profile.ts'
import { Data, ProfileGeneric } from '../cosem/classes.ts'
import type { AttributeRef, MethodRef } from '../cosem/interface-table.ts'
import { DlmsError } from '../dlms-error.ts'
import type { Framing } from '../framing.ts'
import { CounterLease } from '../security/counters.ts'
import { wrapperFraming } from '../wrapper/wrapper.ts'
import type { GetDataResult } from '../xdlms/apdu.ts'
import type { ActionResult, DataAccessResult } from '../xdlms/results.ts'
import type { ClientSecurity } from './client-security.ts'
import { type Association, DlmsClient, type DlmsClientOptions } from './dlms-client.ts'
import type { Exchange } from './exchange.ts'
import { ClientLink } from './link.ts'
import {
  columnKind,
  type ProfileDescription,
  type ProfileQuery,
  type ProfileReading,
  queryAccess,
  scalerUnitOf,
} from './profile.ts'

/** Where invocation counters for sending come from: storage that outlives a crash. */
export interface CounterSource {
  /** Sets `count` counters aside for good and gives the first. Must be durable before it returns. */
  reserve(count: number): number | Promise<number>
  /** Makes all further counters at least `next`, because the meter says so. Without it the session fails instead. */
  raise?(next: number): void | Promise<void>
}

/** Security of a session: a {@link ClientSecurity} whose counters come from a source. */
export interface MeterSecurity extends Omit<ClientSecurity, 'counters'> {
  readonly counters: CounterSource
}

/** How to reach a meter, and how long to wait for it. */
export interface ConnectOptions extends Omit<DlmsClientOptions, 'security'> {
  /** Connected; it belongs to the session from here on and is closed with it. */
  readonly channel: ByteChannel
  readonly clock: Clock
  /** Link layer; default the wrapper with the two addresses. */
  readonly framing?: Framing
  /** Client SAP, such as 16 for public. */
  readonly clientAddress: number
  /** Logical device, default 1. */
  readonly serverAddress?: number
  readonly security?: MeterSecurity
  /** From a request to its whole answer. Default 30 000 ms. */
  readonly answerTimeoutMs?: number
  /** Of the whole session. Default 900 000 ms. */
  readonly sessionTimeoutMs?: number
  readonly signal?: AbortSignal
  /** Most attributes in one GET; 1 asks one by one. Default 10. */
  readonly withListMax?: number
  /** Sees every APDU as it travels, ciphered where it is. */
  readonly onFrame?: (direction: 'sent' | 'received', apdu: Uint8Array) => void
}

/** Outcome of reading one attribute: its value, or why not. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: DataAccessResult }

/** Outcome of a method call. */
export interface CallResult<R> {
  readonly result: ActionResult
  /** What the method gave back, if it did. */
  readonly value?: R
}

/** Counters set aside at a time. */
const RESERVE = 64
/** Counters one step of an exchange may need: a token and its request. */
const COUNTERS_A_STEP = 2
/** Furthest we follow a meter's word on counters: an impostor must not be able to use a key up. */
const MAX_COUNTER_JUMP = 16_777_216

/** Refusals after which the association still stands. */
const SURVIVABLE = new Set(['EXCEPTION_RESPONSE'])

/**
 * Connects and associates.
 *
 * @throws DlmsError; the channel is then closed
 */
export async function connectMeter(options: ConnectOptions): Promise<Meter> {
  const meter = new Meter(options)
  await meter.associate()
  return meter
}

/** A session with one meter. Calls run one after the other; after a DlmsError other than `EXCEPTION_RESPONSE` it is over. */
export class Meter {
  readonly #options: ConnectOptions
  readonly #link: ClientLink
  readonly #lease = new CounterLease()
  #client: DlmsClient
  #queue: Promise<unknown> = Promise.resolve()
  #nextFree = 0

  /** Use {@link connectMeter}. */
  constructor(options: ConnectOptions) {
    this.#options = options
    this.#client = this.#makeClient()
    const { channel, clock, clientAddress, serverAddress = 1 } = options
    this.#link = new ClientLink({
      channel,
      clock,
      framing: options.framing ?? wrapperFraming({ role: 'client', client: clientAddress, server: serverAddress }),
      answerTimeoutMs: options.answerTimeoutMs ?? 30_000,
      sessionTimeoutMs: options.sessionTimeoutMs ?? 900_000,
      ...(options.signal && { signal: options.signal }),
      ...(options.onFrame && { onFrame: options.onFrame }),
    })
  }

  #makeClient(): DlmsClient {
    const { security } = this.#options
    return new DlmsClient({
      ...this.#options,
      security: security && { ...security, counters: this.#lease },
    })
  }

  /** Terms of the association: what was agreed, the meter's system title, whether it proved it. */
  get association(): Association {
    const { association } = this.#client
    if (!association) throw new DlmsError('CLOSED', 'no association stands')
    return association
  }

  /** See `DlmsClient.lastReceivedCounter`. */
  get lastReceivedCounter(): number {
    return this.#client.lastReceivedCounter
  }

  /** Opens the link and associates; called by {@link connectMeter}. */
  async associate(): Promise<void> {
    try {
      await this.#link.open()
    } catch (error) {
      throw this.#link.fail(error instanceof DlmsError ? error : new DlmsError('CLOSED', 'no link', { cause: error }))
    }
    try {
      await this.#run(() => this.#client.associate(), true)
    } catch (error) {
      const next = error instanceof DlmsError && error.code === 'COUNTER_REJECTED' ? error.detail.expected : undefined
      const { counters } = this.#options.security ?? {}
      // What the meter names is by some the last it saw, by others the first it takes: one more suits both.
      if (next === undefined || !counters?.raise || next + 1 - this.#nextFree > MAX_COUNTER_JUMP) {
        this.#link.fail(
          error instanceof DlmsError ? error : new DlmsError('CLOSED', 'no association', { cause: error }),
        )
        throw error
      }
      await counters.raise(next + 1)
      // What is left of the old range may lie below what the meter takes.
      this.#lease.add(await this.#reserve(), RESERVE)
      this.#client = this.#makeClient()
      await this.#run(() => this.#client.associate())
    }
  }

  /** Reads one attribute. */
  async get<T>(attribute: AttributeRef<T>): Promise<Result<T>> {
    return this.#typed(attribute, await this.#run(() => this.#client.get(attribute)))
  }

  /** Reads attributes, several to a request where the meter allows it. Results in the same order; one refused leaves the others be. */
  async getMany<const T extends readonly AttributeRef<unknown>[]>(
    attributes: T,
  ): Promise<{ [K in keyof T]: Result<T[K] extends AttributeRef<infer V> ? V : never> }> {
    const most = this.#client.takesLists ? (this.#options.withListMax ?? 10) : 1
    const results: Result<unknown>[] = []
    for (let at = 0; at < attributes.length; at += most) {
      const some = attributes.slice(at, at + most)
      const raw = some.length > 1 ? await this.#list(some) : [await this.#run(() => this.#client.get(some[0]))]
      some.forEach((attribute, i) => {
        results.push(this.#typed(attribute, raw[i]))
      })
    }
    // One result for each reference, of the reference's own type.
    return results as { [K in keyof T]: Result<T[K] extends AttributeRef<infer V> ? V : never> }
  }

  /** A list, or one by one when the meter refuses lists after all. */
  async #list(attributes: readonly AttributeRef<unknown>[]): Promise<readonly GetDataResult[]> {
    try {
      const plain = attributes.map(({ classId, logicalName, attributeId, access }) => ({
        classId,
        logicalName,
        attributeId,
        ...(access && { access }),
      }))
      return await this.#run(() => this.#client.getWithList(plain))
    } catch (error) {
      if (!(error instanceof DlmsError) || error.code !== 'EXCEPTION_RESPONSE') throw error
      const results: GetDataResult[] = []
      for (const attribute of attributes) results.push(await this.#run(() => this.#client.get(attribute)))
      return results
    }
  }

  /** Writes one attribute. */
  async set<T>(attribute: AttributeRef<T>, value: T): Promise<DataAccessResult> {
    const data = encodeData(attribute.type.encode(value))
    return this.#run(() => this.#client.set(attribute, data))
  }

  /** Calls a method. */
  async call<P, R>(method: MethodRef<P, R>, parameter: P): Promise<CallResult<R>> {
    const data = encodeData(method.parameter.encode(parameter))
    const { result, returned } = await this.#run(() => this.#client.action(method, data))
    if (!returned?.ok) return { result }
    return { result, value: method.returns.decode(this.#data(returned.data)) }
  }

  /** Asks what a profile captures: its columns with scalers and units, and its period. `ok: false` when the meter will not tell. */
  async describeProfile(code: ObisCode | string): Promise<Result<ProfileDescription>> {
    const profile = ProfileGeneric.at(code)
    const [captured, period] = await this.getMany([profile.captureObjects, profile.capturePeriod])
    if (!captured.ok) return captured
    const scaled = captured.value.map(scalerUnitOf)
    const asked = scaled.filter((ref) => ref !== undefined)
    const units = await this.getMany(asked)
    const columns = captured.value.map((column, i) => {
      const ref = scaled[i]
      const unit = ref && units[asked.indexOf(ref)]
      return {
        ...column,
        kind: columnKind(column),
        scaler: unit?.ok ? unit.value.scaler : null,
        unit: unit?.ok ? unit.value.unit : null,
      }
    })
    const obis = obisCode(code)
    return { ok: true, value: { obis, capturePeriodMs: period.ok ? period.value * 1000 : 0, columns } }
  }

  /**
   * Begins to read a profile. Rows come as blocks bring them; no more than one block is held.
   *
   * The meter's refusal is a value, also of the first block; a refusal amid the blocks throws `EXCEPTION_RESPONSE` from `rows`.
   */
  async profile(query: ProfileQuery): Promise<Result<ProfileReading>> {
    const found =
      typeof query.profile === 'string'
        ? await this.describeProfile(query.profile)
        : ({ ok: true, value: query.profile } as const)
    if (!found.ok) return found
    const whole = found.value
    const access = queryAccess(query, whole)
    const selected = query.columns && access ? query.columns.map((i) => whole.columns[i]) : whole.columns
    const description = { ...whole, columns: selected }
    const buffer = ProfileGeneric.at(whole.obis).buffer
    const attribute = access ? { ...buffer, access } : buffer
    const first = await this.#run(() => this.#client.getFirst(attribute))
    if (!first.ok) return { ok: false, error: first.error }
    const decoder = new ProfileDecoder(
      selected.map(({ kind }) => kind),
      {
        ...(whole.capturePeriodMs > 0 && { capturePeriodMs: whole.capturePeriodMs }),
        ...(query.localToInstant && { localToInstant: query.localToInstant }),
        ...(query.nulls && { nulls: query.nulls }),
      },
    )
    return { ok: true, value: { description, rows: this.#rows(decoder, first.data, first.last) } }
  }

  async *#rows(decoder: ProfileDecoder, first: Uint8Array, firstIsLast: boolean): AsyncGenerator<ProfileRows> {
    let data = first
    let last = firstIsLast
    for (;;) {
      const octets = data
      const rows = this.#decode(() => decoder.feed(octets))
      if (rows.count > 0) yield rows
      if (last) break
      const block = await this.#run(() => this.#client.getNext())
      if (!block.ok)
        throw new DlmsError('EXCEPTION_RESPONSE', `the meter broke off the answer: ${block.error}`, {
          detail: { reason: block.error },
        })
      data = block.data
      last = block.last
    }
    const rest = this.#decode(() => decoder.finish())
    if (rest.count > 0) yield rest
  }

  /** Ends the association in good manners and closes the channel. Never throws: a meter that is gone is released too. */
  async release(): Promise<void> {
    try {
      if (!this.#link.failure && this.#client.association) await this.#run(() => this.#client.release())
    } catch {
      // Nothing depends on how the meter takes its leave.
    }
    await this.#link.close()
  }

  #typed<T>(attribute: AttributeRef<T>, result: GetDataResult): Result<T> {
    if (!result.ok) return result
    return { ok: true, value: this.#decode(() => attribute.type.decode(this.#data(result.data))) }
  }

  #data(octets: Uint8Array): DlmsData {
    return this.#decode(() => decodeData(octets, { trailing: true }))
  }

  #decode<T>(decode: () => T): T {
    try {
      return decode()
    } catch (cause) {
      if (cause instanceof DecodeError)
        throw new DlmsError('PROTOCOL', `undecodable value: ${cause.message}`, { cause })
      throw cause
    }
  }

  /** Drives an exchange to its end. Exchanges never overlap: each waits for the one before. */
  #run<T>(exchange: () => Exchange<T>, keepLink = false): Promise<T> {
    const result = this.#queue.then(() => this.#drive(exchange(), keepLink))
    this.#queue = result.catch(() => undefined)
    return result
  }

  async #drive<T>(exchange: Exchange<T>, keepLink: boolean): Promise<T> {
    if (this.#link.failure) throw this.#link.failure
    try {
      await this.#topUp()
      let step = exchange.next()
      while (!step.done) {
        if (step.value) await this.#link.send(step.value)
        const answer = await this.#link.receive()
        await this.#topUp()
        step = exchange.next(answer)
      }
      return step.value
    } catch (error) {
      if (error instanceof DlmsError && !keepLink && !SURVIVABLE.has(error.code)) throw this.#link.fail(error)
      throw error
    }
  }

  async #topUp(): Promise<void> {
    if (!this.#options.security || this.#lease.left >= COUNTERS_A_STEP) return
    this.#lease.add(await this.#reserve(), RESERVE)
  }

  async #reserve(): Promise<number> {
    const { counters } = this.#options.security ?? {}
    if (!counters) throw new TypeError('no counters without security')
    const first = await counters.reserve(RESERVE)
    this.#nextFree = first + RESERVE
    return first
  }
}

/**
 * Reads a meter's invocation counter as public client, to bring ours beyond it: the next to use is the result plus 1.
 *
 * @param options as for {@link connectMeter}, without security; the session is released and its channel closed
 * @param code 0.0.43.1.0.255 for the unicast key of most meters
 */
export async function readInvocationCounter(
  options: Omit<ConnectOptions, 'authentication' | 'security'>,
  code: ObisCode | string = '0.0.43.1.0.255',
): Promise<Result<number>> {
  const meter = await connectMeter({ ...options, authentication: { mechanism: 'lowest' } })
  try {
    const result = await meter.get(Data.at(code).value)
    if (!result.ok) return result
    if (typeof result.value.value === 'number') return { ok: true, value: result.value.value }
    throw new DlmsError('PROTOCOL', `an invocation counter of type ${result.value.type}`)
  } finally {
    await meter.release()
  }
}
