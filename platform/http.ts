import fastifySwagger from '@fastify/swagger'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { PROBLEMS, Problem, type ProblemCode } from './problems.ts'
import type { TokenCheck } from './tokens.ts'

export { Problem } from './problems.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `service` (the standard) needs a caller's token; `public` routes check for themselves or need nothing. */
    readonly access?: 'service' | 'public'
    /** Of the services with a token, those that may use this route; all when absent. `admin` always may. */
    readonly callers?: readonly string[]
  }
  interface FastifyRequest {
    /** Name of the calling service, once its token was checked. */
    caller: string
  }
}

/** The HTTP server of a role, with TypeBox schemas giving check, type, serialiser and description. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** What a role's server needs. */
export interface AppOptions {
  readonly role: string
  /** One sentence for the OpenAPI document. */
  readonly description: string
  readonly log: Log
  readonly metrics: Metrics
  readonly tokens: TokenCheck
  /** What `GET /health` answers besides `role`; `status` is `ok`, `starting` or `degraded`. */
  readonly health: () => Promise<{ readonly status: string } & Record<string, unknown>>
  /** Largest body in octets; single routes may allow more. */
  readonly bodyLimit?: number
  /** `own`: the role registers `/health`, `/metrics` and `/openapi.json` itself, as the public portal does. */
  readonly faces?: 'standard' | 'own'
  /** Addresses of proxies whose `x-forwarded-for` is believed, such as `127.0.0.1`; none when absent. */
  readonly trustProxy?: string
}

const STATUS_CODES: Readonly<Record<number, ProblemCode>> = {
  400: 'REQUEST_INVALID',
  404: 'ROUTE_UNKNOWN',
  405: 'METHOD_NOT_ALLOWED',
  413: 'BODY_TOO_LARGE',
  415: 'MEDIA_TYPE_UNSUPPORTED',
  429: 'TOO_MANY_REQUESTS',
}

/** Answers with a problem document (RFC 9457). */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json')
    .serializer(JSON.stringify)
    .send({
      type: `https://gridtally.org/errors#${problem.code}`,
      title: PROBLEMS[problem.code].title,
      status: problem.status,
      code: problem.code,
      detail: problem.message,
      ...problem.details,
    })
}

/** The problem an error is to the caller; what is nobody's business becomes INTERNAL. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  const { statusCode, message, validation, validationContext } = error as {
    statusCode?: number
    message?: string
    validation?: { instancePath?: string; message?: string }[]
    validationContext?: string
  }
  if (validation) {
    const faults = validation.map((v) =>
      `${validationContext ?? 'request'}${v.instancePath ?? ''} ${v.message ?? ''}`.trim(),
    )
    return new Problem('REQUEST_INVALID', faults.slice(0, 5).join('; '))
  }
  if (statusCode !== undefined && statusCode < 500)
    return new Problem(STATUS_CODES[statusCode] ?? 'REQUEST_INVALID', message ?? 'refused')
  return new Problem('INTERNAL', 'the service logged what happened', {}, { cause: error })
}

/**
 * A server with what every role has: problems, token check, `/health`, `/metrics`, `/openapi.json`, limits on time and size.
 * Routes are closed unless they say `config: { access: 'public' }`.
 */
export async function createApp(options: AppOptions): Promise<App> {
  const app: App = fastify({
    logger: false,
    bodyLimit: options.bodyLimit ?? 1024 * 1024,
    requestTimeout: 60_000,
    connectionTimeout: 0,
    keepAliveTimeout: 72_000,
    maxRequestsPerSocket: 0,
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    forceCloseConnections: true,
    trustProxy: options.trustProxy ?? false,
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.server.headersTimeout = 10_000
  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  app.decorateRequest('caller', '')

  app.setErrorHandler((error, request, reply) => {
    const problem = toProblem(error)
    if (problem.status >= 500)
      options.log.error('http.failed', { method: request.method, route: request.routeOptions.url, error })
    return sendProblem(reply, problem)
  })
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      new Problem('ROUTE_UNKNOWN', `there is nothing at ${request.method} ${request.url.split('?')[0]}`),
    ),
  )
  app.addHook('onRequest', async (request: FastifyRequest) => {
    if (request.routeOptions.config.access === 'public' || request.is404) return
    const [scheme, token] = (request.headers.authorization ?? '').split(' ')
    const caller = scheme === 'Bearer' && token ? options.tokens(token) : undefined
    if (!caller)
      throw new Problem('TOKEN_INVALID', 'this address is for services; send "authorization: Bearer <token>"')
    request.caller = caller
    const { callers } = request.routeOptions.config
    if (callers && caller !== 'admin' && !callers.includes(caller))
      throw new Problem('NOT_ALLOWED', `this address is not for ${caller}`)
  })
  app.addHook('onResponse', async (request, reply) => {
    options.metrics.observe('http_request_duration_seconds', reply.elapsedTime / 1000, {
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      status: String(reply.statusCode),
    })
  })

  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: `Gridtally ${options.role}`, version: '0.1.0', description: options.description },
      components: { securitySchemes: { service: { type: 'http', scheme: 'bearer' } } },
      tags: [{ name: options.role }],
    },
  })
  app.addHook('onRoute', (route) => {
    if (route.schema && !route.schema.hide) {
      const open = (route.config as { access?: string } | undefined)?.access === 'public'
      route.schema = { tags: [options.role], ...(open ? {} : { security: [{ service: [] }] }), ...route.schema }
    }
  })
  if (options.faces === 'own') return app
  const open = { access: 'public' } as const
  app.get('/health', { config: open, schema: { summary: 'Whether the role works' } }, async () => ({
    role: options.role,
    ...(await options.health()),
  }))
  app.get(
    '/metrics',
    { config: open, schema: { summary: 'Metrics in Prometheus text format' } },
    async (_request, reply) => {
      reply.type('text/plain; version=0.0.4')
      return options.metrics.text()
    },
  )
  app.get('/openapi.json', { config: open, schema: { hide: true } }, async () => app.swagger())
  return app
}

/** Metric names every role's server uses; spread into the role's own help table. */
export const HTTP_METRICS = { http_request_duration_seconds: 'Time to answer a request, by route and status' } as const

/**
 * Starts listening and gives the base URL.
 *
 * @throws the socket's error, `EADDRINUSE` when the port is taken
 */
export async function listen(app: App, host: string, port: number): Promise<string> {
  await app.listen({ host, port })
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new TypeError('the server listens on no TCP port')
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
}
