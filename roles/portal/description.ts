import type { RoleName } from '#platform/role'
import { PUBLIC_FACES } from './faces.ts'
import type { Site } from './site.ts'

type Json = Readonly<Record<string, unknown>>

const TIMEOUT_MS = 3000
const KEPT_MS = 5000

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const objectAt = (value: unknown, ...path: string[]): Json => {
  let at: unknown = value
  for (const step of path) at = isObject(at) ? at[step] : undefined
  return isObject(at) ? at : {}
}

/** `/a/:b` as OpenAPI writes it. */
export const templateOf = (path: string): string => path.replace(/:(\w+)/g, '{$1}')

const PROBLEM = {
  description: 'A problem (RFC 9457)',
  content: {
    'application/problem+json': {
      schema: {
        type: 'object',
        required: ['type', 'title', 'status', 'code'],
        properties: {
          type: { type: 'string' },
          title: { type: 'string' },
          status: { type: 'integer' },
          code: { type: 'string' },
          detail: { type: 'string' },
        },
      },
    },
  },
}

/** Says of an operation of access how browsers reach it. */
function publicOperation(operation: Json, method: string): Json {
  const { security: _, tags: __, ...rest } = operation
  const writes = method !== 'get'
  const mark = {
    name: 'x-gridtally-request',
    in: 'header',
    required: true,
    description: 'Shows that our own page asks',
    schema: { type: 'string', const: '1' },
  }
  const parameters = Array.isArray(rest.parameters) ? rest.parameters : []
  return {
    ...rest,
    tags: ['api'],
    security: [{ session: [] }],
    parameters: writes ? [...parameters, mark] : parameters,
    responses: { ...objectAt(rest, 'responses'), '4XX': PROBLEM, '5XX': PROBLEM },
  }
}

/** What merging needs: a role's document, as it was found. */
export interface RoleDocument {
  readonly role: RoleName
  readonly url: string
  readonly document: Json | undefined
}

/**
 * One OpenAPI document of the whole: the portal's own faces and `/api/…` first, then every role's faces under
 * `/roles/<role>/…`. Those are for services: they are answered at the role's own address (`servers` of the path, without the
 * prefix) and never by the portal.
 */
export function mergeDocuments(own: Json, roles: readonly RoleDocument[], origin: string): Json {
  const access = roles.find(({ role }) => role === 'access')?.document
  const paths: Record<string, unknown> = {}
  for (const [path, item] of Object.entries(objectAt(own, 'paths'))) if (!path.startsWith('/api/')) paths[path] = item
  for (const face of PUBLIC_FACES) {
    const method = face.method.toLowerCase()
    const template = templateOf(face.path)
    const operation = objectAt(access, 'paths', template, method)
    const path = `/api${template}`
    paths[path] = { ...objectAt(paths[path]), [method]: publicOperation(operation, method) }
  }
  const stream = objectAt(own, 'paths', '/api/stream', 'get')
  paths['/api/stream'] = { get: { ...publicOperation(stream, 'get') } }
  for (const { role, url, document } of roles)
    for (const [path, item] of Object.entries(objectAt(document, 'paths')))
      paths[`/roles/${role}${path}`] = {
        ...(isObject(item) ? item : {}),
        servers: [{ url, description: `The ${role} role inside the platform; its paths begin behind /roles/${role}` }],
        'x-internal': true,
      }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Gridtally',
      version: '0.1.0',
      description:
        'Paths below /api are for browsers and carry the session cookie. Paths below /roles/<role> are faces between services: ' +
        'they are answered at the address in their `servers`, want a service token, and are listed here for whoever builds on them.',
    },
    servers: [{ url: origin }],
    tags: [{ name: 'portal' }, { name: 'api' }, ...roles.map(({ role }) => ({ name: role }))],
    paths,
    components: {
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'gridtally' },
        service: { type: 'http', scheme: 'bearer' },
      },
      schemas: Object.assign({}, ...roles.map(({ document }) => objectAt(document, 'components', 'schemas'))),
    },
    'x-missing-roles': roles.filter(({ document }) => document === undefined).map(({ role }) => role),
  }
}

/** Asks the roles for their documents, at most every few seconds. */
export function createDescription(
  own: () => Json,
  peers: ReadonlyMap<RoleName, string>,
  site: Pick<Site, 'origin'>,
): () => Promise<Json> {
  let asked: Promise<RoleDocument[]> | undefined
  let at = Number.NEGATIVE_INFINITY
  const ask = async (role: RoleName, url: string): Promise<RoleDocument> => {
    try {
      const answer = await fetch(`${url}/openapi.json`, { signal: AbortSignal.timeout(TIMEOUT_MS) })
      const document: unknown = await answer.json()
      return { role, url, document: answer.ok && isObject(document) ? document : undefined }
    } catch {
      return { role, url, document: undefined }
    }
  }
  return async () => {
    if (!asked || performance.now() - at > KEPT_MS) {
      at = performance.now()
      asked = Promise.all([...peers].map(([role, url]) => ask(role, url)))
    }
    return mergeDocuments(own(), await asked, site.origin)
  }
}
