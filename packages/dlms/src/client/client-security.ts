import { DecodeError, equalBytes } from '@gridtally/wire'
import { DlmsError } from '../dlms-error.ts'
import { type CipherKeys, type OpenedApdu, openApdu, sealApdu } from '../security/cipher.ts'
import { protectsAs } from '../security/control.ts'
import { CounterLease, ReplayGuard } from '../security/counters.ts'
import { type CryptoProvider, SecretKey } from '../security/crypto-provider.ts'

/** What a client needs to speak ciphered (security suite 0). */
export interface ClientSecurity {
  readonly crypto: CryptoProvider
  readonly keys: CipherKeys
  /** The client's own, 8 octets. */
  readonly systemTitle: Uint8Array
  /** Counters set aside for sending under the global key. */
  readonly counters: CounterLease
  /** Default `authenticated-encrypted`. Answers must come with at least as much. */
  readonly protection?: 'authenticated' | 'authenticated-encrypted'
  /** `glo` (default) tags each service, `general-glo` carries the title; `dedicated` puts the association under a key of its own. */
  readonly form?: 'glo' | 'general-glo'
  readonly dedicated?: boolean
  /** Title the meter must have. Without it any is taken, and proven by GMAC authentication. */
  readonly meterSystemTitle?: Uint8Array
  /** Highest invocation counter the meter ever used with this key; answers at or below are refused. Default none. */
  readonly replayFloor?: number
}

/** Closes requests and opens answers of one association. */
export class ClientCipher {
  readonly #security: ClientSecurity
  readonly #protection: 'authenticated' | 'authenticated-encrypted'
  readonly #guard: ReplayGuard
  readonly #dedicatedGuard = new ReplayGuard()
  readonly #dedicatedCounters = new CounterLease()
  readonly #keys: CipherKeys
  #meterTitle: Uint8Array | undefined

  constructor(security: ClientSecurity) {
    this.#security = security
    this.#protection = security.protection ?? 'authenticated-encrypted'
    this.#guard = new ReplayGuard(security.replayFloor)
    this.#meterTitle = security.meterSystemTitle
    this.#keys = security.dedicated
      ? { ...security.keys, dedicatedKey: new SecretKey(security.crypto.randomBytes(16)) }
      : security.keys
    // A new key begins at 0: nothing was ever sent under it.
    if (security.dedicated) this.#dedicatedCounters.add(0, 0xffff_ffff)
  }

  get keys(): CipherKeys {
    return this.#keys
  }

  get meterTitle(): Uint8Array | undefined {
    return this.#meterTitle
  }

  /** Highest counter of the meter accepted under the global key, −1 before the first. */
  get lastReceivedCounter(): number {
    return this.#guard.last
  }

  /** Takes the title an AARE brings. Throws `PEER_NOT_AUTHENTIC` when it is ours, or not the one expected. */
  meetMeter(title: Uint8Array | undefined): void {
    if (!title) return
    const { meterSystemTitle, systemTitle } = this.#security
    if (meterSystemTitle && !equalBytes(title, meterSystemTitle))
      throw new DlmsError('PEER_NOT_AUTHENTIC', 'the meter gives another system title than expected')
    if (equalBytes(title, systemTitle))
      throw new DlmsError('PEER_NOT_AUTHENTIC', 'the meter gives our own system title: an echo, or an impostor')
    this.#meterTitle = title.slice()
  }

  /** Closes a request; an InitiateRequest always goes under the global key. */
  seal(apdu: Uint8Array): Uint8Array {
    const { crypto, systemTitle, counters, form = 'glo', dedicated } = this.#security
    const useDedicated = dedicated === true && apdu[0] !== 0x01
    return sealApdu(apdu, {
      crypto,
      keys: this.#keys,
      kind: useDedicated ? (form === 'glo' ? 'ded' : 'general-ded') : form,
      protection: this.#protection,
      systemTitle,
      invocationCounter: (useDedicated ? this.#dedicatedCounters : counters).next(),
    })
  }

  /** Opens an answer: tag, protection, title and counter are all checked. Throws DlmsError. */
  open(octets: Uint8Array): Uint8Array {
    if (!this.#meterTitle)
      throw new DlmsError('PEER_NOT_AUTHENTIC', 'a ciphered answer, but no system title of the meter')
    let opened: OpenedApdu
    try {
      opened = openApdu(octets, {
        crypto: this.#security.crypto,
        keys: this.#keys,
        systemTitle: this.#meterTitle,
      })
    } catch (cause) {
      if (cause instanceof DecodeError && cause.code === 'AUTHENTICATION')
        throw new DlmsError('TAG_MISMATCH', 'an answer was altered on the way, or is under another key', { cause })
      throw cause
    }
    if (!protectsAs(opened.protection, this.#protection))
      throw new DlmsError('NOT_PROTECTED', `an answer came ${opened.protection}, not ${this.#protection}`)
    if (!equalBytes(opened.systemTitle, this.#meterTitle))
      throw new DlmsError('PEER_NOT_AUTHENTIC', 'an answer came from another system title')
    const dedicated = opened.kind === 'ded' || opened.kind === 'general-ded'
    if (!(dedicated ? this.#dedicatedGuard : this.#guard).accept(opened.invocationCounter))
      throw new DlmsError('COUNTER_REPLAYED', `an answer repeats invocation counter ${opened.invocationCounter}`)
    return opened.apdu
  }
}
