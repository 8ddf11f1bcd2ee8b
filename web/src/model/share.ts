/** Present of expected in per cent, cut (not rounded) to two decimals, so that 100 means all; 0 when nothing is expected. */
export function sharePercent(present: number, expected: number): number {
  return expected === 0 ? 0 : Math.floor((present / expected) * 10_000) / 100
}
