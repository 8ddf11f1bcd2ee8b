import { type ReactElement, useState } from 'react'
import { ask } from '../api/client.ts'
import { queryClient, useAccesses, useSignIns } from '../api/queries.ts'
import type { SessionInfo } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import { Icon } from '../kit/icons.tsx'
import { Age, Button, Card, Check, DataTable, deviceZone, EmptyState, kit, Loaded } from '../kit/kit.tsx'
import { groupAccesses } from '../model/accesses.ts'
import css from './sign-in.module.css'

/** The account's sessions, and signing out the others. */
export function SignInsCard(): ReactElement {
  return (
    <Card title={m.account.signIns}>
      <p className={css.lead}>{m.account.signInsLead}</p>
      <Loaded query={useSignIns()}>
        {(list) => (
          <ul className={css.list}>
            {list.map((one) => (
              <SignInRow key={one.id} session={one} />
            ))}
          </ul>
        )}
      </Loaded>
    </Card>
  )
}

function SignInRow({ session }: { readonly session: SessionInfo }): ReactElement {
  const since = f.full(Date.parse(session.createdAt), deviceZone())
  const end = async (): Promise<void> => {
    try {
      await ask<void>(`/api/sessions/${encodeURIComponent(session.id)}`, { method: 'DELETE' })
    } finally {
      await queryClient.invalidateQueries({ queryKey: ['sign-ins'] })
    }
  }
  return (
    <li>
      <Icon name="user" size={20} />
      <span>
        <strong>
          {m.account.since} {since}
          {session.current && ` (${m.account.thisOne})`}
        </strong>
        <small>
          {m.account.signedInBy[session.signedInBy]}, {m.account.seen} <Age at={session.lastSeenAt} />
        </small>
      </span>
      {!session.current && (
        <Button small aria-label={m.account.signOutOf(since)} onClick={() => void end()}>
          {m.account.signOutThere}
        </Button>
      )}
    </li>
  )
}

/** Who looked at the account's data, same looks taken together. */
export function AccessesCard(): ReactElement {
  const [own, setOwn] = useState(false)
  return (
    <Card title={m.account.accesses}>
      <p className={css.lead}>{m.account.accessesLead}</p>
      <Check label={m.account.includeOwn} checked={own} onChange={setOwn} />
      <Loaded query={useAccesses()}>
        {(records) => {
          const groups = groupAccesses(records, own)
          if (groups.length === 0)
            return <EmptyState icon="check" title={own ? m.account.noAccessesAtAll : m.account.noAccesses} />
          return (
            <DataTable
              caption={m.account.accesses}
              rows={groups}
              rowKey={(one) => JSON.stringify([one.who, one.what, one.subject, one.outcome])}
              columns={[
                { head: m.account.whoHead, cell: (one) => m.account.who[one.who] },
                {
                  head: m.account.whatHead,
                  cell: (one) => (
                    <>
                      {m.account.what[one.what] ?? one.what} {one.outcome === 'refused' && m.account.refused}{' '}
                      <span className={kit.muted}>{one.subject}</span>
                    </>
                  ),
                },
                { head: m.account.lastTime, cell: (one) => <Age at={one.last} /> },
                { head: m.account.times, number: true, cell: (one) => f.count(one.count) },
              ]}
            />
          )
        }}
      </Loaded>
    </Card>
  )
}
