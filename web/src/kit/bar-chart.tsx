import { type ReactElement, useId } from 'react'
import type { Bar, BarSide, ChartModel } from '../model/chart-model.ts'
import css from './bar-chart.module.css'
import { ChartCursor } from './chart-cursor.tsx'
import { classes } from './kit.tsx'
import { useWidth } from './use-width.ts'

const LEFT = 46
const RIGHT = 6
const TOP = 10
const BOTTOM = 24
/** Closest two axis labels may come, px. */
const TICK_ROOM = 34

/** What a {@link BarChart} draws and says. */
export interface BarChartProps {
  readonly model: ChartModel
  /** Name for screen readers. */
  readonly label: string
  readonly hint: string
  readonly cursor: number | null
  readonly onCursor: (index: number | null) => void
  readonly onEnter?: (index: number) => void
  readonly textOf: (index: number | null) => string
}

/** Bars up for import and down for export. Estimated parts are hatched, missing ones dashed boxes with a cross: never colour alone. */
export function BarChart(props: BarChartProps): ReactElement {
  const { model, cursor } = props
  const [box, width] = useWidth<HTMLDivElement>(320)
  const hatch = useId()
  const { bars, up, down, marks } = model
  const height = width > 560 ? 380 : 270
  const inner = width - LEFT - RIGHT
  const step = inner / Math.max(1, bars.length)
  const bodyHeight = height - TOP - BOTTOM
  const y = (value: number): number => TOP + ((up - value) / (up + down)) * bodyHeight
  const gap = step > 40 ? step * 0.3 : step > 12 ? step * 0.24 : step > 5 ? 1 : 0.4
  const barWidth = Math.max(0.8, Math.min(64, step - gap))
  const x = (index: number): number => LEFT + index * step + (step - barWidth) / 2
  const every = tickEvery(bars, step)

  return (
    <ChartCursor
      label={props.label}
      hint={props.hint}
      count={bars.length}
      cursor={cursor}
      onCursor={props.onCursor}
      {...(props.onEnter ? { onEnter: props.onEnter } : {})}
      textOf={props.textOf}
      indexAt={(at) => Math.floor((at - LEFT) / step)}
      className={css.box}
      box={box}
    >
      <svg className={css.svg} width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
        <defs>
          <pattern id={hatch} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <line className={css.hatchLine} x1="0" y1="0" x2="0" y2="6" />
          </pattern>
        </defs>
        {marks.map(({ value, text }) => (
          <g key={value}>
            <line
              className={value === 0 ? css.zero : css.grid}
              x1={LEFT}
              x2={width - RIGHT}
              y1={y(value)}
              y2={y(value)}
            />
            <text className={css.axis} x={LEFT - 7} y={y(value) + 4} textAnchor="end">
              {text}
            </text>
          </g>
        ))}
        {cursor !== null && (
          <rect
            className={css.cursor}
            x={LEFT + cursor * step}
            width={step}
            y={TOP - 4}
            height={bodyHeight + 8}
            rx={Math.min(5, step / 3)}
          />
        )}
        {bars.map((bar) => (
          <g key={bar.start}>
            <Side
              side={bar.import}
              x={x(bar.index)}
              width={barWidth}
              zero={y(0)}
              y={y}
              turn={1}
              tone="import"
              hatch={hatch}
            />
            {bar.export && (
              <Side
                side={bar.export}
                x={x(bar.index)}
                width={barWidth}
                zero={y(0)}
                y={y}
                turn={-1}
                tone="export"
                hatch={hatch}
              />
            )}
            {bar.import.state === 'missing' && <Gap x={x(bar.index)} width={barWidth} top={TOP} bottom={y(0)} />}
            {bar.index % every === 0 && (
              <text className={css.axis} x={LEFT + (bar.index + 0.5) * step} y={height - 6} textAnchor="middle">
                {bar.tick}
              </text>
            )}
          </g>
        ))}
      </svg>
    </ChartCursor>
  )
}

/** How many bars share one label, so that labels do not touch; hours come in round numbers. */
function tickEvery(bars: readonly Bar[], step: number): number {
  const longest = Math.max(...bars.map((bar) => bar.tick.length), 1)
  const least = Math.ceil(Math.max(TICK_ROOM, longest * 6.4 + 10) / Math.max(step, 0.1))
  return [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48].find((n) => n >= least) ?? least
}

function Side(props: {
  readonly side: BarSide
  readonly x: number
  readonly width: number
  readonly zero: number
  readonly y: (value: number) => number
  readonly turn: 1 | -1
  readonly tone: 'import' | 'export'
  readonly hatch: string
}): ReactElement | null {
  const { side, x, width, zero, y, turn, tone, hatch } = props
  if (side.value === null || side.value === 0) return null
  const end = y(side.value * turn)
  const top = Math.min(zero, end)
  const tall = Math.max(1, Math.abs(end - zero))
  const radius = Math.min(4, width / 2.5, tall)
  const path = endRounded(x, zero, width, end >= zero ? Math.max(end, zero + 1) : Math.min(end, zero - 1), radius)
  const hatched = Math.max(side.estimatedShare > 0 ? 4 : 0, tall * side.estimatedShare)
  return (
    <>
      <path className={css[tone]} d={path} />
      {side.estimatedShare > 0 && (
        <>
          <rect
            fill={`url(#${hatch})`}
            x={x}
            width={width}
            y={turn > 0 ? top : top + tall - hatched}
            height={Math.min(tall, hatched)}
          />
          <path className={classes(css.estimatedEdge, css[`${tone}Edge`])} d={path} />
        </>
      )}
      {side.state === 'partial' && turn > 0 && width > 3 && (
        <Cross x={x + width / 2} y={top - 7} size={Math.min(3, width / 2)} />
      )}
    </>
  )
}

/** A bar from the zero line to `end`, its far corners rounded. */
function endRounded(x: number, zero: number, width: number, end: number, r: number): string {
  const turn = end < zero ? 1 : -1
  return `M${x} ${zero}V${end + turn * r}Q${x} ${end} ${x + r} ${end}H${x + width - r}Q${x + width} ${end} ${x + width} ${end + turn * r}V${zero}Z`
}

function Gap({
  x,
  width,
  top,
  bottom,
}: {
  readonly x: number
  readonly width: number
  readonly top: number
  readonly bottom: number
}): ReactElement {
  return (
    <>
      <rect
        className={css.gap}
        x={x + 0.5}
        width={Math.max(1, width - 1)}
        y={top}
        height={Math.max(0, bottom - top)}
        rx={Math.min(4, width / 3)}
      />
      {width > 5 && <Cross x={x + width / 2} y={(top + bottom) / 2} size={Math.min(4, width / 3)} />}
    </>
  )
}

function Cross({ x, y, size }: { readonly x: number; readonly y: number; readonly size: number }): ReactElement {
  return (
    <path
      className={css.cross}
      d={`M${x - size} ${y - size}l${2 * size} ${2 * size}m0 ${-2 * size}l${-2 * size} ${2 * size}`}
    />
  )
}
