import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes, fromHex } from '@gridtally/wire'
import { dlmsCrypto } from '../../../../platform/dlms-crypto.ts'
import { axdr, type DlmsData } from '../axdr/data.ts'
import { dateTimeOf } from '../axdr/date-time.ts'
import { encodeBlock, splitBlocks } from '../gbt/block.ts'
import { clientAddress, serverAddress } from '../hdlc/address.ts'
import { encodeFrame } from '../hdlc/frame.ts'
import { LLC_RESPONSE } from '../hdlc/llc.ts'
import { encodeMbusFrame } from '../mbus-carrier/frame.ts'
import { carrySegments } from '../mbus-carrier/segments.ts'
import { sealApdu } from '../security/cipher.ts'
import type { Protection } from '../security/control.ts'
import { SecretKey } from '../security/crypto-provider.ts'
import { encodeWrapper } from '../wrapper/wrapper.ts'
import { encodeCiphered } from '../xdlms/ciphered.ts'
import { decodePush, type PushResult } from './decode.ts'
import { decodeNotification } from './notification.ts'
import { type PushedReadings, readingsOf } from './readings.ts'
import {
  behindPushList,
  describedValues,
  flatWithUnits,
  name,
  namedStructures,
  namedValues,
  notification,
  type Sample,
  scalerUnit,
  untaggedDescriptors,
} from './shapes.ts'

/** A made-up meter. */
const SAMPLES: readonly Sample[] = [
  { obis: '1.0.1.8.0.255', value: 123456, scaler: 0, unit: 30 },
  { obis: '1.0.1.7.0.255', value: 815, scaler: 0, unit: 27 },
  { obis: '1.0.32.7.0.255', value: 2304, scaler: -1, unit: 35 },
]
const AT = Date.UTC(2026, 0, 15, 11, 0, 10)
const CLOCK = dateTimeOf(AT, 60)

function readings(body: DlmsData | Uint8Array, time: typeof CLOCK | null = null): PushedReadings {
  return readingsOf(decodeNotification(notification(body, time)))
}

function short(pushed: PushedReadings): string[] {
  return pushed.readings.map(
    ({ obis, value, unit }) => `${obis ?? '?'} ${value}${unit === undefined ? '' : ` u${unit}`}`,
  )
}

const SCALED = ['1.0.1.8.0.255 123456 u30', '1.0.1.7.0.255 815 u27', '1.0.32.7.0.255 230.4 u35']
const BARE = ['1.0.1.8.0.255 123456', '1.0.1.7.0.255 815', '1.0.32.7.0.255 2304']

for (const [shape, body, expected] of [
  ['structures of name, value and unit', namedStructures(SAMPLES), SCALED],
  [
    'a flat list with units, clock first and serial number last',
    flatWithUnits(CLOCK, SAMPLES, '000181220009'),
    ['? 2026-01-15T12:00:10+01:00', ...SCALED, '? 000181220009'],
  ],
  ['names and values in turn', namedValues('Maker_V0001', SAMPLES), ['? Maker_V0001', ...BARE]],
  ['values behind a push list that names itself', behindPushList(SAMPLES, true), BARE],
  ['values behind a push list that does not name itself', behindPushList(SAMPLES, false), BARE],
  ['attribute descriptors with tags', describedValues(SAMPLES), BARE],
  ['attribute descriptors without tags', untaggedDescriptors(SAMPLES), ['? 1', ...BARE]],
  [
    'attribute descriptors as structures of their own',
    axdr.array([
      axdr.structure([
        axdr.structure([axdr.longUnsigned(3), name('1.0.1.8.0.255'), axdr.integer(2)]),
        axdr.unsigned(7),
      ]),
    ]),
    ['1.0.1.8.0.255 7'],
  ],
  [
    'names as text',
    axdr.structure([
      axdr.visibleString('1-0:1.8.0*255'),
      axdr.long64Unsigned(2n ** 60n),
      axdr.visibleString('0.0.96.1.0.255'),
      axdr.visibleString('ABC'),
    ]),
    ['1.0.1.8.0.255 1152921504606846976', '0.0.96.1.0.255 ABC'],
  ],
  [
    'a value and its unit in one structure behind the name',
    axdr.structure([name('1.0.31.7.0.255'), axdr.structure([axdr.long(-93), scalerUnit(-1, 33)])]),
    ['1.0.31.7.0.255 -9.3 u33'],
  ],
  ['values alone whose order is not agreed', axdr.structure([axdr.unsigned(1), axdr.unsigned(2)]), ['? 1', '? 2']],
  [
    'Kaifa’s list 2 of one phase',
    axdr.structure([
      ...['KFM_001', '0123456789', 'MA105'].map((text) => axdr.octetString(new TextEncoder().encode(text))),
      ...[815, 0, 0, 64, 3542, 2304].map(axdr.doubleLongUnsigned),
    ]),
    [
      '1.1.0.2.129.255 KFM_001',
      '0.0.96.1.0.255 0123456789',
      '0.0.96.1.7.255 MA105',
      '1.0.1.7.0.255 815 u27',
      '1.0.2.7.0.255 0 u27',
      '1.0.3.7.0.255 0 u29',
      '1.0.4.7.0.255 64 u29',
      '1.0.31.7.0.255 3.542 u33',
      '1.0.32.7.0.255 230.4 u35',
    ],
  ],
  ['a text alone', axdr.structure([axdr.visibleString('ABC')]), ['? ABC']],
  ['Kaifa’s list 1', axdr.structure([axdr.doubleLongUnsigned(815)]), ['1.0.1.7.0.255 815 u27']],
  [
    'Kamstrup’s list, scaled by its definition',
    namedValues('Kamstrup_V0001', [
      { obis: '1.1.1.8.0.255', value: 63, scaler: 0, unit: 0 },
      { obis: '1.1.31.7.0.255', value: 57, scaler: 0, unit: 0 },
    ]),
    ['? Kamstrup_V0001', '1.1.1.8.0.255 630 u30', '1.1.31.7.0.255 0.57 u33'],
  ],
] as const)
  test(`a body of ${shape} gives its readings`, () => assert.deepEqual(short(readings(body)), expected))

