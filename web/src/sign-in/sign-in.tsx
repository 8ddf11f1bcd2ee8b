import { type ReactElement, useEffect, useState } from 'react'
import { useLocation } from 'wouter'
import { ApiError, ask } from '../api/client.ts'
import { lastSessionEnd, signedIn } from '../api/queries.ts'
import type { Me } from '../api/types.ts'
import { m } from '../i18n/index.ts'
import { Icon, Mark } from '../kit/icons.tsx'
import { Button, kit, usePageTitle } from '../kit/kit.tsx'
import { passkeysWork, signInWithPasskey } from './passkeys.ts'
import css from './sign-in.module.css'

/**
 * Takes the one-time token out of the address: it travels in the fragment, which browsers send to no server, and leaves the history
 * before anything else happens.
 */
function takeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token !== null) history.replaceState(null, '', location.pathname + location.search)
  return token
}

/** A second effect run must not redeem the token twice: it works once. */
let redeeming: Promise<Me> | undefined

function problemCode(error: unknown): string {
  if (error instanceof ApiError) return error.code in m.signIn.problems ? error.code : 'OTHER'
  return error instanceof Error && ['NotAllowedError', 'AbortError'].includes(error.name) ? 'CANCELLED' : 'OTHER'
}

/** Sign-in: by the link's token if there is one, else by passkey, with what to do next for everything that can go wrong. */
export function SignInPage(): ReactElement {
  const [, navigate] = useLocation()
  const [state, setState] = useState<'idle' | 'working'>(() => (location.hash.includes('token=') ? 'working' : 'idle'))
  const [problem, setProblem] = useState<string | null>(null)

  const follow = async (session: Promise<Me>): Promise<void> => {
    setState('working')
    setProblem(null)
    try {
      const me = await session
      signedIn(me)
      navigate(me.role === 'operator' ? '/console' : '/', { replace: true })
    } catch (error) {
      setProblem(problemCode(error))
      setState('idle')
    }
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page opens
  useEffect(() => {
    const redeem = (): void => {
      const token = takeToken()
      if (token !== null) redeeming = ask<Me>('/api/links/redeem', { method: 'POST', body: { token } })
      if (redeeming) void follow(redeeming).finally(() => (redeeming = undefined))
    }
    redeem()
    // A link opened in a tab that already shows this page changes the fragment only.
    window.addEventListener('hashchange', redeem)
    return () => window.removeEventListener('hashchange', redeem)
  }, [])
  usePageTitle(m.signIn.title)

  const passkeys = passkeysWork()
  const words = problem === null ? undefined : m.signIn.problems[problem]
  return (
    <main className={css.page} id="content">
      <div className={css.panel}>
        <Mark size={44} />
        <h1>{m.app.name}</h1>
        <p className={css.lead}>{m.signIn.lead}</p>
        {!words && state === 'idle' && lastSessionEnd() !== 'none' && (
          <p role="status" className={css.ended}>
            {lastSessionEnd() === 'left' ? m.signIn.sessionEnded : m.signIn.sessionLost}
          </p>
        )}
        {words && (
          <div role="alert" className={css.problem}>
            <Icon name="warning" size={20} />
            <p>
              <strong>{words[0]}</strong>
              {words[1]}
            </p>
          </div>
        )}
        {state === 'working' ? (
          <p role="status" className={css.working}>
            <span className={kit.spinner} />
            {m.signIn.working}
          </p>
        ) : (
          <>
            <Button look="primary" wide disabled={!passkeys} onClick={() => void follow(signInWithPasskey())}>
              <Icon name="key" size={18} />
              {m.signIn.passkey}
            </Button>
            <p className={css.hint}>{passkeys ? m.signIn.passkeyHint : m.signIn.noPasskeySupport}</p>
            <section className={css.link} aria-label={m.signIn.linkTitle}>
              <h2>{m.signIn.linkTitle}</h2>
              <p>{m.signIn.linkHint}</p>
              <p>{m.signIn.lostLink}</p>
              <p>{m.signIn.demoHint}</p>
            </section>
          </>
        )}
      </div>
    </main>
  )
}
