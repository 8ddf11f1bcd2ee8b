import { createHash, randomBytes } from 'node:crypto'
import type { Instant } from '@gridtally/wire'
import { Problem } from '#platform/http'
import type { Store } from '#platform/store'
import type { Account } from './store.ts'

/** How a session began. */
export type SignInWay = 'link' | 'passkey'

/** A person at a browser, for a time. */
export interface Session {
  /** Names the session in lists; opens nothing. */
  readonly publicId: string
  readonly account: Account
  readonly signedInBy: SignInWay
  readonly createdAt: Instant
  readonly lastSeenAt: Instant
  /** Latest end; idleness may end it before. */
  readonly expiresAt: Instant
}

/** Limits of sessions, in ms. */
export interface SessionLimits {
  readonly idleMs: number
  readonly absoluteMs: number
}

/** One-time links and the sessions that come of them. All times are the machine's: no faster clock shortens a session. */
export interface SignIn {
  /** Makes a link for an account. @throws Problem `ACCOUNT_UNKNOWN` */
  makeLink(accountId: string, lifeMs: number): Promise<{ readonly token: string; readonly expiresAt: Instant }>
  /** Uses a link up. @returns the account @throws Problem `LINK_UNKNOWN`, `LINK_USED`, `LINK_EXPIRED` */
  redeem(token: string): Promise<Account>
  /** Begins a session. @returns its id, told once, and the session */
  begin(account: Account, way: SignInWay): Promise<{ readonly id: string; readonly session: Session }>
  /**
   * The live session of an id; `undefined` for unknown, idle, expired and ended ones.
   *
   * @param passive looks without counting as a sign of life, as a live stream does that nobody may be watching
   */
  find(id: string, passive?: boolean): Promise<Session | undefined>
  /** Ends the session of an id; unknown ids are no error. */
  end(id: string): Promise<void>
  /** Live sessions of an account, newest first. */
  list(accountId: string): Promise<Session[]>
  /** Ends a session of the account by its public name. */
  endOther(accountId: string, publicId: string): Promise<void>
  /** Ends all sessions of an account. */
  endAll(accountId: string): Promise<void>
}

/** Being seen is written down at most this often: each request would otherwise be a write. */
const SEEN_EVERY_MS = 30_000

/** Tokens and ids are 32 random octets in base64url. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/

/** Most live sessions of one account; the oldest gives way. */
const MOST_SESSIONS = 20

const newToken = (): string => randomBytes(32).toString('base64url')
/** Lookups are by digest: what a comparison's time tells of a digest helps nobody find the token. */
const digest = (token: string): Uint8Array => createHash('sha256').update(token).digest()

interface SessionRow {
  readonly public_id: string
  readonly signed_in_by: SignInWay
  readonly created_at: number
  readonly last_seen_at: number
  readonly expires_at: number
  readonly id: string
  readonly role: Account['role']
  readonly name: string
}

const sessionOf = (row: SessionRow): Session => ({
  publicId: row.public_id,
  account: { id: row.id, role: row.role, name: row.name },
  signedInBy: row.signed_in_by,
  createdAt: row.created_at,
  lastSeenAt: row.last_seen_at,
  expiresAt: row.expires_at,
})

const LIVE = `SELECT s.public_id, s.signed_in_by, s.created_at, s.last_seen_at, s.expires_at, a.id, a.role, a.name
  FROM session s JOIN account a ON a.id = s.account_id
  WHERE a.disabled_at IS NULL AND s.ended_at IS NULL AND s.expires_at > $2 AND s.last_seen_at > $3`

