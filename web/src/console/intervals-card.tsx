import { QUALITIES } from '@gridtally/metering'
import { lazy, type ReactElement, Suspense, useState } from 'react'
import { useIntervals, useSummary } from '../api/queries.ts'
import { serverNow } from '../api/server-clock.ts'
import type { Intervals, MeterDetail } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import { Icon } from '../kit/icons.tsx'
import { Button, Card, DataTable, EmptyState, Loaded, Skeleton } from '../kit/kit.tsx'
import { TableToggle } from '../kit/table-toggle.tsx'
import { periodQuery, todayIn } from '../model/period.ts'
import css from './console.module.css'

const TimeChart = lazy(async () => ({ default: (await import('../kit/time-chart.tsx')).TimeChart }))

/** One day of interval values: a chart, and the table with quality and what the device said. */
export function IntervalsCard(props: {
  readonly point: NonNullable<MeterDetail['usagePoint']>
  readonly className?: string | undefined
}): ReactElement {
  const { point, className } = props
  const today = todayIn(point.zone, serverNow())
  const [picked, setDay] = useState<number | null>(null)
  const dataTo = useSummary(point.id).data?.dataTo
  const last = dataTo ? todayIn(point.zone, Date.parse(dataTo) - 1) : today
  // Data that ended days ago, such as what was imported, opens at its end.
  const day = picked ?? (last < today - 1 ? last : today)
  const query = useIntervals(point.id, periodQuery({ span: 'day', from: day, to: day + 1 }))
  const picker = (
    <div className={css.dayPick}>
      <Button look="quiet" small square aria-label={m.history.previous.day} onClick={() => setDay(day - 1)}>
        <Icon name="left" />
      </Button>
      <span aria-live="polite">{f.day(day * 86_400_000 + 43_200_000, 'UTC')}</span>
      <Button
        look="quiet"
        small
        square
        aria-label={m.history.next.day}
        disabled={day >= today}
        onClick={() => setDay(day + 1)}
      >
        <Icon name="right" />
      </Button>
    </div>
  )
  return (
    <Card title={m.meter.intervals} aside={picker} className={className}>
      <Loaded query={query} chart>
        {(intervals) => <Body intervals={intervals} />}
      </Loaded>
    </Card>
  )
}

function Body({ intervals: { intervals: rows, zone } }: { readonly intervals: Intervals }): ReactElement {
  if (rows.length === 0)
    return (
      <EmptyState icon="clock" title={m.meter.noIntervals}>
        {m.history.nothingHint}
      </EmptyState>
    )
  const side = (name: 'import' | 'export', colour: '--import' | '--export') => ({
    name: m.meter[name],
    colour,
    values: rows.map((row) => (row[name]?.energyWh == null ? null : Number(row[name].energyWh))),
    text: (n: number) => value(rows[n][name]?.energyWh ?? null),
  })
  const value = (wh: string | null): string => (wh === null ? m.history.states.missing : `${f.decimal(wh)} Wh`)
  const hasExport = rows.some((row) => row.export !== null)
  const remarkable = rows.filter((row) => !['VALID', 'RAW'].includes(row.import.quality) || row.import.flags.length > 0)
  return (
    <>
      <Suspense fallback={<Skeleton chart />}>
        <TimeChart
          label={m.meter.intervals}
          zone={zone}
          times={rows.map((row) => Date.parse(row.start))}
          end={Date.parse(rows[rows.length - 1].end)}
          height={240}
          timeName={m.meter.start}
          series={[side('import', '--import'), ...(hasExport ? [side('export', '--export')] : [])]}
        />
      </Suspense>
      <p className={css.note}>
        {remarkable.length === 0
          ? m.meter.allMeasured
          : m.meter.remarkable(f.count(remarkable.length), f.count(rows.length))}
      </p>
      {remarkable.length > 0 && (
        <TableToggle label={m.meter.showRemarkable}>
          <DataTable
            caption={m.meter.quality}
            rows={remarkable}
            rowKey={(row) => row.start}
            columns={[
              {
                head: m.meter.start,
                cell: (row) => `${f.time(Date.parse(row.start), zone)} ${f.zoneName(Date.parse(row.start), zone)}`,
              },
              { head: m.meter.import, number: true, cell: (row) => value(row.import.energyWh) },
              { head: m.meter.quality, cell: (row) => qualityWords(row.import.quality) },
              { head: m.meter.flags, cell: (row) => row.import.flags.join(', ') || '–' },
            ]}
          />
        </TableToggle>
      )}
    </>
  )
}

/** A quality in words; one the app does not know shows its own name. */
function qualityWords(quality: string): string {
  return quality in QUALITIES ? QUALITIES[quality as keyof typeof QUALITIES].words : quality
}
