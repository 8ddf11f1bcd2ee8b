import { type ReactElement, useState } from 'react'
import { ask } from '../api/client.ts'
import { queryClient, usePasskeys } from '../api/queries.ts'
import type { Passkey } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import { Icon } from '../kit/icons.tsx'
import { Button, Card, deviceZone, EmptyState, Loaded, usePageTitle } from '../kit/kit.tsx'
import { addPasskey, passkeysWork } from './passkeys.ts'
import { AccessesCard, SignInsCard } from './privacy.tsx'
import css from './sign-in.module.css'

/** The customer's account: passkeys, where one is signed in, and who looked at the data. */
export function AccountPage(): ReactElement {
  usePageTitle(m.account.pageTitle)
  return (
    <div className={css.account}>
      <h1>{m.account.pageTitle}</h1>
      <PasskeysCard />
      <SignInsCard />
      <AccessesCard />
    </div>
  )
}

function PasskeysCard(): ReactElement {
  const passkeys = usePasskeys()
  const [state, setState] = useState<'idle' | 'adding' | 'added' | 'failed'>('idle')
  const add = async (): Promise<void> => {
    setState('adding')
    try {
      await addPasskey(m.account.defaultName)
      await queryClient.invalidateQueries({ queryKey: ['passkeys'] })
      setState('added')
    } catch {
      // The device's dialog was closed, or the server refused: either way nothing changed, and the page says so.
      setState('failed')
    }
  }
  return (
    <Card title={m.account.title}>
      <p className={css.lead}>{m.account.lead}</p>
      <Loaded query={passkeys}>
        {(list) =>
          list.length === 0 ? (
            <EmptyState icon="key" title={m.account.none} />
          ) : (
            <ul className={css.list}>
              {list.map((one) => (
                <PasskeyRow key={one.id} passkey={one} />
              ))}
            </ul>
          )
        }
      </Loaded>
      {passkeysWork() ? (
        <Button look="primary" disabled={state === 'adding'} onClick={() => void add()}>
          <Icon name="key" />
          {state === 'adding' ? m.account.adding : m.account.add}
        </Button>
      ) : (
        <p>{m.account.needsName}</p>
      )}
      <p role="status" className={css.status}>
        {state === 'added' && m.account.added}
        {state === 'failed' && m.account.failed}
      </p>
    </Card>
  )
}

function PasskeyRow({ passkey }: { readonly passkey: Passkey }): ReactElement {
  const day = (time: string): string => f.day(Date.parse(time), deviceZone())
  const remove = async (): Promise<void> => {
    try {
      await ask<void>(`/api/passkeys/${encodeURIComponent(passkey.id)}`, { method: 'DELETE' })
    } finally {
      await queryClient.invalidateQueries({ queryKey: ['passkeys'] })
    }
  }
  return (
    <li>
      <Icon name="key" size={20} />
      <span>
        <strong>{passkey.name}</strong>
        <small>
          {m.account.created} {day(passkey.createdAt)} · {m.account.lastUsed}{' '}
          {passkey.lastUsedAt === null ? m.account.never : day(passkey.lastUsedAt)}
        </small>
      </span>
      <Button small aria-label={m.account.removeOf(passkey.name)} onClick={() => void remove()}>
        {m.account.remove}
      </Button>
    </li>
  )
}
