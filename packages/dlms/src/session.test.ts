import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '@gridtally/wire'
import fc from 'fast-check'
import { AssociationLn, axdr, Clock, connectMeter, Data, dateTimeOf, instantOf, Register } from './index.ts'
import {
  channelTo,
  clientTitle,
  clock,
  collect,
  energies,
  failure,
  gmac,
  makeServer,
  meterTitle,
  NOW,
  password,
  readAll,
  rows,
  START,
  security,
} from './session.suite.ts'

test('a public client reads what it may, and is refused the rest by the meter itself — X1332-10.1-01', async () => {
  const bench = makeServer()
  const meter = await connectMeter({
    channel: channelTo(bench.server.connect()),
    clock,
    clientAddress: 16,
    authentication: { mechanism: 'lowest' },
  })
  const name = await meter.get(Data.at('0.0.42.0.0.255').value)
  assert.ok(name.ok && name.value.type === 'octet-string')
  assert.deepEqual(await meter.get(Register.at('1.0.1.8.0.255').value), { ok: false, error: 'read-write-denied' })
  assert.deepEqual(await meter.get(Register.at('9.9.9.9.9.255').value), { ok: false, error: 'object-undefined' })
  assert.equal(meter.association.proven, false)
  await meter.release()
  assert.deepEqual(
    bench.events.map(({ type }) => type),
    ['associated', 'released'],
  )
})

test('SMCG-8.2-02 a reader with a password gets registers, and may not write', async () => {
  const bench = makeServer()
  const meter = await connectMeter({
    channel: channelTo(bench.server.connect()),
    clock,
    clientAddress: 2,
    authentication: { mechanism: 'low', password },
  })
  const energy = Register.at('1.0.1.8.0.255')
  const [value, unit, broken] = await meter.getMany([
    energy.value,
    energy.scalerUnit,
    Register.at('1.0.2.8.0.255').value,
  ])
  assert.ok(value.ok && value.value.value === 4711)
  assert.deepEqual(unit, { ok: true, value: { scaler: 0, unit: 30 } })
  assert.deepEqual(broken, { ok: false, error: 'temporary-failure' })
  assert.equal(await meter.set(Clock.at('0.0.1.0.0.255').time, dateTimeOf(NOW)), 'read-write-denied')
  assert.deepEqual(await meter.call(energy.reset, 0), { result: 'read-write-denied' })
  await meter.release()
})

test('a wrong password is refused and noticed', async () => {
  const bench = makeServer()
  const error = await failure(
    connectMeter({
      channel: channelTo(bench.server.connect()),
      clock,
      clientAddress: 2,
      authentication: { mechanism: 'low', password: new TextEncoder().encode('12345679') },
    }),
  )
  assert.equal(error.code, 'AUTHENTICATION_FAILED')
  assert.deepEqual(bench.events, [{ type: 'authentication-failed', clientSap: 2 }])
})

for (const form of ['glo', 'general-glo'] as const)
  for (const dedicated of [false, true])
    test(`X1332-10.1-03 meter and head-end prove each other, ${form}${dedicated ? ' with dedicated key' : ''}`, async () => {
      const bench = makeServer()
      const meter = await connectMeter(gmac(bench, { security: security({ form, dedicated }) }))
      assert.equal(meter.association.proven, true)
      assert.deepEqual(meter.association.systemTitle, meterTitle)
      const time = await meter.get(Clock.at('0.0.1.0.0.255').time)
      assert.ok(time.ok)
      assert.equal(instantOf(time.value), NOW)
      assert.equal(energies(await readAll(meter)).length, 96)
      await meter.release()
      assert.deepEqual(bench.events[0], { type: 'associated', clientSap: 1, clientTitle })
    })

test('X1332-8.1-02 X1332-9.1-01 no value and no name travels in clear on a ciphered association', async () => {
  const bench = makeServer()
  const frames: string[] = []
  const meter = await connectMeter(gmac(bench, { onFrame: (_direction, apdu) => frames.push(toHex(apdu)) }))
  await meter.get(Register.at('1.0.1.8.0.255').value)
  assert.equal(energies(await readAll(meter)).length, 96)
  await meter.release()
  for (const secret of ['0100010800ff', '0600001267', '0100630100ff', toHex(rows[5]).slice(4)])
    assert.ok(!frames.some((frame) => frame.includes(secret)), secret)
})

