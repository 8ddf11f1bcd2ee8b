import type { ReactElement, ReactNode } from 'react'
import { Link } from 'wouter'
import type { Me } from '../api/types.ts'
import { m } from '../i18n/index.ts'
import { Mark } from '../kit/icons.tsx'
import { AccountMenu } from './account-menu.tsx'
import css from './shell.module.css'

/** The frame of the customer's pages: mark, account menu, content. */
export function Shell({ me, children }: { readonly me: Me; readonly children: ReactNode }): ReactElement {
  return (
    <>
      <a className={css.skip} href="#content">
        {m.app.skip}
      </a>
      <header className={css.bar}>
        <Link href="/" className={css.brand}>
          <Mark />
          {m.app.name}
        </Link>
        <AccountMenu me={me} />
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </>
  )
}
