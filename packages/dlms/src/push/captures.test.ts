import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ByteReader, fromHex } from '@gridtally/wire'
import { dlmsCrypto } from '../../../../platform/dlms-crypto.ts'
import type { DlmsData } from '../axdr/data.ts'
import { type CosemDateTime, readDateTime } from '../axdr/date-time.ts'
import { dateTimeIn, textIn } from '../explain/format.ts'
import { SecretKey } from '../security/crypto-provider.ts'
import { decodePush } from './decode.ts'

/**
 * Captures of real meters, each with the values a well-known tool prints for it. They are not ours to ship: point
 * GRIDTALLY_CASES at a folder that has them in `meters/dlms-push`.
 */
const folder = process.env.GRIDTALLY_CASES && join(process.env.GRIDTALLY_CASES, 'meters', 'dlms-push')
const names =
  folder && existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith('.log'))
        .map((file) => file.slice(0, -4))
        .sort()
    : []

if (!folder || names.length === 0)
  test('captures of real meters', { skip: 'set GRIDTALLY_CASES to the folder that holds meters/dlms-push' }, () => {})

for (const name of names)
  test(`the capture ${name} decodes to every value its reference tells`, () => {
    const at = join(folder ?? '', name)
    const capture = fromHex(readFileSync(`${at}.log`, 'latin1'))
    const results = decodePush(capture, keysBeside(at))
    assert.deepEqual(
      results.filter(({ kind }) => kind === 'fault'),
      [],
    )
    const [result, ...more] = results.filter(({ kind }) => kind === 'notification')
    assert.deepEqual(more, [])
    assert.equal(result.kind, 'notification')
    if (result.kind !== 'notification') return
    const xml = parseXml(readFileSync(`${at}_decoded.xml`, 'utf8'))
    const envelope = xml.tag === 'GeneralGloCiphering' ? xml : undefined
    if (envelope) {
      assert.equal(hexUpper(result.security?.systemTitle), envelope.attributes.SystemTitle)
      assert.equal(String(result.security?.invocationCounter), envelope.attributes.FrameCounter)
    }
    const expected = envelope ? envelope.children[0] : xml
    const { notification } = result
    assert.equal(
      notification.longInvokeId.toString(16).padStart(8, '0').toUpperCase(),
      expected.attributes.LongInvokeId,
    )
    const time = expected.children.find((child) => child.tag === 'DateTime')
    assert.equal(notification.time === null ? undefined : printTime(notification.time), time?.attributes.Value)
    const body = expected.children.find((child) => child.tag !== 'DateTime')
    const counted = { values: 0 }
    assert.ok(body)
    compare(notification.body, body, name, counted)
    assert.ok(counted.values > 0)
    // Every number with a name in the body is a reading, and whatever is scaled is scaled as told.
    const { readings } = result.readings
    assert.ok(readings.length > 0)
    for (const reading of readings) if (reading.scaler !== undefined) assert.notEqual(reading.unit, undefined)
  })

function keysBeside(at: string): Parameters<typeof decodePush>[1] {
  if (!existsSync(`${at}.key`)) return undefined
  const read = (suffix: string): SecretKey => new SecretKey(fromHex(readFileSync(at + suffix, 'latin1').trim()))
  const encryptionKey = read('.key')
  const authenticationKey = existsSync(`${at}.gak`) ? read('.gak') : undefined
  return { crypto: dlmsCrypto, keysFor: () => ({ encryptionKey, ...(authenticationKey && { authenticationKey }) }) }
}

interface Xml {
  readonly tag: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: Xml[]
}

/** Elements and attributes only, which is all these files have. */
function parseXml(text: string): Xml {
  const root: Xml = { tag: '', attributes: {}, children: [] }
  const open = [root]
  for (const [, closing, tag, attributes, alone] of text
    .replace(/<\?.*?\?>|<!--.*?-->/gs, '')
    .matchAll(/<(\/?)(\w+)([^>]*?)(\/?)>/g)) {
    if (closing) {
      open.pop()
      continue
    }
    const pairs = [...attributes.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value])
    const element: Xml = { tag, attributes: Object.fromEntries(pairs), children: [] }
    open[open.length - 1].children.push(element)
    if (!alone) open.push(element)
  }
  return root.children[0]
}

