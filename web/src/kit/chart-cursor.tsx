import type { KeyboardEvent, ReactElement, ReactNode, RefObject } from 'react'
import { useId } from 'react'
import { kit } from './kit.tsx'

/**
 * A drawing with a cursor for mouse, finger and keyboard.
 *
 * It is a slider over the chart's positions: screen readers pass it the arrow keys and say `textOf` politely at each step, which a live
 * region beside it would only say twice.
 */
export function ChartCursor(props: {
  readonly label: string
  readonly hint: string
  /** How many positions there are. */
  readonly count: number
  readonly cursor: number | null
  readonly onCursor: (index: number | null) => void
  readonly onEnter?: (index: number) => void
  readonly textOf: (index: number | null) => string
  /** Position under a place of the drawing, px from its left edge. */
  readonly indexAt: (x: number) => number
  readonly className?: string | undefined
  readonly box: RefObject<HTMLDivElement | null>
  readonly children: ReactNode
}): ReactElement {
  const { count, cursor, onCursor, indexAt } = props
  const hint = useId()
  const clamp = (n: number): number => Math.max(0, Math.min(count - 1, n))
  const step = count > 40 ? 12 : 7
  const onKeyDown = (event: KeyboardEvent): void => {
    const here = cursor ?? -1
    const moves: Readonly<Record<string, () => number | null>> = {
      ArrowRight: () => clamp(here + 1),
      ArrowLeft: () => (cursor === null ? count - 1 : clamp(here - 1)),
      ArrowUp: () => clamp(here + 1),
      ArrowDown: () => (cursor === null ? count - 1 : clamp(here - 1)),
      PageUp: () => clamp(here + step),
      PageDown: () => clamp(here - step),
      Home: () => 0,
      End: () => count - 1,
      Escape: () => null,
    }
    const move = moves[event.key]
    if (move) {
      event.preventDefault()
      onCursor(move())
    } else if (event.key === 'Enter' && cursor !== null && props.onEnter) props.onEnter(cursor)
  }
  return (
    <>
      <div
        ref={props.box}
        className={props.className}
        role="slider"
        tabIndex={0}
        aria-label={props.label}
        aria-describedby={hint}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, count - 1)}
        aria-valuenow={cursor ?? 0}
        aria-valuetext={props.textOf(cursor)}
        onKeyDown={onKeyDown}
        onPointerMove={(event) => onCursor(clamp(indexAt(event.nativeEvent.offsetX)))}
        onPointerDown={(event) => onCursor(clamp(indexAt(event.nativeEvent.offsetX)))}
        onPointerLeave={(event) => {
          if (event.pointerType === 'mouse' && document.activeElement !== event.currentTarget) onCursor(null)
        }}
      >
        {props.children}
      </div>
      <span id={hint} className={kit.hidden}>
        {props.hint}
      </span>
    </>
  )
}
