import type { ReactElement } from 'react'
import { useLocation } from 'wouter'
import { signOut } from '../api/queries.ts'
import type { Me } from '../api/types.ts'
import { m } from '../i18n/index.ts'
import { Icon } from '../kit/icons.tsx'
import { PopoverMenu } from '../kit/popover-menu.tsx'
import { setTheme, type Theme, useTheme } from '../kit/theme.ts'

const THEMES: readonly Theme[] = ['auto', 'light', 'dark']

/** Passkeys, display and signing out. */
export function AccountMenu({ me }: { readonly me: Me }): ReactElement {
  const [, navigate] = useLocation()
  const { theme } = useTheme()
  const leave = async (): Promise<void> => {
    try {
      await signOut()
      navigate('/sign-in')
    } catch {
      // The session may still be open on the server: show what is so instead of pretending.
      location.reload()
    }
  }
  return (
    <PopoverMenu
      label={`${m.app.menu}, ${me.name}`}
      groups={[
        {
          label: me.name,
          showLabel: true,
          entries: [{ id: 'account', label: m.app.account, onAction: () => navigate('/account') }],
        },
        {
          label: m.app.theme,
          showLabel: true,
          entries: THEMES.map((one) => ({
            id: one,
            label: m.app.themes[one],
            selected: one === theme,
            onAction: () => setTheme(one),
          })),
        },
        { label: m.app.signOut, entries: [{ id: 'out', label: m.app.signOut, onAction: () => void leave() }] },
      ]}
    >
      <Icon name="user" size={18} />
      <Icon name="down" size={14} />
    </PopoverMenu>
  )
}
