import { DecodeError, equalBytes, equalConstantTime, type Instant, toHex } from '@gridtally/wire'
import { type Aarq, decodeAcse, encodeAcse } from '../acse/acse.ts'
import { axdr } from '../axdr/data.ts'
import { encodeData } from '../axdr/encode.ts'
import type { Framing } from '../framing.ts'
import { type CipherKeys, type OpenedApdu, openApdu, sealApdu } from '../security/cipher.ts'
import { type Protection, protectsAs } from '../security/control.ts'
import { CounterLease, MAX_COUNTER, ReplayGuard } from '../security/counters.ts'
import { type CryptoProvider, SecretKey } from '../security/crypto-provider.ts'
import { gmacToken, verifyGmacToken } from '../security/hls-gmac.ts'
import type { ExceptionResponse, InitiateRequest, RequestApdu, ResponseApdu } from '../xdlms/apdu.ts'
import { type CipherKind, cipheredTag, cipherKind } from '../xdlms/ciphered.ts'
import { decodeApdu } from '../xdlms/decode.ts'
import { encodeApdu } from '../xdlms/encode.ts'
import { CURRENT_ASSOCIATION, type ServerAssociationProfile, type ServerModel } from './model.ts'
import { type ServerRequest, tryDecode } from './served-object.ts'
import { Services } from './services.ts'

/** What a device noticed about its clients. Never holds secrets. */
export interface ServerEvent {
  readonly type:
    | 'associated'
    | 'released'
    | 'association-refused'
    | 'authentication-failed'
    | 'replay-refused'
    | 'deciphering-failed'
    | 'protection-refused'
  readonly clientSap: number
  /** The client's system title, when it gave one. */
  readonly clientTitle?: Uint8Array
}

/** One device: a model, its own state and secrets. Cheap: thousands share a model. */
export interface DlmsServerOptions<D> {
  readonly model: ServerModel<D>
  readonly device: D
  /** 8 octets. */
  readonly systemTitle: Uint8Array
  readonly crypto: CryptoProvider
  /** Needed by associations with protection or GMAC. */
  readonly keys?: CipherKeys
  /**
   * Counters for sending; filled beforehand, and kept full by the owner. Default: all, from 0, which is right only for keys that no
   * earlier process has used: a counter used twice under one key gives what was ciphered away.
   */
  readonly counters?: CounterLease
  /** Highest counter accepted before, by client title in hex. */
  readonly receivedCounters?: Readonly<Record<string, number>>
  /** Turns local wall time (as if UTC, ms) to an instant, for requests that leave the deviation out. */
  readonly localToInstant?: (wallMs: number) => Instant
  readonly onEvent?: (event: ServerEvent) => void
}

/** Octets of the challenge this server sends. */
const CHALLENGE_OCTETS = 16

/** A metering device as DLMS server, without I/O. Each channel to it is a {@link ServerConnection}. */
export class DlmsServer<D> {
  readonly options: DlmsServerOptions<D>
  readonly counters: CounterLease
  readonly #guards = new Map<string, ReplayGuard>()
  #keys: CipherKeys | undefined

  constructor(options: DlmsServerOptions<D>) {
    this.options = options
    this.#keys = options.keys
    this.counters = options.counters ?? new CounterLease()
    if (!options.counters) this.counters.add(0, MAX_COUNTER)
    for (const [title, last] of Object.entries(options.receivedCounters ?? {}))
      this.#guards.set(title, new ReplayGuard(last))
  }

  /** Keys in force. */
  get keys(): CipherKeys | undefined {
    return this.#keys
  }

  /** Puts new keys in force, as key_transfer does. Counters received under the old ones no longer count. */
  replaceKeys(keys: CipherKeys): void {
    this.#keys = keys
    this.#guards.clear()
  }

  /** Guard against replay from one client title, under the global key. */
  guard(title: Uint8Array): ReplayGuard {
    const key = toHex(title)
    let guard = this.#guards.get(key)
    if (!guard) {
      guard = new ReplayGuard()
      this.#guards.set(key, guard)
    }
    return guard
  }

