import { formatInstant } from '@gridtally/metering'
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { PlatformClock } from '#platform/clock'
import { type App, Problem } from '#platform/http'
import type { AuditLog } from './audit-log.ts'
import type { CustomerData } from './customer-data.ts'
import { type Passkeys, type RelyingParty, relyingParty } from './passkeys.ts'
import {
  AccessRecordSchema,
  CustomerUsagePointSchema,
  itemsOf,
  type Me,
  MeSchema,
  NothingSchema,
  PasskeySchema,
  SessionInfoSchema,
} from './schemas.ts'
import type { Session, SignIn } from './sign-in.ts'
import type { AccessStore, Account } from './store.ts'

/** What the routes for people need. */
export interface PeoplePorts {
  readonly store: AccessStore
  readonly signIn: SignIn
  readonly passkeys: Passkeys
  readonly audit: AuditLog
  readonly data: CustomerData
  readonly clock: PlatformClock
  /** The machine's time, which sessions live by. */
  readonly now: () => number
  /** The utility's zone. */
  readonly zone: string
}

const Token = Type.String({ minLength: 1, maxLength: 200 })
/** What a browser's WebAuthn call gives; @simplewebauthn/server looks inside. */
const BrowserAnswer = Type.Object(
  {
    id: Token,
    response: Type.Object({ clientDataJSON: Type.String({ maxLength: 4000 }) }, { additionalProperties: true }),
  },
  { additionalProperties: true },
)
const Options = Type.Object({ challenge: Type.String() }, { additionalProperties: true })

/** The session of a person a policy has let in. */
export function sessionOf(request: FastifyRequest): Session {
  if (!request.session) throw new Problem('SESSION_REQUIRED', 'sign in first')
  return request.session
}

/** Where the browser stands, as the portal says. */
function siteOf(request: FastifyRequest): RelyingParty {
  const url = request.headers['x-public-url']
  if (typeof url !== 'string' || !URL.canParse(url))
    throw new Problem('REQUEST_INVALID', 'the header x-public-url must hold the portal’s public URL')
  return relyingParty(url)
}

