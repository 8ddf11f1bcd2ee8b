import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, fromHex, toHex } from '@gridtally/wire'
import fc from 'fast-check'
import { type Aare, type Aarq, type AcseApdu, decodeAcse, encodeAcse } from './acse.ts'

const password = new TextEncoder().encode('12345678')
const initiate = fromHex('01000000065f1f0400007e1f04b0')

/** Green Book ed. 8, 11.2 (AARQ and AARE examples), as printed in many public tests; the last from the u9n project's issue tracker. */
const VECTORS: readonly (readonly [string, AcseApdu])[] = [
  [
    '601da109060760857405080101be10040e01000000065f1f0400007e1f04b0',
    { type: 'aarq', applicationContext: 'ln', userInformation: initiate },
  ],
  [
    '6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e01000000065f1f0400007e1f04b0',
    {
      type: 'aarq',
      applicationContext: 'ln',
      mechanism: 'low',
      callingAuthenticationValue: password,
      userInformation: initiate,
    },
  ],
  [
    '6066a109060760857405080103a60a04084d4d4d0000bc614e8a0207808b0760857405080201ac0a80083132333435363738be34043221303001234567801302ff8a7874133d414ced25b42534d28db0047720606b175bd52211be6841db204d39ee6fdb8e356855',
    {
      type: 'aarq',
      applicationContext: 'ln-ciphered',
      mechanism: 'low',
      callingApTitle: fromHex('4d4d4d0000bc614e'),
      callingAuthenticationValue: password,
      userInformation: fromHex(
        '21303001234567801302ff8a7874133d414ced25b42534d28db0047720606b175bd52211be6841db204d39ee6fdb8e356855',
      ),
    },
  ],
  [
    '6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000501f01f40007',
    {
      type: 'aare',
      applicationContext: 'ln',
      result: 0,
      source: 'user',
      diagnostic: 0,
      userInformation: fromHex('0800065f1f040000501f01f40007'),
    },
  ],
  ['6203800100', { type: 'rlrq', reason: 0 }],
  ['6303800100', { type: 'rlre', reason: 0 }],
  ['6200', { type: 'rlrq' }],
]

for (const [hex, apdu] of VECTORS)
  test(`${apdu.type} ${hex.slice(0, 20)}… comes apart and together again`, () => {
    assert.deepEqual(decodeAcse(fromHex(hex)), apdu)
    assert.equal(toHex(encodeAcse(apdu)), hex)
  })

test('an AARE with protocol version, requirements, challenge and unknown fields is read', () => {
  const aare = decodeAcse(
    fromHex(
      '614b' +
        '80020780' +
        'a109060760857405080103' +
        'a203020100' +
        'a305a10302010e' +
        'a40a04084d4d4d0000bc614e' +
        'a803020105' +
        '88020780' +
        '890760857405080205' +
        'aa0a8008503677524a323146' +
        'be0404028001',
    ),
  )
  assert.deepEqual(aare, {
    type: 'aare',
    applicationContext: 'ln-ciphered',
    result: 0,
    source: 'user',
    diagnostic: 14,
    respondingApTitle: fromHex('4d4d4d0000bc614e'),
    mechanism: 'high-gmac',
    respondingAuthenticationValue: new TextEncoder().encode('P6wRJ21F'),
    userInformation: fromHex('8001'),
  })
})

test('an AARE that rejects without user information is read', () => {
  const aare = decodeAcse(fromHex('6117a109060760857405080101a203020101a305a10302010d'))
  assert.ok(aare.type === 'aare' && aare.result === 1 && aare.diagnostic === 13 && aare.userInformation === undefined)
})

test('an RLRE whose outer length is shorter than its content is read whole', () => {
  const release = decodeAcse(fromHex('6304800100be06040428010203'))
  assert.deepEqual(release, { type: 'rlre', reason: 0, userInformation: fromHex('28010203') })
})

test('octets behind an AARE are let pass', () => {
  assert.equal(decodeAcse(fromHex('6117a109060760857405080101a203020101a305a10302010d0000')).type, 'aare')
})

const octets = fc.option(fc.uint8Array({ minLength: 1, maxLength: 140 }), { nil: undefined })
const present = <T extends object>(value: T): T =>
  // Fields that are undefined are left out, as the decoder leaves them out.
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T

test('every AARQ and AARE survives the round trip', () => {
  const mechanism = fc.constantFrom('low', 'high-gmac', 'high-ecdsa', 'id-9', undefined)
  const context = fc.constantFrom('ln', 'sn', 'ln-ciphered', 'sn-ciphered', 'id-7')
  fc.assert(
    fc.property(
      fc.record({
        type: fc.constant('aarq'),
        applicationContext: context,
        mechanism,
        callingApTitle: octets,
        callingAeQualifier: octets,
        callingAeInvocationId: fc.option(fc.nat(255), { nil: undefined }),
        callingAuthenticationValue: octets,
        userInformation: octets,
      }) as fc.Arbitrary<Aarq>,
      fc.record({
        type: fc.constant('aare'),
        applicationContext: context,
        result: fc.nat(2),
        source: fc.constantFrom('user', 'provider'),
        diagnostic: fc.nat(14),
        mechanism,
        respondingApTitle: octets,
        respondingAeQualifier: octets,
        respondingAeInvocationId: fc.option(fc.nat(255), { nil: undefined }),
        respondingAuthenticationValue: octets,
        userInformation: octets,
      }) as fc.Arbitrary<Aare>,
      (aarq, aare) => {
        assert.deepEqual(decodeAcse(encodeAcse(aarq)), present(aarq))
        assert.deepEqual(decodeAcse(encodeAcse(aare)), present(aare))
      },
    ),
  )
})

test('20 000 mutated inputs give an APDU or a DecodeError', () => {
  const seeds = VECTORS.map(([hex]) => fromHex(hex))
  let random = 5
  const next = (below: number): number => {
    random = (random * 48_271) % 0x7fff_ffff
    return random % below
  }
  for (let i = 0; i < 20_000; i++) {
    const bytes = seeds[i % seeds.length].slice(0, next(10) === 0 ? next(20) : undefined)
    if (bytes.length > 0) for (let flips = 0; flips < 2; flips++) bytes[next(bytes.length)] = next(256)
    try {
      decodeAcse(bytes)
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error))
    }
  }
})
