import { ByteReader, concatBytes, DecodeError, equalBytes } from '@gridtally/wire'
import { type Aare, decodeAcse, encodeAcse } from '../acse/acse.ts'
import { diagnosticName } from '../acse/names.ts'
import { axdr } from '../axdr/data.ts'
import { decodeData } from '../axdr/decode.ts'
import { encodeData } from '../axdr/encode.ts'
import { AssociationLn } from '../cosem/classes.ts'
import { DlmsError } from '../dlms-error.ts'
import { gmacToken, verifyGmacToken } from '../security/hls-gmac.ts'
import type {
  ActionResponse,
  EncodedData,
  GetDataResult,
  InitiateResponse,
  MethodDescriptor,
  NotificationApdu,
  RequestApdu,
  ResponseApdu,
  SelectedAttribute,
} from '../xdlms/apdu.ts'
import { cipherKind } from '../xdlms/ciphered.ts'
import { conforms, DEFAULT_CONFORMANCE } from '../xdlms/conformance.ts'
import { decodeApdu } from '../xdlms/decode.ts'
import { encodeApdu } from '../xdlms/encode.ts'
import { readActionResponse, readList, readResult } from '../xdlms/fields.ts'
import type { DataAccessResult } from '../xdlms/results.ts'
import { ClientCipher, type ClientSecurity } from './client-security.ts'
import type { Exchange } from './exchange.ts'

/** How the client proves who it is. `high-gmac` needs `security`. */
export type ClientAuthentication =
  | { readonly mechanism: 'lowest' }
  | { readonly mechanism: 'low'; readonly password: Uint8Array }
  | { readonly mechanism: 'high-gmac'; readonly challengeOctets?: number }

/** What a {@link DlmsClient} is told. */
export interface DlmsClientOptions {
  readonly authentication: ClientAuthentication
  /** Without it everything goes in clear. */
  readonly security?: ClientSecurity
  /** Longest APDU taken, in octets, 12 … 65 535, told to the meter. Default 65 535. */
  readonly maxReceivePduSize?: number
  /** 24 bits to propose. Default `DEFAULT_CONFORMANCE`. */
  readonly conformance?: number
  /** Longest answer put together from blocks, in octets. Default 4 MiB. */
  readonly maxAnswerOctets?: number
  /** Gets what the meter says without being asked. */
  readonly onNotification?: (apdu: NotificationApdu) => void
}

/** Terms of a standing association. */
export interface Association {
  /** 24 bits both sides agreed on. */
  readonly conformance: number
  /** Longest APDU the meter takes; 0 is no limit. */
  readonly maxPduSize: number
  /** The meter's, when it gave one. */
  readonly systemTitle?: Uint8Array
  /** True when the meter proved, by a fresh challenge, that it holds the keys of `systemTitle`. */
  readonly proven: boolean
}

/** Part of a long answer. */
export type AnswerBlock =
  | { readonly ok: true; readonly last: boolean; readonly data: Uint8Array }
  | { readonly ok: false; readonly last: true; readonly error: DataAccessResult }

/** Octets of an APDU that are not data: headers, and the ciphering's share. */
const CLEAR_OVERHEAD = 48
const CIPHER_OVERHEAD = 40
/** Answers to earlier requests we let pass before we call the meter confused. */
const MAX_STRAYS = 8

const reply = AssociationLn.at('0.0.40.0.0.255').replyToHlsAuthentication

/**
 * A DLMS client for logical names, without I/O: each service is an {@link Exchange}. One at a time.
 *
 * Refusals of single reads, writes and calls are values. Everything that ends the association throws DlmsError.
 */
export class DlmsClient {
  readonly #options: DlmsClientOptions
  readonly #cipher: ClientCipher | undefined
  #association: Association | undefined
  #maxPdu = 0
  #invokeId = 0
  #blockNumber = 0

  constructor(options: DlmsClientOptions) {
    if (options.authentication.mechanism === 'high-gmac' && !options.security)
      throw new TypeError('GMAC authentication needs keys and a system title')
    this.#options = options
    this.#cipher = options.security && new ClientCipher(options.security)
  }

  /** Terms of the association; `undefined` before it stands and after release. */
  get association(): Association | undefined {
    return this.#association
  }

  /** Highest invocation counter of the meter accepted so far, −1 before the first: keep it as the next session's `replayFloor`. */
  get lastReceivedCounter(): number {
    return this.#cipher?.lastReceivedCounter ?? -1
  }

