import type { Instant } from '@gridtally/wire'
import type { FastifyRequest } from 'fastify'
import { type App, Problem } from '#platform/http'
import type { AuditEntry, AuditLog } from './audit-log.ts'
import type { AccessConfig } from './config.ts'
import type { Session, SignIn } from './sign-in.ts'
import type { AccessStore, Place, SeenSpan } from './store.ts'

/**
 * Who may use a route:
 * - `open`: anybody (health, metrics, description)
 * - `provisioner`: services that set up customers
 * - `browser-service`: the portal for itself
 * - `anonymous`: a person not signed in, through the portal
 * - `signed-in`: a person with a live session
 * - `usage-point`: such a person with a right to the usage point in the path, operators to all
 * - `operator`: such a person whose account is an operator's
 */
export const POLICIES = [
  'open',
  'provisioner',
  'browser-service',
  'anonymous',
  'signed-in',
  'usage-point',
  'operator',
] as const

/** Name of a policy. */
export type Policy = (typeof POLICIES)[number]

/** A place and when the caller may see it. */
export interface Sight {
  readonly place: Place
  /** Ascending; for operators one span without ends. */
  readonly spans: readonly SeenSpan[]
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may use the route; a route of access without one cannot be registered. */
    readonly policy?: Policy
    /** Word the use is kept under in the audit log; uses of routes without one are not kept. */
    readonly audit?: string
  }
  interface FastifyRequest {
    /** The person's session, for policies that want one. */
    session: Session | null
    /** The usage point asked for, for policy `usage-point`. */
    sight: Sight | null
  }
}

/** What is known of who asks. */
export interface Principal {
  readonly caller: string
  readonly role: 'customer' | 'operator' | null
  /** Whether the account has a right to the usage point asked for. */
  readonly hasRight: boolean
}

/** What decides. */
export type Decision = 'allow' | 'NOT_ALLOWED' | 'SESSION_REQUIRED' | 'ROLE_REQUIRED' | 'USAGE_POINT_UNKNOWN'

/**
 * The one place where it is decided who may do what. Whatever is not allowed here is refused.
 *
 * @param policy of the route; none refuses everybody
 */
export function decide(
  policy: Policy | undefined,
  who: Principal,
  config: Pick<AccessConfig, 'provisioners' | 'browserCaller'>,
): Decision {
  if (policy === 'open') return 'allow'
  if (policy === 'provisioner') return config.provisioners.includes(who.caller) ? 'allow' : 'NOT_ALLOWED'
  // All other policies are for people, and people come through the portal.
  if (policy === undefined || who.caller !== config.browserCaller) return 'NOT_ALLOWED'
  if (policy === 'browser-service' || policy === 'anonymous') return 'allow'
  if (who.role === null) return 'SESSION_REQUIRED'
  if (policy === 'signed-in') return 'allow'
  if (policy === 'operator') return who.role === 'operator' ? 'allow' : 'ROLE_REQUIRED'
  if (policy === 'usage-point') return who.role === 'operator' || who.hasRight ? 'allow' : 'USAGE_POINT_UNKNOWN'
  return 'NOT_ALLOWED'
}

/** What checking needs. */
export interface PolicyPorts {
  readonly config: AccessConfig
  readonly signIn: Pick<SignIn, 'find'>
  readonly store: Pick<AccessStore, 'place' | 'spansOf'>
  readonly audit: Pick<AuditLog, 'append'>
  readonly now: () => Instant
}

/** The same person looking at the same thing again within this is one use in the audit log: screens refresh themselves. */
const SAME_USE_MS = 60_000
const MOST_USES_KEPT = 20_000

const WORDS: Record<Exclude<Decision, 'allow'>, string> = {
  NOT_ALLOWED: 'this caller may not use this address',
  SESSION_REQUIRED: 'sign in first',
  ROLE_REQUIRED: 'this is for operators',
  USAGE_POINT_UNKNOWN: 'there is no such usage point',
}

