import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  ByteReader,
  ByteWriter,
  concatBytes,
  crc16X25,
  crc32,
  equalBytes,
  equalConstantTime,
  fromBcd,
  fromHex,
  toBcd,
  toHex,
} from './index.ts'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

test('check values of the CRCs are those of the published catalogue', () => {
  assert.equal(crc16X25(ascii('123456789')), 0x906e)
  assert.equal(crc32(ascii('123456789')), 0xcbf43926)
})

test('hex is read as people paste it', () => {
  for (const text of ['7ea0', '7E A0', '7e:a0', '0x7E, 0xA0', '7E-\nA0\r\n'])
    assert.deepEqual(fromHex(text), Uint8Array.of(0x7e, 0xa0), text)
})

test('hex that is none says at which character', () => {
  assert.throws(() => fromHex('7eg0'), { code: 'INVALID', offset: 2 })
  assert.throws(() => fromHex('7ea'), { code: 'TRUNCATED', offset: 3 })
})

test('every octet string survives hex', () => {
  fc.assert(fc.property(fc.uint8Array(), (octets) => equalBytes(fromHex(toHex(octets)), octets)))
})

test('every digit string survives BCD, and other nibbles are refused', () => {
  fc.assert(fc.property(fc.nat(), (n) => Number(fromBcd(toBcd(String(n)))) === n))
  assert.throws(() => fromBcd(Uint8Array.of(0x12, 0x3a)), { code: 'INVALID', offset: 1 })
})

test('what the writer writes the reader reads', () => {
  const octets = new ByteWriter(1)
    .uint8(1)
    .int8(-2)
    .uint16(0x1234)
    .int16(-5)
    .uint32(0xfedcba98)
    .int32(-7)
    .uint64(0xffffffffffffffffn)
    .int64(-9n)
    .float32(1.5)
    .float64(Math.PI)
    .uint(0x123456789a, 5)
    .uint16(0x1234, true)
    .bytes(Uint8Array.of(9, 9))
    .finish()
  const reader = new ByteReader(octets)
  assert.equal(reader.uint8(), 1)
  assert.equal(reader.int8(), -2)
  assert.equal(reader.uint16(), 0x1234)
  assert.equal(reader.int16(), -5)
  assert.equal(reader.uint32(), 0xfedcba98)
  assert.equal(reader.int32(), -7)
  assert.equal(reader.uint64(), 0xffffffffffffffffn)
  assert.equal(reader.int64(), -9n)
  assert.equal(reader.float32(), 1.5)
  assert.equal(reader.float64(), Math.PI)
  assert.equal(reader.uint(5), 0x123456789a)
  assert.equal(reader.uint16(true), 0x1234)
  assert.deepEqual(reader.rest(), Uint8Array.of(9, 9))
  reader.expectEnd()
})

test('reading past the end says where octets are missing', () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3))
  reader.skip(1)
  assert.throws(() => reader.uint32(), { code: 'TRUNCATED', offset: 3 })
  assert.equal(reader.offset, 1)
  const inner = reader.slice(1)
  assert.equal(inner.offset, 1)
  assert.throws(() => inner.uint16(), { code: 'TRUNCATED', offset: 2 })
  assert.throws(() => reader.expectEnd('frame'), { code: 'TRAILING', offset: 2 })
})

test('comparing in constant time agrees with comparing', () => {
  fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => equalConstantTime(a, b) === equalBytes(a, b)))
  assert.ok(equalConstantTime(concatBytes(Uint8Array.of(1), Uint8Array.of(2, 3)), Uint8Array.of(1, 2, 3)))
})