  /** Associates, and with GMAC proves both sides to each other. */
  *associate(): Exchange<Association> {
    const { authentication, security } = this.#options
    const proposed = this.#options.conformance ?? DEFAULT_CONFORMANCE
    const initiate = encodeApdu({
      type: 'initiate-request',
      ...(security?.dedicated && { dedicatedKey: this.#cipher?.keys.dedicatedKey?.reveal() }),
      dlmsVersion: 6,
      conformance: proposed,
      maxReceivePduSize: this.#options.maxReceivePduSize ?? 0xffff,
    })
    const challenge =
      authentication.mechanism === 'high-gmac' && security
        ? security.crypto.randomBytes(authentication.challengeOctets ?? 16)
        : undefined
    const answer = yield encodeAcse({
      type: 'aarq',
      applicationContext: security ? 'ln-ciphered' : 'ln',
      ...(authentication.mechanism !== 'lowest' && { mechanism: authentication.mechanism }),
      ...(security && { callingApTitle: security.systemTitle }),
      ...(authentication.mechanism === 'low' && { callingAuthenticationValue: authentication.password }),
      ...(challenge && { callingAuthenticationValue: challenge }),
      userInformation: this.#cipher ? this.#cipher.seal(initiate) : initiate,
    })
    const aare = this.#readAare(answer)
    this.#cipher?.meetMeter(aare.respondingApTitle)
    const granted = this.#readInitiate(aare)
    this.#maxPdu = granted?.maxReceivePduSize ?? 0
    if (challenge) yield* this.#provePeers(challenge, aare.respondingAuthenticationValue)
    const systemTitle = this.#cipher?.meterTitle ?? aare.respondingApTitle?.slice()
    this.#association = {
      conformance: granted ? granted.conformance & proposed : proposed,
      maxPduSize: this.#maxPdu,
      ...(systemTitle && { systemTitle }),
      proven: challenge !== undefined,
    }
    return this.#association
  }

  #readAare(answer: Uint8Array): Aare {
    if (answer[0] !== 0x61) {
      const apdu = this.#decode(() => decodeApdu(answer))
      this.#throwIfError(apdu)
      throw new DlmsError('PROTOCOL', `${apdu.type} in answer to a request to associate`)
    }
    const aare = this.#decode(() => decodeAcse(answer))
    if (aare.type !== 'aare') throw new DlmsError('PROTOCOL', 'no answer to the request to associate')
    if (aare.result === 0) return aare
    const reason = `${aare.source === 'user' ? diagnosticName(aare.diagnostic) : `provider ${aare.diagnostic}`}${this.#initiateError(aare)}`
    const failed = aare.source === 'user' && aare.diagnostic === 13
    throw new DlmsError(
      failed ? 'AUTHENTICATION_FAILED' : 'ASSOCIATION_REJECTED',
      `the meter refused the association: ${reason}`,
      { detail: { reason } },
    )
  }