  /** Highest counter accepted from any client, −1 before the first: what 0.0.43.1.0.255 tells. */
  get lastReceivedCounter(): number {
    let last = -1
    for (const guard of this.#guards.values()) last = Math.max(last, guard.last)
    return last
  }

  /** A new channel. */
  connect(): ServerConnection<D> {
    return new ServerConnection(this)
  }
}

interface ServerAssociation<D> {
  readonly profile: ServerAssociationProfile<D>
  readonly services: Services<D>
  readonly clientTitle: Uint8Array | undefined
  readonly keys: CipherKeys | undefined
  readonly dedicated: { readonly guard: ReplayGuard; readonly counters: CounterLease } | undefined
  /** While GMAC authentication is under way: both challenges. */
  challenges: { readonly fromClient: Uint8Array; readonly fromServer: Uint8Array } | undefined
}

/** Why a ciphered request is not taken; what to answer. */
class Refused extends Error {
  readonly answer: Uint8Array
  constructor(answer: ResponseApdu) {
    super(answer.type)
    this.answer = encodeApdu(answer)
  }
}

/** A request once opened, and how to close its answer alike. */
interface Unprotected {
  readonly apdu: Uint8Array
  readonly kind?: CipherKind
  readonly protection: Protection
}

const NOT_ALLOWED: ExceptionResponse = {
  type: 'exception-response',
  stateError: 'service-not-allowed',
  serviceError: 'operation-not-possible',
}

/** One channel of a device: the associations of the clients that speak over it. */
export class ServerConnection<D> {
  readonly #server: DlmsServer<D>
  readonly #associations = new Map<number, ServerAssociation<D>>()

  constructor(server: DlmsServer<D>) {
    this.#server = server
  }

  /** Takes one APDU of a client and gives the answer; `undefined` when there is none to give. */
  receive(apdu: Uint8Array, clientSap: number, now: Instant): Uint8Array | undefined {
    try {
      if (apdu.length === 0) return undefined
      if (apdu[0] === 0x60) return this.#associate(apdu, clientSap)
      if (apdu[0] === 0x62) return this.#release(apdu, clientSap)
      return this.#serve(apdu, clientSap, now)
    } catch (error) {
      if (error instanceof Refused) return error.answer
      if (error instanceof DecodeError) return encodeApdu({ ...NOT_ALLOWED, serviceError: 'service-not-supported' })
      throw error
    }
  }

  #event(type: ServerEvent['type'], clientSap: number, clientTitle?: Uint8Array): void {
    this.#server.options.onEvent?.({ type, clientSap, ...(clientTitle && { clientTitle }) })
  }

  #associate(octets: Uint8Array, clientSap: number): Uint8Array {
    this.#associations.delete(clientSap)
    const aarq = decodeAcse(octets)
    const { model, device, crypto, systemTitle } = this.#server.options
    const profile = model.associations.get(clientSap)
    if (aarq.type !== 'aarq') throw new Refused(NOT_ALLOWED)
    if (!profile) return this.#refuse(aarq, clientSap, 1)
    const ciphered = aarq.applicationContext === 'ln-ciphered'
    const needsCipher = (profile.protection ?? 'none') !== 'none' || profile.mechanism === 'high-gmac'
    if (ciphered !== needsCipher || (!ciphered && aarq.applicationContext !== 'ln'))
      return this.#refuse(aarq, clientSap, 2)
    const mechanism = aarq.mechanism ?? 'lowest'
    if (mechanism !== profile.mechanism) return this.#refuse(aarq, clientSap, mechanism === 'lowest' ? 12 : 11)
    const title = aarq.callingApTitle?.length === 8 ? aarq.callingApTitle.slice() : undefined
    if (ciphered && (!title || equalBytes(title, systemTitle) || !this.#server.keys))
      return this.#refuse(aarq, clientSap, 3)

    const opened = this.#openInitiate(aarq, profile, clientSap, title)
    const initiate = decodeApdu(opened.apdu)
    if (initiate.type !== 'initiate-request') return this.#refuse(aarq, clientSap, 1)
    const problem = this.#judge(initiate)
    if (problem !== undefined) return this.#refuse(aarq, clientSap, 1, Uint8Array.of(0x0e, 1, 6, problem))

    const given = aarq.callingAuthenticationValue ?? new Uint8Array()
    if (profile.mechanism === 'low' && !equalConstantTime(given, profile.password?.(device) ?? new Uint8Array(1)))
      return this.#refuse(aarq, clientSap, 13)
    if (profile.mechanism === 'high-gmac' && (given.length < 8 || given.length > 64))
      return this.#refuse(aarq, clientSap, 13)

    const { keys } = this.#server
    const dedicatedKey = keys && initiate.dedicatedKey?.length === 16 ? new SecretKey(initiate.dedicatedKey) : undefined
    const dedicatedCounters = new CounterLease()
    if (dedicatedKey) dedicatedCounters.add(0, MAX_COUNTER)
    const fromServer = profile.mechanism === 'high-gmac' ? crypto.randomBytes(CHALLENGE_OCTETS) : undefined
    const association: ServerAssociation<D> = {
      profile,
      services: new Services(model, profile, device, initiate.maxReceivePduSize, ciphered),
      clientTitle: title,
      keys: keys && dedicatedKey ? { ...keys, dedicatedKey } : keys,
      dedicated: dedicatedKey && { guard: new ReplayGuard(), counters: dedicatedCounters },
      challenges: fromServer && { fromClient: given.slice(), fromServer },
    }
    this.#associations.set(clientSap, association)
    if (!fromServer) this.#event('associated', clientSap, title)
    const granted = encodeApdu({
      type: 'initiate-response',
      dlmsVersion: 6,
      conformance: initiate.conformance & model.conformance,
      maxReceivePduSize: model.maxReceivePduSize,
      vaaName: 7,
    })
    return encodeAcse({
      type: 'aare',
      applicationContext: aarq.applicationContext,
      result: 0,
      source: 'user',
      diagnostic: fromServer ? 14 : 0,
      ...(ciphered && { respondingApTitle: systemTitle }),
      ...(fromServer && { mechanism: 'high-gmac', respondingAuthenticationValue: fromServer }),
      userInformation: this.#seal(granted, association, opened),
    })
  }

  #openInitiate(
    aarq: Aarq,
    profile: ServerAssociationProfile<D>,
    clientSap: number,
    title: Uint8Array | undefined,
  ): Unprotected {
    const info = aarq.userInformation
    if (!info) throw new DecodeError('INVALID', 0, 'an AARQ without InitiateRequest')
    return this.#unprotect(info, profile, clientSap, title, this.#server.keys, undefined)
  }

