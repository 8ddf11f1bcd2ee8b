import { formatInstant } from '@gridtally/metering'
import { Type } from 'typebox'
import type { App } from '#platform/http'
import {
  GrantedSchema,
  GrantSchema,
  LinkRequestSchema,
  LinkSchema,
  ProvisionedSchema,
  ProvisionSchema,
} from './provision-schema.ts'
import { sessionOf } from './routes-people.ts'
import type { SignIn } from './sign-in.ts'
import type { AccessStore } from './store.ts'
import type { StreamHub } from './stream-hub.ts'

/** What the routes for other roles need. */
export interface ServicePorts {
  readonly store: AccessStore
  readonly signIn: SignIn
  readonly hub: StreamHub
  /** The machine's time. */
  readonly now: () => number
  /** The platform's time, which data and rights live by. */
  readonly dataNow: () => number
  readonly zone: string
  /** Aborted when the role stops, so that nobody is kept waiting. */
  readonly stopping: AbortSignal
}

const MINUTE_MS = 60_000
const LINK_MINUTES = 60
const PROVISION_LIMIT = 16 * 1024 * 1024

/** Set-up by services, and what the portal asks for itself. */
export function serviceRoutes(app: App, { store, signIn, hub, now, dataNow, zone, stopping }: ServicePorts): void {
  app.post(
    '/customers',
    {
      bodyLimit: PROVISION_LIMIT,
      config: { policy: 'provisioner', audit: 'provision' },
      schema: {
        summary: 'Set up tariffs, usage points, customers and operators; may be repeated',
        body: ProvisionSchema,
        response: { 200: ProvisionedSchema },
      },
    },
    async (request) => {
      const { tariffs = [], usagePoints = [], customers = [], operators = [] } = request.body
      await store.provision(request.body, now())
      return {
        tariffs: tariffs.length,
        usagePoints: usagePoints.length,
        customers: customers.length,
        operators: operators.length,
      }
    },
  )

  app.post(
    '/grants',
    {
      config: { policy: 'provisioner', audit: 'grant' },
      schema: {
        summary: 'Make a usage point known, unless it is, and let an account see all of it; may be repeated',
        body: GrantSchema,
        response: { 200: GrantedSchema },
      },
    },
    async (request) => {
      await store.grant(request.body)
      return { usagePointId: request.body.usagePoint.id, accountId: request.body.accountId ?? null }
    },
  )

  app.post(
    '/links',
    {
      config: { policy: 'provisioner', audit: 'link.make' },
      schema: { summary: 'Make a one-time sign-in link', body: LinkRequestSchema, response: { 200: LinkSchema } },
    },
    async (request) => {
      const { accountId, minutes = LINK_MINUTES } = request.body
      const { token, expiresAt } = await signIn.makeLink(accountId, minutes * MINUTE_MS)
      return { token, path: `/sign-in#token=${token}`, expiresAt: formatInstant(expiresAt, zone) }
    },
  )

  app.get(
    '/stream/scope',
    {
      config: { policy: 'signed-in' },
      schema: {
        summary: 'What of the live stream a session may see',
        response: {
          200: Type.Object({
            role: Type.Unsafe<'customer' | 'operator'>({ type: 'string', enum: ['customer', 'operator'] }),
            usagePoints: Type.Array(
              Type.Object({
                id: Type.String(),
                from: Type.Number({ description: 'ms since the epoch' }),
                to: Type.Union([Type.Number(), Type.Null()]),
              }),
            ),
          }),
        },
      },
    },
    async (request) => {
      const { account } = sessionOf(request)
      const at = dataNow()
      const rights = await store.rightsOf(account.id)
      const usagePoints = rights.flatMap(({ place, spans }) =>
        spans
          .filter(({ from, to }) => at >= from && (to === null || at < to))
          .map(({ from, to }) => ({ id: place.id, from, to })),
      )
      return { role: account.role, usagePoints }
    },
  )

  app.post(
    '/stream/poll',
    {
      config: { policy: 'browser-service' },
      schema: {
        summary: 'Live events behind a number, for all of the portal’s streams at once; waits for the next',
        body: Type.Object({
          after: Type.Integer({ minimum: 0 }),
          watch: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 5000 }),
          waitMs: Type.Integer({ minimum: 0, maximum: 25_000 }),
        }),
        response: {
          200: Type.Object({
            latest: Type.Integer(),
            events: Type.Array(
              Type.Object({
                id: Type.Integer(),
                event: Type.String(),
                usagePointId: Type.Union([Type.String(), Type.Null()]),
                data: Type.Object({}, { additionalProperties: true }),
              }),
            ),
          }),
        },
      },
    },
    async (request) => {
      const { after, watch, waitMs } = request.body
      hub.watch(watch, now())
      const watched = new Set(watch)
      const events = await hub.after(after, waitMs, stopping)
      return {
        latest: hub.latest,
        events: events.filter(({ usagePointId }) => usagePointId === null || watched.has(usagePointId)),
      }
    },
  )
}
