import { wallToInstant, zoneOffsetMs } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'

/** What a local time names: one instant, two (clocks go back), or none (clocks go forward). */
export function instantsOfWall(wallMs: number, zone: string): Instant[] {
  const first = wallToInstant(wallMs, zone)
  if (first + zoneOffsetMs(first, zone) !== wallMs) return []
  // Clocks go back by an hour, or half of one; a second instant shows the same wall time that much later.
  for (const back of [3_600_000, 1_800_000, 7_200_000]) {
    const second = first + back
    if (second + zoneOffsetMs(second, zone) === wallMs) return [first, second]
  }
  return [first]
}
