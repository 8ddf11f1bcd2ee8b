import { lazy, type ReactElement, type ReactNode, Suspense, useRef, useState } from 'react'
import { type ButtonLook, buttonClass } from './kit.tsx'

/** One line of a menu. `selected` (true or false) makes it a choice with a tick. */
export interface MenuEntry {
  readonly id: string
  readonly label: string
  readonly selected?: boolean
  readonly onAction: () => void
}

/** Entries that belong together, under an optional heading. */
export interface MenuGroup {
  readonly label: string
  readonly showLabel?: boolean
  readonly entries: readonly MenuEntry[]
}

// React Aria's menu is loaded when somebody reaches for one: most visits never do.
const load = (): Promise<typeof import('./menu-popover.tsx')> => import('./menu-popover.tsx')
const MenuPopover = lazy(async () => ({ default: (await load()).MenuPopover }))

/** A button that opens a menu. */
export function PopoverMenu(props: {
  readonly label: string
  readonly groups: readonly MenuGroup[]
  readonly children: ReactNode
  readonly className?: string | undefined
  readonly look?: ButtonLook
}): ReactElement {
  const [open, setOpen] = useState(false)
  const trigger = useRef<HTMLButtonElement>(null)
  return (
    <>
      <button
        type="button"
        ref={trigger}
        className={props.className ?? buttonClass(props.look ?? { look: 'quiet' })}
        aria-label={props.label}
        aria-haspopup="menu"
        aria-expanded={open}
        onPointerEnter={() => void load()}
        onFocus={() => void load()}
        onClick={() => setOpen(!open)}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') {
            event.preventDefault()
            setOpen(true)
          }
        }}
      >
        {props.children}
      </button>
      {open && (
        <Suspense>
          <MenuPopover trigger={trigger} label={props.label} groups={props.groups} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  )
}
