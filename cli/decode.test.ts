import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { SecretKey, sealApdu } from '@gridtally/dlms'
import { fromHex, toHex } from '@gridtally/wire'
import { dlmsCrypto } from '#platform/dlms-crypto'
import { captureOfText, readCapture } from './capture-input.ts'
import { UsageError } from './command.ts'
import { decodeCommand } from './decode.ts'
import { runCommand } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'decode-'))
after(() => rmSync(folder, { recursive: true }))

/** A made-up push: active power 815 W, voltage 230.4 V, at noon in Paris. */
const PUSH = fromHex(
  '0f40000001 0c07ea010f040c000a00ffc400 0202 0203 0906 0100010700ff 06 0000032f 0202 0f00 161b 0203 0906 0100200700ff 12 0900 0202 0fff 1623',
)
const KEY = '00112233445566778899aabbccddeeff'
const AUTH_KEY = 'ffeeddccbbaa99887766554433221100'
const TITLE = '4752540000000001'
const SEALED = sealApdu(PUSH, {
  crypto: dlmsCrypto,
  keys: { encryptionKey: new SecretKey(fromHex(KEY)), authenticationKey: new SecretKey(fromHex(AUTH_KEY)) },
  kind: 'general-glo',
  protection: 'authenticated-encrypted',
  systemTitle: fromHex(TITLE),
  invocationCounter: 42,
})

