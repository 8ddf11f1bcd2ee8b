import assert from 'node:assert/strict'
import { test } from 'node:test'
import { obisCode } from '@gridtally/metering'
import { DecodeError, fromHex, toHex } from '@gridtally/wire'
import { axdr } from '../axdr/data.ts'
import { dateTimeOf } from '../axdr/date-time.ts'
import { encodeData } from '../axdr/encode.ts'
import type { Apdu } from './apdu.ts'
import { decodeCiphered, encodeCiphered } from './ciphered.ts'
import { conformance, conformanceBits } from './conformance.ts'
import { decodeApdu } from './decode.ts'
import { encodeApdu } from './encode.ts'

const clock = { classId: 8, logicalName: obisCode('0.0.1.0.0.255'), attributeId: 2 }
const energy = { classId: 3, logicalName: obisCode('1.0.1.8.0.255'), attributeId: 2 }
const reset = { classId: 3, logicalName: obisCode('1.0.1.8.0.255'), methodId: 1 }
const five = encodeData(axdr.unsigned(5))
const block = { last: false, number: 1, raw: fromHex('0a0b0c') }
const range = { selector: 1, parameters: encodeData(axdr.structure([axdr.null, axdr.null, axdr.null, axdr.array([])])) }

/** Octets as the Green Book and the public guides to it print them, or as follows from its ASN.1 module. */
const VECTORS: readonly (readonly [string, Apdu])[] = [
  // Green Book ed. 8, 11.2: the InitiateRequest all examples use.
  [
    '01000000065f1f0400007e1f04b0',
    { type: 'initiate-request', dlmsVersion: 6, conformance: 0x007e1f, maxReceivePduSize: 0x04b0 },
  ],
  // Green Book Table 40 (security example): InitiateRequest with dedicated key.
  [
    '01011000112233445566778899aabbccddeeff0000065f1f0400007e1f04b0',
    {
      type: 'initiate-request',
      dedicatedKey: fromHex('00112233445566778899aabbccddeeff'),
      dlmsVersion: 6,
      conformance: 0x007e1f,
      maxReceivePduSize: 0x04b0,
    },
  ],
  [
    '0800065f1f040000501f01f40007',
    { type: 'initiate-response', dlmsVersion: 6, conformance: 0x00501f, maxReceivePduSize: 500, vaaName: 7 },
  ],
  ['0e010603', { type: 'confirmed-service-error', service: 1, category: 6, value: 3 }],
  // Green Book Table 40: GET of the clock.
  ['c001000008' + '0000010000ff' + '0200', { type: 'get-request-normal', invoke: 0, ...clock }],
  [
    'c001c10003' + '0100010800ff' + '02' + '01' + '01' + '0204' + '000000' + '0100',
    { type: 'get-request-normal', invoke: 0xc1, ...energy, access: range },
  ],
  ['c002c100000001', { type: 'get-request-next', invoke: 0xc1, blockNumber: 1 }],
  [
    'c003c102' + '00080000010000ff0200' + '00030100010800ff0200',
    { type: 'get-request-with-list', invoke: 0xc1, attributes: [clock, energy] },
  ],
  ['c401c1001105', { type: 'get-response-normal', invoke: 0xc1, result: { ok: true, data: five } }],
  ['c401c10103', { type: 'get-response-normal', invoke: 0xc1, result: { ok: false, error: 'read-write-denied' } }],
  [
    'c402c1000000000100030a0b0c',
    { type: 'get-response-block', invoke: 0xc1, block: { ok: true, last: false, number: 1, raw: fromHex('0a0b0c') } },
  ],
  [
    'c402c10100000002010f',
    {
      type: 'get-response-block',
      invoke: 0xc1,
      block: { ok: false, last: true, number: 2, error: 'long-get-aborted' },
    },
  ],
  [
    'c403c102' + '001105' + '0104',
    {
      type: 'get-response-with-list',
      invoke: 0xc1,
      results: [
        { ok: true, data: five },
        { ok: false, error: 'object-undefined' },
      ],
    },
  ],
  ['c101c100080000010000ff02001105', { type: 'set-request-normal', invoke: 0xc1, ...clock, data: five }],
  [
    'c102c100080000010000ff0200' + '0000000001030a0b0c',
    { type: 'set-request-first-block', invoke: 0xc1, ...clock, block },
  ],
  ['c103c10000000001030a0b0c', { type: 'set-request-block', invoke: 0xc1, block }],
  [
    'c104c101' + '00080000010000ff0200' + '01' + '1105',
    { type: 'set-request-with-list', invoke: 0xc1, attributes: [clock], data: [five] },
  ],
  [
    'c105c101' + '00080000010000ff0200' + '0000000001030a0b0c',
    { type: 'set-request-with-list-first-block', invoke: 0xc1, attributes: [clock], block },
  ],
  ['c501c100', { type: 'set-response-normal', invoke: 0xc1, result: 'success' }],
  ['c502c100000001', { type: 'set-response-block', invoke: 0xc1, blockNumber: 1 }],
  ['c503c10000000002', { type: 'set-response-last-block', invoke: 0xc1, result: 'success', blockNumber: 2 }],
  [
    'c504c1020003' + '00000002',
    {
      type: 'set-response-last-block-with-list',
      invoke: 0xc1,
      results: ['success', 'read-write-denied'],
      blockNumber: 2,
    },
  ],
  ['c505c1020004', { type: 'set-response-with-list', invoke: 0xc1, results: ['success', 'object-undefined'] }],
  ['c301c100030100010800ff01' + '011105', { type: 'action-request-normal', invoke: 0xc1, ...reset, parameters: five }],
  ['c301c100030100010800ff0100', { type: 'action-request-normal', invoke: 0xc1, ...reset }],
  ['c302c100000001', { type: 'action-request-next-pblock', invoke: 0xc1, blockNumber: 1 }],
  [
    'c303c101' + '00030100010800ff01' + '011105',
    { type: 'action-request-with-list', invoke: 0xc1, methods: [reset], parameters: [five] },
  ],
  [
    'c304c100030100010800ff01' + '0000000001030a0b0c',
    { type: 'action-request-first-pblock', invoke: 0xc1, ...reset, block },
  ],
  [
    'c305c101' + '00030100010800ff01' + '0000000001030a0b0c',
    { type: 'action-request-with-list-first-pblock', invoke: 0xc1, methods: [reset], block },
  ],
  ['c306c10000000001030a0b0c', { type: 'action-request-pblock', invoke: 0xc1, block }],
  ['c701c10000', { type: 'action-response-normal', invoke: 0xc1, result: 'success' }],
  [
    'c701c10001001105',
    { type: 'action-response-normal', invoke: 0xc1, result: 'success', returned: { ok: true, data: five } },
  ],
  ['c702c10000000001030a0b0c', { type: 'action-response-pblock', invoke: 0xc1, block }],
  [
    'c703c1020000' + '0c010104',
    {
      type: 'action-response-with-list',
      invoke: 0xc1,
      responses: [
        { result: 'success' },
        { result: 'type-unmatched', returned: { ok: false, error: 'object-undefined' } },
      ],
    },
  ],
  ['c704c100000001', { type: 'action-response-next-pblock', invoke: 0xc1, blockNumber: 1 }],
  [
    'd8010600000123',
    {
      type: 'exception-response',
      stateError: 'service-not-allowed',
      serviceError: 'invocation-counter-error',
      invocationCounter: 0x123,
    },
  ],
  ['d80202', { type: 'exception-response', stateError: 'service-unknown', serviceError: 'service-not-supported' }],
  ['c20000080000010000ff021105', { type: 'event-notification', attribute: clock, data: five }],
  [
    '0f00000001' + '0c' + '07ea03010700000000000000' + '1105',
    { type: 'data-notification', longInvoke: 1, time: dateTimeOf(Date.UTC(2026, 2, 1)), body: five },
  ],
  ['0f00000001' + '00' + '1105', { type: 'data-notification', longInvoke: 1, time: null, body: five }],
]

