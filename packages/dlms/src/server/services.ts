import { ByteReader, ByteWriter, concatBytes, DecodeError } from '@gridtally/wire'
import { takeData } from '../axdr/decode.ts'
import type {
  ActionResponse,
  AttributeDescriptor,
  DataBlock,
  EncodedData,
  GetDataResult,
  MethodDescriptor,
  RequestApdu,
  ResponseApdu,
  SelectedAttribute,
} from '../xdlms/apdu.ts'
import { readList, writeActionResponse, writeList, writeResult } from '../xdlms/fields.ts'
import type { DataAccessResult } from '../xdlms/results.ts'
import { may, type ServerAssociationProfile, type ServerModel } from './model.ts'
import { type ServedObject, type ServerRequest, tryDecode } from './served-object.ts'

/** Octets of an answer that are not data: the headers of a block, and a margin. */
const BLOCK_OVERHEAD = 16
/** Octets ciphering adds to an answer in any form. */
export const CIPHER_OVERHEAD = 40

/** A long value on its way out or in. */
type Transfer =
  | { readonly kind: 'get' | 'action'; readonly octets: Uint8Array; at: number; number: number }
  | ({ readonly kind: 'set'; readonly attributes: readonly SelectedAttribute[]; readonly list: boolean } & Incoming)
  | ({ readonly kind: 'call'; readonly methods: readonly MethodDescriptor[]; readonly list: boolean } & Incoming)

interface Incoming {
  readonly parts: Uint8Array[]
  size: number
  number: number
}

/** Answers the services of one open association. Keeps one block transfer at most. */
export class Services<D> {
  readonly #model: ServerModel<D>
  readonly #profile: ServerAssociationProfile<D>
  readonly #device: D
  /** Octets of data an answer may carry. */
  readonly #room: number
  #transfer: Transfer | undefined

  /** @param maxPduSize longest APDU the client takes, 0 for no limit */
  constructor(
    model: ServerModel<D>,
    profile: ServerAssociationProfile<D>,
    device: D,
    maxPduSize: number,
    ciphered: boolean,
  ) {
    this.#model = model
    this.#profile = profile
    this.#device = device
    const whole = maxPduSize === 0 ? 0xffff : maxPduSize
    this.#room = Math.max(1, whole - BLOCK_OVERHEAD - (ciphered ? CIPHER_OVERHEAD : 0))
  }

