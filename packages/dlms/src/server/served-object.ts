import type { ObisCode } from '@gridtally/metering'
import { ByteReader, ByteWriter, DecodeError, type Instant } from '@gridtally/wire'
import type { DlmsData } from '../axdr/data.ts'
import { instantOf } from '../axdr/date-time.ts'
import { decodeData, takeData } from '../axdr/decode.ts'
import { encodeData } from '../axdr/encode.ts'
import { decodeLength, encodeLength } from '../axdr/length.ts'
import { ProfileGeneric } from '../cosem/classes.ts'
import { toObis } from '../cosem/data-type.ts'
import type { AttributeValue, InterfaceClass, MethodParameter, MethodResult } from '../cosem/interface-table.ts'
import {
  type CaptureObject,
  decodeSelection,
  type EntrySelection,
  findColumn,
  type ProfileSelection,
} from '../cosem/selective-access.ts'
import type { EncodedData, GetDataResult, SelectiveAccess } from '../xdlms/apdu.ts'
import type { ActionResult, DataAccessResult } from '../xdlms/results.ts'

/** A value already in A-XDR octets, sent as it is: the fast way for values that rarely change. */
export class Encoded {
  readonly octets: Uint8Array
  constructor(octets: Uint8Array) {
    this.octets = octets
  }
}

/** Why an attribute is not given. */
export class Refusal {
  readonly error: DataAccessResult
  constructor(error: DataAccessResult) {
    this.error = error
  }
}

/** What a handler may know of the request it answers. */
export interface ServerRequest {
  readonly clientSap: number
  readonly now: Instant
  /** Part of the attribute asked for. */
  readonly access?: SelectiveAccess
  /** Turns local wall time (as if UTC, ms) to an instant, for times without deviation. */
  readonly localToInstant?: (wallMs: number) => Instant
}

/** An attribute's value: as it is, in octets, or made for each request from the device's state `D`. */
export type ServedValue<T, D> = T | Encoded | ((device: D, request: ServerRequest) => T | Encoded | Refusal)

/** Outcome of a method: a result, or success with a value. */
export type MethodOutcome<R> = ActionResult | { readonly returned: R }

/** One object as the server keeps it: raw octets in and out. Made by {@link serve} and {@link serveProfile}. */
export interface ServedObject<D> {
  readonly classId: number
  readonly version: number
  readonly logicalName: ObisCode
  readonly readable: ReadonlyMap<number, (device: D, request: ServerRequest) => GetDataResult>
  readonly writable: ReadonlyMap<number, (device: D, data: DlmsData, request: ServerRequest) => DataAccessResult>
  readonly callable: ReadonlyMap<
    number,
    (device: D, data: DlmsData | undefined, request: ServerRequest) => { result: ActionResult; returned?: EncodedData }
  >
  /** Attributes that take selective access, and their selectors. */
  readonly selectors: ReadonlyMap<number, readonly number[]>
}

/** What {@link serve} needs for one object: handlers by the names of the class table. */
export interface ServeHandlers<A, M, D> {
  readonly read: { readonly [K in keyof A]?: ServedValue<AttributeValue<A[K]>, D> }
  readonly write?: {
    readonly [K in keyof A]?: (device: D, value: AttributeValue<A[K]>, request: ServerRequest) => DataAccessResult
  }
  readonly call?: {
    readonly [K in keyof M]?: (
      device: D,
      parameter: MethodParameter<M[K]>,
      request: ServerRequest,
    ) => MethodOutcome<MethodResult<M[K]>>
  }
}

type Table = Readonly<
  Record<string, { readonly id: number; readonly type: { decode(d: DlmsData): unknown; encode(v: unknown): DlmsData } }>
>
type MethodTable = Readonly<
  Record<
    string,
    {
      readonly id: number
      readonly parameter: { decode(d: DlmsData): unknown }
      readonly returns: { encode(v: unknown): DlmsData }
    }
  >
>