/** Sign-in, passkeys, sessions, and what is whose. */
export function peopleRoutes(app: App, ports: PeoplePorts): void {
  const { store, signIn, passkeys, audit, data, clock, now, zone } = ports

  async function meOf(session: Session): Promise<Me> {
    const platformNow = clock.now()
    return {
      accountId: session.account.id,
      name: session.account.name,
      role: session.account.role,
      signedInBy: session.signedInBy,
      // The portal counts by the platform's clock; the session runs out by the machine's.
      sessionExpiresAt: formatInstant(
        Math.floor((platformNow + (session.expiresAt - now()) * clock.speed) / 1000) * 1000,
        zone,
      ),
      passkeys: (await passkeys.list(session.account.id)).length,
      serverTime: formatInstant(Math.floor(platformNow / 1000) * 1000, zone),
    }
  }

  /** Begins a session; its id leaves in a header only the portal reads. */
  async function letIn(reply: FastifyReply, account: Account, way: Session['signedInBy']): Promise<Me> {
    const { id, session } = await signIn.begin(account, way)
    await audit.append({
      at: now(),
      actor: account.id,
      actorRole: account.role,
      action: `signin.${way}`,
      subject: account.id,
      purpose: 'own data',
      outcome: 'done',
    })
    reply.header('x-session-set', id)
    return meOf(session)
  }

  async function refused(request: FastifyRequest, way: string): Promise<void> {
    await audit.append({
      at: now(),
      actor: request.caller,
      actorRole: 'anonymous',
      action: `signin.${way}`,
      subject: '',
      purpose: 'own data',
      outcome: 'refused',
    })
  }

  app.post(
    '/links/redeem',
    {
      config: { policy: 'anonymous' },
      schema: {
        summary: 'Sign in with a one-time link',
        body: Type.Object({ token: Token }),
        response: { 200: MeSchema },
      },
    },
    async (request, reply) => {
      const account = await signIn.redeem(request.body.token).catch(async (error: unknown) => {
        if (error instanceof Problem) await refused(request, 'link')
        throw error
      })
      return letIn(reply, account, 'link')
    },
  )

  app.post(
    '/sessions/end',
    {
      config: { policy: 'anonymous' },
      schema: { summary: 'Sign out; also without a session', response: { 204: NothingSchema } },
    },
    async (request, reply) => {
      const id = request.headers['x-session']
      if (typeof id === 'string') await signIn.end(id)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/me',
    { config: { policy: 'signed-in' }, schema: { summary: 'Who is signed in', response: { 200: MeSchema } } },
    (request) => meOf(sessionOf(request)),
  )

  app.get(
    '/sessions',
    {
      config: { policy: 'signed-in' },
      schema: { summary: 'Where this account is signed in', response: { 200: itemsOf(SessionInfoSchema) } },
    },
    async (request) => {
      const own = sessionOf(request)
      const sessions = await signIn.list(own.account.id)
      return {
        items: sessions.map((session) => ({
          id: session.publicId,
          signedInBy: session.signedInBy,
          createdAt: formatInstant(session.createdAt, zone),
          lastSeenAt: formatInstant(session.lastSeenAt, zone),
          expiresAt: formatInstant(session.expiresAt, zone),
          current: session.publicId === own.publicId,
        })),
      }
    },
  )

  app.delete(
    '/sessions/:sessionId',
    {
      config: { policy: 'signed-in', audit: 'session.end' },
      schema: {
        summary: 'Sign out elsewhere',
        params: Type.Object({ sessionId: Type.String({ maxLength: 40 }) }),
        response: { 204: NothingSchema },
      },
    },
    async (request, reply) => {
      await signIn.endOther(sessionOf(request).account.id, request.params.sessionId)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/me/usage-points',
    {
      config: { policy: 'signed-in' },
      schema: { summary: 'The usage points of this account', response: { 200: itemsOf(CustomerUsagePointSchema) } },
    },
    async (request) => {
      const rights = await store.rightsOf(sessionOf(request).account.id)
      const items = rights.map(async ({ place, spans }) => {
        const { channels, dataFrom, dataTo } = await data.extent({ place, spans })
        return {
          ...place,
          channels: [...channels],
          dataFrom: dataFrom === null ? null : formatInstant(dataFrom, place.zone),
          dataTo: dataTo === null ? null : formatInstant(dataTo, place.zone),
        }
      })
      return { items: await Promise.all(items) }
    },
  )

  app.get(
    '/me/accesses',
    {
      config: { policy: 'signed-in' },
      schema: {
        summary: 'Who looked at the data of this account’s usage points, newest first, at most 200',
        response: { 200: itemsOf(AccessRecordSchema) },
      },
    },
    async (request) => {
      const { account } = sessionOf(request)
      const rights = await store.rightsOf(account.id)
      const spans = new Map(rights.map(({ place, spans }) => [place.id, spans]))
      const records = await audit.about([account.id, ...spans.keys()], 400)
      const items = records
        // What happened at a place before or after it was theirs is the business of others.
        .filter(
          ({ subject, at }) =>
            subject === account.id ||
            spans.get(subject)?.some(({ from, to }) => at >= from && (to === null || at < to)),
        )
        .filter(({ outcome, actor }) => outcome === 'done' || actor === account.id)
        .slice(0, 200)
        .map(({ at, actor, actorRole, action, subject, purpose, outcome }) => ({
          at: formatInstant(at, zone),
          who:
            actor === account.id
              ? ('you' as const)
              : actorRole === 'operator'
                ? ('operator' as const)
                : ('service' as const),
          what: action,
          subject,
          purpose,
          outcome,
        }))
      return { items }
    },
  )

  app.get(
    '/passkeys',
    {
      config: { policy: 'signed-in' },
      schema: { summary: 'Passkeys of this account', response: { 200: itemsOf(PasskeySchema) } },
    },
    async (request) => {
      const found = await passkeys.list(sessionOf(request).account.id)
      return {
        items: found.map(({ id, name, createdAt, lastUsedAt }) => ({
          id,
          name,
          createdAt: formatInstant(createdAt, zone),
          lastUsedAt: lastUsedAt === null ? null : formatInstant(lastUsedAt, zone),
        })),
      }
    },
  )

  app.post(
    '/passkeys/registration/options',
    {
      config: { policy: 'signed-in' },
      schema: { summary: 'Begin to register a passkey', response: { 200: Options } },
    },
    async (request) => ({ ...(await passkeys.registrationOptions(sessionOf(request).account, siteOf(request))) }),
  )

  app.post(
    '/passkeys/registration',
    {
      config: { policy: 'signed-in', audit: 'passkey.register' },
      schema: {
        summary: 'Register a passkey',
        body: Type.Object({ name: Type.String({ minLength: 1, maxLength: 60 }), response: BrowserAnswer }),
        response: { 201: PasskeySchema },
      },
    },
    async (request, reply) => {
      const { name, response } = request.body
      const { id, createdAt } = await passkeys.register(
        sessionOf(request).account,
        siteOf(request),
        name,
        // The library checks every member before it uses it.
        response as unknown as RegistrationResponseJSON,
      )
      return reply.code(201).send({ id, name, createdAt: formatInstant(createdAt, zone), lastUsedAt: null })
    },
  )

  app.post(
    '/passkeys/assertion/options',
    {
      config: { policy: 'anonymous' },
      schema: { summary: 'Begin to sign in with a passkey', response: { 200: Options } },
    },
    async (request) => ({ ...(await passkeys.assertionOptions(siteOf(request))) }),
  )

  app.post(
    '/passkeys/assertion',
    {
      config: { policy: 'anonymous' },
      schema: {
        summary: 'Sign in with a passkey',
        body: Type.Object({ response: BrowserAnswer }),
        response: { 200: MeSchema },
      },
    },
    async (request, reply) => {
      const account = await passkeys
        .assert(siteOf(request), request.body.response as unknown as AuthenticationResponseJSON)
        .catch(async (error: unknown) => {
          if (error instanceof Problem) await refused(request, 'passkey')
          throw error
        })
      return letIn(reply, account, 'passkey')
    },
  )

  app.delete(
    '/passkeys/:passkeyId',
    {
      config: { policy: 'signed-in', audit: 'passkey.remove' },
      schema: {
        summary: 'Remove a passkey',
        params: Type.Object({ passkeyId: Type.String({ maxLength: 2000 }) }),
        response: { 204: NothingSchema },
      },
    },
    async (request, reply) => {
      await passkeys.remove(sessionOf(request).account.id, request.params.passkeyId)
      return reply.code(204).send(null)
    },
  )
}
