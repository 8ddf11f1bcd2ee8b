// biome-ignore-all lint/a11y/useSemanticElements: rows are positioned by the virtualiser, which table layout cannot do
// biome-ignore-all lint/a11y/noNoninteractiveTabindex: a scrolling region is reached by keyboard
// biome-ignore-all lint/a11y/useFocusableInteractive: cells of a static table take no focus
import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactElement, useEffect, useRef, useState } from 'react'
import { Link, useLocation, useSearch } from 'wouter'
import { useMeters } from '../api/queries.ts'
import type { MeterRow, MeterSort, MeterState } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import { Icon } from '../kit/icons.tsx'
import { Age, Button, buttonClass, classes, EmptyState, kit, Loaded, Segmented, usePageTitle } from '../kit/kit.tsx'
import css from './console.module.css'
import { StateBadge } from './words.tsx'

const COLUMNS: readonly (readonly [sort: MeterSort | null, name: string, end?: true])[] = [
  ['meterId', m.meters.meter],
  ['address', m.meters.address],
  ['state', m.meters.state],
  ['lastContact', m.meters.lastContact],
  ['completeness', m.meters.completeness, true],
  ['clockOffset', m.meters.clock, true],
  [null, m.meters.firmware, true],
]
const STATES: readonly MeterState[] = ['ok', 'late', 'failing', 'new', 'imported']
const ROW = 46
const TALL_ROW = 68
const NARROW = '(max-width: 900px)'
/** Offsets above this are worth noticing, s. */
const CLOCK_LIMIT = 10

/** The meters, filtered and sorted by the server; what is asked for is in the address. */
export function MetersPage(): ReactElement {
  const [, navigate] = useLocation()
  const query = new URLSearchParams(useSearch())
  const [state, sort, search] = [query.get('state') ?? '', query.get('sort') ?? 'meterId', query.get('search') ?? '']
  const set = (change: Readonly<Record<string, string>>): void => {
    const next = new URLSearchParams(query)
    for (const [name, value] of Object.entries(change)) {
      if (value === '') next.delete(name)
      else next.set(name, value)
    }
    navigate(`/console/meters${next.size > 0 ? `?${next}` : ''}`, { replace: true })
  }
  usePageTitle(m.meters.title)
  const list = useMeters(query.toString())
  return (
    <>
      <div className={css.title}>
        <h1>{m.meters.title}</h1>
        <a className={buttonClass({})} href={`/api/operator/meters.csv?${query}`} download>
          <Icon name="download" />
          {m.meters.csv}
        </a>
      </div>
      <div className={css.filters}>
        <SearchField key={search} value={search} onChange={(text) => set({ search: text })} />
        <div className={css.segments}>
          <Segmented
            label={m.meters.state}
            value={state}
            options={[
              { value: '', label: m.meters.all },
              ...STATES.map((one) => ({ value: one as string, label: m.overview.states[one] })),
            ]}
            onChange={(value) => set({ state: value })}
          />
        </div>
        {list.data && (
          <p className={css.count} role="status">
            {m.meters.found(f.count(list.data.total))} · <Age at={list.data.asOf} words={m.console.asOf} />
          </p>
        )}
      </div>
      <Loaded query={list} chart>
        {({ rows, total }) =>
          rows.length === 0 && search === '' && state === '' ? (
            <div className={css.list}>
              <EmptyState icon="clock" title={m.meters.noneYet}>
                {m.meters.noneYetHint}
              </EmptyState>
            </div>
          ) : rows.length === 0 ? (
            <div className={css.list}>
              <EmptyState
                icon="search"
                title={m.meters.none}
                action={<Button onClick={() => set({ search: '', state: '' })}>{m.meters.clear}</Button>}
              >
                {m.meters.noneHint}
              </EmptyState>
            </div>
          ) : (
            <MeterTable
              rows={rows}
              total={total}
              sort={sort}
              onSort={(next) => set({ sort: next })}
              more={list.hasNextPage && !list.isFetchingNextPage ? () => void list.fetchNextPage() : undefined}
            />
          )
        }
      </Loaded>
    </>
  )
}

const PAUSE_MS = 250

