import { type ReactElement, useState } from 'react'
import { useLocation, useSearch } from 'wouter'
import { usePasskeys, useUsagePoints } from '../api/queries.ts'
import { serverNow } from '../api/server-clock.ts'
import type { CustomerUsagePoint, Me } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import { Icon } from '../kit/icons.tsx'
import { Age, Button, buttonClass, Card, EmptyState, kit, Loaded, usePageTitle } from '../kit/kit.tsx'
import { PopoverMenu } from '../kit/popover-menu.tsx'
import { todayIn } from '../model/period.ts'
import { readView, writeView } from '../model/view-state.ts'
import { passkeysWork } from '../sign-in/passkeys.ts'
import { HistoryCard } from './history.tsx'
import css from './home.module.css'
import { NowCard } from './now-card.tsx'
import { TodayCard } from './today-card.tsx'

/** The customer's first page: now, today, history of one of the customer's places. */
export function HomePage({ me }: { readonly me: Me }): ReactElement {
  const search = useSearch()
  usePageTitle(m.home.title)
  return (
    <div className={css.page}>
      <Loaded query={useUsagePoints()} chart>
        {(points) => {
          const wanted = new URLSearchParams(search).get('point')
          const point = points.find(({ id }) => id === wanted) ?? points[0]
          if (!point)
            return (
              <Card title={m.home.title}>
                <EmptyState icon="pin" title={m.home.noPlaces}>
                  {m.home.noPlacesHint}
                </EmptyState>
              </Card>
            )
          return <Place key={point.id} point={point} points={points} me={me} />
        }}
      </Loaded>
    </div>
  )
}

function Place(props: {
  readonly point: CustomerUsagePoint
  readonly points: readonly CustomerUsagePoint[]
  readonly me: Me
}): ReactElement {
  const { point, points, me } = props
  return (
    <>
      <div className={css.head}>
        <h1 className={css.place}>
          {points.length > 1 ? (
            <Chooser point={point} points={points} />
          ) : (
            <>
              <Icon name="pin" size={18} />
              {point.address}
            </>
          )}
        </h1>
        <p className={css.stamp}>
          {point.dataTo && <Age at={point.dataTo} zone={point.zone} words={(age) => `${m.home.asOf} ${age}`} />}
          <span>{m.app.zone(f.zoneName(serverNow(), point.zone), point.zone)}</span>
        </p>
      </div>
      {point.dataFrom === null ? (
        <Card title={m.home.title}>
          <EmptyState icon="clock" title={m.home.noData}>
            {m.home.noDataHint}
          </EmptyState>
        </Card>
      ) : (
        <div className={css.grid}>
          <NowCard id={point.id} zone={point.zone} />
          <TodayCard id={point.id} />
          <div className={css.wide}>
            <HistoryCard point={point} />
          </div>
        </div>
      )}
      <PasskeyOffer me={me} />
    </>
  )
}

function Chooser({
  point,
  points,
}: {
  readonly point: CustomerUsagePoint
  readonly points: readonly CustomerUsagePoint[]
}): ReactElement {
  const [path, navigate] = useLocation()
  const search = useSearch()
  const choose = (chosen: CustomerUsagePoint): void => {
    const today = todayIn(chosen.zone, serverNow())
    navigate(`${path}${writeView({ ...readView(search, today), point: chosen.id }, today)}`)
  }
  return (
    <PopoverMenu
      label={`${m.home.place}: ${point.address}`}
      className={css.chooser}
      groups={[
        {
          label: m.home.place,
          entries: points.map((one) => ({
            id: one.id,
            label: one.address,
            selected: one.id === point.id,
            onAction: () => choose(one),
          })),
        },
      ]}
    >
      <Icon name="pin" size={18} />
      {point.address}
      <Icon name="down" />
    </PopoverMenu>
  )
}

/** Offers a passkey to who came by link and has none. Refused once, it stays quiet until the next sign-in. */
function PasskeyOffer({ me }: { readonly me: Me }): ReactElement | null {
  const [, navigate] = useLocation()
  const [refused, setRefused] = useState(false)
  const passkeys = usePasskeys()
  const none = passkeys.data === undefined ? me.passkeys === 0 : passkeys.data.length === 0
  if (refused || !none || me.signedInBy === 'passkey' || !passkeysWork()) return null
  return (
    <aside className={css.offer} aria-label={m.account.offerTitle}>
      <Icon name="key" size={22} />
      <p>
        <strong>{m.account.offerTitle}</strong>
        {m.account.offer}
      </p>
      <div>
        <Button look="primary" onClick={() => navigate('/account')}>
          {m.account.add}
        </Button>
        <Button look="quiet" onClick={() => setRefused(true)}>
          {m.account.later}
        </Button>
      </div>
    </aside>
  )
}

/** Where an address leads nowhere. */
export function NotFound(): ReactElement {
  usePageTitle(m.app.notFound)
  return (
    <EmptyState
      icon="search"
      title={m.app.notFound}
      action={
        <a className={buttonClass({})} href="/">
          {m.app.goHome}
        </a>
      }
    >
      <span className={kit.muted}>{m.app.notFoundHint}</span>
    </EmptyState>
  )
}