async function run(argv: readonly string[], stdin: Uint8Array = new Uint8Array(0), color = false) {
  let stdout = ''
  let stderr = ''
  const io = {
    stdin: (async function* () {
      yield stdin
    })(),
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
    color,
    interactive: false,
    signal: new AbortController().signal,
  }
  const code = await runCommand([{ name: 'decode', load: async () => decodeCommand }], ['decode', ...argv], io)
  return { code, stdout, stderr }
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

for (const [what, text] of [
  ['plain', '7EA0070321930F017E'],
  ['spaced over lines', '7e a0 07\n03 21 93\r\n0f 01 7e'],
  ['colons, hyphens, commas', '7E:A0-07,03:21:93:0F:01:7E'],
  ['C', 'const uint8_t frame[] = { 0x7E, 0xA0, 0x07, 0x03, // header\n 0x21, 0x93, 0x0F, 0x01, 0x7E };'],
  ['escapes', '"\\x7e\\xa0\\x07\\x03\\x21\\x93\\x0f\\x01\\x7e"'],
  ['comments', '# SNRM\n7ea007 ; length\n0321930f017e <!-- the\nend -->'],
  ['half octets over lines', '7EA00703219-\n30F017E'],
  ['a log', '2026-01-15 12:00:01 TX: 7E A0 07 03 21\n2026-01-15 12:00:01 TX: 93 0F 01 7E'],
] as const)
  test(`hex written as ${what} is read`, () => {
    assert.equal(toHex(captureOfText(text, 'test')), '7ea0070321930f017e')
  })

for (const [what, text] of [
  [
    'xxd',
    '00000000: 0f40 0000 010c 07ea 010f 040c 000a 00ff  .@..............\n00000010: c400 0202                                ....',
  ],
  [
    'hexdump',
    '00000000  0f 40 00 00 01 0c 07 ea  01 0f 04 0c 00 0a 00 ff  |.@..............|\n00000010  c4 00 02 02                                       |....|',
  ],
] as const)
  test(`a dump of ${what} is read without its columns`, () => {
    assert.equal(toHex(captureOfText(text, 'test')), '0f400000010c07ea010f040c000a00ffc4000202')
  })

test('octets are told from text; text that is no hex is refused with its place', () => {
  assert.deepEqual(readCapture(PUSH, 'auto', 'test'), PUSH)
  assert.deepEqual(readCapture(new TextEncoder().encode('7e a0'), 'auto', 'test'), fromHex('7ea0'))
  assert.deepEqual(readCapture(new TextEncoder().encode('7ea0'), 'binary', 'test').length, 4)
  assert.throws(() => captureOfText('7e\na0 7', 'test'), UsageError)
  assert.throws(() => captureOfText('7e\na0 zz 12', 'test'), /line 2, column 4/)
})

test('octets on the command line are explained, with their readings', async () => {
  const { code, stdout, stderr } = await run([toHex(PUSH)])
  assert.equal(code, 0)
  assert.equal(stderr, '')
  assert.match(stdout, /DataNotification/)
  assert.match(stdout, /at 2026-01-15T12:00:10\+01:00/)
  assert.match(stdout, /1-0:1\.7\.0\*255 +815 W/)
  assert.match(stdout, /1-0:32\.7\.0\*255 +230\.4 V/)
  assert.ok(!stdout.includes('\u001b'))
})

test('on a terminal the tree has colours', async () => {
  assert.ok((await run([toHex(PUSH)], undefined, true)).stdout.includes('\u001b[36m'))
})

test('standard input and files, hex and binary, say the same', async () => {
  const expected = (await run([toHex(PUSH)])).stdout
  for (const argv of [[], ['-'], [file('push.bin', PUSH)], [file('push.log', `# a push\n${toHex(PUSH, ' ')}\n`)]])
    assert.equal((await run(argv, PUSH)).stdout, expected)
})

for (const [what, argv] of [
  ['on the command line', ['--key', KEY, '--auth-key', AUTH_KEY]],
  [
    'in a file of lines',
    ['--keys', file('keys.txt', `# title key authentication\n${TITLE.toUpperCase()} ${KEY} ${AUTH_KEY}\n`)],
  ],
  ['in a file of JSON', ['--keys', file('keys.json', JSON.stringify({ '*': { key: KEY, authKey: AUTH_KEY } }))]],
] as const)
  test(`with keys ${what} a ciphered message opens, and no key is shown`, async () => {
    const { code, stdout, stderr } = await run([toHex(SEALED), ...argv])
    assert.equal(code, 0)
    assert.match(stdout, /authentication tag is right/)
    assert.match(stdout, /815 W/)
    for (const key of [KEY, AUTH_KEY]) assert.ok(!(stdout + stderr).toLowerCase().includes(key))
  })

test('--json gives an object a frame: its tree, its readings, decimal quantities as text', async () => {
  const { code, stdout } = await run([toHex(SEALED), toHex(PUSH), '--json', '--key', KEY, '--auth-key', AUTH_KEY])
  assert.equal(code, 0)
  const [sealed, plain, ...rest] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(rest, [])
  assert.equal(sealed.label, 'GeneralGloCiphering')
  assert.equal(sealed.push.authenticated, true)
  assert.equal(plain.push.at, '2026-01-15T12:00:10+01:00')
  assert.deepEqual(plain.push.readings[1], {
    obis: '1.0.32.7.0.255',
    position: 1,
    kind: 'number',
    value: '230.4',
    scaler: -1,
    scaledBy: 'message',
    unit: 'V',
    unitCode: 35,
  })
})

test('--readings shows the readings alone', async () => {
  const { code, stdout } = await run([toHex(PUSH), '--readings'])
  assert.equal(code, 0)
  assert.ok(!stdout.includes('DataNotification'))
  assert.match(stdout, /230\.4 V/)
})

for (const [what, hex, argv, said] of [
  ['cut octets', toHex(PUSH).slice(0, 60), [], /TRUNCATED/],
  ['a ciphered message without its key', toHex(SEALED), [], /UNSUPPORTED.*no key/],
  ['a wrong key', toHex(SEALED), ['--key', AUTH_KEY, '--auth-key', AUTH_KEY], /AUTHENTICATION/],
] as const)
  test(`${what} give exit code 1 and a line on standard error`, async () => {
    const { code, stderr } = await run([hex, ...argv])
    assert.equal(code, 1)
    assert.match(stderr, said)
    assert.equal(stderr.trim().split('\n').length, 1)
  })

for (const [what, argv] of [
  ['a file that is not there', ['nothing.log']],
  ['a key of the wrong length', [toHex(PUSH), '--key', '0011']],
  ['an authentication key alone', [toHex(PUSH), '--auth-key', AUTH_KEY]],
  ['an unknown option', [toHex(PUSH), '--what']],
  ['no octets at all', ['-']],
  ['both forms at once', ['-', '--hex', '--binary']],
] as const)
  test(`${what} is wrong use`, async () => {
    const { code, stderr } = await run(argv)
    assert.equal(code, 2)
    assert.ok(!stderr.includes('0011') && !stderr.toLowerCase().includes(AUTH_KEY))
  })
