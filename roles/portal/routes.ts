import { Type } from 'typebox'
import { type App, Problem } from '#platform/http'
import type { Metrics } from '#platform/metrics'
import type { RoleHealth } from './health.ts'

/** What the portal's own faces need. */
export interface OwnPorts {
  readonly health: () => Promise<{ readonly ok: boolean; readonly roles: Record<string, RoleHealth> }>
  readonly description: () => Promise<Readonly<Record<string, unknown>>>
  readonly metrics: Metrics
}

const RolesHealth = Type.Record(
  Type.String(),
  Type.Object({ role: Type.String(), status: Type.String() }, { additionalProperties: true }),
)

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/

/** Health of all roles, description of all faces, metrics. */
export function ownRoutes(app: App, { health, description, metrics }: OwnPorts): void {
  const config = { access: 'public' } as const
  app.get(
    '/health',
    {
      config,
      schema: {
        summary: 'Health, one object a role; 200 only when all roles say ok',
        response: { 200: RolesHealth, 503: RolesHealth },
      },
    },
    async (_request, reply) => {
      const { ok, roles } = await health()
      return reply
        .code(ok ? 200 : 503)
        .header('cache-control', 'no-store')
        .send(roles)
    },
  )
  app.get(
    '/openapi.json',
    {
      config,
      schema: { summary: 'This description', response: { 200: Type.Object({}, { additionalProperties: true }) } },
    },
    async () => description(),
  )
  app.get(
    '/metrics',
    {
      config,
      schema: {
        summary: 'Metrics in Prometheus text format, for callers on this machine only',
        produces: ['text/plain'],
      },
    },
    async (request, reply) => {
      const isForwarded = request.headers['x-forwarded-for'] !== undefined || request.headers.forwarded !== undefined
      if (isForwarded || !LOOPBACK.test(request.socket.remoteAddress ?? ''))
        throw new Problem('ROUTE_UNKNOWN', 'there is nothing here')
      return reply.type('text/plain; version=0.0.4').send(metrics.text())
    },
  )
}
