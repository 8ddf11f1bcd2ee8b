/** Speed and size of the interval block codec on households' days. Prints one JSON line a figure. */
import { decodeBlock, encodeBlock, type IntervalBlock } from '@gridtally/vee'

function households(days: number, perDay: number, stepMs: number): IntervalBlock[] {
  let state = 42
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 0x1_0000_0000
  }
  const scale = 96 / perDay
  return Array.from({ length: days }, (_, day) => ({
    start: 1_767_225_600_000 + day * 86_400_000,
    stepMs,
    values: Float64Array.from({ length: perDay }, (_v, i) => {
      const hour = (i * 24) / perDay
      const active = (hour > 6 && hour < 9) || (hour > 17 && hour < 23)
      return Math.round((35 + random() * 25 + (active ? random() * 150 : 0) + (random() < 0.05 ? 400 : 0)) * scale)
    }),
    marks: null,
    arrivals: null,
  }))
}

function rate(values: number, work: () => void): number {
  const rounds: number[] = []
  for (let round = 0; round < 7; round++) {
    const from = process.hrtime.bigint()
    for (let i = 0; i < 20; i++) work()
    rounds.push((values * 20) / (Number(process.hrtime.bigint() - from) / 1e9))
  }
  return rounds.sort((a, b) => a - b)[3]
}

for (const [perDay, stepMs] of [
  [96, 900_000],
  [288, 300_000],
] as const) {
  const blocks = households(2000, perDay, stepMs)
  const encoded = blocks.map(encodeBlock)
  const octets = encoded.reduce((sum, b) => sum + b.length, 0)
  const values = perDay * blocks.length
  const print = (figure: string, value: number, unit: string): void =>
    console.log(JSON.stringify({ bench: 'blocks', intervalsPerDay: perDay, figure, value, unit }))
  print('size', Math.round((octets / values) * 100) / 100, 'octets/interval')
  const decode = rate(values, () => {
    for (const b of encoded) decodeBlock(b)
  })
  print('decode', Math.round(decode / 1e5) / 10, 'M values/s')
  const encode = rate(values, () => {
    for (const b of blocks) encodeBlock(b)
  })
  print('encode', Math.round(encode / 1e5) / 10, 'M values/s')
}
