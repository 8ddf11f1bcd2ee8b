import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { DecodeError, fromHex, toHex } from '@gridtally/wire'
import fc from 'fast-check'
import { dlmsCrypto } from '../../../../platform/dlms-crypto.ts'
import { encodeCiphered } from '../xdlms/ciphered.ts'
import { openApdu, sealApdu } from './cipher.ts'
import { decodeControlOctet, encodeControlOctet, protectsAs } from './control.ts'
import { CounterLease, ReplayGuard } from './counters.ts'
import { SecretKey } from './crypto-provider.ts'
import { gmacToken, verifyGmacToken } from './hls-gmac.ts'

/** Keys, titles and counter of the Green Book's examples (ed. 7 Table 40, ed. 8.1 Tables 40 and 43), as printed in many public tests. */
const keys = {
  encryptionKey: new SecretKey(fromHex('000102030405060708090a0b0c0d0e0f')),
  authenticationKey: new SecretKey(fromHex('d0d1d2d3d4d5d6d7d8d9dadbdcdddedf')),
}
const systemTitle = fromHex('4d4d4d0000bc614e')
const clientTitle = fromHex('4d4d4d0000000001')
const invocationCounter = 0x01234567
const getClock = fromHex('c0010000080000010000ff0200')
const initiate = fromHex('01011000112233445566778899aabbccddeeff0000065f1f0400007e1f04b0')
const crypto = dlmsCrypto

for (const [name, apdu, protection, sealed] of [
  [
    'GET of the clock, authenticated',
    getClock,
    'authenticated',
    'c81e1001234567c0010000080000010000ff020006725d910f9221d263877516',
  ],
  ['GET of the clock, encrypted', getClock, 'encrypted', 'c8122001234567411312ff935a47566827c467bc'],
  [
    'GET of the clock, authenticated and encrypted',
    getClock,
    'authenticated-encrypted',
    'c81e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b',
  ],
  [
    'InitiateRequest with dedicated key',
    initiate,
    'authenticated-encrypted',
    '21303001234567801302ff8a7874133d414ced25b42534d28db0047720606b175bd52211be6841db204d39ee6fdb8e356855',
  ],
] as const)
  test(`X1332-10.1-04 Green Book example: ${name}`, () => {
    const closed = sealApdu(apdu, { crypto, keys, kind: 'glo', protection, systemTitle, invocationCounter })
    assert.equal(toHex(closed), sealed)
    const opened = openApdu(closed, { crypto, keys, systemTitle })
    assert.deepEqual(opened.apdu, apdu)
    assert.equal(opened.protection, protection)
    assert.equal(opened.invocationCounter, invocationCounter)
  })

test('X1332-10.1-03 Green Book example: both passes of GMAC authentication', () => {
  const stoc = new TextEncoder().encode('P6wRJ21F')
  const ctos = new TextEncoder().encode('K56iVagY')
  const pass3 = gmacToken(crypto, keys, clientTitle, stoc, 1)
  const pass4 = gmacToken(crypto, keys, systemTitle, ctos, invocationCounter)
  assert.equal(toHex(pass3), '10000000011a52fe7dd3e72748973c1e28')
  assert.equal(toHex(pass4), '1001234567fe1466afb3dbcd4f9389e2b7')
  assert.ok(verifyGmacToken(crypto, keys, clientTitle, stoc, pass3))
  assert.ok(!verifyGmacToken(crypto, keys, systemTitle, stoc, pass3))
  assert.ok(!verifyGmacToken(crypto, keys, clientTitle, ctos, pass3))
  assert.ok(!verifyGmacToken(crypto, keys, clientTitle, stoc, pass3.subarray(0, 16)))
})

test('RFC 3394 §4.1: 128 bits of key data under a 128-bit key', () => {
  const kek = new SecretKey(fromHex('000102030405060708090a0b0c0d0e0f'))
  const key = new SecretKey(fromHex('00112233445566778899aabbccddeeff'))
  const wrapped = crypto.wrapKey(kek, key)
  assert.equal(toHex(wrapped), '1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5')
  assert.deepEqual(crypto.unwrapKey(kek, wrapped)?.reveal(), key.reveal())
  wrapped[3] ^= 1
  assert.equal(crypto.unwrapKey(kek, wrapped), null)
})

test('every APDU survives closing and opening, in all forms', () => {
  const dedicatedKey = new SecretKey(fromHex('00112233445566778899aabbccddeeff'))
  const all = { ...keys, dedicatedKey }
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom('glo', 'ded', 'general-glo', 'general-ded'),
      fc.constantFrom('authenticated', 'encrypted', 'authenticated-encrypted'),
      fc.nat(0xffff_ffff),
      (body, kind, protection, counter) => {
        const apdu = Uint8Array.of(0xc4, ...body)
        const closed = sealApdu(apdu, { crypto, keys: all, kind, protection, systemTitle, invocationCounter: counter })
        const opened = openApdu(closed, { crypto, keys: all, systemTitle })
        assert.deepEqual(opened.apdu, apdu)
        assert.deepEqual([opened.kind, opened.protection, opened.invocationCounter], [kind, protection, counter])
      },
    ),
    { numRuns: 200 },
  )
})