test('a profile comes by range, by block, with what its columns are', async () => {
  const bench = makeServer()
  const meter = await connectMeter(gmac(bench, { maxReceivePduSize: 300 }))
  const from = START + 10 * 900_000
  const profile = await meter.profile({ profile: '1.0.99.1.0.255', from, to: from + 40 * 900_000 })
  assert.ok(profile.ok)
  const { description } = profile.value
  assert.equal(description.capturePeriodMs, 900_000)
  assert.deepEqual(
    description.columns.map(({ logicalName, kind, scaler, unit }) => [logicalName, kind, scaler, unit]),
    [
      ['0.0.1.0.0.255', 'clock', null, null],
      ['0.0.96.10.1.255', 'value', null, null],
      ['1.0.1.8.0.255', 'value', 0, 30],
      ['1.0.2.8.0.255', 'value', 0, 30],
    ],
  )
  const batches = await collect(profile.value.rows)
  assert.ok(batches.length > 3, 'rows come block by block')
  assert.deepEqual(
    energies(batches),
    Array.from({ length: 40 }, (_, i) => 1000 + (i + 10) * 25),
  )
  const again = await meter.profile({ profile: description, from, to: from + 900_000, columns: [0, 3] })
  assert.ok(again.ok)
  const [{ count, columns: two }] = await collect(again.value.rows)
  assert.deepEqual([count, two.length, two[1]], [1, 2, { kind: 'value', values: [70] }])
  await meter.release()
})

test('long values go in blocks, both ways, and come back the same', async () => {
  const bench = makeServer()
  const meter = await connectMeter(gmac(bench, { maxReceivePduSize: 200 }))
  const message = Data.at('0.0.96.13.0.255').value
  const long = Uint8Array.from({ length: 5000 }, (_, i) => i)
  assert.equal(await meter.set(message, axdr.octetString(long)), 'success')
  assert.deepEqual(bench.device.secret, long)
  assert.deepEqual(await meter.get(message), { ok: true, value: axdr.octetString(long) })
  const tooLong = axdr.octetString(new Uint8Array(70_000))
  assert.equal(await meter.set(message, tooLong), 'long-set-aborted')
  assert.deepEqual(await meter.get(message), { ok: true, value: axdr.octetString(long) })
  await meter.release()
})

test('methods are called, and their refusals are values', async () => {
  const bench = makeServer()
  const meter = await connectMeter(gmac(bench))
  assert.deepEqual(await meter.call(Register.at('1.0.1.8.0.255').reset, 0), { result: 'success' })
  assert.equal(bench.device.energy, 0)
  const { shiftTime } = Clock.at('0.0.1.0.0.255')
  assert.deepEqual(await meter.call(shiftTime, 30), { result: 'success' })
  assert.deepEqual(await meter.call(shiftTime, 3000), { result: 'other-reason' })
  await meter.release()
})

test('SMCG-8.2-04 the object list tells what a client may, attribute by attribute', async () => {
  const bench = makeServer()
  const meter = await connectMeter(gmac(bench))
  const list = await meter.get(AssociationLn.at('0.0.40.0.0.255').objectList)
  assert.ok(list.ok)
  const time = list.value.find(({ classId }) => classId === 8)
  assert.deepEqual(
    time?.accessRights.attributes.map(({ attributeId, accessMode }) => [attributeId, accessMode]),
    [
      [1, 1],
      [2, 3],
      [3, 1],
    ],
  )
  assert.equal(time?.accessRights.methods[0].methodId, 6)
  await meter.release()
})

test('SMCG-8.2-06 sessions do not depend on how the octets are cut, down to one at a time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 12 }), async (sizes) => {
      const bench = makeServer()
      const meter = await connectMeter(
        gmac(bench, { maxReceivePduSize: 512 }, channelTo(bench.server.connect(), sizes)),
      )
      const batches = await readAll(meter)
      await meter.release()
      assert.deepEqual(
        energies(batches),
        rows.map((_, i) => 1000 + i * 25),
      )
    }),
    { numRuns: 15, examples: [[[1]]] },
  )
})
