import { Fragment, type ReactElement, useState } from 'react'
import { m } from '../i18n/index.ts'
import { ModalDialog } from '../kit/dialog.tsx'
import { Check } from '../kit/kit.tsx'
import css from './console.module.css'
import { setShortcuts, shortcutsOn } from './shortcuts.ts'

/** Lists the shortcuts and lets people switch them off. */
export function ShortcutsDialog({ onClose }: { readonly onClose: () => void }): ReactElement {
  const [on, setOn] = useState(shortcutsOn)
  return (
    <ModalDialog title={m.console.shortcuts} onClose={onClose}>
      <dl className={css.shortcuts}>
        {m.console.shortcutList.map(([keys, what]) => (
          <Fragment key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </Fragment>
        ))}
      </dl>
      <Check
        label={m.console.shortcutsOn}
        checked={on}
        onChange={(next) => {
          setShortcuts(next)
          setOn(next)
        }}
      />
    </ModalDialog>
  )
}
