import { toHex } from '@gridtally/wire'
import { decodeLength } from '../axdr/length.ts'
import type { CipherKind } from '../xdlms/ciphered.ts'
import { ExplainedNode } from './node.ts'
import { hexText, type Walker } from './walker.ts'

/** Octets of the authentication tag of all suites. */
const TAG_OCTETS = 12

/** Words for a security control octet (IEC 62056-5-3, security header). */
export function securityControlWords(control: number): string {
  const protection = ['none', 'authenticated', 'encrypted', 'authenticated and encrypted'][(control >> 4) & 3]
  return [
    protection,
    `suite ${control & 15}`,
    control & 0x40 ? 'broadcast key' : '',
    control & 0x80 ? 'compressed' : '',
  ]
    .filter(Boolean)
    .join(', ')
}

/** A system title: three letters of the manufacturer, then the number in hex. */
export function systemTitleWords(title: Uint8Array): string {
  if (title.length !== 8) return hexText(title)
  const flag = String.fromCharCode(...title.subarray(0, 3))
  return /^[A-Za-z]{3}$/.test(flag) ? `${toHex(title)} (${flag} ${toHex(title.subarray(3))})` : toHex(title)
}

/** Walks a ciphered APDU behind its tag and leaves it with the sealed ones. `from` is the offset of its tag. */
export function walkCiphered(walker: Walker, kind: CipherKind, from: number): void {
  const { reader } = walker
  if (kind === 'general-ciphering') {
    walker.octets('transaction id')
    walker.octets('originator system title', systemTitleWords)
    walker.octets('recipient system title', systemTitleWords)
    walker.octets('date-time')
    walker.octets('other information')
    walker.optional('key information', () => walkKeyInfo(walker))
  } else if (kind !== 'glo' && kind !== 'ded') walker.octets('system title', systemTitleWords)
  let length = 0
  walker.leaf('length', (r) => {
    length = decodeLength(r)
    return String(length)
  })
  const end = reader.offset + length
  if (length > reader.remaining) reader.slice(length)
  const control = walker.octet('security control', securityControlWords)
  walker.uint32('invocation counter')
  const tag = control & 0x10 ? TAG_OCTETS : 0
  const content = end - tag - reader.offset
  const label = control & 0x20 ? 'ciphertext' : 'plaintext, authenticated only'
  if (content > 0) walker.leaf(label, (r) => hexText(r.take(content)))
  if (tag > 0) walker.leaf('authentication tag', (r) => toHex(r.take(tag)))
  walker.sealed.push({ node: walker.current, octets: reader.bytes.subarray(from, end) })
}

function walkKeyInfo(walker: Walker): void {
  const choice = walker.octet('choice', (o) => ['identified key', 'wrapped key', 'agreed key'][o] ?? String(o))
  if (choice === 0) walker.octet('key', (o) => ['global unicast', 'global broadcast'][o] ?? String(o))
  else if (choice === 1) {
    walker.octet('key encrypting key', (o) => (o === 0 ? 'master key' : String(o)))
    walker.octets('wrapped key')
  } else {
    walker.octets('key parameters')
    walker.octets('key ciphered data')
  }
}

/** The node under which an opened APDU stands; offsets inside count in the plaintext. */
export function plaintextNode(plaintext: Uint8Array): ExplainedNode {
  const node = new ExplainedNode(0, plaintext.length, 'opened', 'IEC 62056-5-3, security')
  node.space = 'plaintext'
  node.octets = plaintext
  return node
}