/** Serves one object of a class. Constant values are encoded once, here. */
export function serve<A, M, D = unknown>(
  interfaceClass: InterfaceClass<A, M>,
  code: ObisCode | string,
  handlers: ServeHandlers<A, M, D>,
): ServedObject<D> {
  const logicalName = toObis(code)
  // The class table and the handlers are typed against each other by the signature; inside, names and ids are looked up.
  const attributes = interfaceClass.attributes as unknown as Table
  const methods = interfaceClass.methods as unknown as MethodTable
  const read = { ...handlers.read, logicalName } as Record<string, unknown>
  const readable = new Map<number, (device: D, request: ServerRequest) => GetDataResult>()
  for (const [name, value] of Object.entries(read)) {
    const { id, type } = attributes[name]
    if (typeof value === 'function')
      readable.set(id, (device, request) => {
        const made: unknown = value(device, request)
        if (made instanceof Encoded) return { ok: true, data: made.octets }
        if (made instanceof Refusal) return { ok: false, error: made.error }
        return { ok: true, data: encodeData(type.encode(made)) }
      })
    else {
      const data = value instanceof Encoded ? value.octets : encodeData(type.encode(value))
      const result: GetDataResult = { ok: true, data }
      readable.set(id, () => result)
    }
  }
  const writable = new Map<number, (device: D, data: DlmsData, request: ServerRequest) => DataAccessResult>()
  for (const [name, handler] of Object.entries(handlers.write ?? {})) {
    const { id, type } = attributes[name]
    const write = handler as (device: D, value: unknown, request: ServerRequest) => DataAccessResult
    writable.set(id, (device, data, request) => write(device, type.decode(data), request))
  }
  const callable = new Map<number, ServedObject<D>['callable'] extends ReadonlyMap<number, infer F> ? F : never>()
  for (const [name, handler] of Object.entries(handlers.call ?? {})) {
    const { id, parameter, returns } = methods[name]
    const call = handler as (device: D, value: unknown, request: ServerRequest) => MethodOutcome<unknown>
    callable.set(id, (device, data, request) => {
      const value = parameter.decode(data ?? { type: 'null-data', value: null })
      const outcome = call(device, value, request)
      if (typeof outcome === 'string') return { result: outcome }
      return { result: 'success', returned: encodeData(returns.encode(outcome.returned)) }
    })
  }
  const { classId, version } = interfaceClass
  return { classId, version, logicalName, readable, writable, callable, selectors: new Map() }
}

/** Which rows a client wants, with times as instants. */
export type RowSelection =
  | { readonly kind: 'all' }
  /** Both ends included; `null` is open. */
  | { readonly kind: 'range'; readonly from: Instant | null; readonly to: Instant | null }
  /** Positions from 1, both ends included; `to` 0 is the last. */
  | { readonly kind: 'entry'; readonly from: number; readonly to: number }

/** A profile to serve: its columns, and its rows in A-XDR octets (a structure each). */
export interface ServedProfile<D> {
  readonly captureObjects: readonly CaptureObject[]
  /** Seconds. */
  readonly capturePeriod: number
  readonly profileEntries: number
  readonly entriesInUse: (device: D) => number
  /** Rows oldest first. Columns a client leaves out are taken away afterwards. */
  readonly rows: (device: D, selection: RowSelection, request: ServerRequest) => Iterable<Uint8Array> | Refusal
}

/** Serves a ProfileGeneric whose rows a callback finds; selection by range and entry, and of columns, is done here. */
export function serveProfile<D>(code: ObisCode | string, profile: ServedProfile<D>): ServedObject<D> {
  const sort = profile.captureObjects.find((object) => object.classId === 8) ?? profile.captureObjects[0]
  const served = serving<D>().serve(ProfileGeneric, code, {
    read: {
      captureObjects: profile.captureObjects,
      capturePeriod: profile.capturePeriod,
      sortMethod: 1,
      sortObject: sort,
      entriesInUse: profile.entriesInUse,
      profileEntries: profile.profileEntries,
      buffer: (device, request) => readBuffer(profile, device, request),
    },
  })
  return { ...served, selectors: new Map([[2, [1, 2]]]) }
}

