import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteReader, DecodeError, fromHex, toHex } from '@gridtally/wire'
import fc from 'fast-check'
import { decodeMbusFrame, encodeMbusFrame, readMbusFrame } from './frame.ts'
import { carrySegments, MbusReassembler } from './segments.ts'

test('SMCG-8.2-18 a meter’s long frame opens to the piece of the APDU inside', () => {
  const frame = decodeMbusFrame(fromHex('68 08 08 68 53 FF 11 01 67 0F4000 1a 16'))
  assert.deepEqual(
    { ...frame, data: toHex(frame.data) },
    {
      control: 0x53,
      address: 0xff,
      sequence: 1,
      final: true,
      sourceSap: 1,
      destinationSap: 0x67,
      data: '0f4000',
      dataOffset: 9,
      offset: 0,
      length: 14,
    },
  )
})

test('SMCG-8.2-18 an APDU of any length is carried in segments and comes together again', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 6000 }), (apdu) => {
      const bus = new MbusReassembler()
      const frames = carrySegments(apdu).map((frame) => decodeMbusFrame(encodeMbusFrame(frame)))
      const results = frames.map((frame) => bus.add(frame))
      assert.deepEqual(results.pop(), Uint8Array.from(apdu))
      assert.ok(results.every((result) => result === undefined))
      assert.equal(bus.pending, false)
    }),
    { numRuns: 50 },
  )
})

test('a lost segment drops its APDU and no other', () => {
  const frames = carrySegments(new Uint8Array(700))
  const bus = new MbusReassembler()
  assert.deepEqual([bus.add(frames[0]), bus.add(frames[2])], [undefined, 'lost'])
  assert.deepEqual(frames.map((frame) => bus.add(frame)).pop(), new Uint8Array(700))
})

test('two meters on one bus are kept apart', () => {
  const a = carrySegments(new Uint8Array(300).fill(1), { address: 1 })
  const b = carrySegments(new Uint8Array(300).fill(2), { address: 2 })
  const bus = new MbusReassembler()
  bus.add(a[0])
  bus.add(b[0])
  assert.deepEqual(bus.add(a[1]), new Uint8Array(300).fill(1))
  assert.deepEqual(bus.add(b[1]), new Uint8Array(300).fill(2))
})

for (const [what, hex, code, offset] of [
  ['a wrong checksum', '680808685 3FF1101670F40001b16', 'CHECKSUM', 12],
  ['two lengths', '680809685 3FF1101670F40001a16', 'INVALID', 2],
  ['no stop octet', '680808685 3FF1101670F40001a17', 'INVALID', 13],
  ['a cut frame', '680808685 3FF1101670F', 'TRUNCATED', 10],
  ['an M-Bus application frame', '68 05 05 68 08 01 72 00 00 7b 16', 'UNSUPPORTED', 6],
] as const)
  test(`${what} is told with its place`, () => {
    assert.throws(() => decodeMbusFrame(fromHex(hex)), { code, offset })
  })

test('20 000 mutated frames give frames or DecodeErrors, nothing else', () => {
  const seed = encodeMbusFrame(carrySegments(fromHex('0f40000000000901'))[0])
  let state = 3
  const random = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % n
  }
  for (let i = 0; i < 20_000; i++) {
    const mutated = Uint8Array.from(seed).subarray(0, 1 + random(seed.length))
    for (let k = random(3); k >= 0; k--) mutated[random(mutated.length)] = random(256)
    try {
      readMbusFrame(new ByteReader(mutated))
    } catch (error) {
      assert.ok(error instanceof DecodeError)
    }
  }
})