  /** Value of the service error `initiate`: 1 version too low, 2 incompatible conformance, 3 PDU size too short. */
  #judge(initiate: InitiateRequest): number | undefined {
    if (initiate.dlmsVersion < 6) return 1
    if ((initiate.conformance & this.#server.options.model.conformance) === 0) return 2
    return initiate.maxReceivePduSize !== 0 && initiate.maxReceivePduSize < 64 ? 3 : undefined
  }

  #refuse(aarq: Aarq, clientSap: number, diagnostic: number, userInformation?: Uint8Array): Uint8Array {
    this.#event(diagnostic === 13 ? 'authentication-failed' : 'association-refused', clientSap, aarq.callingApTitle)
    return encodeAcse({
      type: 'aare',
      applicationContext: aarq.applicationContext,
      result: 1,
      source: 'user',
      diagnostic,
      ...(userInformation && { userInformation }),
    })
  }

  #release(octets: Uint8Array, clientSap: number): Uint8Array {
    decodeAcse(octets)
    if (!this.#associations.delete(clientSap)) throw new Refused(NOT_ALLOWED)
    this.#event('released', clientSap)
    return encodeAcse({ type: 'rlre', reason: 0 })
  }

  #serve(octets: Uint8Array, clientSap: number, now: Instant): Uint8Array | undefined {
    const association = this.#associations.get(clientSap)
    if (!association) throw new Refused(NOT_ALLOWED)
    const { profile, clientTitle, keys, dedicated } = association
    const opened = this.#unprotect(octets, profile, clientSap, clientTitle, keys, dedicated?.guard)
    const request = decodeApdu(opened.apdu)
    if (!('invoke' in request) || !request.type.includes('request')) throw new Refused(NOT_ALLOWED)
    // Answers and notifications were told apart just above.
    const asked = request as RequestApdu
    const answer = association.challenges
      ? this.#prove(asked, association, clientSap)
      : association.services.answer(asked, this.#context(clientSap, now))
    // Bit 6 of the octet says whether an answer is wanted at all.
    if ((asked.invoke & 0x40) === 0) return undefined
    return this.#seal(encodeApdu(answer), association, opened)
  }

