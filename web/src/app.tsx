import { lazy, type ReactElement, Suspense, useEffect, useRef } from 'react'
import { Redirect, Route, Switch, useLocation } from 'wouter'
import { useMe } from './api/queries.ts'
import { ErrorState, Skeleton } from './kit/kit.tsx'
import { HomePage, NotFound } from './portal/portal.tsx'
import { Shell } from './portal/shell.tsx'

const Console = lazy(async () => ({ default: (await import('./console/console.tsx')).Console }))
const SignInPage = lazy(async () => ({ default: (await import('./sign-in/sign-in.tsx')).SignInPage }))
const AccountPage = lazy(async () => ({ default: (await import('./sign-in/account.tsx')).AccountPage }))

/** Which page an address shows, and to whom. */
export function App(): ReactElement {
  return (
    <Suspense>
      <Switch>
        <Route path="/sign-in">
          <SignInPage />
        </Route>
        <Route>
          <Inside />
        </Route>
      </Switch>
    </Suspense>
  )
}

/** Begins each new page at its top, with the focus on its content, as a page load would. */
function useFreshPages(): void {
  const [path] = useLocation()
  const shown = useRef(path)
  useEffect(() => {
    if (shown.current === path) return
    shown.current = path
    window.scrollTo(0, 0)
    document.getElementById('content')?.focus({ preventScroll: true })
  }, [path])
}

/** Everything behind a session. */
function Inside(): ReactElement {
  const { data: me, error, refetch } = useMe()
  useFreshPages()
  if (me === undefined)
    return error ? (
      <main>
        <ErrorState error={error} onRetry={() => void refetch()} />
      </main>
    ) : (
      <main className="starting">
        <Skeleton chart />
      </main>
    )
  if (me === null) return <Redirect to="/sign-in" replace />
  return (
    <Switch>
      <Route path="/console/*?">{me.role === 'operator' ? <Console me={me} /> : <Redirect to="/" replace />}</Route>
      <Route path="/">
        {me.role === 'operator' ? (
          <Redirect to="/console" replace />
        ) : (
          <Shell me={me}>
            <HomePage me={me} />
          </Shell>
        )}
      </Route>
      <Route path="/account">
        <Shell me={me}>
          <Suspense fallback={<Skeleton />}>
            <AccountPage />
          </Suspense>
        </Shell>
      </Route>
      <Route>
        <Shell me={me}>
          <NotFound />
        </Shell>
      </Route>
    </Switch>
  )
}
