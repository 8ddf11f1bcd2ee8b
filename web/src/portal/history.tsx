import { localDayOf } from '@gridtally/metering'
import { type ReactElement, useId, useState } from 'react'
import { useLocation, useSearch } from 'wouter'
import { exportAddress, useBuckets } from '../api/queries.ts'
import { serverNow } from '../api/server-clock.ts'
import type { Buckets, CustomerUsagePoint } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import { BarChart } from '../kit/bar-chart.tsx'
import { Icon } from '../kit/icons.tsx'
import { Button, buttonClass, Card, Check, EmptyState, Loaded, Segmented } from '../kit/kit.tsx'
import { type Bar, type ChartModel, chartModel } from '../model/chart-model.ts'
import {
  bucketOf,
  closerLook,
  type Period,
  periodAround,
  periodQuery,
  SPANS,
  shiftPeriod,
  todayIn,
} from '../model/period.ts'
import { type HistoryView, readView, writeView } from '../model/view-state.ts'
import { DatesButton } from './dates-button.tsx'
import css from './history.module.css'
import { HistoryTable, sideNote } from './history-table.tsx'

/** The history chart with everything that steers it. What it shows is in the address. */
export function HistoryCard({ point }: { readonly point: CustomerUsagePoint }): ReactElement {
  const [path, navigate] = useLocation()
  const search = useSearch()
  const today = todayIn(point.zone, serverNow())
  const home = homeDay(point, today)
  const view = readView(search, home)
  const { period, measure } = view
  const show = (change: Partial<HistoryView>): void =>
    navigate(`${path}${writeView({ ...view, ...change }, home)}`, { replace: true })
  const goTo = (next: Period): void => navigate(`${path}${writeView({ ...view, period: next }, home)}`)
  const bucket = bucketOf(period, view.fine)
  const query = useBuckets(point.id, periodQuery(period), bucket)
  const name = periodName(period)

  const measures = (
    <Segmented
      label={m.history.measureLabel}
      value={measure}
      options={[
        { value: 'energy', label: m.history.measures.energy },
        { value: 'money', label: m.history.measures.money },
      ]}
      onChange={(value) => show({ measure: value })}
    />
  )
  return (
    <Card title={m.history.title} aside={measures}>
      <div className={`${css.controls} ${css.spread}`}>
        <Segmented
          label={m.history.spanLabel}
          value={period.span}
          options={SPANS.map((span) => ({ value: span, label: m.history.spans[span] }))}
          onChange={(span) => goTo(periodAround(span, period.from <= today && today < period.to ? today : period.from))}
        />
        <div className={css.stepper}>
          <Button
            look="quiet"
            square
            aria-label={m.history.previous[period.span]}
            onClick={() => goTo(shiftPeriod(period, -1))}
          >
            <Icon name="left" />
          </Button>
          {period.span === 'custom' ? (
            <DatesButton period={period} name={name} onPick={goTo} />
          ) : (
            <h3 aria-live="polite">{name}</h3>
          )}
          <Button
            look="quiet"
            square
            aria-label={m.history.next[period.span]}
            disabled={period.to > today}
            onClick={() => goTo(shiftPeriod(period, 1))}
          >
            <Icon name="right" />
          </Button>
        </div>
      </div>
      <Loaded query={query} chart>
        {(buckets) => (
          <div className={query.isPlaceholderData ? css.stale : undefined} aria-busy={query.isPlaceholderData}>
            <HistoryBody
              key={`${buckets.from}${buckets.bucket}`}
              buckets={buckets}
              view={view}
              name={name}
              show={show}
              goTo={goTo}
              point={point}
            />
          </div>
        )}
      </Loaded>
    </Card>
  )
}

/** The day the history opens at: today, or the last with values where these ended long ago, as in imported data. */
function homeDay(point: CustomerUsagePoint, today: number): number {
  if (point.dataTo === null) return today
  const last = todayIn(point.zone, Date.parse(point.dataTo) - 1)
  return last < today - 7 ? last : today
}