for (const [hex, apdu] of VECTORS)
  test(`SMCG-8.2-02 ${apdu.type} is ${hex.slice(0, 24)}… on the wire, both ways`, () => {
    assert.equal(toHex(encodeApdu(apdu)), hex)
    assert.deepEqual(decodeApdu(fromHex(hex)), apdu)
  })

test('octets behind a complete APDU are let pass', () => {
  const padded = decodeApdu(fromHex('c402c10100000002000000c402'))
  assert.deepEqual(padded, {
    type: 'get-response-block',
    invoke: 0xc1,
    block: { ok: true, last: true, number: 2, raw: new Uint8Array() },
  })
  assert.equal(decodeApdu(fromHex('d80102aabbcc')).type, 'exception-response')
})

test('an empty final block may lack its length', () => {
  assert.equal(decodeApdu(fromHex('c402c1010000000200')).type, 'get-response-block')
})

test('a notification time with the tag of an octet-string is read, one without time too', () => {
  const tagged = decodeApdu(fromHex('0f00000001' + '090c' + '07ea03010700000000000000' + '1105'))
  assert.ok(tagged.type === 'data-notification' && tagged.time?.year === 2026)
})

test('codes the standard does not name are kept', () => {
  assert.equal(toHex(encodeApdu(decodeApdu(fromHex('c401c10163')))), 'c401c10163')
  assert.equal(toHex(encodeApdu(decodeApdu(fromHex('d80909')))), 'd80909')
})

test('APDUs of unknown services say so', () => {
  assert.throws(() => decodeApdu(fromHex('d901')), { code: 'UNSUPPORTED' })
  assert.throws(() => decodeApdu(fromHex('c007c1')), { code: 'INVALID' })
  assert.throws(() => decodeApdu(fromHex('')), { code: 'TRUNCATED' })
})

test('conformance bits are counted from the most significant', () => {
  assert.equal(conformance('get', 'set', 'selective-access', 'event-notification', 'action'), 0x00001f)
  assert.deepEqual(conformanceBits(0x000818), ['block-transfer-with-set-or-write', 'get', 'set'])
})

for (const hex of [
  // Green Book Table 40: the clock GET under the global key.
  'c81e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b',
  'db084d4d4d0000bc614e1e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b',
  'dd080000000000000001084d4d4d0000bc614e084d4d4d0000000001000001000006300123456700',
])
  test(`a ciphered APDU ${hex.slice(0, 8)}… comes apart and together again`, () => {
    const closed = decodeCiphered(fromHex(hex))
    assert.equal(closed.invocationCounter, 0x01234567)
    assert.equal(toHex(encodeCiphered(closed)), hex)
  })

test('20 000 mutated APDUs give an APDU or a DecodeError, never anything else', () => {
  const seeds = [
    ...VECTORS.map(([hex]) => fromHex(hex)),
    fromHex('db084d4d4d0000bc614e1e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b'),
  ]
  let random = 3
  const next = (below: number): number => {
    random = (random * 48_271) % 0x7fff_ffff
    return random % below
  }
  for (let i = 0; i < 20_000; i++) {
    const octets = seeds[i % seeds.length].slice(0, next(40) === 0 ? next(12) : undefined)
    if (octets.length > 0) for (let flips = 0; flips < 2; flips++) octets[next(octets.length)] = next(256)
    for (const decode of [decodeApdu, decodeCiphered])
      try {
        decode(octets)
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error))
      }
  }
})