/** Search as one types, after a breath. */
function SearchField({
  value,
  onChange,
}: {
  readonly value: string
  readonly onChange: (text: string) => void
}): ReactElement {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const box = useRef<HTMLInputElement>(null)
  useEffect(() => () => clearTimeout(timer.current), [])
  // The field is made anew when the address changes; who was typing goes on typing.
  useEffect(() => {
    if (typing) box.current?.focus()
    typing = false
  }, [])
  return (
    <label className={css.search}>
      <Icon name="search" />
      <span className={kit.hidden}>{m.console.search}</span>
      <input
        ref={box}
        type="search"
        defaultValue={value}
        placeholder={m.console.searchPlaceholder}
        aria-keyshortcuts="/"
        onChange={(event) => {
          const text = event.target.value
          clearTimeout(timer.current)
          timer.current = setTimeout(() => {
            typing = true
            onChange(text)
          }, PAUSE_MS)
        }}
      />
    </label>
  )
}

let typing = false

function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(() => matchMedia(NARROW).matches)
  useEffect(() => {
    const media = matchMedia(NARROW)
    const change = (): void => setNarrow(media.matches)
    media.addEventListener('change', change)
    return () => media.removeEventListener('change', change)
  }, [])
  return narrow
}

function MeterTable(props: {
  readonly rows: readonly MeterRow[]
  readonly total: number
  readonly sort: string
  readonly onSort: (sort: string) => void
  readonly more: (() => void) | undefined
}): ReactElement {
  const { rows, total, sort, onSort, more } = props
  const scroll = useRef<HTMLDivElement>(null)
  const height = useNarrow() ? TALL_ROW : ROW
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => height,
    overscan: 12,
  })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows of another height are measured anew
  useEffect(() => virtual.measure(), [height, virtual])
  useEffect(() => {
    if (more && last >= rows.length - 30) more()
  }, [last, rows.length, more])
  const [key, turned] = [sort.replace(/^-/, ''), sort.startsWith('-')]
  return (
    <div className={css.list}>
      <div
        ref={scroll}
        className={css.scroll}
        role="table"
        aria-label={m.meters.title}
        aria-rowcount={total + 1}
        tabIndex={0}
      >
        <div role="rowgroup">
          <div className={classes(css.row, css.headRow)} role="row" aria-rowindex={1}>
            {COLUMNS.map(([column, name, end]) => (
              <span
                key={name}
                role="columnheader"
                className={end && css.end}
                aria-sort={column !== key ? 'none' : turned ? 'descending' : 'ascending'}
              >
                {column === null ? (
                  <span className={kit.muted}>{name}</span>
                ) : (
                  <button type="button" onClick={() => onSort(column === key && !turned ? `-${column}` : column)}>
                    {name}
                    {column === key && <Icon name={turned ? 'down' : 'up'} size={13} />}
                  </button>
                )}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className={css.body} style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => (
            <div
              key={item.key}
              role="row"
              aria-rowindex={item.index + 2}
              className={classes(css.row, css.item)}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <Cells row={rows[item.index]} />
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}

function Cells({ row }: { readonly row: MeterRow }): ReactElement {
  const off = row.clockOffsetSeconds !== null && Math.abs(Number(row.clockOffsetSeconds)) > CLOCK_LIMIT
  return (
    <>
      <span role="rowheader">
        <Link href={`/console/meters/${encodeURIComponent(row.meterId)}`}>{row.meterId}</Link>
      </span>
      <span role="cell" className={css.clip}>
        {row.address ?? m.meters.unassigned}
      </span>
      <span role="cell">
        <StateBadge state={row.state} />
      </span>
      <span role="cell">
        {row.lastContactAt ? <Age at={row.lastContactAt} /> : <span className={kit.muted}>{m.meters.never}</span>}
      </span>
      <span role="cell" className={css.end}>
        {row.completenessPercent === null ? '–' : f.percent(row.completenessPercent)}
      </span>
      <span role="cell" className={classes(css.end, off && css.off)}>
        {row.clockOffsetSeconds === null ? '–' : m.meters.seconds(row.clockOffsetSeconds)}
        {off && ' !'}
      </span>
      <span role="cell" className={css.end}>
        {row.firmware ?? '–'}
      </span>
    </>
  )
}
