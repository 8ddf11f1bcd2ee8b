import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes, fromHex, toHex } from '@gridtally/wire'
import { dlmsCrypto } from '../../../../platform/dlms-crypto.ts'
import { axdr } from '../axdr/data.ts'
import { dateTimeOf } from '../axdr/date-time.ts'
import { encodeBlock, splitBlocks } from '../gbt/block.ts'
import { clientAddress, serverAddress } from '../hdlc/address.ts'
import { encodeFrame } from '../hdlc/frame.ts'
import { encodeMbusFrame } from '../mbus-carrier/frame.ts'
import { carrySegments } from '../mbus-carrier/segments.ts'
import { namedStructures, notification, untaggedDescriptors } from '../push/shapes.ts'
import { sealApdu } from '../security/cipher.ts'
import { SecretKey } from '../security/crypto-provider.ts'
import { encodeWrapper } from '../wrapper/wrapper.ts'
import { explain, faultsOf } from './explain.ts'
import type { ExplainedNode } from './node.ts'

const SAMPLES = [{ obis: '1.0.1.8.0.255', value: 123456, scaler: -3, unit: 30 }]
const APDU = notification(namedStructures(SAMPLES), dateTimeOf(Date.UTC(2026, 0, 15), 60))
const UI = { destination: clientAddress(16), source: serverAddress(1), segmented: false } as const

function lines(nodes: readonly ExplainedNode[], depth = 0): string[] {
  return nodes.flatMap((node) => [
    `${'  '.repeat(depth)}${node.label}${node.value === undefined ? '' : ` = ${node.value}`}`,
    ...lines(node.children, depth + 1),
  ])
}

function leaves(nodes: readonly ExplainedNode[]): ExplainedNode[] {
  return nodes.flatMap((node) => (node.children.length > 0 ? leaves(node.children) : [node]))
}

for (const [what, hex, said] of [
  [
    'an association request with a password',
    '6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e01000000065f1f0400007e1f04b0',
    [
      'AARQ',
      'application context name = logical names',
      'mechanism name = LLS',
      'calling authentication value = (hidden)',
      'longest APDU the client takes, octets = 1200',
    ],
  ],
  [
    'an association answer',
    '6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000501f01f40007',
    ['AARE', 'result = accepted', 'result source diagnostic = none', 'VAA name = 0x0007'],
  ],
  [
    'a read of the clock',
    'c001c100080000010000ff0200',
    ['GetRequest', 'choice = normal', 'class = 8', 'logical name = 0.0.1.0.0.255', 'attribute = 2'],
  ],
  ['a refusal', 'c401c10103', ['GetResponse', 'choice = error', 'result = read-write-denied']],
  [
    'an answer in blocks',
    'c402c1000000000100040102abcd',
    ['GetResponse', 'choice = with block', 'block number = 1', 'raw data = 0102abcd'],
  ],
  [
    'a refused request',
    'd80106 00000042',
    ['ExceptionResponse', 'service error = invocation-counter-error', 'expected invocation counter = 66'],
  ],
  ['a method call', 'c301c1 0046 0000600300ff 01 01 0f00', ['ActionRequest', 'method = 1', 'value: integer = 0']],
  ['a release whose length is too short', '6301 800100', ['RLRE', 'reason = normal']],
  ['a read by short name', '0501 02 fa00', ['ReadRequest', 'short name = 0xfa00']],
  [
    'an event',
    'c200 0001 0000600b00ff 02 1105',
    ['EventNotification', 'logical name = 0.0.96.11.0.255', 'value: unsigned = 5'],
  ],
] as const)
  test(`${what} is explained`, () => {
    const nodes = explain(fromHex(hex))
    assert.deepEqual(faultsOf(nodes), [])
    const all = lines(nodes).map((line) => line.trim())
    for (const line of said)
      assert.ok(
        all.some((found) => found === line || found.startsWith(`${line} =`)),
        `${line} in\n${all.join('\n')}`,
      )
  })

for (const [what, capture] of [
  [
    'HDLC',
    encodeFrame({ ...UI, control: { kind: 'UI', final: true }, information: concatBytes(fromHex('e6e700'), APDU) }),
  ],
  ['wrapper', encodeWrapper({ source: 1, destination: 16, apdu: APDU })],
  ['M-Bus', concatBytes(...carrySegments(APDU).map(encodeMbusFrame))],
  ['bare', APDU],
] as const)
  test(`every octet of a ${what} capture is in a leaf, in order, once`, () => {
    const nodes = explain(capture)
    assert.deepEqual(faultsOf(nodes), [])
    const covered = new Uint8Array(capture.length)
    for (const leaf of leaves(nodes)) for (let i = 0; i < leaf.length; i++) covered[leaf.offset + i]++
    // Tags and counts of lists, and flags between frames, belong to the nodes around.
    assert.ok(covered.every((count) => count <= 1))
    assert.ok(lines(nodes).some((line) => line.trim() === 'scaler = -3'))
    assert.ok(lines(nodes).some((line) => line.trim() === 'unit = 30 Wh'))
  })