function readBuffer<D>(profile: ServedProfile<D>, device: D, request: ServerRequest): Encoded | Refusal {
  let selection: RowSelection = { kind: 'all' }
  let columns: readonly number[] | undefined
  if (request.access) {
    const wanted = decodeOrRefuse(request.access)
    if (wanted instanceof Refusal) return wanted
    const found = wanted.kind === 'range' ? rangeColumns(profile, wanted.columns) : entryColumns(profile, wanted)
    if (found instanceof Refusal) return found
    columns = found.length > 0 ? found : undefined
    if (wanted.kind === 'range') {
      // Rows are found by their clock; other restricting objects are a rarity no simulated meter needs.
      if (wanted.restricting.classId !== 8) return new Refusal('type-unmatched')
      const { localToInstant } = request
      selection = {
        kind: 'range',
        from: instantOf(wanted.from, localToInstant),
        to: instantOf(wanted.to, localToInstant),
      }
    } else selection = { kind: 'entry', from: wanted.fromEntry, to: wanted.toEntry }
  }
  const rows = profile.rows(device, selection, request)
  if (rows instanceof Refusal) return rows
  const body = new ByteWriter(4096)
  let count = 0
  for (const row of rows) {
    if (columns) pickColumns(body, row, columns)
    else body.bytes(row)
    count++
  }
  const whole = new ByteWriter(body.length + 6).uint8(1)
  encodeLength(whole, count)
  return new Encoded(whole.bytes(body.finish()).finish())
}

function decodeOrRefuse(access: SelectiveAccess): ProfileSelection | Refusal {
  try {
    return decodeSelection(access)
  } catch (error) {
    if (error instanceof DecodeError) return new Refusal('type-unmatched')
    throw error
  }
}

function rangeColumns<D>(profile: ServedProfile<D>, wanted: readonly CaptureObject[]): readonly number[] | Refusal {
  const found = wanted.map((column) => findColumn(profile.captureObjects, column))
  return found.includes(-1) ? new Refusal('scope-of-access-violated') : found
}

function entryColumns<D>(profile: ServedProfile<D>, wanted: EntrySelection): readonly number[] | Refusal {
  const last = wanted.toColumn === 0 ? profile.captureObjects.length : wanted.toColumn
  const first = Math.max(1, wanted.fromColumn)
  if (first === 1 && last >= profile.captureObjects.length) return []
  if (first > last) return new Refusal('scope-of-access-violated')
  return Array.from({ length: Math.min(last, profile.captureObjects.length) - first + 1 }, (_, i) => first - 1 + i)
}

/** Rows are cut up by walking them, so that whoever stores them may store plain octets. */
function pickColumns(writer: ByteWriter, row: Uint8Array, columns: readonly number[]): void {
  const reader = new ByteReader(row, 1)
  const cells = Array.from({ length: decodeLength(reader) }, () => takeData(reader))
  writer.uint8(2)
  encodeLength(writer, columns.length)
  for (const column of columns) writer.bytes(cells[column])
}

/** {@link serve} and {@link serveProfile} for devices whose state is a `D`: handlers then know it by type. */
export function serving<D>(): {
  serve<A, M>(
    interfaceClass: InterfaceClass<A, M>,
    code: ObisCode | string,
    handlers: ServeHandlers<A, M, D>,
  ): ServedObject<D>
  serveProfile(code: ObisCode | string, profile: ServedProfile<D>): ServedObject<D>
} {
  return { serve, serveProfile }
}

/** Decodes what a client wants to write; `undefined` when it cannot be decoded. */
export function tryDecode(octets: EncodedData): DlmsData | undefined {
  try {
    return decodeData(octets, { trailing: true })
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
