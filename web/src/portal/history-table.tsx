import type { ReactElement } from 'react'
import { f, m } from '../i18n/index.ts'
import { DataTable } from '../kit/kit.tsx'
import type { Bar, BarSide, ChartModel } from '../model/chart-model.ts'

/** How far one value can be trusted, in words with counts; empty when it is simply measured. */
export function sideNote(side: BarSide): string {
  const of = f.count(side.expected)
  return [
    side.state === 'future' ? m.history.states.future : '',
    side.missing > 0 ? m.history.missingPart(f.count(side.missing), of) : '',
    side.estimated > 0 ? m.history.estimatedPart(f.count(side.estimated), of) : '',
  ]
    .filter(Boolean)
    .join(', ')
}

/** The chart's twin: a row a bar, made of the same texts. */
export function HistoryTable({ model, name }: { readonly model: ChartModel; readonly name: string }): ReactElement {
  const money = model.measure === 'money'
  const cell = (side: BarSide | null): string =>
    side === null ? '' : side.text === '' ? m.history.states[side.state] : side.text
  const given =
    model.exportTotal === null
      ? []
      : [
          {
            head: money ? m.history.exportMoney : m.history.export,
            number: true,
            cell: (bar: Bar) => cell(bar.export),
            foot: model.exportTotal,
          },
        ]
  return (
    <DataTable
      caption={`${m.history.table}, ${name}`}
      rows={model.bars}
      rowKey={(bar) => bar.start}
      columns={[
        { head: m.history.when, cell: (bar) => bar.label, foot: m.history.total },
        {
          head: money ? m.history.importMoney : m.history.import,
          number: true,
          cell: (bar) => cell(bar.import),
          foot: model.importTotal,
        },
        ...given,
        { head: m.history.note, cell: (bar) => sideNote(bar.import) || m.history.states.measured, foot: '' },
      ]}
    />
  )
}
