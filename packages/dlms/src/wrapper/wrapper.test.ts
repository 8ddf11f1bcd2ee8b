import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes, DecodeError, fromHex, toHex } from '@gridtally/wire'
import fc from 'fast-check'
import { decodeWrapper, encodeWrapper, WrapperDecoder } from './wrapper.ts'

test('SMCG-8.2-06 a wrapper frame has version, both ports and the length before the APDU', () => {
  const frame = { source: 16, destination: 1, apdu: fromHex('6200') }
  assert.equal(toHex(encodeWrapper(frame)), '0001' + '0010' + '0001' + '0002' + '6200')
  assert.deepEqual(decodeWrapper(encodeWrapper(frame)), frame)
})

test('frames come out of a stream however it is cut', () => {
  const frame = fc.record(
    {
      source: fc.nat(0xffff),
      destination: fc.nat(0xffff),
      apdu: fc.uint8Array({ maxLength: 300 }),
    },
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 40 })), (frames, sizes) => {
      const stream = concatBytes(...frames.map(encodeWrapper))
      const decoder = new WrapperDecoder()
      const got = []
      let at = 0
      for (const size of [...sizes, stream.length]) {
        got.push(...decoder.feed(stream.subarray(at, at + size)))
        at += size
      }
      assert.deepEqual(got, frames)
    }),
  )
})

test('SMCG-8.2-06 a wrong version and a length beyond the cap are refused as soon as the header is there', () => {
  assert.throws(() => new WrapperDecoder().feed(fromHex('0002001000010002')), { code: 'INVALID' })
  assert.throws(() => new WrapperDecoder(1000).feed(fromHex('00010010000103e9')), { code: 'LIMIT' })
  assert.throws(() => decodeWrapper(fromHex('0001001000010003aabb')), { code: 'TRUNCATED' })
  assert.throws(() => decodeWrapper(fromHex('0001001000010001aabb')), { code: 'TRAILING' })
})

test('20 000 random streams give frames or a DecodeError', () => {
  let random = 7
  const next = (): number => {
    random = (random * 48_271) % 0x7fff_ffff
    return random
  }
  for (let i = 0; i < 20_000; i++) {
    const octets = Uint8Array.from({ length: next() % 24 }, (_, at) => (at === 0 ? 0 : at === 1 ? 1 : next() % 7))
    try {
      new WrapperDecoder().feed(octets)
    } catch (error) {
      assert.ok(error instanceof DecodeError)
    }
  }
})
