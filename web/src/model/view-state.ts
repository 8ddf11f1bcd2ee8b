import { formatLocalDay, type LocalDay } from '@gridtally/metering'
import { customPeriod, dayFromText, type Period, periodAround, SPANS, type Span } from './period.ts'

/** What bars show: energy in kWh or money by the dated tariff. */
export type Measure = 'energy' | 'money'

/** Everything a history view is made of; it lives in the address, so each view has a link. */
export interface HistoryView {
  /** Usage point the view is of; null for the first one. */
  readonly point: string | null
  readonly period: Period
  readonly measure: Measure
  /** Quarter hours instead of hours in a day. */
  readonly fine: boolean
  readonly table: boolean
}

/** Reads a view from a query string. Whatever is missing or makes no sense falls back to this week's energy. */
export function readView(search: string, today: LocalDay): HistoryView {
  const query = new URLSearchParams(search)
  const named = query.get('view')
  const span: Span = SPANS.find((known) => known === named) ?? 'week'
  const day = dayFromText(query.get('date')) ?? today
  const last = dayFromText(query.get('last'))
  return {
    point: query.get('point'),
    period: span === 'custom' && last !== undefined ? customPeriod(day, last) : periodAround(span, day),
    measure: query.get('show') === 'money' ? 'money' : 'energy',
    fine: query.get('step') === '15',
    table: query.get('table') === '1',
  }
}

/** The query string of a view, without what {@link readView} would assume anyway. Empty, or begins with `?`. */
export function writeView(view: HistoryView, today: LocalDay): string {
  const query = new URLSearchParams()
  const { span, from, to } = view.period
  if (view.point !== null) query.set('point', view.point)
  if (span !== 'week') query.set('view', span)
  if (span === 'custom') {
    query.set('date', formatLocalDay(from))
    query.set('last', formatLocalDay(to - 1))
  } else if (!(from <= today && today < to)) query.set('date', formatLocalDay(from))
  if (view.measure === 'money') query.set('show', 'money')
  if (view.fine) query.set('step', '15')
  if (view.table) query.set('table', '1')
  const text = query.toString()
  return text === '' ? '' : `?${text}`
}