test('the time of a message is its own, else its clock; local time alone names no instant', () => {
  const flat = flatWithUnits(CLOCK, SAMPLES, 'x')
  const later = dateTimeOf(AT + 5000, 60)
  assert.deepEqual(readings(flat, later).at, { text: '2026-01-15T12:00:15+01:00', instant: AT + 5000 })
  assert.deepEqual(readings(flat).at, { text: '2026-01-15T12:00:10+01:00', instant: AT })
  assert.deepEqual(readings(flat, { ...CLOCK, deviation: null }).at, { text: '2026-01-15T12:00:10' })
  assert.equal(readings(namedStructures(SAMPLES)).at, undefined)
})

test('the time of a notification may bear a tag, and may be missing', () => {
  const body = namedStructures(SAMPLES)
  assert.deepEqual(decodeNotification(notification(body, CLOCK, 'tagged')).time, CLOCK)
  assert.deepEqual(decodeNotification(notification(body, CLOCK, 'plain')).time, CLOCK)
  assert.equal(decodeNotification(notification(body, null)).time, null)
})

const APDU = notification(flatWithUnits(CLOCK, SAMPLES, '000181220009'), CLOCK)

function hdlc(pieces: readonly Uint8Array[], llcEverywhere = false): Uint8Array {
  return concatBytes(
    ...pieces.map((piece, i) =>
      encodeFrame({
        destination: clientAddress(103),
        source: serverAddress(1, 17),
        control: { kind: 'UI', final: true },
        segmented: i < pieces.length - 1,
        information: i === 0 || llcEverywhere ? concatBytes(LLC_RESPONSE, piece) : piece,
      }),
    ),
  )
}

function cut(octets: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(octets.length / size) }, (_, i) => octets.subarray(i * size, (i + 1) * size))
}

for (const [way, capture, carrier] of [
  ['bare', APDU, 'raw'],
  ['in one HDLC frame', hdlc([APDU]), 'hdlc'],
  ['in HDLC segments', hdlc(cut(APDU, 20)), 'hdlc'],
  ['in HDLC segments that all have an LLC header', hdlc(cut(APDU, 20), true), 'hdlc'],
  [
    'in general blocks, each in an HDLC frame',
    concatBytes(...splitBlocks(APDU, 40).map((b) => hdlc([encodeBlock(b)]))),
    'hdlc',
  ],
  ['in M-Bus frames', concatBytes(...carrySegments(concatBytes(APDU)).map(encodeMbusFrame)), 'mbus'],
  ['in a wrapper', encodeWrapper({ source: 1, destination: 103, apdu: APDU }), 'wrapper'],
  ['behind an LLC header alone', concatBytes(LLC_RESPONSE, APDU), 'raw'],
] as const)
  test(`a message ${way} is found`, () => {
    const [first, ...rest] = decodePush(capture)
    assert.deepEqual(rest, [])
    assert.equal(first.kind === 'notification' && first.carrier, carrier)
    assert.deepEqual(first.kind === 'notification' && short(first.readings).slice(1, 4), SCALED)
  })

test('SMCG-8.2-18 what COSEM says inside M-Bus frames is what it says over IP', () => {
  const over = (capture: Uint8Array): unknown =>
    decodePush(capture).map((result) => (result.kind === 'notification' ? result.readings : result))
  // Long enough for three frames.
  const many = Array.from({ length: 40 }, (_, i) => ({ ...SAMPLES[0], obis: `1.0.1.8.${i}.255`, value: i * 1000 }))
  const apdu = notification(namedStructures(many), CLOCK)
  const frames = carrySegments(apdu).map(encodeMbusFrame)
  assert.ok(frames.length >= 3)
  assert.deepEqual(over(concatBytes(...frames)), over(encodeWrapper({ source: 1, destination: 103, apdu })))
})

