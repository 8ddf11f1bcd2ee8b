import { type ReactElement, type ReactNode, useId, useState } from 'react'
import { m } from '../i18n/index.ts'
import { Icon } from './icons.tsx'
import { Button } from './kit.tsx'

/** A button that shows and hides a chart's table; `label` stands on it while hidden. */
export function TableToggle({
  label,
  children,
}: {
  readonly label?: string
  readonly children: ReactNode
}): ReactElement {
  const [open, setOpen] = useState(false)
  const id = useId()
  return (
    <>
      <Button look="quiet" small aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        <Icon name="table" />
        {open ? m.app.hideTable : (label ?? m.app.showTable)}
      </Button>
      <div id={id} hidden={!open}>
        {open && children}
      </div>
    </>
  )
}
