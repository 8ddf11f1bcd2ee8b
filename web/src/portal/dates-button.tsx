import { lazy, type ReactElement, Suspense, useState } from 'react'
import { m } from '../i18n/index.ts'
import { Icon } from '../kit/icons.tsx'
import { Button } from '../kit/kit.tsx'
import type { Period } from '../model/period.ts'

const DatesDialog = lazy(async () => ({ default: (await import('./dates-dialog.tsx')).DatesDialog }))

/** Shows the chosen days and opens the calendar, which is loaded then. */
export function DatesButton(props: {
  readonly period: Period
  readonly name: string
  readonly onPick: (period: Period) => void
}): ReactElement {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button
        look="quiet"
        aria-haspopup="dialog"
        aria-label={`${m.history.chooseDates}: ${props.name}`}
        onClick={() => setOpen(true)}
      >
        <Icon name="calendar" />
        {props.name}
      </Button>
      {open && (
        <Suspense>
          <DatesDialog
            period={props.period}
            onClose={() => setOpen(false)}
            onPick={(period) => {
              setOpen(false)
              props.onPick(period)
            }}
          />
        </Suspense>
      )}
    </>
  )
}