/** What a request is about, for rights and the audit log; the body is not checked yet when this is asked. */
function subjectOf({ params, body }: FastifyRequest): string {
  // The router's own parts are strings.
  const { usagePointId, meterId } = params as { usagePointId?: string; meterId?: string }
  const { usagePoint, accountId } = (body ?? {}) as { usagePoint?: { id?: unknown }; accountId?: unknown }
  const named = usagePointId ?? meterId ?? usagePoint?.id ?? accountId
  return typeof named === 'string' ? named.slice(0, 200) : ''
}

/** Ids provisioning takes; nothing else names a usage point. */
const USAGE_POINT_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/

/** Whether text somewhere in a parsed body holds U+0000, which the database takes nowhere. */
function holdsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0')
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsNul)
}

/**
 * Puts the policies in force: every route registered after this must name one, and every request is decided and, where the
 * route says so, kept in the audit log before it is answered.
 */
export function enforcePolicies(app: App, ports: PolicyPorts): void {
  app.decorateRequest('session', null)
  app.decorateRequest('sight', null)
  app.addHook('onRoute', ({ url, method, config }) => {
    if (!POLICIES.some((policy) => policy === config?.policy)) throw new TypeError(`${method} ${url} names no policy`)
  })
  const uses = new Map<string, Instant>()

  async function keep(request: FastifyRequest, outcome: AuditEntry['outcome'], subject: string): Promise<void> {
    const { audit, policy } = request.routeOptions.config
    if (!audit) return
    const { session } = request
    const at = ports.now()
    if (outcome === 'done' && request.method === 'GET' && session) {
      const use = `${session.publicId} ${audit} ${subject}`
      const before = uses.get(use)
      if (before !== undefined && at - before < SAME_USE_MS) return
      if (uses.size >= MOST_USES_KEPT) uses.clear()
      uses.set(use, at)
    }
    await ports.audit.append({
      at,
      actor: session?.account.id ?? request.caller,
      actorRole: session?.account.role ?? (policy === 'provisioner' ? 'service' : 'anonymous'),
      action: audit,
      subject,
      purpose: session?.account.role === 'customer' ? 'own data' : session ? 'operation' : 'set-up',
      outcome,
    })
  }

  app.addHook('preValidation', async (request) => {
    if (request.is404) return
    const { policy: named, access } = request.routeOptions.config
    // What every role has (health, metrics, description) is registered before and says so in its own way.
    const policy = named ?? (access === 'public' ? 'open' : undefined)
    const subject = subjectOf(request)
    const header = request.headers['x-session']
    if (request.caller === ports.config.browserCaller && typeof header === 'string' && header !== '')
      request.session = (await ports.signIn.find(header, request.headers['x-background'] === '1')) ?? null
    const account = request.session?.account
    if (holdsNul(request.params) || holdsNul(request.query) || holdsNul(request.body))
      throw policy === 'usage-point' && account
        ? new Problem('USAGE_POINT_UNKNOWN', WORDS.USAGE_POINT_UNKNOWN)
        : new Problem('REQUEST_INVALID', 'the character U+0000 is not taken')
    let spans: readonly SeenSpan[] = []
    if (policy === 'usage-point' && account?.role === 'customer' && USAGE_POINT_ID.test(subject))
      spans = await ports.store.spansOf(account.id, subject)
    const decision = decide(
      policy,
      { caller: request.caller, role: account?.role ?? null, hasRight: spans.length > 0 },
      ports.config,
    )
    if (decision !== 'allow') {
      if (account) await keep(request, 'refused', subject)
      throw new Problem(decision, WORDS[decision])
    }
    if (policy === 'usage-point') {
      const place = await ports.store.place(subject)
      if (!place) throw new Problem('USAGE_POINT_UNKNOWN', WORDS.USAGE_POINT_UNKNOWN)
      const all: SeenSpan[] = [{ from: Number.MIN_SAFE_INTEGER, to: null }]
      request.sight = { place, spans: account?.role === 'operator' ? all : spans }
    }
    await keep(request, 'done', subject)
  })
}
