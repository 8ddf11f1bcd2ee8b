import { parseLocalDay } from '@gridtally/metering'
import type { ReactElement } from 'react'
import type { Overview } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import { Icon } from '../kit/icons.tsx'
import { DataTable } from '../kit/kit.tsx'
import { TableToggle } from '../kit/table-toggle.tsx'
import { sharePercent } from '../model/share.ts'
import css from './console.module.css'

const noon = (date: string): number => parseLocalDay(date) * 86_400_000 + 43_200_000
const dayName = (date: string): string => f.day(noon(date), 'UTC')

/** Three weeks, the most that fits one line of tiles. */
const MOST_TILES = 21

/**
 * Completeness a day as tiles with its number: differences that matter are a few tenths of a per cent, which bars from zero hide and
 * bars from elsewhere exaggerate. Days below target have their own mark, frame and word.
 */
export function DaysChart({ completeness }: { readonly completeness: Overview['completeness'] }): ReactElement {
  const { targetPercent } = completeness
  const days = completeness.days.slice(-MOST_TILES)
  const target = Number(targetPercent)
  return (
    <>
      <ol className={css.days} aria-label={m.overview.byDayChart}>
        {days.map((day) => {
          const share = sharePercent(day.present, day.expected)
          const met = share >= target
          const name = `${dayName(day.date)}: ${f.percent(share, 2)}, ${met ? m.overview.met : m.overview.notMet}`
          return (
            <li
              key={day.date}
              className={met ? undefined : css.under}
              title={`${name}. ${m.overview.missing(f.count(day.expected - day.present))}`}
            >
              <span>
                {f.weekday(noon(day.date), 'UTC')} {f.dayOfMonth(noon(day.date), 'UTC')}
              </span>
              <b>{f.percent(share, 2).replace(/\s*%/, '')}</b>
              <span role="img" aria-label={met ? m.overview.met : m.overview.notMet}>
                <Icon name={met ? 'check' : 'down'} size={13} />
              </span>
            </li>
          )
        })}
      </ol>
      <p className={css.note}>{m.overview.daysHint(f.percent(targetPercent))}</p>
      <TableToggle>
        <DataTable
          caption={m.overview.byDay}
          rows={completeness.days.toReversed()}
          rowKey={(day) => day.date}
          columns={[
            { head: m.overview.day, cell: (day) => dayName(day.date) },
            {
              head: m.overview.present,
              number: true,
              cell: (day) => f.percent(sharePercent(day.present, day.expected), 2),
            },
            { head: m.overview.missingHead, number: true, cell: (day) => f.count(day.expected - day.present) },
            { head: m.overview.estimatedHead, number: true, cell: (day) => f.count(day.estimated) },
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
