import type { RoleName } from '#platform/role'

/** What one role says of itself, or that it does not answer. */
export type RoleHealth = { readonly role: string; readonly status: string } & Readonly<Record<string, unknown>>

const TIMEOUT_MS = 2000
/** Many who ask at once cost the roles one question. */
const KEPT_MS = 500

async function ask(role: RoleName, url: string): Promise<RoleHealth> {
  try {
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    const body: unknown = await answer.json()
    if (answer.ok && typeof body === 'object' && body !== null && 'status' in body && typeof body.status === 'string')
      return { ...body, role, status: body.status }
    return { role, status: 'degraded', detail: `answered ${answer.status}` }
  } catch {
    return { role, status: 'unreachable', detail: `no answer within ${TIMEOUT_MS} ms` }
  }
}

/**
 * Health of the portal and of every role it was told of, one object a role.
 *
 * @returns `ok` only when all of them say `ok`
 */
export function createHealth(
  peers: ReadonlyMap<RoleName, string>,
  own: () => RoleHealth,
): () => Promise<{ readonly ok: boolean; readonly roles: Record<string, RoleHealth> }> {
  let asked: Promise<RoleHealth[]> | undefined
  let at = Number.NEGATIVE_INFINITY
  return async () => {
    if (!asked || performance.now() - at > KEPT_MS) {
      at = performance.now()
      asked = Promise.all([...peers].map(([role, url]) => ask(role, url)))
    }
    const all = [own(), ...(await asked)]
    return {
      ok: all.every(({ status }) => status === 'ok'),
      roles: Object.fromEntries(all.map((one) => [one.role, one])),
    }
  }
}
