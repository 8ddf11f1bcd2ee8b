import { createApp, HTTP_METRICS, listen } from '#platform/http'
import type { Log } from '#platform/log'
import { createMetrics } from '#platform/metrics'
import type { RoleName } from '#platform/role'

/** Health of each role by name, as the role tells it, or why it does not answer. */
export async function healthOf(urls: ReadonlyMap<RoleName, string>): Promise<Record<string, { status: string }>> {
  const answers = [...urls].map(async ([role, url]) => {
    try {
      const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(3000) })
      // Every role's /health has a status; the portal's tells of all roles, its own among them.
      const health = (await response.json()) as { status: string } & Partial<Record<RoleName, { status: string }>>
      return [role, health[role] ?? health] as const
    } catch (error) {
      return [role, { role, status: 'unreachable', detail: (error as Error).message }] as const
    }
  })
  return Object.fromEntries(await Promise.all(answers))
}

/** The public port's server where the portal does not run: it answers `/health`, one JSON object a role. */
export async function startFront(
  host: string,
  port: number,
  urls: ReadonlyMap<RoleName, string>,
  log: Log,
): Promise<{ close(): Promise<void> }> {
  const app = await createApp({
    role: 'front',
    description: 'Health of the roles that run here.',
    log,
    metrics: createMetrics(HTTP_METRICS),
    tokens: () => undefined,
    health: async () => ({ status: 'ok' }),
    faces: 'own',
  })
  app.get(
    '/health',
    { config: { access: 'public' }, schema: { summary: 'Health of each role here' } },
    async (_request, reply) => {
      const health = await healthOf(urls)
      return reply.code(Object.values(health).every(({ status }) => status === 'ok') ? 200 : 503).send(health)
    },
  )
  await listen(app, host, port)
  return { close: () => app.close() }
}