test('several messages of several kinds in one capture all come out, noise between them is named', () => {
  const results = decodePush(
    concatBytes(hdlc([APDU]), fromHex('2f21 31'), hdlc(cut(APDU, 20)), fromHex('0d0a'), hdlc([APDU])),
  )
  assert.deepEqual(
    results.map((result) => (result.kind === 'fault' ? `${result.code} at ${result.offset}` : result.kind)),
    ['notification', `INVALID at ${hdlc([APDU]).length}`, 'notification', 'notification'],
  )
})

const encryptionKey = new SecretKey(fromHex('00112233445566778899aabbccddeeff'))
const authenticationKey = new SecretKey(fromHex('ffeeddccbbaa99887766554433221100'))
const systemTitle = fromHex('4752540000000001')

function seal(protection: Protection): Uint8Array {
  const keys = { encryptionKey, authenticationKey }
  return sealApdu(APDU, {
    crypto: dlmsCrypto,
    keys,
    kind: 'general-glo',
    protection,
    systemTitle,
    invocationCounter: 42,
  })
}

function open(
  octets: Uint8Array,
  keys: Parameters<typeof decodePush>[1] extends infer O ? Partial<O> : never = {},
): PushResult {
  const keysFor = () => ({ encryptionKey, authenticationKey })
  return decodePush(octets, { crypto: dlmsCrypto, keysFor, ...keys })[0]
}

for (const [protection, verified] of [
  ['authenticated-encrypted', true],
  ['authenticated', true],
  ['encrypted', false],
] as const)
  test(`a message that is ${protection} opens and says whether its tag was checked`, () => {
    const result = open(hdlc([seal(protection)]))
    assert.equal(result.kind, 'notification')
    if (result.kind !== 'notification') return
    assert.deepEqual(result.security, { systemTitle, invocationCounter: 42, verified })
    assert.deepEqual(short(result.readings).slice(1, 4), SCALED)
  })

for (const [suite, octets] of [
  [1, 16],
  [2, 32],
] as const)
  test(`a message of security suite ${suite} opens`, () => {
    const key = new SecretKey(new Uint8Array(octets).fill(7))
    const control = 0x30 | suite
    const iv = concatBytes(systemTitle, fromHex('0000002a'))
    const content = dlmsCrypto.sealGcm(key, iv, concatBytes(Uint8Array.of(control), key.reveal()), APDU)
    const sealed = encodeCiphered({
      kind: 'general-glo',
      tag: 0xdb,
      systemTitle,
      control,
      invocationCounter: 42,
      content,
    })
    const result = open(sealed, { keysFor: () => ({ encryptionKey: key, authenticationKey: key }) })
    assert.equal(result.kind === 'notification' && result.security?.verified, true)
    const wrong = open(sealed)
    assert.equal(wrong.kind === 'fault' && wrong.code, suite === 1 ? 'AUTHENTICATION' : 'UNSUPPORTED')
  })

test('without an authentication key a message opens, and nothing vouches for it', () => {
  const result = open(seal('authenticated-encrypted'), { keysFor: () => ({ encryptionKey }) })
  assert.equal(result.kind === 'notification' && result.security?.verified, false)
})

for (const [why, octets, options, code] of [
  ['a spoilt octet', flip(seal('authenticated-encrypted'), 40), {}, 'AUTHENTICATION'],
  ['a spoilt octet in clear', flip(seal('authenticated'), 40), {}, 'AUTHENTICATION'],
  [
    'another authentication key',
    seal('authenticated-encrypted'),
    { keysFor: () => ({ encryptionKey, authenticationKey: encryptionKey }) },
    'AUTHENTICATION',
  ],
  ['no key for the title', seal('encrypted'), { keysFor: () => undefined }, 'UNSUPPORTED'],
] as const)
  test(`a message with ${why} is a fault with a name, not readings`, () => {
    const result = open(octets, options)
    assert.equal(result.kind === 'fault' && result.code, code)
  })

function flip(octets: Uint8Array, at: number): Uint8Array {
  const flipped = Uint8Array.from(octets)
  flipped[at] ^= 1
  return flipped
}

test('a ciphered message without any key is a fault', () => {
  const [result] = decodePush(seal('encrypted'))
  assert.equal(result.kind === 'fault' && result.code, 'UNSUPPORTED')
})

test('20 000 mutated captures give results, never an exception', () => {
  const seeds = [
    hdlc(cut(APDU, 40)),
    APDU,
    notification(untaggedDescriptors(SAMPLES)),
    concatBytes(...carrySegments(APDU).map(encodeMbusFrame)),
    concatBytes(...splitBlocks(APDU, 60).map(encodeBlock)),
    seal('encrypted'),
  ]
  let state = 11
  const random = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % n
  }
  for (let i = 0; i < 20_000; i++) {
    const mutated = Uint8Array.from(seeds[i % seeds.length])
    for (let k = random(4); k >= 0; k--) mutated[random(mutated.length)] = random(256)
    decodePush(mutated.subarray(0, 1 + random(mutated.length)), {
      crypto: dlmsCrypto,
      keysFor: () => ({ encryptionKey, authenticationKey }),
    })
  }
})
