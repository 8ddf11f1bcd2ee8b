import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import type { Instant } from '@gridtally/wire'
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { Problem } from '#platform/http'
import type { Store } from '#platform/store'
import type { Account } from './store.ts'

/** The site passkeys belong to. */
export interface RelyingParty {
  /** Host name; browsers take no IP address. */
  readonly id: string
  /** Where the browser stood: `https://portal.example`. */
  readonly origin: string
}

/** A passkey as its owner sees it. */
export interface PasskeyInfo {
  readonly id: string
  readonly name: string
  readonly createdAt: Instant
  readonly lastUsedAt: Instant | null
}

/** Passkeys (WebAuthn, discoverable, with user verification): they are the whole sign-in, not a second factor. */
export interface Passkeys {
  list(accountId: string): Promise<PasskeyInfo[]>
  registrationOptions(account: Account, site: RelyingParty): Promise<PublicKeyCredentialCreationOptionsJSON>
  /** @throws Problem `PASSKEY_INVALID` */
  register(account: Account, site: RelyingParty, name: string, response: RegistrationResponseJSON): Promise<PasskeyInfo>
  assertionOptions(site: RelyingParty): Promise<PublicKeyCredentialRequestOptionsJSON>
  /** @returns whose passkey it is @throws Problem `PASSKEY_REFUSED` */
  assert(site: RelyingParty, response: AuthenticationResponseJSON): Promise<Account>
  /** @throws Problem `PASSKEY_UNKNOWN` */
  remove(accountId: string, id: string): Promise<void>
}

const CHALLENGE_LIFE_MS = 5 * 60_000
const MOST_PASSKEYS = 20

/** The site of a portal's public URL. */
export function relyingParty(publicUrl: string): RelyingParty {
  const { hostname, origin } = new URL(publicUrl)
  return { id: hostname, origin }
}

const digest = (challenge: string): Uint8Array => createHash('sha256').update(challenge).digest()

/** The challenge a browser says it answers; what it is worth shows when the answer is verified against it. */
function challengeIn(clientDataJSON: string): string {
  try {
    const { challenge } = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString()) as { challenge?: unknown }
    return typeof challenge === 'string' ? challenge : ''
  } catch {
    return ''
  }
}

interface PasskeyRow {
  readonly id: string
  readonly account_id: string
  readonly name: string
  readonly public_key: Uint8Array
  readonly counter: number
  readonly transports: string
  readonly created_at: number
  readonly last_used_at: number | null
}

const infoOf = (row: PasskeyRow): PasskeyInfo => ({
  id: row.id,
  name: row.name,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at,
})

