import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { isoCBOR } from '@simplewebauthn/server/helpers'

/** A software authenticator: what a browser and its passkey would answer. */
export interface Authenticator {
  /** Answers a registration; `with` changes what is signed, for hostile tests. */
  register(options: { challenge: string }, site: SiteSeen): object
  /** Answers an assertion. */
  assert(options: { challenge: string }, site: SiteSeen): object
}

/** What the browser says of where it is, and how the authenticator behaves. */
export interface SiteSeen {
  readonly origin: string
  readonly rpId: string
  readonly counter?: number
  readonly userVerified?: boolean
}

const sha256 = (data: string | Uint8Array): Buffer => createHash('sha256').update(data).digest()
const b64 = (data: Uint8Array): string => Buffer.from(data).toString('base64url')

function coseKey(key: KeyObject): Uint8Array {
  const { x = '', y = '' } = key.export({ format: 'jwk' })
  return isoCBOR.encode(
    new Map<number, number | Uint8Array>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, Uint8Array.from(Buffer.from(x, 'base64url'))],
      [-3, Uint8Array.from(Buffer.from(y, 'base64url'))],
    ]),
  )
}

/** Makes an authenticator with one ES256 key. */
export function createAuthenticator(): Authenticator {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const id = randomBytes(32)
  let uses = 0
  const head = ({ rpId, counter, userVerified = true }: SiteSeen, attested: boolean): Buffer => {
    const flags = 0x01 | (userVerified ? 0x04 : 0) | (attested ? 0x40 : 0)
    const count = Buffer.alloc(4)
    count.writeUInt32BE(counter ?? ++uses)
    return Buffer.concat([sha256(rpId), Buffer.of(flags), count])
  }
  const clientData = (type: string, challenge: string, origin: string): Buffer =>
    Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }))
  return {
    register({ challenge }, site) {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(id.length)
      const authData = Buffer.concat([head(site, true), Buffer.alloc(16), length, id, coseKey(publicKey)])
      const attestation = new Map<string, string | Uint8Array | Map<string, string>>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', Uint8Array.from(authData)],
      ])
      return {
        id: b64(id),
        rawId: b64(id),
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: b64(clientData('webauthn.create', challenge, site.origin)),
          attestationObject: b64(isoCBOR.encode(attestation)),
          transports: ['internal'],
        },
      }
    },
    assert({ challenge }, site) {
      const authData = head(site, false)
      const data = clientData('webauthn.get', challenge, site.origin)
      const signature = createSign('sha256').update(authData).update(sha256(data)).sign(privateKey)
      return {
        id: b64(id),
        rawId: b64(id),
        type: 'public-key',
        clientExtensionResults: {},
        response: { clientDataJSON: b64(data), authenticatorData: b64(authData), signature: b64(signature) },
      }
    },
  }
}
