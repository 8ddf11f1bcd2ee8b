import { type ReactElement, useId, useState } from 'react'
import { useSummary } from '../api/queries.ts'
import type { Summary } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import { Icon } from '../kit/icons.tsx'
import { Badge, Button, Card, DataTable, EmptyState, kit, Loaded, type Tone } from '../kit/kit.tsx'
import { useWidth } from '../kit/use-width.ts'
import css from './home.module.css'

/** Today so far against the band of what is usual by now. */
export function TodayCard({ id }: { readonly id: string }): ReactElement {
  return (
    <Card title={m.today.title} className={css.today}>
      <Loaded query={useSummary(id)} chart>
        {(summary) => <TodayBody summary={summary} />}
      </Loaded>
    </Card>
  )
}

/** Where today's energy lies against the usual band: a word and its tone. */
function against(summary: Summary): readonly [text: string, tone: Tone] | undefined {
  const { usualByNow, import: used } = summary
  if (!usualByNow || used.energyWh === null) return undefined
  const wh = Number(used.energyWh)
  if (wh < Number(usualByNow.lowWh)) return [m.today.below, 'ok']
  return wh > Number(usualByNow.highWh) ? [m.today.above, 'warn'] : [m.today.within, 'info']
}

function TodayBody({ summary }: { readonly summary: Summary }): ReactElement {
  const { import: used, export: given, usualByNow, zone, currency } = summary
  if (used.energyWh === null) return <EmptyState icon="clock" title={m.today.nothing} />
  const word = against(summary)
  const missing = used.expected - used.present
  return (
    <>
      <div className={css.hero}>
        <p className={css.sum}>
          {f.energy(used.energyWh).replace(/\s*kWh$/, '')}
          <span>kWh</span>
        </p>
        {word && <Badge tone={word[1]}>{word[0]}</Badge>}
      </div>
      <p className={kit.muted}>
        {usualByNow
          ? m.today.usualBand(f.energy(usualByNow.lowWh, 1), f.energy(usualByNow.highWh, 1))
          : m.today.noUsual}
      </p>
      <TodayCurve summary={summary} />
      <dl className={css.pair}>
        {used.money !== null && (
          <div>
            <dt>{m.today.cost}</dt>
            <dd>{f.money(used.money, currency)}</dd>
          </div>
        )}
        {given?.energyWh && (
          <div>
            <dt>{m.today.given}</dt>
            <dd>{f.energy(given.energyWh)}</dd>
          </div>
        )}
      </dl>
      <p className={css.foot}>
        <span>
          {missing > 0 && m.today.incomplete(f.count(missing))}{' '}
          {used.estimated > 0 && m.today.withEstimates(f.count(used.estimated))}
        </span>
        {summary.dataTo && <span>{m.today.until(f.time(Date.parse(summary.dataTo), zone))}</span>}
      </p>
    </>
  )
}

const HEIGHT = 132
const BOTTOM = 20

/** Energy since midnight as a line over the usual band; the table below it has the same numbers. */
function TodayCurve({ summary }: { readonly summary: Summary }): ReactElement {
  const [box, width] = useWidth<HTMLDivElement>(300)
  const [open, setOpen] = useState(false)
  const table = useId()
  const { curve, zone } = summary
  const most = Math.max(1, ...curve.flatMap((one) => [Number(one.usualHighWh ?? 0), Number(one.energyWh ?? 0)]))
  const x = (n: number): number => (n / curve.length) * (width - 10) + 5
  const y = (wh: number): number => HEIGHT - BOTTOM - (wh / most) * (HEIGHT - BOTTOM - 10)
  const line = (values: readonly (string | null)[]): string =>
    values.reduce<string>(
      (path, wh, n) => (wh === null ? path : `${path}L${x(n + 1)} ${y(Number(wh))}`),
      `M${x(0)} ${y(0)}`,
    )
  const known = curve.filter((one) => one.energyWh !== null)
  const last = known.at(-1)
  const usual = curve.every((one) => one.usualLowWh !== null && one.usualHighWh !== null)
  const high = line(curve.map((one) => one.usualHighWh))
  const back = curve.map((one, n) => `L${x(n + 1)} ${y(Number(one.usualLowWh ?? 0))}`).reverse()
  return (
    <figure className={css.curve} aria-label={m.today.chart}>
      <div ref={box}>
        <svg width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} aria-hidden="true">
          {usual && (
            <>
              <path className={css.bandArea} d={`${high}${back.join('')}L${x(0)} ${y(0)}Z`} />
              <path className={css.median} d={line(curve.map((one) => one.usualMedianWh))} />
            </>
          )}
          <line className={css.base} x1="0" x2={width} y1={y(0) + 0.5} y2={y(0) + 0.5} />
          <path className={css.todayLine} d={line(curve.map((one) => one.energyWh))} />
          {last && (
            <circle className={css.todayDot} cx={x(curve.indexOf(last) + 1)} cy={y(Number(last.energyWh))} r="5" />
          )}
          {curve.map((one, n) =>
            n % 6 === 5 && n < curve.length - 2 ? (
              <text key={one.at} className={css.tick} x={x(n + 1)} y={HEIGHT - 4} textAnchor="middle">
                {f.time(Date.parse(one.at), zone)}
              </text>
            ) : null,
          )}
        </svg>
      </div>
      <figcaption className={css.legend}>
        <span>
          <i className={css.keyLine} />
          {m.today.legendToday}
        </span>
        {usual && (
          <span>
            <i className={css.keyBand} />
            {m.today.legendUsual}
          </span>
        )}
        <Button
          look="quiet"
          small
          className={css.tableButton}
          aria-expanded={open}
          aria-controls={table}
          onClick={() => setOpen(!open)}
        >
          <Icon name="table" />
          {open ? m.app.hideTable : m.app.showTable}
        </Button>
      </figcaption>
      <div id={table} hidden={!open}>
        {open && (
          <DataTable
            caption={m.today.chart}
            rows={curve}
            rowKey={(one) => one.at}
            columns={[
              { head: m.today.hour, cell: (one) => f.time(Date.parse(one.at), zone) },
              {
                head: m.today.usedSum,
                number: true,
                cell: (one) => (one.energyWh === null ? '–' : f.energy(one.energyWh)),
              },
              {
                head: m.today.usualSum,
                number: true,
                cell: (one) =>
                  one.usualLowWh === null || one.usualHighWh === null
                    ? '–'
                    : `${f.energy(one.usualLowWh, 1)} – ${f.energy(one.usualHighWh, 1)}`,
              },
            ]}
          />
        )}
      </div>
    </figure>
  )
}