  #initiateError(aare: Aare): string {
    const info = aare.userInformation
    return info?.[0] === 0x0e && info.length >= 4 ? `, service error ${info[1]}.${info[2]}.${info[3]}` : ''
  }

  /** The terms the meter grants; `undefined` when it left them out. */
  #readInitiate(aare: Aare): InitiateResponse | undefined {
    if (!aare.userInformation || aare.userInformation.length === 0) return undefined
    const apdu = this.#decode(() => decodeApdu(this.#unprotect(aare.userInformation ?? new Uint8Array())))
    this.#throwIfError(apdu)
    if (apdu.type !== 'initiate-response')
      throw new DlmsError('PROTOCOL', `${apdu.type} in place of an InitiateResponse`)
    return apdu
  }

  /** Passes 3 and 4: our answer to the meter's challenge, and its answer to ours. */
  *#provePeers(ours: Uint8Array, theirs: Uint8Array | undefined): Exchange<void> {
    const { security } = this.#options
    const cipher = this.#cipher
    if (!security || !cipher?.meterTitle || !theirs)
      throw new DlmsError('PEER_NOT_AUTHENTIC', 'the meter sent no challenge or no system title')
    if (theirs.length < 8 || equalBytes(ours, theirs))
      throw new DlmsError('PEER_NOT_AUTHENTIC', 'the challenge of the meter is too short, or our own')
    const { crypto, counters, systemTitle } = security
    const token = gmacToken(crypto, cipher.keys, systemTitle, theirs, counters.next())
    const response = yield* this.action(reply, encodeData(axdr.octetString(token)))
    if (response.result !== 'success')
      throw new DlmsError('AUTHENTICATION_FAILED', `the meter did not accept our answer: ${response.result}`, {
        detail: { reason: response.result },
      })
    const returned = response.returned?.ok ? response.returned.data : undefined
    const proof = returned && this.#decode(() => decodeData(returned, { trailing: true }))
    if (proof?.type !== 'octet-string' || !verifyGmacToken(crypto, cipher.keys, cipher.meterTitle, ours, proof.value))
      throw new DlmsError('PEER_NOT_AUTHENTIC', 'the meter did not prove that it holds the keys')
  }

  /** Reads an attribute whole. */
  *get(attribute: SelectedAttribute): Exchange<GetDataResult> {
    let block = yield* this.getFirst(attribute)
    if (block.ok && block.last) return { ok: true, data: block.data }
    const parts: Uint8Array[] = []
    let size = 0
    for (;;) {
      if (!block.ok) return { ok: false, error: block.error }
      parts.push(block.data)
      size += block.data.length
      this.#checkSize(size)
      if (block.last) return { ok: true, data: concatBytes(...parts) }
      block = yield* this.getNext()
    }
  }

  /** Begins to read an attribute: all of it, or the first block. */
  *getFirst(attribute: SelectedAttribute): Exchange<AnswerBlock> {
    const { classId, logicalName, attributeId, access } = attribute
    const descriptor = { classId, logicalName, attributeId, ...(access && { access }) }
    const answer = yield* this.#request({ type: 'get-request-normal', invoke: this.#nextInvoke(), ...descriptor })
    return this.#block(answer, true)
  }

  /** Goes on with a read that {@link getFirst} began. */
  *getNext(): Exchange<AnswerBlock> {
    const invoke = this.#invokeOctet()
    const answer = yield* this.#request({ type: 'get-request-next', invoke, blockNumber: this.#blockNumber })
    return this.#block(answer, false)
  }

  #block(answer: ResponseApdu, first: boolean): AnswerBlock {
    if (answer.type === 'get-response-normal') {
      const { result } = answer
      return result.ok ? { ok: true, last: true, data: result.data } : { ok: false, last: true, error: result.error }
    }
    if (answer.type !== 'get-response-block') throw new DlmsError('PROTOCOL', `${answer.type} in answer to GET`)
    const { block } = answer
    // A few meters count from 0.
    if (first ? block.number > 1 : block.ok && block.number !== this.#blockNumber + 1)
      throw new DlmsError('PROTOCOL', `block ${block.number} after ${this.#blockNumber}`)
    this.#blockNumber = block.number
    return block.ok ? { ok: true, last: block.last, data: block.raw } : { ok: false, last: true, error: block.error }
  }

  /** Reads several attributes in one request; results in the same order. */
  *getWithList(attributes: readonly SelectedAttribute[]): Exchange<readonly GetDataResult[]> {
    const first = yield* this.#request({ type: 'get-request-with-list', invoke: this.#nextInvoke(), attributes })
    if (first.type === 'get-response-with-list') return this.#counted(first.results, attributes.length)
    // Some meters refuse a whole list with the answer to a single GET.
    if (first.type === 'get-response-normal' && !first.result.ok) return attributes.map(() => first.result)
    const parts: Uint8Array[] = []
    let size = 0
    let block = this.#block(first, true)
    for (;;) {
      const { ok } = block
      if (!ok) {
        const { error } = block
        return attributes.map(() => ({ ok, error }))
      }
      parts.push(block.data)
      size += block.data.length
      this.#checkSize(size)
      if (block.last) break
      block = yield* this.getNext()
    }
    const octets = concatBytes(...parts)
    return this.#counted(
      this.#decode(() => readList(new ByteReader(octets), readResult)),
      attributes.length,
    )
  }

  #counted<T>(results: readonly T[], expected: number): readonly T[] {
    if (results.length !== expected)
      throw new DlmsError('PROTOCOL', `${results.length} results for ${expected} requests`)
    return results
  }

  /** Writes an attribute, in blocks when the meter cannot take it at once. */
  *set(attribute: SelectedAttribute, data: EncodedData): Exchange<DataAccessResult> {
    const { classId, logicalName, attributeId, access } = attribute
    const descriptor = { classId, logicalName, attributeId, ...(access && { access }) }
    const invoke = this.#nextInvoke()
    const room = this.#room(access?.parameters.length ?? 0)
    if (data.length <= room) {
      const answer = yield* this.#request({ type: 'set-request-normal', invoke, ...descriptor, data })
      return this.#setResult(answer)
    }
    let answer: ResponseApdu | undefined
    for (let at = 0, number = 1; at < data.length; at += room, number++) {
      const block = { last: at + room >= data.length, number, raw: data.subarray(at, at + room) }
      answer = yield* this.#request(
        number === 1
          ? { type: 'set-request-first-block', invoke, ...descriptor, block }
          : { type: 'set-request-block', invoke, block },
      )
      if (answer.type !== 'set-response-block') break
      if (answer.blockNumber !== number) throw new DlmsError('PROTOCOL', `block ${answer.blockNumber} acknowledged`)
    }
    return this.#setResult(answer)
  }

  #setResult(answer: ResponseApdu | undefined): DataAccessResult {
    if (answer?.type === 'set-response-normal' || answer?.type === 'set-response-last-block') return answer.result
    throw new DlmsError('PROTOCOL', `${answer?.type} in answer to SET`)
  }

  /** Writes several attributes in one request; results in the same order. */
  *setWithList(
    items: readonly (readonly [attribute: SelectedAttribute, data: EncodedData])[],
  ): Exchange<readonly DataAccessResult[]> {
    const answer = yield* this.#request({
      type: 'set-request-with-list',
      invoke: this.#nextInvoke(),
      attributes: items.map(([attribute]) => attribute),
      data: items.map(([, data]) => data),
    })
    if (answer.type === 'set-response-with-list') return this.#counted(answer.results, items.length)
    throw new DlmsError('PROTOCOL', `${answer.type} in answer to SET with list`)
  }

  /** Calls a method, in blocks both ways where needed. */
  *action(method: MethodDescriptor, parameters?: EncodedData): Exchange<ActionResponse> {
    const { classId, logicalName, methodId } = method
    const descriptor = { classId, logicalName, methodId }
    const invoke = this.#nextInvoke()
    const room = this.#room(0)
    let answer: ResponseApdu | undefined
    if (!parameters || parameters.length <= room)
      answer = yield* this.#request({
        type: 'action-request-normal',
        invoke,
        ...descriptor,
        ...(parameters && { parameters }),
      })
    else
      for (let at = 0, number = 1; at < parameters.length; at += room, number++) {
        const block = { last: at + room >= parameters.length, number, raw: parameters.subarray(at, at + room) }
        answer = yield* this.#request(
          number === 1
            ? { type: 'action-request-first-pblock', invoke, ...descriptor, block }
            : { type: 'action-request-pblock', invoke, block },
        )
        if (answer.type !== 'action-response-next-pblock') break
        if (answer.blockNumber !== number) throw new DlmsError('PROTOCOL', `block ${answer.blockNumber} acknowledged`)
      }
    if (answer?.type === 'action-response-normal') {
      const { result, returned } = answer
      return { result, ...(returned && { returned }) }
    }
    if (answer?.type !== 'action-response-pblock')
      throw new DlmsError('PROTOCOL', `${answer?.type} in answer to ACTION`)
    const octets = yield* this.#actionBlocks(answer)
    return this.#decode(() => readActionResponse(new ByteReader(octets)))
  }

  *#actionBlocks(first: ResponseApdu): Exchange<Uint8Array> {
    const parts: Uint8Array[] = []
    let size = 0
    let answer = first
    for (let expected = 1; ; expected++) {
      if (answer.type !== 'action-response-pblock')
        throw new DlmsError('PROTOCOL', `${answer.type} amid blocks of ACTION`)
      const { block } = answer
      if (block.number !== expected) throw new DlmsError('PROTOCOL', `block ${block.number} after ${expected - 1}`)
      parts.push(block.raw)
      size += block.raw.length
      this.#checkSize(size)
      if (block.last) return concatBytes(...parts)
      answer = yield* this.#request({
        type: 'action-request-next-pblock',
        invoke: this.#invokeOctet(),
        blockNumber: block.number,
      })
    }
  }

  /** Ends the association. Meters that do not know release answer with an exception, which counts as done. */
  *release(): Exchange<void> {
    const answer = yield encodeAcse({ type: 'rlrq', reason: 0 })
    this.#association = undefined
    if (answer[0] !== 0x63 && answer[0] !== 0xd8 && answer[0] !== 0x0e)
      throw new DlmsError('PROTOCOL', 'the meter answers a release with something else')
  }

  /** Whether the association allows several attributes in one GET. */
  get takesLists(): boolean {
    return this.#association !== undefined && conforms(this.#association.conformance, 'multiple-references')
  }

  #nextInvoke(): number {
    this.#invokeId = (this.#invokeId + 1) & 0x0f
    this.#blockNumber = 0
    return this.#invokeOctet()
  }

  /** Confirmed, high priority: meters that order nothing ignore it. */
  #invokeOctet(): number {
    return 0xc0 | this.#invokeId
  }

  /** Octets of data that fit in one request to the meter. */
  #room(extra: number): number {
    if (this.#maxPdu === 0) return 0xffff - CLEAR_OVERHEAD - CIPHER_OVERHEAD - extra
    return Math.max(16, this.#maxPdu - CLEAR_OVERHEAD - (this.#cipher ? CIPHER_OVERHEAD : 0) - extra)
  }

  #checkSize(size: number): void {
    const most = this.#options.maxAnswerOctets ?? 4 * 1024 * 1024
    if (size > most) throw new DlmsError('ANSWER_TOO_LARGE', `an answer of more than ${most} octets`)
  }

  *#request(request: RequestApdu): Exchange<ResponseApdu> {
    const clear = encodeApdu(request)
    let octets = yield this.#cipher ? this.#cipher.seal(clear) : clear
    for (let strays = 0; strays <= MAX_STRAYS; strays++) {
      const received = octets
      // What anybody could have put on the line is neither believed nor a reason to give up.
      if (this.#cipher && (received[0] === 0x0f || received[0] === 0xc2)) {
        octets = yield undefined
        continue
      }
      const apdu = this.#decode(() => decodeApdu(this.#unprotect(received)))
      if (apdu.type === 'data-notification' || apdu.type === 'event-notification') this.#options.onNotification?.(apdu)
      else {
        this.#throwIfError(apdu)
        if (!('invoke' in apdu)) throw new DlmsError('PROTOCOL', `${apdu.type} in answer to ${request.type}`)
        if (!apdu.type.includes('response')) throw new DlmsError('PROTOCOL', `the meter asks: ${apdu.type}`)
        // Meters may change the flags of the octet, not the id: another id is a late answer to an earlier request.
        // Requests were told apart just above.
        if ((apdu.invoke & 0x0f) === (request.invoke & 0x0f)) return apdu as ResponseApdu & { invoke: number }
      }
      octets = yield undefined
    }
    throw new DlmsError('PROTOCOL', 'the meter keeps answering other requests')
  }

  #unprotect(octets: Uint8Array): Uint8Array {
    const tag = octets[0]
    if (cipherKind(tag) !== undefined) {
      if (!this.#cipher) throw new DlmsError('PROTOCOL', 'a ciphered answer on an association in clear')
      return this.#cipher.open(octets)
    }
    // Refusals of whole requests come in clear, since the meter may be unable to cipher them; they carry no data.
    if (this.#cipher && tag !== 0xd8 && tag !== 0x0e) throw new DlmsError('NOT_PROTECTED', 'an answer came in clear')
    return octets
  }

  #throwIfError(apdu: { readonly type: string }): void {
    // The two kinds of refusal are told apart by their type; anything else passes.
    const refusal = apdu as ReturnType<typeof decodeApdu>
    if (refusal.type === 'confirmed-service-error') {
      const reason = `service error ${refusal.service}.${refusal.category}.${refusal.value}`
      throw new DlmsError(this.#association ? 'EXCEPTION_RESPONSE' : 'ASSOCIATION_REJECTED', reason, {
        detail: { reason },
      })
    }
    if (refusal.type !== 'exception-response') return
    const reason = `${refusal.stateError}, ${refusal.serviceError}`
    const expected = refusal.invocationCounter
    if (refusal.serviceError === 'invocation-counter-error')
      throw new DlmsError('COUNTER_REJECTED', 'the meter wants a higher invocation counter', {
        detail: { reason, ...(expected !== undefined && { expected }) },
      })
    throw new DlmsError('EXCEPTION_RESPONSE', `the meter refused the request: ${reason}`, { detail: { reason } })
  }

  /** Undecodable octets from a peer are a broken protocol, not a mistake of the caller. */
  #decode<T>(decode: () => T): T {
    try {
      return decode()
    } catch (cause) {
      if (cause instanceof DecodeError)
        throw new DlmsError('PROTOCOL', `undecodable answer: ${cause.message}`, { cause })
      throw cause
    }
  }
}