/** What a period is called: `October 2026`, `19–25 Oct 2026`. */
function periodName(period: Period): string {
  // Noon of a local day is in that day everywhere, so names need no exact midnight.
  const noon = (day: number): number => day * 86_400_000 + 12 * 3_600_000
  const first = noon(period.from)
  if (period.span === 'day') return f.longDay(first, 'UTC')
  if (period.span === 'month') return f.month(first, 'UTC')
  return period.span === 'year' ? f.year(first, 'UTC') : f.dayRange(first, noon(period.to - 1), 'UTC')
}

function HistoryBody(props: {
  readonly buckets: Buckets
  readonly view: HistoryView
  readonly name: string
  readonly point: CustomerUsagePoint
  readonly show: (change: Partial<HistoryView>) => void
  readonly goTo: (period: Period) => void
}): ReactElement {
  const { buckets, view, name, point, show, goTo } = props
  const [cursor, setCursor] = useState<number | null>(null)
  const table = useId()
  const model = chartModel(buckets, view.measure, f)
  const { counts } = model
  const empty = counts.expected === 0 || counts.missing === counts.expected
  const closer = (bar: Bar): Period | undefined => closerLook(buckets.bucket, localDayOf(bar.start, buckets.zone))
  if (empty) return <Nothing point={point} goTo={goTo} view={view} missing={counts.missing} />
  const bar = cursor === null ? undefined : model.bars[cursor]
  const next = bar && closer(bar)
  const textOf = (index: number | null): string =>
    index === null ? summary(model, name)[0] : barText(model.bars[index])
  return (
    <>
      <div className={css.readout}>
        <p className={css.label}>{bar ? bar.label : m.history.total}</p>
        <Values model={model} bar={bar} />
        {bar && next && (
          <Button small aria-label={m.history.closer(bar.label)} onClick={() => goTo(next)}>
            <Icon name="search" size={14} />
            {m.history.closerShort}
          </Button>
        )}
        {bar && <QualityNote bar={bar} />}
      </div>
      <BarChart
        model={model}
        label={m.history.chart(name)}
        hint={m.history.chartHint}
        cursor={cursor}
        onCursor={setCursor}
        onEnter={(index) => {
          const there = closer(model.bars[index])
          if (there) goTo(there)
        }}
        textOf={textOf}
      />
      <Legend model={model} />
      <div className={css.words}>
        {summary(model, name).map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
        {model.clockChange && (
          <p className={css.clock}>
            <Icon name="clock" />
            {model.clockChange === 'back' ? m.history.clockBack : m.history.clockForward}
          </p>
        )}
        <p>{tariffText(buckets, view)}</p>
      </div>
      <div className={css.actions}>
        <Button aria-expanded={view.table} aria-controls={table} onClick={() => show({ table: !view.table })}>
          <Icon name="table" />
          {view.table ? m.app.hideTable : m.app.showTable}
        </Button>
        <a className={buttonClass({})} href={exportAddress(point.id, periodQuery(view.period))} download>
          <Icon name="download" />
          {m.history.csv}
        </a>
        {view.period.span === 'day' && (
          <Check label={m.history.detail} checked={view.fine} onChange={(fine) => show({ fine })} />
        )}
        {buckets.dataTo && (
          <span className={css.right}>{m.history.dataTo(f.full(Date.parse(buckets.dataTo), point.zone))}</span>
        )}
      </div>
      <div id={table} hidden={!view.table} className={css.table}>
        {view.table && <HistoryTable model={model} name={name} />}
      </div>
    </>
  )
}

/** Totals of the period, or the values under the cursor. */
function Values({ model, bar }: { readonly model: ChartModel; readonly bar: Bar | undefined }): ReactElement {
  const money = model.measure === 'money'
  const word = (side: Bar['import']): string => (side.text === '' ? m.history.states[side.state] : side.text)
  return (
    <dl className={css.values}>
      <div>
        <dt>
          <i className={`${css.swatch} ${css.import}`} />
          {money ? m.history.importMoney : m.history.import}
        </dt>
        <dd>{bar ? word(bar.import) : model.importTotal}</dd>
      </div>
      {model.exportTotal !== null && (
        <div>
          <dt>
            <i className={`${css.swatch} ${css.export}`} />
            {money ? m.history.exportMoney : m.history.export}
          </dt>
          <dd>{bar ? bar.export && word(bar.export) : model.exportTotal}</dd>
        </div>
      )}
      {money && !bar && model.balance !== null && (
        <div>
          <dt>{m.history.balance}</dt>
          <dd>
            {model.balance} {model.standing !== null && <small>{m.history.balanceHint(model.standing)}</small>}
          </dd>
        </div>
      )}
    </dl>
  )
}

function QualityNote({ bar }: { readonly bar: Bar }): ReactElement | null {
  const note = sideNote(bar.import)
  return note === '' ? null : (
    <p className={css.quality}>
      <Icon name="info" size={14} />
      {note}
    </p>
  )
}

/** What a screen reader says at a bar: the same words and numbers as the readout and the table. */
function barText(bar: Bar): string {
  const side = (name: string, one: Bar['import']): string =>
    `${name} ${one.text === '' ? m.history.states[one.state] : one.text}`
  const parts = [
    side(m.history.import, bar.import),
    ...(bar.export ? [side(m.history.export, bar.export)] : []),
    sideNote(bar.import),
  ]
  return `${bar.label}: ${parts.filter(Boolean).join(', ')}`
}

/** The chart in sentences. */
function summary(model: ChartModel, name: string): string[] {
  const { counts, highest } = model
  const money = model.measure === 'money'
  const used = money ? m.history.summaryCost(name, model.importTotal) : m.history.summaryUsed(name, model.importTotal)
  const back = money ? m.history.summaryCredit : m.history.summaryGiven
  const given = model.exportTotal === null ? '' : back(model.exportTotal)
  const most =
    highest && model.bars.length > 1 ? ` ${m.history.summaryHighest(highest.label, highest.import.text)}` : ''
  const quality = [
    ...(counts.missing > 0 ? [m.history.summaryMissing(f.count(counts.missing))] : []),
    ...(counts.estimated > 0 ? [m.history.summaryEstimated(f.count(counts.estimated))] : []),
  ]
  return [`${used}${given}.${most}`, quality.length > 0 ? quality.join(' ') : m.history.summaryComplete]
}

function tariffText({ tariffs }: Buckets, view: HistoryView): string {
  if (view.measure !== 'money') return ''
  if (tariffs.length === 0) return m.history.noPrice
  if (tariffs.length > 1) return m.history.tariffs(tariffs.map((one) => one.name).join(', '))
  return m.history.tariff(tariffs[0].name, f.longDay(Date.parse(tariffs[0].from), 'UTC'))
}

function Legend({ model }: { readonly model: ChartModel }): ReactElement | null {
  const { missing, estimated } = model.counts
  if (missing === 0 && estimated === 0) return null
  return (
    <p className={css.legend}>
      {estimated > 0 && (
        <span>
          <i className={`${css.swatch} ${css.hatched}`} />
          {m.history.legendEstimated}
        </span>
      )}
      {missing > 0 && (
        <span>
          <i className={`${css.swatch} ${css.gap}`} />
          {m.history.legendMissing}
        </span>
      )}
    </p>
  )
}

function Nothing(props: {
  readonly point: CustomerUsagePoint
  readonly view: HistoryView
  readonly goTo: (period: Period) => void
  /** Values that should be there: none for days before the meter or in the future. */
  readonly missing: number
}): ReactElement {
  const { point, view, goTo, missing } = props
  if (point.dataFrom === null) return <EmptyState title={m.home.noData}>{m.home.noDataHint}</EmptyState>
  const first = todayIn(point.zone, Date.parse(point.dataFrom))
  const last = todayIn(point.zone, Date.parse(point.dataTo ?? point.dataFrom))
  const before = view.period.to <= first
  return (
    <EmptyState
      icon="calendar"
      title={m.history.nothing}
      action={
        <Button
          onClick={() =>
            goTo(periodAround(view.period.span === 'custom' ? 'week' : view.period.span, before ? first : last))
          }
        >
          {before ? m.history.goToStart : m.history.goToEnd}
        </Button>
      }
    >
      {before
        ? m.history.nothingBefore(f.longDay(Date.parse(point.dataFrom), point.zone))
        : missing > 0
          ? m.history.allMissing(f.count(missing))
          : m.history.nothingHint}
    </EmptyState>
  )
}