  #context(clientSap: number, now: Instant): ServerRequest {
    const { localToInstant } = this.#server.options
    return { clientSap, now, ...(localToInstant && { localToInstant }) }
  }

  /** Passes 3 and 4 of GMAC authentication: nothing else is answered before. A wrong token ends the association. */
  #prove(request: RequestApdu, association: ServerAssociation<D>, clientSap: number): ResponseApdu {
    const { challenges, clientTitle } = association
    const { keys, options, counters } = this.#server
    if (
      request.type !== 'action-request-normal' ||
      request.classId !== 15 ||
      request.logicalName !== CURRENT_ASSOCIATION ||
      request.methodId !== 1 ||
      !challenges ||
      !clientTitle ||
      !keys
    )
      throw new Refused(NOT_ALLOWED)
    const token = request.parameters && tryDecode(request.parameters)
    const { invoke } = request
    if (
      token?.type !== 'octet-string' ||
      equalBytes(challenges.fromClient, challenges.fromServer) ||
      !verifyGmacToken(options.crypto, keys, clientTitle, challenges.fromServer, token.value)
    ) {
      this.#associations.delete(clientSap)
      this.#event('authentication-failed', clientSap, clientTitle)
      return { type: 'action-response-normal', invoke, result: 'other-reason' }
    }
    association.challenges = undefined
    this.#event('associated', clientSap, clientTitle)
    const proof = gmacToken(options.crypto, keys, options.systemTitle, challenges.fromClient, counters.next())
    const data = encodeData(axdr.octetString(proof))
    return { type: 'action-response-normal', invoke, result: 'success', returned: { ok: true, data } }
  }

  /** Opens a request as the association demands: tag, then protection, then counter. */
  #unprotect(
    octets: Uint8Array,
    profile: ServerAssociationProfile<D>,
    clientSap: number,
    title: Uint8Array | undefined,
    keys: CipherKeys | undefined,
    dedicatedGuard: ReplayGuard | undefined,
  ): Unprotected {
    const demanded = profile.protection ?? 'none'
    const kind = cipherKind(octets[0])
    if (kind === undefined || !keys || !title) {
      if (kind === undefined && demanded === 'none') return { apdu: octets, protection: 'none' }
      this.#event('protection-refused', clientSap, title)
      throw new Refused(NOT_ALLOWED)
    }
    let opened: OpenedApdu
    try {
      opened = openApdu(octets, { crypto: this.#server.options.crypto, keys, systemTitle: title })
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#event('deciphering-failed', clientSap, title)
      throw new Refused({
        type: 'exception-response',
        stateError: 'service-not-allowed',
        serviceError: 'deciphering-error',
      })
    }
    // Whatever is ciphered at all must be authenticated: the replay guard may not move on the word of just anybody.
    const enough = protectsAs(opened.protection, demanded) && protectsAs(opened.protection, 'authenticated')
    if (!enough || !equalBytes(opened.systemTitle, title) || opened.broadcast) {
      this.#event('protection-refused', clientSap, title)
      throw new Refused(NOT_ALLOWED)
    }
    const dedicated = opened.kind === 'ded' || opened.kind === 'general-ded'
    const guard = dedicated && dedicatedGuard ? dedicatedGuard : this.#server.guard(title)
    if (!guard.accept(opened.invocationCounter)) {
      this.#event('replay-refused', clientSap, title)
      throw new Refused({
        type: 'exception-response',
        stateError: 'service-not-allowed',
        serviceError: 'invocation-counter-error',
        invocationCounter: guard.last + 1,
      })
    }
    return { apdu: opened.apdu, kind: opened.kind, protection: opened.protection }
  }

  /** Closes an answer as its request was closed. */
  #seal(apdu: Uint8Array, association: ServerAssociation<D>, like: Unprotected): Uint8Array {
    const { kind, protection } = like
    const { keys, dedicated } = association
    if (kind === undefined || kind === 'general-ciphering' || !keys) return apdu
    if (cipheredTag(apdu[0], kind) === undefined) return apdu
    const { crypto, systemTitle } = this.#server.options
    const counters =
      (kind === 'ded' || kind === 'general-ded') && dedicated ? dedicated.counters : this.#server.counters
    return sealApdu(apdu, { crypto, keys, kind, protection, systemTitle, invocationCounter: counters.next() })
  }
}

/**
 * Puts a connection under a link layer: octets in, octets out.
 *
 * @returns octets to send, in order; DecodeError from the link layer means the channel is to be closed
 */
export function feedServer<D>(
  connection: ServerConnection<D>,
  framing: Framing,
  octets: Uint8Array,
  now: Instant,
): Uint8Array[] {
  const out: Uint8Array[] = []
  for (const event of framing.feed(octets, now))
    if (event.type === 'send') out.push(event.octets)
    else if (event.type === 'apdu') {
      const answer = connection.receive(event.apdu, event.client, now)
      if (!answer) continue
      for (const reply of framing.send(answer, now, event.client)) if (reply.type === 'send') out.push(reply.octets)
    }
  return out
}