const encryptionKey = new SecretKey(fromHex('00112233445566778899aabbccddeeff'))
const authenticationKey = new SecretKey(fromHex('ffeeddccbbaa99887766554433221100'))
const keys = { encryptionKey, authenticationKey }
const sealed = sealApdu(APDU, {
  crypto: dlmsCrypto,
  keys,
  kind: 'general-glo',
  protection: 'authenticated-encrypted',
  systemTitle: fromHex('4752540000000001'),
  invocationCounter: 7,
})

test('with keys the plaintext stands below the ciphered APDU and offsets count in it', () => {
  const [root] = explain(sealed, { crypto: dlmsCrypto, keysFor: () => keys })
  const opened = root.children.at(-1)
  assert.equal(opened?.space, 'plaintext')
  assert.equal(toHex(opened?.octets ?? new Uint8Array(0)), toHex(APDU))
  assert.equal(opened?.children[0].label, 'DataNotification')
  assert.equal(opened?.children[0].offset, 0)
  assert.ok(!JSON.stringify(root).includes('00112233'))
})

test('a wrong tag is told at the ciphered APDU', () => {
  const spoilt = Uint8Array.from(sealed)
  spoilt[spoilt.length - 1] ^= 1
  const [fault] = faultsOf(explain(spoilt, { crypto: dlmsCrypto, keysFor: () => keys }))
  assert.equal(fault.fault?.code, 'AUTHENTICATION')
})

test('without keys the envelope is explained and nothing is a fault', () => {
  const nodes = explain(sealed)
  assert.deepEqual(faultsOf(nodes), [])
  assert.ok(lines(nodes).some((line) => line.includes('47525400') && line.includes('GRT')))
})

test('general blocks are shown one by one, and the message they add up to', () => {
  const nodes = explain(concatBytes(...splitBlocks(APDU, 30).map(encodeBlock)))
  assert.deepEqual(faultsOf(nodes), [])
  const last = nodes.at(-1)
  assert.equal(last?.space, 'reassembled')
  assert.equal(last?.children[0].label, 'DataNotification')
})

test('the first octet that cannot be read is told, and what is before it is explained', () => {
  const spoilt = Uint8Array.from(APDU)
  const at = toHex(APDU).indexOf('06000') / 2
  spoilt[at] = 0xee
  const nodes = explain(spoilt)
  const [fault, ...more] = faultsOf(nodes)
  assert.deepEqual(more, [])
  assert.deepEqual([fault.fault?.code, fault.fault?.offset, fault.offset], ['INVALID', at, at])
  assert.equal(fault.offset + fault.length, spoilt.length)
  assert.ok(lines(nodes).some((line) => line.includes('1.0.1.8.0.255')))
})

test('descriptors without tags are shown as such', () => {
  const nodes = explain(notification(untaggedDescriptors(SAMPLES)))
  assert.deepEqual(faultsOf(nodes), [])
  assert.ok(lines(nodes).some((line) => line.includes('attribute (without tags)')))
})

test('frames behind noise that looks like an APDU are explained', () => {
  const frame = encodeFrame({
    ...UI,
    control: { kind: 'UI', final: true },
    information: concatBytes(fromHex('e6e700'), APDU),
  })
  const nodes = explain(concatBytes(fromHex('0f0102030409'), frame))
  assert.ok(faultsOf(nodes).length > 0)
  assert.ok(lines(nodes).some((line) => line.trim() === 'scaler = -3'))
})

test('20 000 mutated captures are explained without an exception, each octet of a fault inside the capture', () => {
  const frame = encodeFrame({
    ...UI,
    control: { kind: 'UI', final: true },
    information: concatBytes(fromHex('e6e700'), APDU),
  })
  const seeds = [
    frame,
    APDU,
    sealed,
    notification(untaggedDescriptors(SAMPLES)),
    notification(axdr.array([axdr.structure([]), axdr.bitString('10101')])),
    fromHex(
      '6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e01000000065f1f0400007e1f04b0',
    ),
    fromHex('d9400000000001010100080000010000ff020100'),
  ]
  let state = 5
  const random = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % n
  }
  for (let i = 0; i < 20_000; i++) {
    const mutated = Uint8Array.from(seeds[i % seeds.length]).subarray(0, 1 + random(seeds[i % seeds.length].length))
    for (let k = random(4); k >= 0; k--) mutated[random(mutated.length)] = random(256)
    const nodes = explain(mutated, { crypto: dlmsCrypto, keysFor: () => keys })
    for (const node of nodes) if (!node.space) assert.ok(node.offset + node.length <= mutated.length)
    if (i % 50 === 0) JSON.stringify(nodes)
  }
})