/** @param now the machine's time */
export function createPasskeys(store: Store, now: () => Instant): Passkeys {
  async function keepChallenge(challenge: string, accountId: string | null): Promise<void> {
    const at = now()
    await store.query('DELETE FROM challenge WHERE expires_at < $1', [at])
    await store.query('INSERT INTO challenge (hash, challenge, account_id, expires_at) VALUES ($1, $2, $3, $4)', [
      digest(challenge),
      challenge,
      accountId,
      at + CHALLENGE_LIFE_MS,
    ])
  }

  /** Takes a challenge out, so that it is answered once. */
  async function takeChallenge(clientDataJSON: string, accountId: string | null): Promise<string | undefined> {
    const [found] = await store.query<{ challenge: string }>(
      `DELETE FROM challenge WHERE hash = $1 AND expires_at > $2 AND account_id IS NOT DISTINCT FROM $3 RETURNING challenge`,
      [digest(challengeIn(clientDataJSON)), now(), accountId],
    )
    return found?.challenge
  }

  const rowsOf = (accountId: string): Promise<PasskeyRow[]> =>
    store.query<PasskeyRow>('SELECT * FROM passkey WHERE account_id = $1 ORDER BY created_at, id', [accountId])

  return {
    list: async (accountId) => (await rowsOf(accountId)).map(infoOf),
    async registrationOptions(account, site) {
      if (isIP(site.id) !== 0)
        throw new Problem('PASSKEY_INVALID', `passkeys need a host name such as localhost, not the address ${site.id}`)
      const known = await rowsOf(account.id)
      const options = await generateRegistrationOptions({
        rpName: 'Gridtally',
        rpID: site.id,
        userName: account.name,
        userDisplayName: account.name,
        userID: Uint8Array.from(createHash('sha256').update(account.id).digest()),
        attestationType: 'none',
        excludeCredentials: known.map(({ id }) => ({ id })),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      })
      await keepChallenge(options.challenge, account.id)
      return options
    },
    async register(account, site, name, response) {
      const refuse = (why: string, cause?: unknown): Problem => new Problem('PASSKEY_INVALID', why, {}, { cause })
      const challenge = await takeChallenge(response.response.clientDataJSON, account.id)
      if (challenge === undefined) throw refuse('the question it answers was not asked, or too long ago')
      if ((await rowsOf(account.id)).length >= MOST_PASSKEYS) throw refuse(`an account has at most ${MOST_PASSKEYS}`)
      const verified = await verifyRegistrationResponse({
        response,
        expectedChallenge: challenge,
        expectedOrigin: site.origin,
        expectedRPID: site.id,
        requireUserVerification: true,
      }).catch((cause: unknown) => {
        throw refuse('the browser’s answer does not hold', cause)
      })
      if (!verified.verified) throw refuse('the browser’s answer does not hold')
      const { id, publicKey, counter, transports } = verified.registrationInfo.credential
      const at = now()
      const made = await store.query(
        `INSERT INTO passkey (id, account_id, name, public_key, counter, transports, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING RETURNING id`,
        [id, account.id, name, publicKey, counter, JSON.stringify(transports ?? []), at],
      )
      if (made.length === 0) throw refuse('this passkey is registered already')
      return { id, name, createdAt: at, lastUsedAt: null }
    },
    async assertionOptions(site) {
      const options = await generateAuthenticationOptions({ rpID: site.id, userVerification: 'required' })
      await keepChallenge(options.challenge, null)
      return options
    },
    async assert(site, response) {
      // One answer for everything that can be wrong: it tells nobody which passkeys there are.
      const refuse = (cause?: unknown): Problem =>
        new Problem('PASSKEY_REFUSED', 'this passkey is not accepted here', {}, { cause })
      const challenge = await takeChallenge(response.response.clientDataJSON, null)
      const [row] = await store.query<PasskeyRow & { role: Account['role']; account_name: string }>(
        `SELECT p.*, a.role, a.name AS account_name FROM passkey p JOIN account a ON a.id = p.account_id
         WHERE p.id = $1 AND a.disabled_at IS NULL`,
        [response.id],
      )
      if (challenge === undefined || !row) throw refuse()
      const { verified, authenticationInfo } = await verifyAuthenticationResponse({
        response,
        expectedChallenge: challenge,
        expectedOrigin: site.origin,
        expectedRPID: site.id,
        credential: { id: row.id, publicKey: Uint8Array.from(row.public_key), counter: row.counter },
        requireUserVerification: true,
      }).catch((cause: unknown) => {
        throw refuse(cause)
      })
      if (!verified) throw refuse()
      // The counter may only have grown since it was read: of two uses of one state, the later is a copy.
      const moved = await store.query(
        'UPDATE passkey SET counter = $2, last_used_at = $3 WHERE id = $1 AND counter = $4 RETURNING id',
        [row.id, authenticationInfo.newCounter, now(), row.counter],
      )
      if (moved.length === 0) throw refuse()
      return { id: row.account_id, role: row.role, name: row.account_name }
    },
    async remove(accountId, id) {
      const gone = await store.query('DELETE FROM passkey WHERE id = $1 AND account_id = $2 RETURNING id', [
        id,
        accountId,
      ])
      if (gone.length === 0) throw new Problem('PASSKEY_UNKNOWN', 'no such passkey')
    },
  }
}
