import { type ComponentProps, type ReactElement, type ReactNode, useEffect, useId, useState } from 'react'
import { ApiError } from '../api/client.ts'
import { serverNow } from '../api/server-clock.ts'
import { f, m } from '../i18n/index.ts'
import { Icon, type IconName } from './icons.tsx'
import css from './kit.module.css'

/** Joins class names, leaving out what is absent. */
export function classes(...names: readonly (string | false | undefined)[]): string {
  return names.filter(Boolean).join(' ')
}

/** Looks a button (or a link drawn as one) can have. */
export interface ButtonLook {
  readonly look?: 'plain' | 'primary' | 'quiet'
  readonly small?: boolean
  /** Square, for an icon alone; give it an `aria-label`. */
  readonly square?: boolean
  readonly wide?: boolean
}

/** Class of a button of some look: also for links that act like buttons. */
export function buttonClass({ look = 'plain', small, square, wide }: ButtonLook, extra?: string): string {
  return classes(
    css.button,
    look !== 'plain' && css[look],
    small && css.small,
    square && css.icon,
    wide && css.wide,
    extra,
  )
}

/** A button. */
export function Button({
  look,
  small,
  square,
  wide,
  className,
  ...rest
}: ButtonLook & ComponentProps<'button'>): ReactElement {
  const style: ButtonLook = {
    ...(look && { look }),
    ...(small && { small }),
    ...(square && { square }),
    ...(wide && { wide }),
  }
  return <button type="button" {...rest} className={buttonClass(style, className)} />
}

/** A titled surface. `aside` stands at the right of the title. */
export function Card(props: {
  readonly title: string
  readonly aside?: ReactNode
  readonly children: ReactNode
  readonly className?: string | undefined
}): ReactElement {
  const id = useId()
  return (
    <section className={classes(css.card, props.className)} aria-labelledby={id}>
      <div className={css.cardHead}>
        <h2 id={id}>{props.title}</h2>
        {props.aside}
      </div>
      {props.children}
    </section>
  )
}

/** A choice of one of few, as radio buttons drawn side by side. */
export function Segmented<T extends string>(props: {
  readonly label: string
  readonly value: T
  readonly options: readonly { readonly value: T; readonly label: string }[]
  readonly onChange: (value: T) => void
  readonly className?: string | undefined
}): ReactElement {
  const name = useId()
  return (
    <fieldset className={classes(css.segmented, props.className)}>
      <legend className={css.hidden}>{props.label}</legend>
      {props.options.map(({ value, label }) => (
        <label key={value}>
          <input type="radio" name={name} checked={value === props.value} onChange={() => props.onChange(value)} />
          {label}
        </label>
      ))}
    </fieldset>
  )
}

/** A box to tick. */
export function Check(props: {
  readonly label: string
  readonly checked: boolean
  readonly onChange: (checked: boolean) => void
}): ReactElement {
  return (
    <label className={css.check}>
      <input type="checkbox" checked={props.checked} onChange={(event) => props.onChange(event.target.checked)} />
      {props.label}
    </label>
  )
}

/** How good something is; each tone has its own shape as well as colour. */
export type Tone = 'ok' | 'warn' | 'bad' | 'info' | 'none'
const SHAPES: Readonly<Record<Tone, IconName>> = {
  ok: 'check',
  warn: 'warning',
  bad: 'cross',
  info: 'info',
  none: 'clock',
}

/** A word with the shape and colour of its tone. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }): ReactElement {
  return (
    <span className={classes(css.badge, tone !== 'none' && css[tone])}>
      <Icon name={SHAPES[tone]} size={13} />
      {children}
    </span>
  )
}

/** Re-renders every `everyMs`, for ages. */
export function useTick(everyMs: number): number {
  const [now, setNow] = useState(serverNow)
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return Math.max(now, serverNow())
}

const FRESH_MS = 60_000

/** How old a value is, ticking; the exact time with its zone on hover and for readers. */
export function Age({
  at,
  zone,
  words,
}: {
  readonly at: string
  readonly zone?: string
  readonly words?: (age: string) => string
}): ReactElement {
  const instant = Date.parse(at)
  const now = useTick(serverNow() - instant < FRESH_MS ? 1000 : 15_000)
  const age = f.ago(now - instant)
  return (
    <time className={css.age} dateTime={at} title={f.full(instant, zone ?? deviceZone())}>
      {words ? words(age) : age}
    </time>
  )
}

/** The zone of the device, for operators; customers see their usage point's zone. */
export function deviceZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