  /** The answer to one request. */
  answer(request: RequestApdu, context: ServerRequest): ResponseApdu {
    const { invoke } = request
    switch (request.type) {
      case 'get-request-normal':
        return this.#sendGet(invoke, this.#read(request, context))
      case 'get-request-with-list': {
        const results = request.attributes.map((attribute) => this.#read(attribute, context))
        const octets = encodeList(results, writeResult)
        if (octets.length <= this.#room) return { type: 'get-response-with-list', invoke, results }
        return this.#firstGetBlock(invoke, octets)
      }
      case 'get-request-next':
        return this.#nextGetBlock(invoke, request.blockNumber)
      case 'set-request-normal':
        return { type: 'set-response-normal', invoke, result: this.#write(request, request.data, context) }
      case 'set-request-with-list': {
        const { attributes, data } = request
        const results = attributes.map((attribute, i) =>
          data[i] ? this.#write(attribute, data[i], context) : ('other-reason' as const),
        )
        return { type: 'set-response-with-list', invoke, results }
      }
      case 'set-request-first-block':
      case 'set-request-with-list-first-block': {
        const list = request.type === 'set-request-with-list-first-block'
        const attributes = list ? request.attributes : [request]
        this.#transfer = { kind: 'set', attributes, list, parts: [], size: 0, number: 0 }
        return this.#takeSetBlock(invoke, request.block, context)
      }
      case 'set-request-block':
        return this.#takeSetBlock(invoke, request.block, context)
      case 'action-request-normal':
        return this.#sendAction(invoke, this.#call(request, request.parameters, context))
      case 'action-request-with-list': {
        const responses = request.methods.map((method, i) => this.#call(method, request.parameters[i], context))
        const octets = encodeList(responses, writeActionResponse)
        if (octets.length <= this.#room) return { type: 'action-response-with-list', invoke, responses }
        return this.#actionBlock(invoke, { kind: 'action', octets, at: 0, number: 0 })
      }
      case 'action-request-first-pblock':
      case 'action-request-with-list-first-pblock': {
        const list = request.type === 'action-request-with-list-first-pblock'
        const methods = list ? request.methods : [request]
        this.#transfer = { kind: 'call', methods, list, parts: [], size: 0, number: 0 }
        return this.#takeActionBlock(invoke, request.block, context)
      }
      case 'action-request-pblock':
        return this.#takeActionBlock(invoke, request.block, context)
      case 'action-request-next-pblock': {
        const transfer = this.#transfer
        if (transfer?.kind !== 'action' || transfer.number !== request.blockNumber) return this.#noAction(invoke)
        return this.#actionBlock(invoke, transfer)
      }
    }
  }

  #find(descriptor: {
    classId: number
    logicalName: AttributeDescriptor['logicalName']
  }): ServedObject<D> | DataAccessResult {
    const object = this.#model.objects.get(descriptor.logicalName)
    if (!object) return 'object-undefined'
    return object.classId === descriptor.classId ? object : 'object-class-inconsistent'
  }

  #read(attribute: SelectedAttribute, context: ServerRequest): GetDataResult {
    const object = this.#find(attribute)
    if (typeof object === 'string') return { ok: false, error: object }
    if (!may(this.#profile, 'read', object, attribute.attributeId)) return { ok: false, error: 'read-write-denied' }
    const { access } = attribute
    if (access && !object.selectors.get(attribute.attributeId)?.includes(access.selector))
      return { ok: false, error: 'scope-of-access-violated' }
    const read = object.readable.get(attribute.attributeId)
    if (!read) return { ok: false, error: 'read-write-denied' }
    return read(this.#device, access ? { ...context, access } : context)
  }

  #write(attribute: SelectedAttribute, octets: EncodedData, context: ServerRequest): DataAccessResult {
    const object = this.#find(attribute)
    if (typeof object === 'string') return object
    const write = object.writable.get(attribute.attributeId)
    if (!write || !may(this.#profile, 'write', object, attribute.attributeId)) return 'read-write-denied'
    if (attribute.access) return 'scope-of-access-violated'
    const data = tryDecode(octets)
    if (!data) return 'type-unmatched'
    return unmatchedOr(() => write(this.#device, data, context))
  }

  #call(method: MethodDescriptor, octets: EncodedData | undefined, context: ServerRequest): ActionResponse {
    const object = this.#find(method)
    if (typeof object === 'string') return { result: object as ActionResponse['result'] }
    const call = object.callable.get(method.methodId)
    if (!call || !may(this.#profile, 'call', object, method.methodId)) return { result: 'read-write-denied' }
    const data = octets && tryDecode(octets)
    if (octets && !data) return { result: 'type-unmatched' }
    const outcome = unmatchedOr(() => call(this.#device, data, context))
    if (typeof outcome === 'string') return { result: outcome }
    const { result, returned } = outcome
    return { result, ...(returned && { returned: { ok: true, data: returned } }) }
  }

  #sendGet(invoke: number, result: GetDataResult): ResponseApdu {
    this.#transfer = undefined
    if (!result.ok || result.data.length <= this.#room) return { type: 'get-response-normal', invoke, result }
    return this.#firstGetBlock(invoke, result.data)
  }

  #firstGetBlock(invoke: number, octets: Uint8Array): ResponseApdu {
    this.#transfer = { kind: 'get', octets, at: 0, number: 0 }
    return this.#nextGetBlock(invoke, 0)
  }

  #nextGetBlock(invoke: number, acknowledged: number): ResponseApdu {
    const transfer = this.#transfer
    const refuse = (error: DataAccessResult): ResponseApdu => {
      this.#transfer = undefined
      return { type: 'get-response-block', invoke, block: { ok: false, last: true, number: acknowledged, error } }
    }
    if (transfer?.kind !== 'get') return refuse('no-long-get-in-progress')
    if (acknowledged !== transfer.number) return refuse('data-block-number-invalid')
    return { type: 'get-response-block', invoke, block: { ok: true, ...this.#cut(transfer) } }
  }

  #cut(transfer: Extract<Transfer, { octets: Uint8Array }>): DataBlock {
    const raw = transfer.octets.subarray(transfer.at, transfer.at + this.#room)
    transfer.at += raw.length
    transfer.number++
    const last = transfer.at >= transfer.octets.length
    if (last) this.#transfer = undefined
    return { last, number: transfer.number, raw }
  }

  /** Adds a block to the transfer under way; what is wrong with it, or `undefined`. */
  #take(transfer: Incoming, block: DataBlock): DataAccessResult | undefined {
    if (block.number !== transfer.number + 1) return 'data-block-number-invalid'
    transfer.number = block.number
    transfer.size += block.raw.length
    if (transfer.size > this.#model.maxValueOctets) return 'long-set-aborted'
    transfer.parts.push(block.raw.slice())
    return undefined
  }

  #takeSetBlock(invoke: number, block: DataBlock, context: ServerRequest): ResponseApdu {
    const transfer = this.#transfer
    const wrong = transfer?.kind === 'set' ? this.#take(transfer, block) : 'no-long-set-in-progress'
    if (wrong !== undefined || transfer?.kind !== 'set') {
      this.#transfer = undefined
      return {
        type: 'set-response-last-block',
        invoke,
        result: wrong ?? 'no-long-set-in-progress',
        blockNumber: block.number,
      }
    }
    if (!block.last) return { type: 'set-response-block', invoke, blockNumber: block.number }
    this.#transfer = undefined
    const octets = concatBytes(...transfer.parts)
    const blockNumber = block.number
    if (!transfer.list)
      return {
        type: 'set-response-last-block',
        invoke,
        result: this.#write(transfer.attributes[0], octets, context),
        blockNumber,
      }
    const values = listOrUndefined(octets)
    const results = transfer.attributes.map((attribute, i) => {
      const data = values?.[i]
      return data ? this.#write(attribute, data, context) : ('type-unmatched' as const)
    })
    return { type: 'set-response-last-block-with-list', invoke, results, blockNumber }
  }

  #sendAction(invoke: number, response: ActionResponse): ResponseApdu {
    this.#transfer = undefined
    const writer = new ByteWriter()
    writeActionResponse(writer, response)
    if (writer.length <= this.#room) return { type: 'action-response-normal', invoke, ...response }
    return this.#actionBlock(invoke, { kind: 'action', octets: writer.finish(), at: 0, number: 0 })
  }

  #actionBlock(invoke: number, transfer: Extract<Transfer, { octets: Uint8Array }>): ResponseApdu {
    this.#transfer = transfer
    return { type: 'action-response-pblock', invoke, block: this.#cut(transfer) }
  }

  #noAction(invoke: number): ResponseApdu {
    this.#transfer = undefined
    return { type: 'action-response-normal', invoke, result: 'no-long-action-in-progress' }
  }

  #takeActionBlock(invoke: number, block: DataBlock, context: ServerRequest): ResponseApdu {
    const transfer = this.#transfer
    if (transfer?.kind !== 'call') return this.#noAction(invoke)
    if (this.#take(transfer, block) !== undefined) {
      this.#transfer = undefined
      return { type: 'action-response-normal', invoke, result: 'long-action-aborted' }
    }
    if (!block.last) return { type: 'action-response-next-pblock', invoke, blockNumber: block.number }
    this.#transfer = undefined
    const octets = concatBytes(...transfer.parts)
    if (!transfer.list) return this.#sendAction(invoke, this.#call(transfer.methods[0], octets, context))
    const values = listOrUndefined(octets)
    const responses = transfer.methods.map((method, i) => this.#call(method, values?.[i], context))
    return { type: 'action-response-with-list', invoke, responses }
  }
}

function encodeList<T>(items: readonly T[], write: (writer: ByteWriter, item: T) => void): Uint8Array {
  const writer = new ByteWriter(256)
  writeList(writer, items, write)
  return writer.finish()
}

function listOrUndefined(octets: Uint8Array): Uint8Array[] | undefined {
  try {
    return readList(new ByteReader(octets), takeData)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** A value of another type than the attribute's is the client's mistake. */
function unmatchedOr<T>(act: () => T): T | 'type-unmatched' {
  try {
    return act()
  } catch (error) {
    if (error instanceof DecodeError) return 'type-unmatched'
    throw error
  }
}
