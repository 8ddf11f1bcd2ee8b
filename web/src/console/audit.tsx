import { type FormEvent, type ReactElement, useState } from 'react'
import { useLocation, useSearch } from 'wouter'
import { ask } from '../api/client.ts'
import { useAudit } from '../api/queries.ts'
import type { AuditVerification } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import { Icon } from '../kit/icons.tsx'
import { Age, Badge, Button, DataTable, EmptyState, errorText, kit, Loaded, usePageTitle } from '../kit/kit.tsx'
import css from './console.module.css'

/** Who did what: the newest entries of the audit log, of everything or about one subject, and the check of its seals. */
export function AuditPage(): ReactElement {
  usePageTitle(m.console.audit)
  const [, navigate] = useLocation()
  const subject = new URLSearchParams(useSearch()).get('subject') ?? ''
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const wanted = String(new FormData(event.currentTarget).get('subject') ?? '').trim()
    navigate(`/console/audit${wanted ? `?${new URLSearchParams({ subject: wanted })}` : ''}`)
  }
  return (
    <>
      <div className={css.title}>
        <h1>{m.console.audit}</h1>
        <SealCheck />
      </div>
      <form className={css.filters} onSubmit={submit} key={subject}>
        <label className={css.search}>
          <Icon name="search" />
          <span className={kit.hidden}>{m.audit.subject}</span>
          <input type="search" name="subject" defaultValue={subject} placeholder={m.audit.subject} />
        </label>
        <p className={css.count}>{m.audit.lead}</p>
      </form>
      <Loaded query={useAudit(subject)} chart>
        {({ items }) =>
          items.length === 0 ? (
            <div className={css.list}>
              <EmptyState icon="search" title={m.audit.none}>
                {m.audit.noneHint}
              </EmptyState>
            </div>
          ) : (
            <div className={css.audit}>
              <DataTable
                caption={m.console.audit}
                rows={items}
                rowKey={(one) => one.seq}
                columns={[
                  { head: m.audit.number, cell: (one) => f.count(one.seq) },
                  { head: m.audit.when, cell: (one) => <Age at={one.at} /> },
                  {
                    head: m.audit.who,
                    cell: (one) => (
                      <>
                        {one.actor} <span className={kit.muted}>{m.audit.roles[one.actorRole] ?? one.actorRole}</span>
                      </>
                    ),
                  },
                  { head: m.audit.what, cell: (one) => <span className={kit.mono}>{one.action}</span> },
                  { head: m.audit.about, cell: (one) => one.subject },
                  { head: m.audit.purpose, cell: (one) => one.purpose },
                  {
                    head: m.audit.outcome,
                    cell: (one) => (
                      <Badge tone={one.outcome === 'done' ? 'ok' : 'warn'}>
                        {m.audit.outcomes[one.outcome] ?? one.outcome}
                      </Badge>
                    ),
                  },
                ]}
              />
            </div>
          )
        }
      </Loaded>
    </>
  )
}

/** Lets the server check the whole chain, and says what it found. */
function SealCheck(): ReactElement {
  const [state, setState] = useState<AuditVerification | 'idle' | 'checking' | { readonly error: unknown }>('idle')
  const check = async (): Promise<void> => {
    setState('checking')
    try {
      setState(await ask<AuditVerification>('/api/operator/audit/verification'))
    } catch (error) {
      setState({ error })
    }
  }
  return (
    <span className={css.seal}>
      <span role="status">
        {typeof state === 'object' &&
          ('error' in state ? (
            <Badge tone="warn">{errorText(state.error)}</Badge>
          ) : state.brokenAt === null ? (
            <Badge tone="ok">{m.audit.whole(f.count(state.entries))}</Badge>
          ) : (
            <Badge tone="bad">{m.audit.broken(f.count(state.brokenAt))}</Badge>
          ))}
      </span>
      <Button disabled={state === 'checking'} onClick={() => void check()}>
        <Icon name="check" />
        {state === 'checking' ? m.audit.checking : m.audit.check}
      </Button>
    </span>
  )
}