/** @param now the machine's time */
export function createSignIn(store: Store, limits: SessionLimits, now: () => Instant): SignIn {
  return {
    async makeLink(accountId, lifeMs) {
      const at = now()
      const token = newToken()
      const made = await store.query(
        `INSERT INTO sign_in_link (hash, account_id, created_at, expires_at)
         SELECT $1, id, $3, $4 FROM account WHERE id = $2 AND disabled_at IS NULL RETURNING account_id`,
        [digest(token), accountId, at, at + lifeMs],
      )
      if (made.length === 0) throw new Problem('ACCOUNT_UNKNOWN', `no account ${accountId}`)
      await store.query('DELETE FROM sign_in_link WHERE expires_at < $1', [at - 7 * 86_400_000])
      return { token, expiresAt: at + lifeMs }
    },
    async redeem(token) {
      if (!TOKEN.test(token)) throw new Problem('LINK_UNKNOWN', 'this sign-in link is not one of ours')
      const hash = digest(token)
      const at = now()
      // One statement: of two that come at once, one finds it used.
      const [account] = await store.query<Account>(
        `UPDATE sign_in_link l SET used_at = $2 FROM account a
         WHERE l.hash = $1 AND l.used_at IS NULL AND l.expires_at > $2 AND a.id = l.account_id AND a.disabled_at IS NULL
         RETURNING a.id, a.role, a.name`,
        [hash, at],
      )
      if (account) return account
      const [link] = await store.query<{ used_at: number | null }>('SELECT used_at FROM sign_in_link WHERE hash = $1', [
        hash,
      ])
      if (!link) throw new Problem('LINK_UNKNOWN', 'this sign-in link is not one of ours')
      throw link.used_at === null
        ? new Problem('LINK_EXPIRED', 'this sign-in link is too old; ask for a new one')
        : new Problem('LINK_USED', 'this sign-in link was used before; ask for a new one')
    },
    async begin(account, way) {
      const id = newToken()
      const at = now()
      const session: Session = {
        publicId: randomBytes(9).toString('base64url'),
        account,
        signedInBy: way,
        createdAt: at,
        lastSeenAt: at,
        expiresAt: at + limits.absoluteMs,
      }
      await store.query(
        `INSERT INTO session (hash, public_id, account_id, signed_in_by, created_at, last_seen_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $5, $6)`,
        [digest(id), session.publicId, account.id, way, at, session.expiresAt],
      )
      await store.query(
        `UPDATE session SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL AND hash <> $3 AND hash NOT IN
           (SELECT hash FROM session WHERE account_id = $1 AND ended_at IS NULL AND hash <> $3
            ORDER BY created_at DESC LIMIT ${MOST_SESSIONS - 1})`,
        [account.id, at, digest(id)],
      )
      await store.query('DELETE FROM session WHERE expires_at < $1', [at - 30 * 86_400_000])
      return { id, session }
    },
    async find(id, passive = false) {
      if (!TOKEN.test(id)) return undefined
      const at = now()
      const hash = digest(id)
      const [row] = await store.query<SessionRow>(`${LIVE} AND s.hash = $1`, [hash, at, at - limits.idleMs])
      if (!row) return undefined
      if (!passive && at - row.last_seen_at >= SEEN_EVERY_MS)
        await store.query('UPDATE session SET last_seen_at = $2 WHERE hash = $1', [hash, at])
      return sessionOf(row)
    },
    async end(id) {
      if (TOKEN.test(id))
        await store.query('UPDATE session SET ended_at = $2 WHERE hash = $1 AND ended_at IS NULL', [digest(id), now()])
    },
    async list(accountId) {
      const at = now()
      const rows = await store.query<SessionRow>(`${LIVE} AND s.account_id = $1 ORDER BY s.created_at DESC`, [
        accountId,
        at,
        at - limits.idleMs,
      ])
      return rows.map(sessionOf)
    },
    async endOther(accountId, publicId) {
      await store.query(
        'UPDATE session SET ended_at = $3 WHERE account_id = $1 AND public_id = $2 AND ended_at IS NULL',
        [accountId, publicId, now()],
      )
    },
    async endAll(accountId) {
      await store.query('UPDATE session SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL', [
        accountId,
        now(),
      ])
    },
  }
}
