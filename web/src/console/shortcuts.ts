import { useEffect, useEffectEvent } from 'react'

const KEY = 'gridtally.shortcuts'
/** A second key counts as part of a pair this long. */
const PAIR_MS = 1200

/** Whether single-key shortcuts are on. They can be switched off for people whose input tools type by themselves (WCAG 2.1.4). */
export function shortcutsOn(): boolean {
  return localStorage.getItem(KEY) !== 'off'
}

/** Switches single-key shortcuts on or off for this browser. */
export function setShortcuts(on: boolean): void {
  if (on) localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, 'off')
}

/**
 * Listens for shortcuts while mounted: single keys (`/`) and pairs (`g m`). Keys typed into fields, and with modifiers, are left alone.
 *
 * @param actions what each shortcut does, by its keys
 */
export function useShortcuts(actions: Readonly<Record<string, () => void>>): void {
  const run = useEffectEvent((keys: string): boolean => {
    const action = actions[keys]
    action?.()
    return action !== undefined
  })
  useEffect(() => {
    let first = ''
    let at = 0
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target
      const typing =
        target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
      if (typing || event.ctrlKey || event.metaKey || event.altKey || !shortcutsOn()) return
      const pair = event.timeStamp - at < PAIR_MS ? `${first} ${event.key}` : event.key
      const done = run(pair) || (pair !== event.key && run(event.key))
      if (done) event.preventDefault()
      first = done ? '' : event.key
      at = event.timeStamp
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
}
