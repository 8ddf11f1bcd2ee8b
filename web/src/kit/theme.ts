import { useSyncExternalStore } from 'react'

/** How the app looks: like the device, or always light or dark. */
export type Theme = 'auto' | 'light' | 'dark'

const KEY = 'gridtally.theme'
const listeners = new Set<() => void>()

function stored(): Theme {
  const value = localStorage.getItem(KEY)
  return value === 'light' || value === 'dark' ? value : 'auto'
}

/** Applies what was chosen before; to be called before the first drawing. */
export function applyTheme(): void {
  const theme = stored()
  if (theme === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

/** Chooses a look and remembers it in this browser: the one thing the app stores. */
export function setTheme(theme: Theme): void {
  if (theme === 'auto') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, theme)
  applyTheme()
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  const device = matchMedia('(prefers-color-scheme: dark)')
  listeners.add(listener)
  device.addEventListener('change', listener)
  return () => {
    listeners.delete(listener)
    device.removeEventListener('change', listener)
  }
}

/** The chosen theme, and whether dark is what shows. */
export function useTheme(): { readonly theme: Theme; readonly dark: boolean } {
  const key = useSyncExternalStore(subscribe, () => {
    const theme = stored()
    return `${theme} ${theme === 'auto' ? matchMedia('(prefers-color-scheme: dark)').matches : theme === 'dark'}`
  })
  const [theme, dark] = key.split(' ')
  // Both halves were made two lines above.
  return { theme: theme as Theme, dark: dark === 'true' }
}
