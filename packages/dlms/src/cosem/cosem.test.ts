import assert from 'node:assert/strict'
import { test } from 'node:test'
import { obisCode } from '@gridtally/metering'
import { DecodeError, toHex } from '@gridtally/wire'
import { axdr } from '../axdr/data.ts'
import { dateTimeOf } from '../axdr/date-time.ts'
import { encodeData } from '../axdr/encode.ts'
import { Clock, ProfileGeneric, Register, SapAssignment } from './classes.ts'
import { nullable, structure, uint8 } from './data-type.ts'
import { obisName } from './obis-names.ts'
import { CLOCK_TIME, capture, decodeSelection, encodeSelection, type ProfileSelection } from './selective-access.ts'

test('SMCG-8.2-04 a class table gives typed references to the attributes and methods of an object', () => {
  const energy = Register.at('1-0:1.8.0')
  assert.equal(energy.scalerUnit.attributeId, 3)
  assert.equal(energy.logicalName.attributeId, 1)
  assert.deepEqual([energy.reset.classId, energy.reset.logicalName, energy.reset.methodId], [3, '1.0.1.8.0.255', 1])
  assert.deepEqual(energy.scalerUnit.type.decode(axdr.structure([axdr.integer(-2), axdr.enum(30)])), {
    scaler: -2,
    unit: 30,
  })
})

test('values of other integer widths, and fields added by newer meters, are taken', () => {
  const { scalerUnit } = Register.at('1.0.1.8.0.255')
  const wide = axdr.structure([axdr.long(-2), axdr.unsigned(30), axdr.null])
  assert.deepEqual(scalerUnit.type.decode(wide), { scaler: -2, unit: 30 })
  assert.throws(() => scalerUnit.type.decode(axdr.structure([axdr.long(-2)])), DecodeError)
  assert.throws(() => scalerUnit.type.decode(axdr.null), DecodeError)
})

test('every attribute of a table survives the way to A-XDR and back', () => {
  const { time } = Clock.at('0.0.1.0.0.255')
  const now = dateTimeOf(Date.UTC(2026, 2, 1), 60)
  assert.deepEqual(time.type.decode(time.type.encode(now)), now)
  const { captureObjects } = ProfileGeneric.at('1.0.99.1.0.255')
  const columns = [CLOCK_TIME, capture(3, '1.0.1.8.0.255')]
  assert.deepEqual(captureObjects.type.decode(captureObjects.type.encode(columns)), columns)
  const { sapAssignmentList } = SapAssignment.at('0.0.41.0.0.255')
  const list = [{ sap: 1, logicalDeviceName: new Uint8Array(16) }]
  assert.deepEqual(sapAssignmentList.type.decode(sapAssignmentList.type.encode(list)), list)
  const maybe = structure({ n: nullable(uint8) })
  assert.deepEqual(maybe.decode(maybe.encode({ n: null })), { n: null })
})

const SELECTIONS: readonly ProfileSelection[] = [
  {
    kind: 'range',
    restricting: CLOCK_TIME,
    from: dateTimeOf(Date.UTC(2026, 2, 1)),
    to: dateTimeOf(Date.UTC(2026, 2, 2), null, null),
    columns: [capture(3, '1.0.1.8.0.255')],
  },
  { kind: 'entry', fromEntry: 1, toEntry: 96, fromColumn: 1, toColumn: 0 },
]

test('selections of profile rows survive the round trip', () => {
  for (const selection of SELECTIONS) assert.deepEqual(decodeSelection(encodeSelection(selection)), selection)
  assert.equal(
    toHex(encodeSelection(SELECTIONS[1]).parameters),
    '0204' + '0600000001' + '0600000060' + '120001' + '120000',
  )
})

test('20 000 mutated selections give a selection or a DecodeError', () => {
  let random = 17
  const next = (below: number): number => {
    random = (random * 48_271) % 0x7fff_ffff
    return random % below
  }
  const seeds = SELECTIONS.map((selection) => encodeSelection(selection).parameters)
  for (let i = 0; i < 20_000; i++) {
    const parameters = seeds[i % 2].slice(0, next(9) === 0 ? next(20) : undefined)
    if (parameters.length > 0) parameters[next(parameters.length)] = next(256)
    try {
      decodeSelection({ selector: 1 + (i % 2), parameters })
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error))
    }
  }
  assert.throws(() => decodeSelection({ selector: 3, parameters: encodeData(axdr.null) }), DecodeError)
})

test('SMCG-8.2-03 well-known codes have names, others stay codes', () => {
  assert.equal(obisName(obisCode('1-0:1.8.0')), 'Active energy, import')
  assert.equal(obisName(obisCode('7-0:1.8.0')), undefined)
})