test('X1332-8.1-03 X1332-10.1-04 every bit of a closed APDU counts: flipped, it is refused and the reason named', () => {
  for (const kind of ['glo', 'general-glo'] as const)
    for (const protection of ['authenticated', 'authenticated-encrypted'] as const) {
      const closed = sealApdu(getClock, { crypto, keys, kind, protection, systemTitle, invocationCounter })
      for (let bit = 0; bit < closed.length * 8; bit++) {
        const flipped = closed.slice()
        flipped[bit >> 3] ^= 1 << (bit & 7)
        let weaker = false
        assert.throws(
          () => {
            const opened = openApdu(flipped, { crypto, keys, systemTitle })
            // Without the authentication bit nothing is left to check: the caller sees the lower protection and refuses.
            weaker = !protectsAs(opened.protection, protection)
            if (weaker) throw new DecodeError('AUTHENTICATION', 0, 'less protection')
          },
          DecodeError,
          `bit ${bit} of ${toHex(closed)}`,
        )
      }
    }
})

test('X1332-10.1-04 wrong key, truncated tag and missing tag are refused', () => {
  const closed = sealApdu(getClock, {
    crypto,
    keys,
    kind: 'general-glo',
    protection: 'authenticated-encrypted',
    systemTitle,
    invocationCounter,
  })
  const other = { ...keys, encryptionKey: new SecretKey(fromHex('100102030405060708090a0b0c0d0e0f')) }
  assert.throws(() => openApdu(closed, { crypto, keys: other, systemTitle }), { code: 'AUTHENTICATION' })
  const otherAk = { ...keys, authenticationKey: other.encryptionKey }
  assert.throws(() => openApdu(closed, { crypto, keys: otherAk, systemTitle }), { code: 'AUTHENTICATION' })
  const content = closed.subarray(16)
  for (const cut of [1, 4, 12, content.length]) {
    const short = encodeCiphered({
      kind: 'general-glo',
      tag: 0xdb,
      systemTitle,
      control: 0x30,
      invocationCounter,
      content: content.slice(0, content.length - cut),
    })
    assert.throws(() => openApdu(short, { crypto, keys, systemTitle }), { code: 'AUTHENTICATION' })
  }
})

test('X1332-9.1-05 the sender’s title is part of what the tag covers', () => {
  const closed = sealApdu(getClock, {
    crypto,
    keys,
    kind: 'glo',
    protection: 'authenticated-encrypted',
    systemTitle,
    invocationCounter,
  })
  assert.throws(() => openApdu(closed, { crypto, keys, systemTitle: clientTitle }), { code: 'AUTHENTICATION' })
})

test('other suites, compression and keys we do not hold are unsupported', () => {
  for (const control of [0x31, 0x32, 0xb0, 0x70]) {
    const closed = encodeCiphered({ kind: 'glo', tag: 0xc8, control, invocationCounter, content: new Uint8Array(20) })
    assert.throws(() => openApdu(closed, { crypto, keys, systemTitle }), { code: 'UNSUPPORTED' })
  }
  const dedicated = fromHex('d01e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b')
  assert.throws(() => openApdu(dedicated, { crypto, keys, systemTitle }), { code: 'UNSUPPORTED' })
})

test('control octets survive the round trip', () => {
  for (let octet = 0; octet < 256; octet++) assert.equal(encodeControlOctet(decodeControlOctet(octet)), octet)
})

test('keys show nothing when printed, logged or serialised', () => {
  for (const text of [inspect(keys, { showHidden: true, depth: 9 }), JSON.stringify(keys), `${keys.encryptionKey}`])
    assert.ok(!/01020304|1, 2, 3|d1d2|209, 210/i.test(text), text)
})

test('counters are handed out once, and never beyond what is reserved or 32 bits', () => {
  const lease = new CounterLease()
  assert.throws(() => lease.next(), { code: 'COUNTER_EXHAUSTED' })
  lease.add(5, 2)
  assert.deepEqual([lease.next(), lease.next(), lease.left], [5, 6, 0])
  assert.throws(() => lease.next(), { code: 'COUNTER_EXHAUSTED' })
  assert.throws(() => lease.add(6, 4), RangeError)
  lease.add(0xffff_ffff, 1)
  assert.equal(lease.next(), 0xffff_ffff)
  assert.throws(() => lease.add(0x1_0000_0000, 1), RangeError)
})

test('X1332-8.1-04 the replay guard takes rising counters only, 0 included', () => {
  const guard = new ReplayGuard()
  assert.deepEqual(
    [0, 0, 1, 1, 0, 5, 4, 6].map((counter) => guard.accept(counter)),
    [true, false, true, false, false, true, false, true],
  )
  assert.equal(guard.last, 6)
})

test('20 000 mutated closed APDUs give a DecodeError, or opened octets', () => {
  const seed = sealApdu(getClock, {
    crypto,
    keys,
    kind: 'general-glo',
    protection: 'authenticated-encrypted',
    systemTitle,
    invocationCounter,
  })
  let random = 11
  const next = (below: number): number => {
    random = (random * 48_271) % 0x7fff_ffff
    return random % below
  }
  for (let i = 0; i < 20_000; i++) {
    const octets = seed.slice(0, next(3) === 0 ? next(seed.length) : undefined)
    if (octets.length > 0) octets[next(Math.min(octets.length, 18))] = next(256)
    try {
      openApdu(octets, { crypto, keys, systemTitle })
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error))
    }
  }
})
