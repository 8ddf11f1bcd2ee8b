import { existsSync, readFileSync } from 'node:fs'
import { type ClockAnchor, createClock } from '#platform/clock'
import { writeFileAtomically } from '#platform/data-folder'

interface Saved {
  /** Platform time never yet shown when this was written. */
  readonly ceiling: number
  readonly real: number
}

/** How far ahead of the clock its ceiling is saved, in machine time. */
const AHEAD_MS = 10_000

/**
 * The anchor of an accelerated platform whose time never falls back: not over a restart, not over a kill, not when the speed is
 * changed. While it stands still, its time passes like everybody's.
 *
 * @returns `undefined` when the platform simply lives in the machine's time
 */
export function clockAnchor(file: string, speed: number, now: number): ClockAnchor | undefined {
  const saved = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Saved) : undefined
  const platform = Math.max(now, saved ? saved.ceiling + Math.max(0, now - saved.real) : 0)
  if (speed === 1 && platform <= now) return undefined
  return { real: now, platform, speed }
}

/** Keeps the ceiling of an anchor's time on disk, ahead of what its clock shows. @returns stops keeping and saves the time as it is */
export function keepPlatformTime(file: string, anchor: ClockAnchor): () => void {
  const clock = createClock(anchor)
  const save = (aheadMs: number): void => {
    const saved: Saved = { ceiling: clock.now() + aheadMs * anchor.speed, real: Date.now() + aheadMs }
    writeFileAtomically(file, JSON.stringify(saved))
  }
  save(AHEAD_MS)
  const timer = setInterval(() => save(AHEAD_MS), AHEAD_MS / 2)
  timer.unref()
  return () => {
    clearInterval(timer)
    save(0)
  }
}
