import { type ReactElement, useState } from 'react'
import { Link } from 'wouter'
import { useSessions } from '../api/queries.ts'
import { useStream } from '../api/stream.ts'
import type { Session } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import { Icon } from '../kit/icons.tsx'
import { Badge, Button, Check, deviceZone, EmptyState, kit, Loaded, usePageTitle } from '../kit/kit.tsx'
import css from './console.module.css'
import { OutcomeBadge } from './words.tsx'

/** How many sessions stay on screen. */
const MOST = 200

/** Sessions as they end; pausing keeps the picture still and counts what comes. */
export function LivePage(): ReactElement {
  const [failed, setFailed] = useState(false)
  const [paused, setPaused] = useState(false)
  const [arrived, setArrived] = useState<readonly Session[]>([])
  const [waiting, setWaiting] = useState<readonly Session[]>([])
  usePageTitle(m.live.title)
  const before = useSessions(failed ? 'failed' : '')
  const stream = useStream({
    session: (session) => {
      const add = (list: readonly Session[]): readonly Session[] =>
        [session, ...list.filter(({ id }) => id !== session.id)].slice(0, MOST)
      if (paused) setWaiting(add)
      else setArrived(add)
    },
  })
  const resume = (): void => {
    setArrived([...waiting, ...arrived].slice(0, MOST))
    setWaiting([])
    setPaused(false)
  }
  return (
    <>
      <div className={css.title}>
        <h1>{m.live.title}</h1>
        <Badge tone={paused ? 'none' : stream === 'live' ? 'ok' : 'warn'}>
          {paused ? m.live.paused(f.count(waiting.length)) : m.live.states[stream]}
        </Badge>
      </div>
      <div className={css.filters}>
        <Button onClick={paused ? resume : () => setPaused(true)}>
          <Icon name={paused ? 'play' : 'pause'} />
          {paused ? m.live.resume : m.live.pause}
        </Button>
        <Check label={m.live.onlyFailed} checked={failed} onChange={setFailed} />
        <p className={css.count}>{m.live.lead}</p>
      </div>
      <Loaded query={before} chart>
        {({ items }) => {
          const known = new Set(arrived.map(({ id }) => id))
          const list = [...arrived, ...items.filter(({ id }) => !known.has(id))]
            .filter(({ outcome }) => !failed || outcome === 'failed')
            .slice(0, MOST)
          return (
            <div className={css.list}>
              {list.length === 0 ? <EmptyState icon="pulse" title={m.live.none} /> : <Feed sessions={list} />}
            </div>
          )
        }}
      </Loaded>
    </>
  )
}

function Feed({ sessions }: { readonly sessions: readonly Session[] }): ReactElement {
  return (
    <ol className={css.feed}>
      {sessions.map((one) => (
        <li key={one.id}>
          <time dateTime={one.startedAt} title={f.full(Date.parse(one.startedAt), deviceZone())}>
            {f.timeWithSeconds(Date.parse(one.endedAt ?? one.startedAt), deviceZone())}
          </time>
          <span>
            <OutcomeBadge outcome={one.outcome} />
          </span>
          <Link href={`/console/meters/${encodeURIComponent(one.meterId)}`}>{one.meterId}</Link>
          <span>
            {one.outcome === 'failed' ? (
              <>
                <span className={kit.mono}>{one.reason}</span> {one.detail}
              </>
            ) : (
              `${m.live.count(f.count(one.rows))}, ${m.live.purposes[one.purpose] ?? one.purpose}`
            )}
          </span>
          <span className={kit.muted}>{f.count(one.octetsIn)} B</span>
        </li>
      ))}
    </ol>
  )
}
