import { type ReactElement, useEffect, useRef, useState } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { f, m } from '../i18n/index.ts'
import { ChartCursor } from './chart-cursor.tsx'
import { DataTable } from './kit.tsx'
import { TableToggle } from './table-toggle.tsx'
import { useTheme } from './theme.ts'
import css from './time-chart.module.css'
import { useWidth } from './use-width.ts'

/** One line of a {@link TimeChart}. */
export interface TimeSeries {
  readonly name: string
  /** Custom property that colours it. */
  readonly colour: '--import' | '--export' | '--bad' | '--ok'
  /** Beside the times; null where nothing is known. */
  readonly values: readonly (number | null)[]
  /** The same values as people read them. */
  readonly text: (index: number) => string
}

/** Steps of the value axis: what is drawn here are counts and whole Wh. */
const WHOLE_STEPS = Array.from({ length: 8 }, (_, n) => [1, 2, 5].map((step) => step * 10 ** n)).flat()

/** Axis space, px: where the drawing area begins and ends. */
const LEFT = 52
const RIGHT = 8

/** Quantities over time as stepped lines (uPlot), with a cursor for every input, a readout and a table of the same texts. */
export function TimeChart(props: {
  readonly label: string
  readonly zone: string
  /** Instants in ms, ascending: the beginning of each step. */
  readonly times: readonly number[]
  /** End of the last step, ms. */
  readonly end: number
  readonly series: readonly TimeSeries[]
  readonly height: number
  readonly timeName: string
}): ReactElement {
  const { label, zone, times, end, series, height } = props
  const [box, width] = useWidth<HTMLDivElement>(600)
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const [cursor, setCursor] = useState<number | null>(null)
  const { dark } = useTheme()
  const names = series.map((one) => one.name).join('|')

  // biome-ignore lint/correctness/useExhaustiveDependencies: drawn anew for another theme, width or set of lines; data is set below
  useEffect(() => {
    if (!host.current) return
    const style = getComputedStyle(document.documentElement)
    const colour = (name: string): string => resolved(style.getPropertyValue(name), dark)
    const axis = { stroke: colour('--muted'), font: '11px Inter, system-ui, sans-serif', ticks: { show: false } }
    const grid = { stroke: colour('--line'), width: 1 }
    const stepped = uPlot.paths.stepped?.({ align: 1 })
    plot.current = new uPlot(
      {
        width,
        height,
        padding: [10, RIGHT, 0, 0],
        legend: { show: false },
        cursor: { show: false },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
        scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.08)] } },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 26,
            values: (_plot, at) => at.map((seconds) => f.time(seconds * 1000, zone)),
          },
          {
            ...axis,
            grid,
            size: LEFT,
            incrs: WHOLE_STEPS,
            values: (_plot, values) => values.map((value) => f.count(value)),
          },
        ],
        series: [
          {},
          ...series.map((one) => ({
            label: one.name,
            stroke: colour(one.colour),
            fill: `${colour(one.colour)}26`,
            width: 1.75,
            points: { show: false },
            ...(stepped ? { paths: stepped } : {}),
          })),
        ],
      },
      data(times, end, series),
      host.current,
    )
    return () => {
      plot.current?.destroy()
      plot.current = null
    }
  }, [width, height, dark, zone, names])

  useEffect(() => plot.current?.setData(data(times, end, series)), [times, end, series])

  const span = (index: number): string => {
    const until = times[index + 1] ?? end
    return `${f.time(times[index], zone)} – ${f.time(until, zone)}`
  }
  const textOf = (index: number | null): string =>
    index === null || index >= times.length
      ? label
      : `${span(index)}: ${series.map((one) => `${one.name} ${one.text(index)}`).join(', ')}`
  const inner = width - LEFT - RIGHT
  const xOf = (at: number): number => LEFT + ((at - times[0]) / (end - times[0])) * inner
  const shown = cursor !== null && cursor < times.length ? cursor : times.length - 1
  return (
    <>
      <p className={css.readout}>
        <span>{span(shown)}</span>
        {series.map((one) => (
          <span key={one.name}>
            <i data-series={one.colour} />
            {one.name} <b>{one.text(shown)}</b>
          </span>
        ))}
      </p>
      <ChartCursor
        label={label}
        hint={m.app.chartHint}
        count={times.length}
        cursor={cursor}
        onCursor={setCursor}
        textOf={textOf}
        indexAt={(x) => lastBefore(times, times[0] + ((x - LEFT) / inner) * (end - times[0]))}
        className={css.box}
        box={box}
      >
        <div ref={host} className={css.plot} aria-hidden="true" />
        {cursor !== null && cursor < times.length && (
          <svg width={width} height={height} aria-hidden="true" className={css.mark}>
            <rect
              x={xOf(times[cursor])}
              width={Math.max(2, xOf(times[cursor + 1] ?? end) - xOf(times[cursor]))}
              y="8"
              height={height - 34}
            />
          </svg>
        )}
      </ChartCursor>
      <TableToggle>
        <DataTable
          caption={label}
          rows={times}
          rowKey={(at) => at}
          columns={[
            { head: props.timeName, cell: (at) => span(times.indexOf(at)) },
            ...series.map((one) => ({
              head: one.name,
              number: true,
              cell: (at: number) => one.text(times.indexOf(at)),
            })),
          ]}
        />
      </TableToggle>
    </>
  )
}

/** uPlot's columns, in seconds; the last value is repeated so that its step has a length. */
function data(times: readonly number[], end: number, series: readonly TimeSeries[]): uPlot.AlignedData {
  return [[...times, end].map((at) => at / 1000), ...series.map((one) => [...one.values, one.values.at(-1) ?? null])]
}

function lastBefore(times: readonly number[], at: number): number {
  const after = times.findIndex((time) => time > at)
  return after < 0 ? times.length - 1 : Math.max(0, after - 1)
}

/** Canvas knows no `light-dark()`: takes the half that is in force. */
function resolved(value: string, dark: boolean): string {
  const halves = /light-dark\(\s*([^,]+?)\s*,\s*([^)]+?)\s*\)/.exec(value)
  return halves ? halves[dark ? 2 : 1] : value.trim()
}
