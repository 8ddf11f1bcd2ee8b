import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, toHex } from '@gridtally/wire'
import fc from 'fast-check'
import { decodeBlock, encodeBlock, splitBlocks } from './block.ts'
import { BlockReassembler } from './reassembler.ts'

test('a block reads as meters push it', () => {
  const block = decodeBlock(fromHex('e0 c3 0003 0002 02 abcd ffff'))
  assert.deepEqual(
    { ...block, data: toHex(block.data) },
    { lastBlock: true, streaming: true, window: 3, blockNumber: 3, acknowledged: 2, data: 'abcd' },
  )
})

test('an APDU split into blocks of any size comes together again, blocks sent twice or not', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 700 }),
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 2 }),
      (apdu, size, times) => {
        const blocks = splitBlocks(apdu, size).map((block) => decodeBlock(encodeBlock(block)))
        const all = new BlockReassembler()
        let whole: unknown
        for (const block of blocks)
          for (let i = 0; i < times; i++) {
            const result = all.add(block)
            if (result instanceof Uint8Array) whole = result
          }
        assert.deepEqual(whole, Uint8Array.from(apdu))
      },
    ),
  )
})

test('a gap drops the APDU; the next begins with block 1', () => {
  const [one, two, three] = splitBlocks(fromHex('0102030405'), 2)
  const blocks = new BlockReassembler()
  assert.deepEqual([blocks.add(two), blocks.add(one), blocks.add(three)], ['lost', undefined, 'lost'])
  assert.equal(blocks.pending, false)
  blocks.add(one)
  blocks.add(two)
  assert.deepEqual(blocks.add(three), fromHex('0102030405'))
})

test('a cut block says where it was cut', () => {
  assert.throws(() => decodeBlock(fromHex('e0c30003000205ab')), { code: 'TRUNCATED', offset: 8 })
  assert.throws(() => decodeBlock(fromHex('e0c30003000285')), { code: 'INVALID', offset: 6 })
})
