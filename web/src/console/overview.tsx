import { lazy, type ReactElement, Suspense } from 'react'
import { Link } from 'wouter'
import { queryClient, useHealth, useOverview } from '../api/queries.ts'
import { useStream } from '../api/stream.ts'
import type { Overview } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import {
  Age,
  Badge,
  Card,
  classes,
  DataTable,
  deviceZone,
  EmptyState,
  kit,
  Loaded,
  Skeleton,
  usePageTitle,
} from '../kit/kit.tsx'
import { sharePercent } from '../model/share.ts'
import css from './console.module.css'
import { DaysChart } from './days-chart.tsx'
import { StateBadge } from './words.tsx'

const TimeChart = lazy(async () => ({ default: (await import('../kit/time-chart.tsx')).TimeChart }))
const asOf = (at: string): ReactElement => <Age at={at} words={m.console.asOf} />

/** How the whole fleet is: completeness, states, sessions, errors, services; each tile tells the age of its data. */
export function OverviewPage(): ReactElement {
  usePageTitle(m.console.overview)
  const query = useOverview()
  // A day's completeness changed: ask again rather than patch, the server knows the whole.
  useStream({ completeness: () => void queryClient.invalidateQueries({ queryKey: ['overview'] }) })
  return (
    <>
      <div className={css.title}>
        <h1>{m.console.overview}</h1>
      </div>
      <Loaded query={query} chart>
        {(overview) => (
          <div className={css.tiles}>
            <Yesterday overview={overview} />
            <States overview={overview} />
            <Services />
            <Card title={m.overview.byDay} aside={asOf(overview.completeness.asOf)} className={css.wide}>
              <DaysChart completeness={overview.completeness} />
            </Card>
            <Card title={m.overview.sessions} aside={asOf(overview.sessions.asOf)} className={css.two}>
              <Suspense fallback={<Skeleton chart />}>
                <Minutes overview={overview} />
              </Suspense>
            </Card>
            <Errors overview={overview} />
          </div>
        )}
      </Loaded>
    </>
  )
}

function Yesterday({ overview }: { readonly overview: Overview }): ReactElement {
  const { days, targetPercent, asOf: at } = overview.completeness
  const last = days.at(-1)
  if (!last || last.expected === 0)
    return (
      <Card title={m.overview.completeness} aside={asOf(at)}>
        <EmptyState icon="clock" title={m.home.noData}>
          {m.home.noDataHint}
        </EmptyState>
      </Card>
    )
  const share = sharePercent(last.present, last.expected)
  const met = share >= Number(targetPercent)
  return (
    <Card title={m.overview.completeness} aside={asOf(at)}>
      <p className={css.big}>
        <strong>{f.percent(share, 2)}</strong>
        <Badge tone={met ? 'ok' : 'warn'}>{met ? m.overview.met : m.overview.notMet}</Badge>
      </p>
      <p className={css.note}>
        {m.overview.complete(f.count(last.metersComplete), f.count(last.meters))},{' '}
        {m.overview.estimated(f.percent((100 * last.estimated) / last.expected, 2))}.{' '}
        {m.overview.target(f.percent(targetPercent))}.
      </p>
      <p className={css.note}>
        <Link href="/console/meters?sort=completeness">{m.overview.worst}</Link>
      </p>
    </Card>
  )
}

function States({ overview }: { readonly overview: Overview }): ReactElement {
  const { total, states, asOf: at } = overview.meters
  return (
    <Card title={m.overview.meters} aside={asOf(at)}>
      <div className={css.states}>
        {states.map(({ state, count }) => (
          <Link key={state} href={`/console/meters?state=${state}`}>
            <span>
              <StateBadge state={state} />
            </span>
            <svg
              className={classes(css.meterbar, state === 'failing' && css.bad, state === 'late' && css.warn)}
              aria-hidden="true"
            >
              <rect width="100%" height="8" />
              <rect width={`${(100 * count) / Math.max(1, total)}%`} height="8" />
            </svg>
            <span>{f.count(count)}</span>
          </Link>
        ))}
      </div>
      <p className={css.note}>{m.meters.found(f.count(total))}</p>
    </Card>
  )
}

function Minutes({ overview }: { readonly overview: Overview }): ReactElement {
  const { minutes } = overview.sessions
  if (minutes.length === 0) return <EmptyState icon="clock" title={m.live.none} />
  const times = minutes.map((one) => Date.parse(one.at))
  return (
    <TimeChart
      label={m.overview.sessions}
      zone={deviceZone()}
      times={times}
      end={times[times.length - 1] + 60_000}
      height={200}
      timeName={m.overview.minute}
      series={[
        {
          name: m.overview.sessionsOk,
          colour: '--ok',
          values: minutes.map((one) => one.ok),
          text: (n) => f.count(minutes[n].ok),
        },
        {
          name: m.overview.sessionsFailed,
          colour: '--bad',
          values: minutes.map((one) => one.failed),
          text: (n) => f.count(minutes[n].failed),
        },
      ]}
    />
  )
}

function Errors({ overview }: { readonly overview: Overview }): ReactElement {
  const { errors, asOf: at } = overview.sessions
  return (
    <Card title={m.overview.errors} aside={asOf(at)}>
      {errors.length === 0 ? (
        <p className={kit.muted}>{m.overview.noErrors}</p>
      ) : (
        <DataTable
          caption={m.overview.errors}
          rows={errors}
          rowKey={(one) => one.reason}
          columns={[
            { head: m.overview.reason, cell: (one) => <span className={kit.mono}>{one.reason}</span> },
            { head: m.overview.count, number: true, cell: (one) => f.count(one.count) },
          ]}
        />
      )}
    </Card>
  )
}

function Services(): ReactElement {
  const health = useHealth()
  return (
    <Card
      title={m.overview.services}
      aside={health.dataUpdatedAt > 0 && asOf(new Date(health.dataUpdatedAt).toISOString())}
    >
      <Loaded query={health}>
        {(roles) => (
          <ul className={css.services}>
            {Object.entries(roles)
              .filter(([, one]) => typeof one === 'object' && one !== null)
              .map(([name, one]) => (
                <li key={name}>
                  {name}
                  <Badge tone={one.status === 'ok' ? 'ok' : one.status === 'starting' ? 'info' : 'warn'}>
                    {one.status ?? '?'}
                  </Badge>
                </li>
              ))}
          </ul>
        )}
      </Loaded>
    </Card>
  )
}
