import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { UsageError } from './command.ts'
import { cellText } from './read.ts'
import { readOptions } from './read-options.ts'

const NOW = Date.UTC(2026, 10, 21)

test('options of read: defaults, keys from either file, ranges in a zone', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const plain = readOptions(['192.0.2.7:4059'], NOW)
  assert.equal(plain?.client, 16)
  assert.equal(plain?.server, 1)
  assert.equal(plain?.framing, 'wrapper')
  assert.equal(readOptions(['[::1]:4059'], NOW)?.host, '::1')

  const keys = join(folder, 'keys.json')
  writeFileSync(keys, JSON.stringify({ guek: '00'.repeat(16), gak: '11'.repeat(16) }))
  const gmac = readOptions(['h:1', '--auth', 'gmac', '--keys', keys], NOW)
  assert.equal(gmac?.client, 1)
  assert.equal(gmac?.keys?.gak[0], 0x11)

  const shipment = join(folder, 'shipment.json')
  const device = (serial: string, port: number, octet: string) => ({
    serial,
    address: { host: '127.0.0.1', port },
    keys: { guek: octet.repeat(16), gak: octet.repeat(16) },
  })
  writeFileSync(shipment, JSON.stringify({ devices: [device('A', 1, '0a'), device('B', 2, '0b')] }))
  assert.equal(readOptions(['h:2', '--auth', 'gmac', '--keys', shipment], NOW)?.keys?.guek[0], 0x0b)
  assert.equal(readOptions(['h:2', '--auth', 'gmac', '--keys', shipment, '--serial', 'A'], NOW)?.keys?.guek[0], 0x0a)

  const range = readOptions(
    ['h:1', '--profile', '1-0:99.1.0', '--from', '2026-07-01', '--zone', 'Europe/Amsterdam'],
    NOW,
  )
  assert.equal(range?.profile, '1.0.99.1.0.255')
  assert.deepEqual(range?.range, { from: Date.UTC(2026, 5, 30, 22), to: NOW })
})

test('what read cannot use is named, and never a key', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gridtally-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const keys = join(folder, 'keys.json')
  writeFileSync(keys, JSON.stringify({ guek: '00112233445566778899aabbccddeeff00', gak: 'zz' }))
  for (const [argv, words] of [
    [[], /HOST:PORT/],
    [['meter'], /HOST:PORT/],
    [['h:1', '--auth', 'magic'], /magic.*none, low and gmac/],
    [['h:1', '--auth', 'low'], /--password/],
    [['h:1', '--auth', 'gmac'], /--keys/],
    [['h:1', '--auth', 'gmac', '--keys', keys], /guek.*16 octets, not 17/],
    [['h:1', '--auth', 'gmac', '--keys', '/nonexistent'], /nonexistent/],
    [['h:1', '--client', 'x'], /--client/],
    [['h:1', '--profile', 'load'], /OBIS/],
    [['h:1', '--from', 'yesterday'], /yesterday/],
    [['h:1', '--from', '2026-02-01', '--to', '2026-01-01'], /before/],
    [['h:1', '--zone', 'Mars/Base'], /Mars/],
    [['h:1', '--json', '--csv'], /one of/],
  ] as const)
    assert.throws(
      () => readOptions(argv, NOW),
      (error: unknown) =>
        error instanceof UsageError && words.test(error.message) && !error.message.includes('00112233'),
      argv.join(' '),
    )
})

test('values are shown as exact decimals, text or hex', () => {
  assert.equal(cellText(12345, -2), '123.45')
  assert.equal(cellText(18446744073709551615n, 3), '18446744073709551615000')
  assert.equal(cellText(new TextEncoder().encode('GTS1'), null), 'GTS1')
  assert.equal(cellText(Uint8Array.of(0, 255), null), '00ff')
  assert.equal(cellText(null, 0), '')
  assert.equal(cellText(true, null), 'true')
})
