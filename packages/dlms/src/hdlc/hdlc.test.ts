import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteReader, ByteWriter, concatBytes, fromHex, toHex } from '@gridtally/wire'
import fc from 'fast-check'
import {
  clientAddress,
  decodeAddress,
  encodeAddress,
  formatAddress,
  type HdlcAddress,
  serverAddress,
} from './address.ts'
import { decodeControl, encodeControl, type HdlcControl } from './control.ts'
import { HdlcDecoder, type HdlcEvent } from './decoder.ts'
import { decodeFrame, encodeFrame, type HdlcFrame } from './frame.ts'
import { agree, DEFAULT_HDLC_PARAMETERS, decodeParameters, encodeParameters } from './parameters.ts'

/** Frames printed in public example sessions of DLMS over HDLC, client 16, server 1. */
const SNRM = '7ea0070321930f017e'
const UA = '7ea01e210373c37a818012050180060180070400000001080400000001533b7e'

const address = (octets: 1 | 2 | 4): fc.Arbitrary<HdlcAddress> => {
  const half = fc.nat(octets === 4 ? 0x3fff : 0x7f)
  return octets === 1
    ? half.map((upper) => ({ upper, octets }))
    : fc.tuple(half, half).map(([upper, lower]) => ({ upper, lower, octets }))
}
const anyAddress = fc.oneof(address(1), address(2), address(4))
const sequence = fc.nat(7)
const unnumbered = ['SNRM', 'DISC', 'UA', 'DM', 'UI', 'FRMR'] as const
const anyControl: fc.Arbitrary<HdlcControl> = fc.oneof(
  fc.tuple(sequence, sequence, fc.boolean()).map(([ns, nr, final]) => ({ kind: 'I' as const, ns, nr, final })),
  fc
    .tuple(fc.constantFrom('RR' as const, 'RNR' as const), sequence, fc.boolean())
    .map(([kind, nr, final]) => ({ kind, nr, final })),
  fc.tuple(fc.constantFrom(...unnumbered), fc.boolean()).map(([kind, final]) => ({ kind, final })),
)
const anyFrame: fc.Arbitrary<HdlcFrame> = fc.record({
  destination: anyAddress,
  source: anyAddress,
  control: anyControl,
  segmented: fc.boolean(),
  // Many flags inside, since they are what a decoder stumbles over.
  information: fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(fc.constantFrom(0x7e, 0xa0, 0x07), { maxLength: 60 }).map((list) => Uint8Array.from(list)),
  ),
})

function plain({ destination, source, control, segmented, information }: HdlcFrame): HdlcFrame {
  return { destination, source, control, segmented, information: Uint8Array.from(information) }
}

function frames(events: readonly HdlcEvent[]): HdlcFrame[] {
  return events.flatMap((event) => (event.kind === 'frame' ? [plain(event.frame)] : []))
}

function feedInPieces(octets: Uint8Array, sizes: readonly number[]): HdlcEvent[] {
  const decoder = new HdlcDecoder()
  const events: HdlcEvent[] = []
  for (let at = 0, i = 0; at < octets.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? 1)
    events.push(...decoder.feed(octets.subarray(at, at + size)))
    at += size
  }
  return [...events, ...decoder.flush()]
}

test('SMCG-8.2-05 an SNRM without parameters reads as printed in public sessions, and is written so', () => {
  const frame = decodeFrame(fromHex(SNRM))
  assert.deepEqual(frame.control, { kind: 'SNRM', final: true })
  assert.equal(formatAddress(frame.source), '16')
  assert.equal(formatAddress(frame.destination), '1')
  assert.equal(toHex(encodeFrame(frame)), SNRM)
})

for (const [hex, text] of [
  ['21', '16'],
  ['0223', '1/17'],
  ['00020023', '1/17'],
  ['ceff', '103/127'],
] as const)
  test(`address ${hex} is ${text}`, () => {
    const decoded = decodeAddress(new ByteReader(fromHex(hex)))
    assert.equal(formatAddress(decoded), text)
    const writer = new ByteWriter()
    encodeAddress(writer, decoded)
    assert.equal(toHex(writer.finish()), hex)
  })

test('an address of 3 octets, and one that does not end, are refused', () => {
  for (const hex of ['000003', '0000000000'])
    assert.throws(() => decodeAddress(new ByteReader(fromHex(hex))), { code: 'INVALID', offset: 0 })
})

test('server addresses take the shortest form, or the form asked for', () => {
  assert.deepEqual(serverAddress(1), { upper: 1, octets: 1 })
  assert.deepEqual(serverAddress(1, 17), { upper: 1, lower: 17, octets: 2 })
  assert.deepEqual(serverAddress(1, 1000), { upper: 1, lower: 1000, octets: 4 })
  assert.deepEqual(serverAddress(1, 17, 4), { upper: 1, lower: 17, octets: 4 })
  assert.throws(() => serverAddress(0x4000, 1), RangeError)
  assert.throws(() => clientAddress(128), RangeError)
})

test('every control octet HDLC has survives the round trip', () => {
  fc.assert(fc.property(anyControl, (control) => assert.deepEqual(decodeControl(encodeControl(control)), control)))
  assert.throws(() => decodeControl(0xef, 5), { code: 'INVALID', offset: 5 })
})

