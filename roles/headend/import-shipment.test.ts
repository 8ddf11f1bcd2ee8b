import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { handClock, openRig, type Rig } from './dev/rig.ts'
import { identityOf, shipmentOf } from './dev/scripted-meter.ts'
import { jsonFault } from './json-fault.ts'
import { parseShipment } from './shipment.ts'

const clock = handClock(Date.UTC(2026, 2, 2))
let shared: Rig | undefined
after(() => shared?.close())
const rig = async (): Promise<Rig> => {
  shared ??= await openRig(clock)
  return shared
}
const device = (index: number, over: object = {}) => ({ ...identityOf(index), port: 20_000 + index, ...over })

test('importing again changes nothing; a new address is an update', async () => {
  const head = await rig()
  const outcomes = async (...devices: ReturnType<typeof device>[]): Promise<string[]> =>
    (await head.import(shipmentOf(devices))).map(({ outcome }) => outcome)
  assert.deepEqual(await outcomes(device(1), device(2)), ['added', 'added'])
  assert.deepEqual(await outcomes(device(1), device(2)), ['unchanged', 'unchanged'])
  assert.deepEqual(await outcomes(device(1, { port: 20_002 }), device(2, { port: 20_001 })), ['updated', 'updated'])
  assert.equal(head.registry.get('GTT00000001')?.device.port, 20_002)
})

test('a second device under a system title is quarantined with an event, and told again without one', async () => {
  const head = await rig()
  const clone = { ...device(11), systemTitle: identityOf(10).systemTitle }
  for (const times of [1, 2]) {
    const [first, second] = await head.import(shipmentOf([device(10), clone]))
    assert.equal(first.outcome, times === 1 ? 'added' : 'unchanged')
    assert.equal(second.outcome, 'quarantined')
    assert.match(second.text, /GTT00000010/)
  }
  const { events } = await head.stored(clone.serial)
  assert.deepEqual(
    events.map(({ type, severity }) => [type, severity]),
    [['device.cloned', 'alarm']],
  )
  assert.equal(head.registry.get(clone.serial)?.status.state, 'quarantined')
  assert.equal(head.registry.byTitle(clone.systemTitle), 'GTT00000010')
})

test('two devices at one address: the later waits until a shipment parts them', async () => {
  const head = await rig()
  const [, second] = await head.import(shipmentOf([device(20), device(21, { port: 20_020 })]))
  assert.equal(second.outcome, 'quarantined')
  const [parted] = await head.import(shipmentOf([device(21)]))
  assert.equal(parted.outcome, 'updated')
  assert.equal(head.registry.get('GTT00000021')?.status.state, 'registered')
})

test('a fault in one device refuses that device alone and says which member', async () => {
  const head = await rig()
  const file = JSON.parse(shipmentOf([device(30), device(31), device(32)]))
  file.devices[1].keys.guek = 'xyz'
  file.devices[2].zone = 'Europe/Atlantis'
  const items = await head.import(JSON.stringify(file))
  assert.deepEqual(
    items.map(({ outcome }) => outcome),
    ['added', 'refused', 'refused'],
  )
  assert.match(items.find(({ serial }) => serial === 'GTT00000031')?.text ?? '', /devices\[1\]\.keys\.guek/)
  assert.match(items.find(({ serial }) => serial === 'GTT00000032')?.text ?? '', /devices\[2\]\.zone.*Atlantis/)
})

test('a serial that comes back with another system title is refused', async () => {
  const head = await rig()
  await head.import(shipmentOf([device(40)]))
  const [item] = await head.import(shipmentOf([{ ...device(40), systemTitle: '4754540000ffffff' }]))
  assert.equal(item.outcome, 'refused')
})

test('a file that is no shipment is one clear error: where, and nothing of its content', () => {
  const good = shipmentOf([device(1)])
  for (const [json, where] of [
    ['', 'line 1, column 1'],
    [good.slice(0, good.indexOf('"guek"') + 20), 'line 1, column'],
    [good.replace('"devices":[', '"devices":[\n,'), 'line 2, column 1'],
    ['[]', 'the file'],
    [good.replace('shipment-1', 'shipment-9'), 'format'],
    [good.replace('"GTT"', '"gtt"'), 'manufacturer'],
    [good.replace('"devices":[', '"devices":{"a":[').replace(/\]\}$/, ']}}'), 'devices'],
  ] as const)
    assert.throws(
      () => parseShipment(json),
      (error: Error & { code?: string; details?: { where?: string } }) => {
        assert.equal(error.code, 'SHIPMENT_INVALID')
        assert.ok(error.details?.where?.startsWith(where), `${error.details?.where} for ${where}`)
        assert.ok(!error.message.includes(identityOf(1).guek.slice(0, 12)))
        return true
      },
    )
})

test('where JSON goes wrong is found for every text that JSON.parse refuses', () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.nat(3), fc.string({ maxLength: 3 }), (good, seed, cut, put) => {
      const at = seed % (good.length + 1)
      const text = good.slice(0, at) + put + good.slice(at + cut)
      let ok = true
      try {
        JSON.parse(text)
      } catch {
        ok = false
      }
      const fault = jsonFault(text)
      if (ok) assert.equal(fault, text.length)
      else assert.ok(fault <= text.length && fault >= at - good.length)
      if (!ok && fault < text.length) assert.throws(() => JSON.parse(text.slice(0, fault + 1)))
    }),
    { numRuns: 5000 },
  )
})

test('however a shipment is damaged, it is refused in words or taken; keys are never quoted', () => {
  const good = shipmentOf([device(1), device(2)])
  const secrets = [identityOf(1), identityOf(2)].flatMap(({ guek, gak }) => [guek, gak])
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(40), fc.string({ maxLength: 6 }), (at, cut, put) => {
      let said = ''
      try {
        said = parseShipment(good.slice(0, at) + put + good.slice(at + cut))
          .map((item) => (item.ok ? '' : item.text))
          .join()
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'SHIPMENT_INVALID')
        said = (error as Error).message
      }
      for (const secret of secrets) assert.ok(!said.includes(secret.slice(0, 10)))
    }),
    { numRuns: 5000 },
  )
})

test('keys are only in the vault, wrapped: no file of the head-end holds one in clear', async () => {
  const head = await rig()
  await head.import(shipmentOf([device(50)]))
  const { guek, gak } = identityOf(50)
  const files = (await readdir(head.folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  assert.ok(files.length >= 4)
  for (const { parentPath, name } of files) {
    const octets = await readFile(join(parentPath, name))
    for (const key of [guek, gak]) {
      assert.equal(octets.indexOf(key), -1, name)
      assert.equal(octets.indexOf(Buffer.from(key, 'hex')), -1, name)
      assert.equal(octets.indexOf(Buffer.from(key, 'hex').toString('base64').slice(0, 20)), -1, name)
    }
  }
})
