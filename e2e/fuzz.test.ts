import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  axdr,
  carrySegments,
  clientAddress,
  dateTimeOf,
  decodeAcse,
  decodeApdu,
  decodeCiphered,
  decodeData,
  decodeBlock as decodeGeneralBlock,
  decodeMbusFrame,
  decodeNotification,
  decodeProfile,
  decodePush,
  decodeWrapper,
  encodeData,
  encodeDateTime,
  encodeFrame,
  encodeBlock as encodeGeneralBlock,
  encodeMbusFrame,
  encodeWrapper,
  explain,
  HdlcDecoder,
  readTypeDescription,
  serverAddress,
  splitBlocks,
} from '@gridtally/dlms'
import { CsvDecoder, ExchangeError } from '@gridtally/exchange'
import { decodeBlock, encodeBlock, mark } from '@gridtally/vee'
import { ByteReader, DecodeError, fromHex } from '@gridtally/wire'

/** Mutated inputs per decoder; the whole suite stays within minutes on two cores. */
const INPUTS = Number(process.env.GRIDTALLY_FUZZ_INPUTS ?? 1_000_000)

/** Longest any single input may take: a hang or an explosion is a defect like a wrong error. */
const MOST_MS = 250

/** Small, fast, reproducible: xorshift32. */
function generator(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** A seed with a few octets changed, cut out, doubled or put in. */
function mutate(seed: Uint8Array, next: () => number): Uint8Array {
  let octets = seed.slice()
  for (let n = 1 + (next() % 4); n > 0; n--) {
    const at = octets.length === 0 ? 0 : next() % octets.length
    switch (next() % 6) {
      case 0:
        octets[at] ^= 1 << (next() % 8)
        break
      case 1:
        octets[at] = next()
        break
      case 2:
        octets[at] = [0, 1, 0x7f, 0x80, 0x81, 0x84, 0xfe, 0xff][next() % 8]
        break
      case 3:
        octets = octets.slice(0, at)
        break
      case 4:
        octets = Uint8Array.from([...octets.subarray(0, at), next() & 0xff, ...octets.subarray(at)])
        break
      default: {
        const from = octets.length === 0 ? 0 : next() % octets.length
        octets = Uint8Array.from([
          ...octets.subarray(0, at),
          ...octets.subarray(from, from + 8),
          ...octets.subarray(at),
        ])
      }
    }
  }
  return octets
}

function fuzz(
  seeds: readonly Uint8Array[],
  decode: (octets: Uint8Array) => void,
  allowed: (error: unknown) => boolean,
): void {
  const next = generator(0x9e3779b9)
  let refused = 0
  for (let i = 0; i < INPUTS; i++) {
    const octets = mutate(seeds[i % seeds.length], next)
    const began = performance.now()
    try {
      decode(octets)
    } catch (error) {
      refused++
      if (!allowed(error)) throw new Error(`input ${Buffer.from(octets).toString('hex')}`, { cause: error })
    }
    const took = performance.now() - began
    if (took > MOST_MS) {
      // A pause of the machine is no fault of the decoder: it must be slow twice.
      const again = performance.now()
      try {
        decode(octets)
      } catch {
        // Judged above.
      }
      assert.ok(performance.now() - again <= MOST_MS, `${took} ms for ${Buffer.from(octets).toString('hex')}`)
    }
  }
  assert.ok(refused > 0, 'no mutated input was refused: the mutations do not reach the decoder')
}

const onlyDecodeError = (error: unknown): boolean => error instanceof DecodeError
const hex = (...texts: readonly string[]): Uint8Array[] => texts.map((text) => fromHex(text))

const clock = encodeDateTime(dateTimeOf(Date.UTC(2026, 2, 29, 1), -60))
const row = (n: number) =>
  axdr.structure([axdr.octetString(clock), axdr.doubleLongUnsigned(n), axdr.longUnsigned(3), axdr.integer(-2)])
const buffer = encodeData(axdr.array([row(7), row(8), row(9)]))
const block = encodeBlock({
  start: Date.UTC(2026, 2, 29),
  stepMs: 900_000,
  values: Float64Array.from({ length: 96 }, (_, i) => (i % 17 === 0 ? Number.NaN : (i * 37) % 211)),
  marks: Uint16Array.from({ length: 96 }, (_, i) => (i > 40 && i < 50 ? mark(4, 1) : 0)),
  arrivals: null,
})
const notification = Uint8Array.from([0x0f, 0x40, 0, 0, 1, 12, ...clock, ...buffer])
const information = Uint8Array.from([0xe6, 0xe7, 0x00, ...notification])
const hdlcFrame = encodeFrame({
  destination: clientAddress(1),
  source: serverAddress(1, 16),
  control: { kind: 'UI', final: true },
  segmented: false,
  information,
})
const hdlc = [hdlcFrame, Uint8Array.from([...hdlcFrame, ...hdlcFrame])]
const mbus = carrySegments(notification).map((frame) => encodeMbusFrame(frame))
const generalBlocks = splitBlocks(notification, 30).map((one) => encodeGeneralBlock(one))
const acse = hex(
  '601da109060760857405080101be10040e01000000065f1f0400007e1f04b0',
  '6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e01000000065f1f0400007e1f04b0',
  '6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000501f01f40007',
  '6117a109060760857405080101a203020101a305a10302010d',
  '6303800100',
)
const clockRef = '00080000010000ff0200'
const time = '090c07ea0301ff00000000800000'
const token = '09101122334455667788990011223344556677'
const apdus = hex(
  `c001c1${clockRef}`,
  `c001c100070100630100ff02010102040204120008 09060000010000ff 0f02 120000 ${time} ${time} 0100`,
  'c0020100000001',
  `c003c102 00010000280000ff0200 ${clockRef}`,
  'c401c10006000012d6',
  'c402c10000000001000401020304',
  'c403c1020006000000010104',
  `c101c1${clockRef}${time}`,
  `c301c1000f0000280000ff0101${token}`,
  `c701c1000100${token}`,
  'd80106000000ff',
  'd801020a',
  `c2010c07ea0301ff0000000080000000030100010800ff0206000012d6`,
  '01000000065f1f0400007e1f04b0',
  '0e010602',
)
const ciphered = hex(
  '211e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b',
  'db084d4d4d0000bc614e1e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b',
  'c81e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b',
)
const types = hex('0204060612110f', '0100030203120906')

const decoders: readonly [name: string, seeds: readonly Uint8Array[], decode: (octets: Uint8Array) => void][] = [
  ['A-XDR data', [buffer], (octets) => decodeData(octets)],
  ['type descriptions', types, (octets) => readTypeDescription(new ByteReader(octets))],
  ['profile buffers', [buffer], (octets) => decodeProfile(octets, ['clock', 'value', 'value', 'value'])],
  ['xDLMS APDUs', apdus, (octets) => decodeApdu(octets)],
  ['association APDUs', acse, (octets) => decodeAcse(octets)],
  ['ciphered APDUs', ciphered, (octets) => decodeCiphered(octets)],
  ['wrapper frames', [encodeWrapper({ source: 1, destination: 16, apdu: buffer })], (octets) => decodeWrapper(octets)],
  ['M-Bus carrier frames', mbus, (octets) => decodeMbusFrame(octets)],
  ['general blocks', generalBlocks, (octets) => decodeGeneralBlock(octets)],
  ['notifications', [notification], (octets) => decodeNotification(octets)],
  ['interval blocks', [block], (octets) => decodeBlock(octets)],
]

/** These never throw: what they cannot read is part of their answer. */
const tolerant: typeof decoders = [
  ['HDLC streams', hdlc, (octets) => void new HdlcDecoder().feed(octets)],
  ['pushed captures', [...hdlc, ...mbus, notification, ...generalBlocks], (octets) => decodePush(octets)],
  ['explained captures', [...hdlc, ...mbus, ...apdus, ...acse, ...ciphered], (octets) => explain(octets)],
]

test('the seeds themselves decode', () => {
  for (const [name, seeds, decode] of [...decoders, ...tolerant])
    for (const seed of seeds) assert.doesNotThrow(() => decode(seed), `${name}: ${Buffer.from(seed).toString('hex')}`)
})

for (const [name, seeds, decode] of decoders)
  test(`${INPUTS} mutated ${name}: only DecodeError, each in bounded time`, { timeout: 600_000 }, () => {
    fuzz(seeds, decode, onlyDecodeError)
  })

for (const [name, seeds, decode] of tolerant)
  test(`${INPUTS} mutated ${name}: an answer each, no error`, { timeout: 600_000 }, () => {
    const next = generator(7)
    for (let i = 0; i < INPUTS; i++) {
      const octets = mutate(seeds[i % seeds.length], next)
      assert.doesNotThrow(() => decode(octets), Buffer.from(octets).toString('hex'))
    }
  })

test(`${INPUTS} mutated CSV tables: only ExchangeError`, { timeout: 600_000 }, () => {
  const text = new TextEncoder().encode(
    'start,import_kwh,"ex""port_kwh"\r\n2026-01-01T00:00:00Z,0.25,"1,5"\r\n2026-01-01T00:15:00Z,,\r\n',
  )
  const next = generator(11)
  for (let i = 0; i < INPUTS; i++) {
    const decoder = new CsvDecoder()
    try {
      decoder.feed(new TextDecoder().decode(mutate(text, next)))
      decoder.end()
    } catch (error) {
      assert.ok(error instanceof ExchangeError, String(error))
    }
  }
})
