import type { Platform } from './platform.ts'

/** A signed-in person, as a program. */
export interface Session {
  readonly cookie: string
  /** The answer, whatever its status. */
  raw(path: string, init?: RequestInit): Promise<Response>
  /** The JSON of a successful answer. */
  json<T>(path: string): Promise<T>
}

/** Signs in with the link the platform printed. */
export async function signIn(platform: Platform, who: 'customer' | 'operator'): Promise<Session> {
  const response = await fetch(`${platform.url}/api/links/redeem`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-gridtally-request': '1', origin: platform.url },
    body: JSON.stringify({ token: platform.linkToken(who) }),
  })
  if (!response.ok) throw new Error(`signing in as ${who}: ${response.status} ${await response.text()}`)
  const cookie = response.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ')
  const raw: Session['raw'] = (path, init = {}) =>
    fetch(platform.url + path, {
      ...init,
      headers: { cookie, 'x-gridtally-request': '1', origin: platform.url, ...init.headers },
    })
  return {
    cookie,
    raw,
    async json<T>(path: string): Promise<T> {
      const answer = await raw(path)
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
      // The test names the shape it then checks.
      return (await answer.json()) as T
    },
  }
}
