import type { ReactElement } from 'react'
import { queryClient, useNow } from '../api/queries.ts'
import { useStream } from '../api/stream.ts'
import type { Level, Now } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import { Age, Card, classes, EmptyState, kit, Loaded } from '../kit/kit.tsx'
import { negateDecimal } from '../model/decimal.ts'
import { applyReading } from '../model/live.ts'
import css from './home.module.css'

/** What flows now, what it costs an hour, and whether that is usual; follows the live stream. */
export function NowCard({ id, zone }: { readonly id: string; readonly zone: string }): ReactElement {
  const query = useNow(id)
  const stream = useStream({
    reading: (reading) => queryClient.setQueryData<Now>(['now', id], (old) => (old ? applyReading(old, reading) : old)),
  })
  const live = (
    <span className={classes(css.live, stream === 'live' && css.liveOn)}>
      <i />
      {stream === 'live' ? m.home.live : m.home.notLive}
    </span>
  )
  return (
    <Card title={m.now.title} aside={live} className={css.now}>
      <Loaded query={query}>{(now) => <NowBody now={now} zone={zone} />}</Loaded>
    </Card>
  )
}

function NowBody({ now, zone }: { readonly now: Now; readonly zone: string }): ReactElement {
  if (now.powerW === null || now.at === null)
    return (
      <EmptyState icon="clock" title={m.now.none}>
        {m.home.noDataHint}
      </EmptyState>
    )
  const giving = now.powerW.startsWith('-')
  const shown = giving ? negateDecimal(now.powerW) : now.powerW
  return (
    <>
      <p className={css.direction}>{giving ? m.now.giving : m.now.using}</p>
      <div className={css.hero}>
        <p className={classes(css.power, giving && css.giving)}>
          {f.power(shown).replace(/\s*k?W$/, '')}
          <span>{f.power(shown).endsWith('kW') ? 'kW' : 'W'}</span>
        </p>
        {now.level && <LevelMark level={now.level} />}
      </div>
      <p className={css.money}>
        {now.costPerHour !== null && (
          <strong>
            {now.costPerHour.startsWith('-')
              ? m.now.earnsPerHour(f.money(negateDecimal(now.costPerHour), now.currency))
              : m.now.perHour(f.money(now.costPerHour, now.currency))}
          </strong>
        )}
        {now.price && (
          <span className={kit.muted}>
            {now.price.name
              ? m.now.priceNamed(f.price(now.price.perKwh, now.currency), now.price.name)
              : m.now.price(f.price(now.price.perKwh, now.currency))}
          </span>
        )}
      </p>
      {now.usual ? <Scale now={now} /> : <p className={kit.muted}>{m.now.noLevel}</p>}
      <p className={css.foot}>
        <span>{now.source === 'interval-mean' ? m.now.mean : m.now.direct}</span>
        <Age at={now.at} zone={zone} />
      </p>
    </>
  )
}

const SHAPES: Readonly<Record<Level, string>> = {
  low: 'M3 6h14L10 16z',
  usual: 'M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14z',
  high: 'M3 15h14L10 4z',
}

/** The word for how much this is, with its own shape and colour. */
function LevelMark({ level }: { readonly level: Level }): ReactElement {
  return (
    <p className={classes(css.level, css[level])}>
      <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
        <path d={SHAPES[level]} fill="currentColor" />
      </svg>
      {m.now.levels[level]}
    </p>
  )
}

/** A line from least to most with the usual band and a mark where the power is. Its words stand below it. */
function Scale({ now }: { readonly now: Now }): ReactElement | null {
  if (!now.usual || now.powerW === null) return null
  const [low, high, power] = [Number(now.usual.lowW), Number(now.usual.highW), Number(now.powerW)]
  const least = Math.min(0, low * 1.2, power * 1.1)
  const most = Math.max(high * 1.7, power * 1.1, 100)
  const x = (value: number): number => ((value - least) / (most - least)) * 100
  return (
    <figure className={css.scale}>
      <svg width="100%" height="22" aria-hidden="true">
        <rect className={css.rail} x="0" y="8" width="100%" height="6" rx="3" />
        <rect className={css.bandMark} x={`${x(low)}%`} y="6" width={`${x(high) - x(low)}%`} height="10" rx="4" />
        <rect
          className={css.needle}
          x={`${x(power)}%`}
          y="1"
          width="4"
          height="20"
          rx="2"
          transform="translate(-2 0)"
        />
      </svg>
      <figcaption className={kit.muted}>
        {m.now.scale(f.power(now.usual.lowW), f.power(now.usual.highW), f.count(now.usual.days))}
      </figcaption>
    </figure>
  )
}
