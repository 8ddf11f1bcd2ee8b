import type { ReactElement } from 'react'

const PATHS = {
  left: 'M10 3 5 8l5 5',
  right: 'm6 3 5 5-5 5',
  down: 'm3.5 6 4.5 4.5L12.5 6',
  check: 'm3 8.5 3.2 3.2L13 4.8',
  cross: 'M4 4l8 8m0-8-8 8',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14',
  user: 'M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm-5.5 6c.6-3 2.7-4.5 5.5-4.5s4.9 1.5 5.5 4.5',
  table: 'M2 3h12v10H2zM2 6.500h12M6.5 6.500V13',
  download: 'M8 2v8m-3.5-3.200L8 10.300l3.5-3.500M2.5 13.500h11',
  key: 'M8.5 10.5a3 3 0 1 1-6 0 3 3 0 0 1 6 0ZM7.6 8.4l5.9-5.9m-2.4 2.4 2.2 2.2',
  pin: 'M8 14.500s5-4.3 5-8A5 5 0 0 0 3 6.500c0 3.7 5 8 5 8Zm0-6.200a1.9 1.9 0 1 0 0-3.8 1.9 1.9 0 0 0 0 3.800Z',
  grid: 'M2.5 2.500h4.500v4.500H2.500zM9 2.500h4.500v4.500H9zM2.5 9h4.500v4.500H2.500zM9 9h4.500v4.500H9z',
  list: 'M2.5 4h11m-11 4h11m-11 4h11',
  pulse: 'M1.5 8h3l2-5 3 10 2-5h3',
  calendar: 'M2.5 4h11v9.500h-11zM2.5 7h11M5.5 2v3m5-3v3',
  warning: 'M8 2.2 14.5 13.500h-13zM8 6.500v3.300m0 1.700v.1',
  info: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Zm0-6.500V11m0-6v.1',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Zm0-9.500V8l2.5 1.5',
  up: 'm3.5 10 4.5-4.5 4.5 4.5',
  pause: 'M5.5 3v10m5-10v10',
  play: 'M5 3l8 5-8 5z',
  keyboard: 'M1.5 4h13v8h-13zM4 6.500v0m2.7 0v0m2.6 0v0m2.7 0v0M5 9.500h6',
  empty: 'M2.5 9.5 4.5 3h7l2 6.500v4h-11zm0 0h3.300l.7 1.500h3l.7-1.500h3.3',
  plug: 'M5.5 1.500V5m5-3.500V5M3.5 5h9v2.500a4.5 4.5 0 0 1-9 0zM8 12v2.5',
} as const

/** Names of the icons there are. */
export type IconName = keyof typeof PATHS

/** A line icon in the colour of the text beside it. Purely decorative: the words beside it, or the button's label, say it. */
export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }): ReactElement {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  )
}

/** The mark of the product. */
export function Mark({ size = 28 }: { readonly size?: number }): ReactElement {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="9" fill="var(--accent)" />
      <g fill="var(--accent-ink)">
        <rect x="7" y="16" width="4" height="9" rx="1.5" />
        <rect x="14" y="11" width="4" height="14" rx="1.5" />
      </g>
      <rect x="21" y="7" width="4" height="18" rx="1.5" fill="#f0b44c" />
    </svg>
  )
}
