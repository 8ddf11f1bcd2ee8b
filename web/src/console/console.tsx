import { lazy, type ReactElement, Suspense, useRef, useState } from 'react'
import { Link, Route, Switch, useLocation } from 'wouter'
import { requestTimeP95 } from '../api/client.ts'
import { serverNow } from '../api/server-clock.ts'
import type { Me } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import { Icon, type IconName, Mark } from '../kit/icons.tsx'
import { Button, deviceZone, Skeleton, useTick } from '../kit/kit.tsx'
import { AccountMenu } from '../portal/account-menu.tsx'
import { NotFound } from '../portal/portal.tsx'
import shell from '../portal/shell.module.css'
import { AuditPage } from './audit.tsx'
import css from './console.module.css'
import { LivePage } from './live.tsx'
import { MeterPage } from './meter.tsx'
import { MetersPage } from './meters.tsx'
import { OverviewPage } from './overview.tsx'
import { useShortcuts } from './shortcuts.ts'

const ShortcutsDialog = lazy(async () => ({ default: (await import('./shortcuts-dialog.tsx')).ShortcutsDialog }))
const PLACES: readonly (readonly [
  path: string,
  name: 'overview' | 'meters' | 'live' | 'audit',
  icon: IconName,
  keys: string,
])[] = [
  ['/console', 'overview', 'grid', 'g o'],
  ['/console/meters', 'meters', 'list', 'g m'],
  ['/console/live', 'live', 'pulse', 'g l'],
  ['/console/audit', 'audit', 'key', 'g a'],
]

/** The operator console: frame, search, keyboard, and its pages. */
export function Console({ me }: { readonly me: Me }): ReactElement {
  const [path, navigate] = useLocation()
  const [help, setHelp] = useState(false)
  const search = useRef<HTMLInputElement>(null)
  useShortcuts({
    '/': () => (search.current ?? document.querySelector<HTMLInputElement>('input[type=search]'))?.focus(),
    '?': () => setHelp(true),
    'g o': () => navigate('/console'),
    'g m': () => navigate('/console/meters'),
    'g l': () => navigate('/console/live'),
    'g a': () => navigate('/console/audit'),
  })
  const here = (place: string): boolean => (place === '/console' ? path === place : path.startsWith(place))
  return (
    <div className={css.frame}>
      <a className={shell.skip} href="#content">
        {m.app.skip}
      </a>
      <header className={css.bar}>
        <Link href="/console" className={css.brand}>
          <Mark />
          {m.app.name}
          <small>{m.console.title}</small>
        </Link>
        {path !== '/console/meters' && (
          <search className={css.searchBox}>
            <form
              className={css.search}
              onSubmit={(event) => {
                event.preventDefault()
                navigate(`/console/meters?${new URLSearchParams({ search: search.current?.value ?? '' })}`)
              }}
            >
              <Icon name="search" />
              <input
                ref={search}
                type="search"
                aria-label={m.console.search}
                placeholder={m.console.searchPlaceholder}
              />
              <span className={css.keys} aria-hidden="true">
                /
              </span>
            </form>
          </search>
        )}
        <AccountMenu me={me} />
      </header>
      <nav className={css.nav} aria-label={m.console.nav}>
        <div>
          {PLACES.map(([place, name, icon, keys]) => (
            <Link key={place} href={place} aria-current={here(place) ? 'page' : undefined}>
              <Icon name={icon} />
              {m.console[name]}
              <span className={css.keys} aria-hidden="true">
                {keys}
              </span>
            </Link>
          ))}
        </div>
      </nav>
      <main id="content" tabIndex={-1} className={css.main}>
        <Switch>
          <Route path="/console">
            <OverviewPage />
          </Route>
          <Route path="/console/meters">
            <MetersPage />
          </Route>
          <Route path="/console/meters/:id">{({ id }) => <MeterPage key={id} id={id} />}</Route>
          <Route path="/console/live">
            <LivePage />
          </Route>
          <Route path="/console/audit">
            <AuditPage />
          </Route>
          <Route>
            <NotFound />
          </Route>
        </Switch>
      </main>
      <Footer onHelp={() => setHelp(true)} />
      {help && (
        <Suspense fallback={<Skeleton />}>
          <ShortcutsDialog onClose={() => setHelp(false)} />
        </Suspense>
      )}
    </div>
  )
}

function Footer({ onHelp }: { readonly onHelp: () => void }): ReactElement {
  useTick(5000)
  const p95 = requestTimeP95()
  return (
    <footer className={css.footer}>
      <span>{m.app.zone(f.zoneName(serverNow(), deviceZone()), deviceZone())}</span>
      {p95 !== undefined && <span>{m.console.p95(f.count(Math.round(p95)))}</span>}
      <Button look="quiet" small onClick={onHelp}>
        <Icon name="keyboard" />
        {m.console.shortcuts}
      </Button>
    </footer>
  )
}