/** What stands where there is nothing to show: an icon, what is so, and what to do next. */
export function EmptyState(props: {
  readonly icon?: IconName
  readonly title: string
  readonly children?: ReactNode
  readonly action?: ReactNode
}): ReactElement {
  return (
    <div className={css.state}>
      <Icon name={props.icon ?? 'empty'} size={30} />
      <strong>{props.title}</strong>
      {props.children && <p>{props.children}</p>}
      {props.action}
    </div>
  )
}

/** Says in words what an error means for the person, and what to do. */
export function errorText(error: unknown): string {
  if (!(error instanceof ApiError)) return m.errors.other('APP')
  if (error.status === 0) return m.errors.offline
  if (error.status === 403) return m.errors.forbidden
  if (error.status === 404) return m.errors.unknown
  if (error.status === 429) return m.errors.tooMany
  return error.status >= 502 ? m.errors.unavailable : m.errors.other(error.code)
}

/** Names the page in the browser's tab, history and to screen readers. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ${m.app.name}`
  }, [title])
}

/** Where something failed to load: why, and a button to try again. */
export function ErrorState({
  error,
  onRetry,
}: {
  readonly error: unknown
  readonly onRetry: () => void
}): ReactElement {
  return (
    <div role="alert">
      <EmptyState icon="plug" title={m.errors.title} action={<Button onClick={onRetry}>{m.app.retry}</Button>}>
        {errorText(error)}
      </EmptyState>
    </div>
  )
}

/** A place being loaded, in the shape of what will come. */
export function Skeleton({ chart = false }: { readonly chart?: boolean }): ReactElement {
  return (
    <div role="status" aria-label={m.app.loading}>
      <span className={classes(css.skeleton, css.h1)} />
      <span className={classes(css.skeleton, css.h2)} />
      {chart && <span className={classes(css.skeleton, css.h3)} />}
    </div>
  )
}

/** What a query can be; the part of react-query's result {@link Loaded} needs. */
export interface Loadable<T> {
  readonly data: T | undefined
  readonly error: unknown
  readonly refetch: () => unknown
}

/** Shows a query's data, its error, or the shape of what will come. Old data stays on screen when a refresh fails; its age tells. */
export function Loaded<T>(props: {
  readonly query: Loadable<T>
  readonly chart?: boolean
  readonly children: (data: T) => ReactNode
}): ReactNode {
  const { data, error, refetch } = props.query
  if (data !== undefined) return props.children(data)
  if (error) return <ErrorState error={error} onRetry={() => void refetch()} />
  return <Skeleton chart={props.chart ?? false} />
}

/** A list of facts, name and value. Absent values are left out. */
export function Facts({
  items,
}: {
  readonly items: readonly (readonly [name: string, value: ReactNode])[]
}): ReactElement {
  return (
    <dl className={css.facts}>
      {items
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name} className={css.fact}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

/** A column of {@link DataTable}. The first column names the row. */
export interface Column<T> {
  readonly head: string
  readonly cell: (row: T) => ReactNode
  readonly number?: boolean
  readonly foot?: ReactNode
}

/** A real table in a box that scrolls by itself, head and foot staying. */
export function DataTable<T>(props: {
  readonly caption: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly rowKey: (row: T) => string | number
}): ReactElement {
  const { caption, columns, rows, rowKey } = props
  const id = useId()
  return (
    // The box scrolls, so the keyboard must reach it.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region is reached by keyboard
    <section className={css.tableBox} aria-labelledby={id} tabIndex={0}>
      <table className={css.table}>
        <caption className={css.hidden} id={id}>
          {caption}
        </caption>
        <thead>
          <tr>
            {columns.map(({ head, number }) => (
              <th key={head} scope="col" className={number ? css.number : undefined}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map(({ head, cell, number }, n) =>
                n === 0 ? (
                  <th key={head} scope="row">
                    {cell(row)}
                  </th>
                ) : (
                  <td key={head} className={number ? css.number : undefined}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
        {columns.some(({ foot }) => foot !== undefined) && (
          <tfoot>
            <tr>
              {columns.map(({ head, foot, number }, n) =>
                n === 0 ? (
                  <th key={head} scope="row">
                    {foot}
                  </th>
                ) : (
                  <td key={head} className={number ? css.number : undefined}>
                    {foot}
                  </td>
                ),
              )}
            </tr>
          </tfoot>
        )}
      </table>
    </section>
  )
}

export { css as kit }
