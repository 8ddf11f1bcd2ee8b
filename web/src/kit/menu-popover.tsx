import type { ReactElement, RefObject } from 'react'
import { Header, Menu, MenuItem, MenuSection } from 'react-aria-components/Menu'
import { Popover } from 'react-aria-components/Popover'
import { Icon } from './icons.tsx'
import { kit } from './kit.tsx'
import type { MenuGroup } from './popover-menu.tsx'

/** The open half of `PopoverMenu`: arrow keys, typing ahead, Escape and focus are React Aria's. */
export function MenuPopover(props: {
  readonly trigger: RefObject<HTMLButtonElement | null>
  readonly label: string
  readonly groups: readonly MenuGroup[]
  readonly onClose: () => void
}): ReactElement {
  const { trigger, label, groups, onClose } = props
  return (
    <Popover
      className={kit.popover}
      triggerRef={trigger}
      isOpen
      placement="bottom end"
      onOpenChange={(open) => {
        if (!open) onClose()
      }}
    >
      <Menu aria-label={label} className={kit.menu} autoFocus="first" onClose={onClose}>
        {groups.map((group) => (
          <MenuSection key={group.label} aria-label={group.label} className={kit.menuSection}>
            {group.showLabel && <Header className={kit.menuHead}>{group.label}</Header>}
            {group.entries.map((entry) => (
              <MenuItem
                key={entry.id}
                id={entry.id}
                className={kit.menuItem}
                textValue={entry.label}
                onAction={entry.onAction}
                {...(entry.selected ? { 'aria-current': 'true' as const } : {})}
              >
                {group.entries.some((one) => one.selected !== undefined) && (
                  <span className={kit.slot}>{entry.selected && <Icon name="check" />}</span>
                )}
                {entry.label}
              </MenuItem>
            ))}
          </MenuSection>
        ))}
      </Menu>
    </Popover>
  )
}