test('negotiated parameters are read in widths of 1, 2 and 4 octets', () => {
  const short = decodeParameters(fromHex('81 80 12 05 01 80 06 01 80 07 04 00000001 08 04 00000001'))
  assert.deepEqual(short, DEFAULT_HDLC_PARAMETERS)
  const wide = decodeParameters(fromHex('81 80 0e 05 02 07ee 06 02 0400 07 01 07 08 01 03'))
  assert.deepEqual(wide, {
    maxInformationTransmit: 2030,
    maxInformationReceive: 1024,
    windowTransmit: 7,
    windowReceive: 3,
  })
  assert.deepEqual(decodeParameters(new Uint8Array(0)), DEFAULT_HDLC_PARAMETERS)
  assert.equal(toHex(encodeParameters(DEFAULT_HDLC_PARAMETERS)), '8180120501800601800704000000010804' + '00000001')
  assert.throws(() => decodeParameters(fromHex('8080')), { code: 'INVALID' })
  assert.throws(() => decodeParameters(fromHex('8180ff05')), { code: 'TRUNCATED' })
})

test('each side keeps to the smaller of what it wants and what its peer takes', () => {
  const own = { maxInformationTransmit: 2030, maxInformationReceive: 2030, windowTransmit: 7, windowReceive: 7 }
  const peer = { maxInformationTransmit: 512, maxInformationReceive: 256, windowTransmit: 1, windowReceive: 3 }
  assert.deepEqual(agree(own, peer), {
    maxInformationTransmit: 256,
    maxInformationReceive: 512,
    windowTransmit: 3,
    windowReceive: 1,
  })
})

test('a frame longer than 11 bits can tell is not built', () => {
  const information = new Uint8Array(2047)
  const frame = { destination: clientAddress(1), source: clientAddress(1), segmented: false, information }
  assert.throws(() => encodeFrame({ ...frame, control: { kind: 'UI', final: false } }), RangeError)
})

test('SMCG-8.2-05 frames survive the round trip in chunks of any size, flags shared, doubled or inside', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(anyFrame, fc.nat(3)), { maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
      (sent, sizes) => {
        // 0: the closing flag is the next opening one; else so many flags between.
        const parts = sent.map(([frame, flags]) => {
          const octets = encodeFrame(frame)
          return flags === 0 ? octets.subarray(0, -1) : concatBytes(octets, new Uint8Array(flags - 1).fill(0x7e))
        })
        const events = feedInPieces(concatBytes(...parts, Uint8Array.of(0x7e)), sizes)
        assert.deepEqual(
          frames(events),
          sent.map(([frame]) => plain(frame)),
        )
        assert.ok(events.every((event) => event.kind === 'frame'))
      },
    ),
  )
})

test('SMCG-8.2-05 a spoilt octet costs one frame: the next is found', () => {
  const information = fromHex('e6e7000f7e00a07e')
  const frame: HdlcFrame = {
    destination: clientAddress(16),
    source: serverAddress(1, 17),
    control: { kind: 'UI', final: true },
    segmented: false,
    information,
  }
  const good = encodeFrame(frame)
  for (let at = 1; at < good.length - 1; at++) {
    const spoilt = Uint8Array.from(good)
    spoilt[at] ^= 0x20
    const events = feedInPieces(concatBytes(spoilt, good, good), [7])
    assert.ok(frames(events).length >= 2, `octet ${at}`)
    assert.deepEqual(frames(events).slice(-2), [frame, frame])
  }
})

test('noise is named with its place', () => {
  const events = feedInPieces(fromHex(`0102 ${SNRM} 2f3f210d0a ${SNRM}`), [100])
  assert.deepEqual(
    events.map((event) => (event.kind === 'noise' ? `noise ${event.offset}+${event.length}` : event.kind)),
    ['noise 0+2', 'frame', 'noise 11+5', 'frame'],
  )
})

test('a stream that ends inside a frame says so', () => {
  const events = feedInPieces(fromHex(UA.slice(0, 30)), [5])
  const codes = events.flatMap((event) => (event.kind === 'fault' ? [event.fault.code] : []))
  assert.deepEqual(codes, ['TRUNCATED'])
})

test('SMCG-8.2-05 a UA with parameters reads as printed in public sessions', () => {
  const frame = decodeFrame(fromHex(UA))
  assert.deepEqual(frame.control, { kind: 'UA', final: true })
  assert.deepEqual(decodeParameters(frame.information), DEFAULT_HDLC_PARAMETERS)
})

test('one frame exactly: cut, spoilt and followed frames are refused with the place', () => {
  assert.throws(() => decodeFrame(fromHex(SNRM.slice(0, 12))), { code: 'TRUNCATED' })
  assert.throws(() => decodeFrame(fromHex(`${SNRM}00`)), { code: 'TRAILING', offset: 9 })
  assert.throws(() => decodeFrame(fromHex(SNRM.replace('93', '53'))), { code: 'CHECKSUM' })
})

test('20 000 mutated streams: no exception, and octets held back stay few', () => {
  const seed = concatBytes(fromHex(SNRM), fromHex('7ea0790102011080 93e6e7000f4000000009'), fromHex(SNRM))
  let state = 7
  const random = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % n
  }
  const decoder = new HdlcDecoder()
  for (let i = 0; i < 20_000; i++) {
    const mutated = Uint8Array.from(seed)
    for (let k = random(4); k >= 0; k--) mutated[random(mutated.length)] = random(2) ? 0x7e : random(256)
    decoder.feed(mutated)
  }
  decoder.flush()
  assert.equal(frames(decoder.feed(fromHex(SNRM))).length, 1)
})
