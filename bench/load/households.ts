/** A generator of numbers in [0, 1), the same for the same seed. */
export function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 0x1_0000_0000
  }
}

/** Interval energies of a household in Wh: base load, a morning and an evening, now and then something large. */
export function household(seed: number, days: number, perDay = 96): number[] {
  const random = generator(seed)
  const scale = 96 / perDay
  return Array.from({ length: days * perDay }, (_, i) => {
    const hour = ((i % perDay) * 24) / perDay
    const active = (hour > 6 && hour < 9) || (hour > 17 && hour < 23)
    return Math.round((35 + random() * 25 + (active ? random() * 150 : 0) + (random() < 0.05 ? 400 : 0)) * scale)
  })
}

/** The middle of some figures. */
export function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1]
}
