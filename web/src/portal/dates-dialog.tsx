import { formatLocalDay, parseLocalDay } from '@gridtally/metering'
import { type CalendarDate, parseDate } from '@internationalized/date'
import { type FormEvent, type ReactElement, useState } from 'react'
import { I18nProvider } from 'react-aria-components/I18nProvider'
import {
  Button as AriaButton,
  CalendarCell,
  CalendarGrid,
  CalendarGridBody,
  CalendarGridHeader,
  CalendarHeaderCell,
  Heading,
  RangeCalendar,
} from 'react-aria-components/RangeCalendar'
import { f, m } from '../i18n/index.ts'
import { ModalDialog } from '../kit/dialog.tsx'
import { Icon } from '../kit/icons.tsx'
import { Button, buttonClass } from '../kit/kit.tsx'
import { customPeriod, type Period } from '../model/period.ts'
import css from './dates-dialog.module.css'

const date = (day: number): CalendarDate => parseDate(formatLocalDay(day))

/** Picks the first and the last day of a view, in a calendar or by typing. */
export function DatesDialog(props: {
  readonly period: Period
  readonly onPick: (period: Period) => void
  readonly onClose: () => void
}): ReactElement {
  const [range, setRange] = useState({ start: date(props.period.from), end: date(props.period.to - 1) })
  const type = (side: 'start' | 'end', text: string): void => {
    if (/^[12]\d{3}-\d\d-\d\d$/.test(text)) setRange({ ...range, [side]: parseDate(text) })
  }
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    props.onPick(customPeriod(parseLocalDay(range.start.toString()), parseLocalDay(range.end.toString())))
  }
  const ordered = range.start.compare(range.end) <= 0 ? range : { start: range.end, end: range.start }
  return (
    <ModalDialog title={m.history.chooseDates} onClose={props.onClose}>
      <form onSubmit={submit} className={css.form}>
        <I18nProvider locale={f.locale}>
          <RangeCalendar
            className={css.calendar}
            aria-label={m.history.dates}
            value={ordered}
            defaultFocusedValue={ordered.end}
            onChange={(value) =>
              setRange({ start: parseDate(value.start.toString()), end: parseDate(value.end.toString()) })
            }
            firstDayOfWeek="mon"
          >
            <header className={css.head}>
              <AriaButton slot="previous" className={buttonClass({ look: 'quiet', square: true })}>
                <Icon name="left" />
              </AriaButton>
              <Heading className={css.month} />
              <AriaButton slot="next" className={buttonClass({ look: 'quiet', square: true })}>
                <Icon name="right" />
              </AriaButton>
            </header>
            <CalendarGrid className={css.grid}>
              <CalendarGridHeader>
                {(day) => <CalendarHeaderCell className={css.weekday}>{day}</CalendarHeaderCell>}
              </CalendarGridHeader>
              <CalendarGridBody>{(day) => <CalendarCell date={day} className={css.cell} />}</CalendarGridBody>
            </CalendarGrid>
          </RangeCalendar>
        </I18nProvider>
        <div className={css.fields}>
          <label>
            {m.history.first}
            <input type="date" value={range.start.toString()} onChange={(event) => type('start', event.target.value)} />
          </label>
          <label>
            {m.history.last}
            <input type="date" value={range.end.toString()} onChange={(event) => type('end', event.target.value)} />
          </label>
        </div>
        <Button look="primary" type="submit" wide>
          {m.history.apply}
        </Button>
      </form>
    </ModalDialog>
  )
}
