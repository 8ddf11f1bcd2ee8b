/**
 * Speed of the DLMS package on one thread: decoding a day of load profile (96 rows × clock, status, two registers), and whole sessions in
 * memory (GMAC association, clock, 96 rows in blocks of 1 KiB, release), client and server together.
 * Prints one JSON line a figure.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  axdr,
  type CipherKeys,
  Clock,
  CounterLease,
  capture,
  DlmsClient,
  DlmsServer,
  dateTimeOf,
  decodeApdu,
  decodeData,
  decodeProfile,
  encodeApdu,
  encodeData,
  encodeDateTime,
  encodeSelection,
  openApdu,
  ProfileGeneric,
  runExchange,
  SecretKey,
  sealApdu,
  serverModel,
  serving,
} from '@gridtally/dlms'
import { fromHex } from '@gridtally/wire'
import { dlmsCrypto } from '#platform/dlms-crypto'

const START = Date.UTC(2026, 2, 1)
const rows = Array.from({ length: 96 }, (_, i) =>
  encodeData(
    axdr.structure([
      axdr.octetString(encodeDateTime(dateTimeOf(START + i * 900_000, 60))),
      axdr.longUnsigned(i % 7),
      axdr.doubleLongUnsigned(1_000_000 + i * 25),
      axdr.doubleLongUnsigned(i),
    ]),
  ),
)
const buffer = encodeData(axdr.array(rows.map((row) => decodeData(row))))
const KINDS = ['clock', 'value', 'value', 'value'] as const

/** Best of several rounds, in µs a call: other work on the machine only ever makes it slower. */
function time(name: string, calls: number, run: () => void): void {
  for (let i = 0; i < calls; i++) run()
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 7; round++) {
    const from = performance.now()
    for (let i = 0; i < calls; i++) run()
    best = Math.min(best, ((performance.now() - from) * 1000) / calls)
  }
  console.log(
    JSON.stringify({ bench: 'dlms', name, microseconds: Number(best.toFixed(2)), perSecond: Math.round(1e6 / best) }),
  )
}

time('profile 96 × 4 to columns', 2000, () => decodeProfile(buffer, KINDS))
time('profile 96 × 4 to tree', 1000, () => decodeData(buffer))

const keys: CipherKeys = {
  encryptionKey: new SecretKey(fromHex('000102030405060708090a0b0c0d0e0f')),
  authenticationKey: new SecretKey(fromHex('d0d1d2d3d4d5d6d7d8d9dadbdcdddedf')),
}
const systemTitle = fromHex('4d4d4d0000bc614e')
const clientTitle = fromHex('4d4d4d0000000001')
const answer = encodeApdu({ type: 'get-response-normal', invoke: 0xc1, result: { ok: true, data: buffer } })
const sealed = sealApdu(answer, {
  crypto: dlmsCrypto,
  keys,
  kind: 'glo',
  protection: 'authenticated-encrypted',
  systemTitle,
  invocationCounter: 1,
})
time('open, decode and columns of a 96-row answer', 1000, () => {
  const apdu = decodeApdu(openApdu(sealed, { crypto: dlmsCrypto, keys, systemTitle }).apdu)
  if (apdu.type === 'get-response-normal' && apdu.result.ok) decodeProfile(apdu.result.data, KINDS)
})

const { serve, serveProfile } = serving<undefined>()
const model = serverModel<undefined>({
  objects: [
    serve(Clock, '0.0.1.0.0.255', { read: { time: (_device, request) => dateTimeOf(request.now) } }),
    serveProfile('1.0.99.1.0.255', {
      captureObjects: [
        capture(8, '0.0.1.0.0.255'),
        capture(1, '0.0.96.10.1.255'),
        capture(3, '1.0.1.8.0.255'),
        capture(3, '1.0.2.8.0.255'),
      ],
      capturePeriod: 900,
      profileEntries: 96,
      entriesInUse: () => 96,
      rows: () => rows,
    }),
  ],
  associations: [{ clientSap: 1, mechanism: 'high-gmac', protection: 'authenticated-encrypted' }],
})
const server = new DlmsServer({ model, device: undefined, systemTitle, crypto: dlmsCrypto, keys })
const range = encodeSelection({
  kind: 'range',
  restricting: capture(8, '0.0.1.0.0.255'),
  from: dateTimeOf(START),
  to: dateTimeOf(START + 86_400_000),
  columns: [],
})
let counter = 0
time('whole session, client and server', 300, () => {
  const counters = new CounterLease()
  counters.add(counter, 64)
  counter += 64
  const connection = server.connect()
  const talk = (apdu: Uint8Array): Uint8Array => connection.receive(apdu, 1, START) ?? apdu
  const client = new DlmsClient({
    authentication: { mechanism: 'high-gmac' },
    security: { crypto: dlmsCrypto, keys, systemTitle: clientTitle, counters },
    maxReceivePduSize: 1024,
  })
  runExchange(client.associate(), talk)
  runExchange(client.get(Clock.at('0.0.1.0.0.255').time), talk)
  const result = runExchange(client.get({ ...ProfileGeneric.at('1.0.99.1.0.255').buffer, access: range }), talk)
  if (!result.ok || decodeProfile(result.data, KINDS).count !== 96) throw new Error('not 96 rows')
  runExchange(client.release(), talk)
})

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')
collectGarbage()
const before = process.memoryUsage().heapUsed
const fleet = Array.from({ length: 10_000 }, () => {
  const one = new DlmsServer({ model, device: undefined, systemTitle, crypto: dlmsCrypto, keys })
  return { one, connection: one.connect() }
})
collectGarbage()
const octets = Math.round((process.memoryUsage().heapUsed - before) / fleet.length)
console.log(JSON.stringify({ bench: 'dlms', name: 'heap of an idle server with a connection', octets }))
