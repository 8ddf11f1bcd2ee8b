import { DecodeError, toHex } from '@gridtally/wire'
import { decodeLength } from '../axdr/length.ts'
import { systemTitleWords } from './ciphered.ts'
import { textIn } from './format.ts'
import { hexOctet, hexText, type Walker } from './walker.ts'

const REQUEST: Readonly<Record<number, string>> = {
  128: 'protocol version',
  161: 'application context name',
  162: 'called AP title',
  163: 'called AE qualifier',
  164: 'called AP invocation id',
  165: 'called AE invocation id',
  166: 'calling AP title',
  167: 'calling AE qualifier',
  168: 'calling AP invocation id',
  169: 'calling AE invocation id',
  138: 'sender ACSE requirements',
  139: 'mechanism name',
  172: 'calling authentication value',
  189: 'implementation information',
  190: 'user information',
}
const RESPONSE: Readonly<Record<number, string>> = {
  128: 'protocol version',
  161: 'application context name',
  162: 'result',
  163: 'result source diagnostic',
  164: 'responding AP title',
  165: 'responding AE qualifier',
  166: 'responding AP invocation id',
  167: 'responding AE invocation id',
  136: 'responder ACSE requirements',
  137: 'mechanism name',
  170: 'responding authentication value',
  189: 'implementation information',
  190: 'user information',
}
const RELEASE: Readonly<Record<number, string>> = { 128: 'reason', 190: 'user information' }

const CONTEXTS = ['', 'logical names', 'short names', 'logical names, ciphered', 'short names, ciphered']
const MECHANISMS = ['none', 'LLS', 'HLS', 'HLS MD5', 'HLS SHA-1', 'HLS GMAC', 'HLS SHA-256', 'HLS ECDSA']
const RESULTS = ['accepted', 'rejected permanently', 'rejected transiently']
const DIAGNOSTICS: Readonly<Record<number, string>> = {
  0: 'none',
  1: 'no reason given',
  2: 'application context name not supported',
  11: 'mechanism name not recognised',
  12: 'mechanism name required',
  13: 'authentication failure',
  14: 'authentication required',
}
const REASONS: Readonly<Record<number, string>> = { 0: 'normal', 1: 'urgent', 30: 'user defined' }

/** Walks an ACSE APDU (ISO/IEC 8650, as IEC 62056-5-3 profiles it) behind its tag, which the walker's node holds. */
export function walkAcse(walker: Walker, tag: number, userInformation: (walker: Walker) => void): void {
  const { reader } = walker
  const names = tag === 0x60 ? REQUEST : tag === 0x61 ? RESPONSE : RELEASE
  let length = 0
  walker.leaf('length', (r) => {
    length = decodeLength(r)
    return String(length)
  })
  if (tag < 0x62 && length > reader.remaining) reader.slice(length)
  const end = reader.offset + length
  // Some meters tell a length that is too short for a release answer, so a field that has begun is read to its own end.
  while (reader.offset < end && reader.remaining > 0) walkField(walker, names, userInformation)
}

function walkField(
  walker: Walker,
  names: Readonly<Record<number, string>>,
  userInformation: (walker: Walker) => void,
): void {
  const tag = walker.reader.peek()
  const name = names[tag] ?? `field ${hexOctet(tag)}`
  walker.group(name, 'ISO/IEC 8650-1', (node) => {
    const { reader } = walker
    reader.skip(1)
    const length = decodeLength(reader)
    if (name === 'user information') {
      walker.leaf('octet string', (r) => {
        if (r.uint8() !== 0x04) throw new DecodeError('INVALID', r.offset - 1, 'user information is an octet string')
        return `${decodeLength(r)} octets`
      })
      userInformation(walker)
      return
    }
    const octets = reader.take(length)
    // An octet string of 8 octets inside the field.
    if ((tag === 0xa6 || tag === 0xa4) && octets.length === 10) walker.title = octets.subarray(2)
    node.secret = name === 'calling authentication value'
    node.value = node.secret ? '(hidden)' : say(name, octets)
  })
}

function say(name: string, octets: Uint8Array): string {
  const last = octets[octets.length - 1] ?? 0
  switch (name) {
    case 'application context name':
      return CONTEXTS[last] ?? toHex(octets)
    case 'mechanism name':
      return MECHANISMS[last] ?? toHex(octets)
    case 'result':
      return RESULTS[last] ?? String(last)
    case 'result source diagnostic':
      return DIAGNOSTICS[last] ?? String(last)
    case 'reason':
      return REASONS[last] ?? String(last)
    case 'calling AP title':
    case 'responding AP title':
      return systemTitleWords(octets.subarray(2))
    case 'sender ACSE requirements':
    case 'responder ACSE requirements':
      return last & 0x80 ? 'authentication' : hexText(octets)
    default:
      return textIn(octets) || hexText(octets)
  }
}