const TAGS: Readonly<Record<string, DlmsData['type']>> = {
  ARRAY: 'array',
  STRUCTURE: 'structure',
  OCTETSTRING: 'octet-string',
  VISIBLESTRING: 'visible-string',
  UTF8STRING: 'utf8-string',
  UINT8: 'unsigned',
  UINT16: 'long-unsigned',
  UINT32: 'double-long-unsigned',
  UINT64: 'long64-unsigned',
  INT8: 'integer',
  INT16: 'long',
  INT32: 'double-long',
  INT64: 'long64',
  ENUM: 'enum',
  NullData: 'null-data',
  BOOLEAN: 'boolean',
  BITSTRING: 'bit-string',
  BCD: 'bcd',
  FLOAT32: 'float32',
  FLOAT64: 'float64',
  DATETIME: 'date-time',
  DATE: 'date',
  TIME: 'time',
}

function compare(data: DlmsData, xml: Xml, path: string, counted: { values: number }): void {
  const here = `${path}/${xml.tag}`
  if (xml.tag === 'AttributeDescriptor') {
    assert.equal(data.type, 'structure', here)
    const [classId, name, attribute] = data.type === 'structure' ? data.value : []
    const [xmlClass, xmlName, xmlAttribute] = xml.children.map((child) => child.attributes.Value)
    assert.equal(classId.value, Number.parseInt(xmlClass, 16), here)
    assert.equal(name.type === 'octet-string' && name.value.join('.'), xmlName, here)
    assert.equal(attribute.value, Number.parseInt(xmlAttribute, 16), here)
    counted.values += 3
    return
  }
  assert.ok(TAGS[xml.tag], `no type is known for ${here}`)
  assert.equal(data.type, TAGS[xml.tag], here)
  if (data.type === 'array' || data.type === 'structure') {
    assert.equal(data.value.length, Number(xml.attributes.Qty), here)
    assert.equal(xml.children.length, data.value.length, here)
    for (const [i, child] of xml.children.entries()) compare(data.value[i], child, `${here}[${i}]`, counted)
    return
  }
  counted.values++
  if (data.type === 'null-data') return
  const expected = xml.attributes.Value
  if (data.type === 'octet-string') assert.ok(prints(data.value).includes(expected), `${here}: ${expected}`)
  else assert.equal(String(data.value), expected, here)
}

/** The ways an octet-string may be printed: as name, time, text or hex. */
function prints(octets: Uint8Array): string[] {
  const time = dateTimeIn(octets)
  return [
    octets.join('.'),
    time ? printTime(readDateTime(new ByteReader(octets))) : '',
    textIn(octets) ?? '',
    hexUpper(octets) ?? '',
  ]
}

/** `2021-09-27 09:47:15.00 -02:00`: hundredths and deviation (with COSEM's sign) when they are told. */
function printTime(value: CosemDateTime): string {
  const two = (n: number | null): string => String(Math.abs(n ?? 0)).padStart(2, '0')
  const date = `${value.year}-${two(value.month)}-${two(value.dayOfMonth)}`
  const time = `${two(value.hour)}:${two(value.minute)}:${two(value.second)}`
  const hundredths = value.hundredths === null ? '' : `.${two(value.hundredths)}`
  const { deviation } = value
  if (deviation === null) return `${date} ${time}${hundredths}`
  return `${date} ${time}${hundredths} ${deviation < 0 ? '-' : '+'}${two(Math.trunc(deviation / 60))}:${two(deviation % 60)}`
}

function hexUpper(octets: Uint8Array | undefined): string | undefined {
  return octets && Array.from(octets, (octet) => octet.toString(16).padStart(2, '0').toUpperCase()).join('')
}
