/**
 * A symmetric key. Its octets are in a private field: printing, logging or serialising one shows nothing.
 */
export class SecretKey {
  readonly #octets: Uint8Array

  /** @param octets 16 (suites 0 and 1) or 32 (suite 2) octets; copied */
  constructor(octets: Uint8Array) {
    if (octets.length !== 16 && octets.length !== 32) throw new RangeError(`a key of ${octets.length} octets`)
    this.#octets = octets.slice()
  }

  /** The octets themselves, for ciphers only. Do not change, print or keep them. */
  reveal(): Uint8Array {
    return this.#octets
  }

  toString(): string {
    return '[secret key]'
  }

  toJSON(): string {
    return '[secret key]'
  }
}

/**
 * The ciphers DLMS needs, all synchronous. `platform/dlms-crypto` has one over node:crypto; others may sit before a hardware module.
 * Tags are always 12 octets.
 */
export interface CryptoProvider {
  /** AES-GCM: ciphertext, then the tag. */
  sealGcm(key: SecretKey, iv: Uint8Array, aad: Uint8Array, plain: Uint8Array): Uint8Array
  /** Opens what {@link sealGcm} made; `null` when the tag is wrong. Tags are compared in constant time. */
  openGcm(key: SecretKey, iv: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | null
  /** AES-GCM's stream without a tag, for APDUs that are encrypted only. The same both ways. */
  streamGcm(key: SecretKey, iv: Uint8Array, octets: Uint8Array): Uint8Array
  /** AES key wrap (RFC 3394). */
  wrapKey(kek: SecretKey, key: SecretKey): Uint8Array
  /** Undoes {@link wrapKey}; `null` when the integrity check fails. */
  unwrapKey(kek: SecretKey, wrapped: Uint8Array): SecretKey | null
  /** Octets nobody can foresee. */
  randomBytes(count: number): Uint8Array
}

/** Octets of every tag here: suites 0 to 2 all use 96 bits. */
export const TAG_OCTETS = 12
