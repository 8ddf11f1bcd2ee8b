/** How fast captures of 1 MB are explained and read. Prints one JSON line a figure. */
import {
  axdr,
  clientAddress,
  dateTimeOf,
  decodePush,
  encodeData,
  encodeDateTime,
  encodeFrame,
  explain,
  LLC_RESPONSE,
  type OpeningOptions,
  SecretKey,
  sealApdu,
  serverAddress,
} from '@gridtally/dlms'
import { obisCode, obisToBytes } from '@gridtally/metering'
import { concatBytes, fromHex } from '@gridtally/wire'
import { dlmsCrypto } from '#platform/dlms-crypto'

const SIZE = 1_000_000
const keys = {
  encryptionKey: new SecretKey(fromHex('00112233445566778899aabbccddeeff')),
  authenticationKey: new SecretKey(fromHex('ffeeddccbbaa99887766554433221100')),
}
const opening: OpeningOptions = { crypto: dlmsCrypto, keysFor: () => keys }

function push(i: number): Uint8Array {
  const samples = [
    ['1.0.1.7.0.255', 27, 0],
    ['1.0.2.7.0.255', 27, 0],
    ['1.0.3.7.0.255', 29, 0],
    ['1.0.31.7.0.255', 33, -1],
    ['1.0.51.7.0.255', 33, -1],
    ['1.0.71.7.0.255', 33, -1],
    ['1.0.32.7.0.255', 35, -1],
    ['1.0.52.7.0.255', 35, -1],
    ['1.0.72.7.0.255', 35, -1],
    ['1.0.1.8.0.255', 30, 0],
  ] as const
  const body = axdr.array(
    samples.map(([obis, unit, scaler], k) =>
      axdr.structure([
        axdr.octetString(obisToBytes(obisCode(obis))),
        axdr.doubleLongUnsigned(i * 7 + k),
        axdr.structure([axdr.integer(scaler), axdr.enum(unit)]),
      ]),
    ),
  )
  const time = encodeDateTime(dateTimeOf(1_767_225_600_000 + i * 10_000, 60))
  return concatBytes(fromHex('0f400000010c'), time, encodeData(body))
}

function capture(apdu: (i: number) => Uint8Array): Uint8Array {
  const frames: Uint8Array[] = []
  for (let size = 0, i = 0; size < SIZE; i++) {
    const frame = encodeFrame({
      destination: clientAddress(103),
      source: serverAddress(1, 17),
      control: { kind: 'UI', final: true },
      segmented: false,
      information: concatBytes(LLC_RESPONSE, apdu(i)),
    })
    frames.push(frame)
    size += frame.length
  }
  return concatBytes(...frames)
}

const clear = capture(push)
const ciphered = capture((i) =>
  sealApdu(push(i), {
    crypto: dlmsCrypto,
    keys,
    kind: 'general-glo',
    protection: 'authenticated-encrypted',
    systemTitle: fromHex('4752540000000001'),
    invocationCounter: i,
  }),
)
// The worst for a scanner: every octet may begin a frame, none does.
const hostile = new Uint8Array(SIZE).map((_, i) => [0x7e, 0xa7, 0xff, 0x03, 0x21, 0x13][i % 6])

function seconds(work: () => unknown): number {
  const rounds: number[] = []
  for (let round = 0; round < 5; round++) {
    const from = process.hrtime.bigint()
    work()
    rounds.push(Number(process.hrtime.bigint() - from) / 1e9)
  }
  return rounds.sort((a, b) => a - b)[2]
}

for (const [figure, work] of [
  ['explain 1 MB of HDLC pushes', () => explain(clear)],
  ['explain 1 MB of ciphered HDLC pushes', () => explain(ciphered, opening)],
  ['explain 1 MB of noise', () => explain(hostile)],
  ['readings of 1 MB of HDLC pushes', () => decodePush(clear)],
  ['readings of 1 MB of ciphered HDLC pushes', () => decodePush(ciphered, opening)],
] as const)
  console.log(JSON.stringify({ bench: 'decode', figure, value: Math.round(seconds(work) * 1000) / 1000, unit: 's' }))
