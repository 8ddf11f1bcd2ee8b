/**
 * Hash of three integers to 32 bits: the simulator's only source of chance. The same numbers give the same value for ever, so
 * that any day of any meter can be computed alone. Not for secrets.
 */
export function hash(seed: number, a: number, b: number): number {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(a, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) ^ Math.imul(b, 0x297a2d39)
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39)
  h ^= h >>> 15
  h = Math.imul(h, 0x85ebca6b)
  return (h ^ (h >>> 13)) >>> 0
}

/** {@link hash} as a number in [0, 1). */
export function chance(seed: number, a: number, b: number): number {
  return hash(seed, a, b) / 0x1_0000_0000
}

/** A smooth random curve through [0, 1), with a new value at each whole `x`. */
export function smoothNoise(seed: number, stream: number, x: number): number {
  const left = Math.floor(x)
  const t = x - left
  const s = t * t * (3 - 2 * t)
  return chance(seed, stream, left) * (1 - s) + chance(seed, stream, left + 1) * s
}
