import { parseLocalDay } from '@gridtally/metering'
import { type ReactElement, useState } from 'react'
import type { DayCompleteness, Overview } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import { ChartCursor } from '../kit/chart-cursor.tsx'
import { DataTable } from '../kit/kit.tsx'
import { TableToggle } from '../kit/table-toggle.tsx'
import { useWidth } from '../kit/use-width.ts'
import { sharePercent } from '../model/share.ts'
import css from './console.module.css'

const HEIGHT = 190
const LEFT = 46
const TOP = 8
const BOTTOM = 24
const noon = (date: string): number => parseLocalDay(date) * 86_400_000 + 43_200_000
const dayName = (date: string): string => f.day(noon(date), 'UTC')

/** Completeness a day as bars on a scale that begins where differences begin, and says so by its labels; with target line and table. */
export function DaysChart({ completeness }: { readonly completeness: Overview['completeness'] }): ReactElement {
  const { days, targetPercent } = completeness
  const [box, width] = useWidth<HTMLDivElement>(600)
  const [cursor, setCursor] = useState<number | null>(null)
  const shares = days.map((day) => sharePercent(day.present, day.expected))
  const target = Number(targetPercent)
  const least = Math.min(...shares, target)
  const floor = least >= 98.5 ? 98 : least >= 92 ? 90 : least >= 55 ? 50 : 0
  const y = (percent: number): number =>
    TOP + ((100 - Math.max(floor, percent)) / (100 - floor)) * (HEIGHT - TOP - BOTTOM)
  const step = (width - LEFT - 4) / Math.max(1, days.length)
  const bar = Math.min(38, step * 0.68)
  const every = Math.max(1, Math.ceil(30 / step))
  const shown = days[cursor ?? days.length - 1]
  const textOf = (index: number | null): string => {
    const day = days[index ?? days.length - 1]
    return day ? `${dayName(day.date)}: ${f.percent(sharePercent(day.present, day.expected), 2)}` : m.overview.byDay
  }
  return (
    <>
      {shown && <Readout day={shown} target={target} />}
      <ChartCursor
        label={m.overview.byDayChart}
        hint={m.history.chartHint}
        count={days.length}
        cursor={cursor}
        onCursor={setCursor}
        textOf={textOf}
        indexAt={(x) => Math.floor((x - LEFT) / step)}
        className={css.plot}
        box={box}
      >
        <svg className={css.days} width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} aria-hidden="true">
          {[floor, (floor + 100) / 2, 100].map((mark) => (
            <g key={mark}>
              <line className={css.grid} x1={LEFT} x2={width} y1={y(mark)} y2={y(mark)} />
              <text className={css.axis} x={LEFT - 8} y={y(mark) + 4} textAnchor="end">
                {f.percent(mark, mark % 1 === 0 ? 0 : 1)}
              </text>
            </g>
          ))}
          {cursor !== null && (
            <rect className={css.cursor} x={LEFT + cursor * step} y={0} width={step} height={HEIGHT - BOTTOM} rx="5" />
          )}
          {days.map((day, n) => (
            <g key={day.date}>
              <rect
                className={shares[n] >= target ? css.day : css.dayBad}
                x={LEFT + n * step + (step - bar) / 2}
                y={y(shares[n])}
                width={bar}
                height={Math.max(1, HEIGHT - BOTTOM - y(shares[n]))}
                rx="3"
              />
              {(days.length - 1 - n) % every === 0 && (
                <text className={css.axis} x={LEFT + (n + 0.5) * step} y={HEIGHT - 6} textAnchor="middle">
                  {f.dayOfMonth(noon(day.date), 'UTC')}
                </text>
              )}
            </g>
          ))}
          <line className={css.target} x1={LEFT} x2={width} y1={y(target)} y2={y(target)} />
        </svg>
      </ChartCursor>
      <TableToggle>
        <DataTable
          caption={m.overview.byDay}
          rows={days.toReversed()}
          rowKey={(day) => day.date}
          columns={[
            { head: m.overview.day, cell: (day) => dayName(day.date) },
            {
              head: m.overview.present,
              number: true,
              cell: (day) => f.percent(sharePercent(day.present, day.expected), 2),
            },
            { head: m.history.states.missing, number: true, cell: (day) => f.count(day.expected - day.present) },
            { head: m.history.states.estimated, number: true, cell: (day) => f.count(day.estimated) },
            {
              head: m.overview.metersComplete,
              number: true,
              cell: (day) => m.overview.of(f.count(day.metersComplete), f.count(day.meters)),
            },
          ]}
        />
      </TableToggle>
    </>
  )
}

function Readout({ day, target }: { readonly day: DayCompleteness; readonly target: number }): ReactElement {
  const share = sharePercent(day.present, day.expected)
  return (
    <p className={css.readout}>
      <span>{dayName(day.date)}</span>
      <span>
        <b>{f.percent(share, 2)}</b> {share >= target ? m.overview.met : m.overview.notMet}
      </span>
      <span>{m.overview.missing(f.count(day.expected - day.present))}</span>
      <span>{m.overview.complete(f.count(day.metersComplete), f.count(day.meters))}</span>
    </p>
  )
}
