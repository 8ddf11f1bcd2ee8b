import { DecodeError } from '@gridtally/wire'
import { decodeLength } from '../axdr/length.ts'
import { cipherKind } from '../xdlms/ciphered.ts'
import { conformanceBits } from '../xdlms/conformance.ts'
import { actionResults, dataAccessResults, serviceErrors, stateErrors } from '../xdlms/results.ts'
import { walkAcse } from './acse.ts'
import { walkCiphered } from './ciphered.ts'
import { walkAttribute, walkData } from './data.ts'
import { describedEnd } from './descriptor.ts'
import { dateTimeIn, formatDateTime, formatOctets } from './format.ts'
import { hexOctet, type Walker } from './walker.ts'

type Walk = (walker: Walker) => void

/** One kind of APDU: its name in the standard, and how to walk behind its tag. */
interface Kind {
  readonly name: string
  readonly walk: Walk
}

/** One after the other. */
const all =
  (...parts: readonly Walk[]): Walk =>
  (w) => {
    for (const part of parts) part(w)
  }
const blockNumber: Walk = (w) => w.uint32('block number')
const invoke: Walk = (w) => {
  w.octet('invoke id and priority', (o) =>
    [`id ${o & 15}`, o & 0x40 ? 'confirmed' : 'unconfirmed', o & 0x80 ? 'high priority' : 'normal priority'].join(', '),
  )
}
const data = (w: Walker): void => walkData(w)
const attribute: Walk = (w) => walkAttribute(w, 'attribute')
const selected: Walk = (w) => {
  attribute(w)
  w.optional('selective access', () => {
    w.octet('selector')
    walkData(w, 'parameters')
  })
}
const method: Walk = (w) => walkAttribute(w, 'method', 'method')
const block: Walk = (w) => {
  w.octet('last block', (o) => (o ? 'yes' : 'no'))
  w.uint32('block number')
  w.octets('raw data')
}
const accessResult: Walk = (w) => {
  w.octet('result', (o) => dataAccessResults.name(o))
}
const getResult: Walk = (w) => {
  if (w.octet('choice', (o) => (o ? 'error' : 'data')) === 0) data(w)
  else accessResult(w)
}
const actionResult: Walk = (w) => {
  w.octet('result', (o) => actionResults.name(o))
  if (w.reader.remaining > 0) w.optional('returned', () => getResult(w))
}
const attributes: Walk = (w) => w.list('attributes', '', () => selected(w))
const methods: Walk = (w) => w.list('methods', '', () => method(w))
const values: Walk = (w) => w.list('values', '', () => data(w))

/** Walks the choice behind the tag, and the invoke id that follows it in all services with logical names. */
const choices =
  (names: Readonly<Record<number, readonly [string, Walk]>>): Walk =>
  (w) => {
    const at = w.reader.offset
    const choice = w.reader.peek()
    const found = names[choice]
    if (choice >= 0 && !found) throw new DecodeError('UNSUPPORTED', at, `no choice ${choice} here`)
    w.octet('choice', () => found[0])
    invoke(w)
    found[1](w)
  }

const getBlock: Walk = (w) => {
  w.octet('last block', (o) => (o ? 'yes' : 'no'))
  w.uint32('block number')
  if (w.octet('choice', (o) => (o ? 'error' : 'raw data')) !== 0) accessResult(w)
  else if (w.reader.remaining > 0) w.octets('raw data')
}
const optionalData: Walk = (w) => w.optional('parameters', () => data(w))

const initiateRequest: Walk = (w) => {
  w.optional('dedicated key', () => w.secret('dedicated key'))
  w.optional('response allowed, if not default', () => w.octet('response allowed', (o) => (o ? 'yes' : 'no')))
  w.optional('quality of service', () => w.octet('quality of service'))
  w.octet('DLMS version')
  conformance(w)
  w.uint16('longest APDU the client takes, octets')
}
const initiateResponse: Walk = (w) => {
  w.optional('quality of service', () => w.octet('quality of service'))
  w.octet('DLMS version')
  conformance(w)
  w.uint16('longest APDU the server takes, octets')
  w.leaf('VAA name', (r) => `0x${r.uint16().toString(16).padStart(4, '0')}`)
}
function conformance(w: Walker): void {
  w.leaf('conformance', (r) => {
    // [APPLICATION 31] in BER: 5F 1F, length 4, no unused bits, 24 bits; some leave the second tag octet out.
    r.skip(1)
    if (r.peek() === 0x1f) r.skip(1)
    r.skip(2)
    return conformanceBits(r.uint24()).join(', ')
  })
}

/** Time as notifications carry it: octets behind a length, which may be 0; some meters put the tag of an octet-string before. */
function time(w: Walker, label: string): void {
  w.leaf(label, (r) => {
    const tag = r.peek()
    if ((tag === 0x09 || tag === 0x19) && r.peek(1) === 0x0c) r.skip(1)
    const octets = r.take(decodeLength(r))
    const value = dateTimeIn(octets)
    return octets.length === 0 ? 'not given' : value ? formatDateTime(value) : formatOctets(octets)
  })
}

const longInvoke: Walk = (w) => {
  w.leaf('long invoke id and priority', (r) => {
    const value = r.uint32()
    const flags = [
      value & 0x10000000 ? 'self-descriptive' : '',
      value & 0x40000000 ? 'confirmed' : '',
      value & 0x80000000 ? 'high priority' : '',
    ]
    return [`id ${value & 0xffffff}`, ...flags.filter(Boolean)].join(', ')
  })
}

const dataNotification: Walk = (w) => {
  longInvoke(w)
  time(w, 'date-time')
  const { current } = w
  const at = w.reader.offset
  const end = at + w.reader.remaining
  const children = current.children.length
  const whole = w.guarded(end, () => walkData(w, 'body'))
  if (whole && w.reader.remaining === 0) return
  // Sagemcom's bodies are no A-XDR, though their beginnings may pass for it.
  const described = describedEnd(w.reader.bytes, at, end)
  if (described === undefined || (whole && described <= w.reader.offset)) return
  current.cut(children)
  w.restart(at, end)
  w.faulted = false
  w.guarded(end, () => walkData(w, 'body', 'descriptors'))
}

const notificationConfirm: Walk = (w) => {
  longInvoke(w)
  time(w, 'date-time')
}

const eventNotification: Walk = (w) => {
  w.optional('time', () => time(w, 'time'))
  attribute(w)
  data(w)
}

const variable: Walk = (w) => {
  w.group('variable', 'IEC 62056-5-3, Variable-Access-Specification', (node) => {
    const choice = w.octet('choice')
    if (choice === 2) w.leaf('short name', (r) => `0x${r.uint16().toString(16)}`)
    else if (choice === 4) {
      w.leaf('short name', (r) => `0x${r.uint16().toString(16)}`)
      w.octet('selector')
      walkData(w, 'parameter')
    } else if (choice === 5) w.uint16('block number')
    else throw new DecodeError('UNSUPPORTED', node.offset, `no choice ${choice} here`)
  })
}
const readResponse: Walk = (w) =>
  w.list('results', '', () => {
    const choice = w.octet('choice', (o) => ['data', 'error', 'data block', 'block number'][o] ?? String(o))
    if (choice === 0) data(w)
    else if (choice === 1) accessResult(w)
    else if (choice === 2) {
      w.octet('last block', (o) => (o ? 'yes' : 'no'))
      w.uint16('block number')
      w.octets('raw data')
    } else w.uint16('block number')
  })
const writeResponse: Walk = (w) =>
  w.list('results', '', () => {
    const choice = w.octet('choice', (o) => ['success', 'error', 'block number'][o] ?? String(o))
    if (choice === 1) accessResult(w)
    else if (choice === 2) w.uint16('block number')
  })
const write: Walk = (w) => {
  w.list('variables', '', () => variable(w))
  values(w)
}

const ACCESS = ['', 'GET', 'SET', 'ACTION', 'GET with selection', 'SET with selection']
const accessRequest: Walk = (w) => {
  longInvoke(w)
  time(w, 'date-time')
  w.list('requests', '', () => {
    const at = w.reader.offset
    const choice = w.octet('choice', (o) => ACCESS[o] ?? String(o))
    if (choice === 3) method(w)
    else if (choice > 0 && choice < 6) attribute(w)
    else throw new DecodeError('UNSUPPORTED', at, `no choice ${choice} here`)
    if (choice > 3) {
      w.octet('selector')
      walkData(w, 'parameters')
    }
  })
  values(w)
}
const accessResponse: Walk = (w) => {
  longInvoke(w)
  time(w, 'date-time')
  w.optional('specification of the request', () => w.list('requests', '', () => walkAccessSpecification(w)))
  values(w)
  w.list('results', '', () => {
    w.octet('choice', (o) => ACCESS[o] ?? String(o))
    accessResult(w)
  })
}
function walkAccessSpecification(w: Walker): void {
  const choice = w.octet('choice', (o) => ACCESS[o] ?? String(o))
  walkAttribute(w, choice === 3 ? 'method' : 'attribute', choice === 3 ? 'method' : 'attribute')
  if (choice <= 3) return
  w.octet('selector')
  walkData(w, 'parameters')
}

const exception: Walk = (w) => {
  w.octet('state error', (o) => stateErrors.name(o))
  if (w.octet('service error', (o) => serviceErrors.name(o)) === 6 && w.reader.remaining >= 4)
    w.uint32('expected invocation counter')
}
const serviceError: Walk = (w) => {
  w.octet('service', hexOctet)
  w.octet('category')
  w.octet('error')
}

const generalBlock: Walk = (w) => {
  w.octet('block control', (o) =>
    [o & 0x80 ? 'last block' : 'more to come', o & 0x40 ? 'streaming' : '', `window ${o & 63}`]
      .filter(Boolean)
      .join(', '),
  )
  w.uint16('block number')
  w.uint16('acknowledged block')
  w.octets('block data')
}

const gateway: Walk = (w) => {
  w.octet('network')
  w.octets('physical device address')
  walkApdu(w)
}

const generalSigning: Walk = (w) => {
  w.octets('transaction id')
  w.octets('originator system title')
  w.octets('recipient system title')
  w.octets('date-time')
  w.octets('other information')
  w.octets('content')
  w.octets('signature')
}

/** User information of ACSE holds an xDLMS APDU in clear or ciphered. */
const acse =
  (tag: number): Walk =>
  (w) =>
    walkAcse(w, tag, walkApdu)

const KINDS: Readonly<Record<number, Kind>> = {
  1: { name: 'InitiateRequest', walk: initiateRequest },
  5: { name: 'ReadRequest', walk: (w) => w.list('variables', '', () => variable(w)) },
  6: { name: 'WriteRequest', walk: write },
  8: { name: 'InitiateResponse', walk: initiateResponse },
  12: { name: 'ReadResponse', walk: readResponse },
  13: { name: 'WriteResponse', walk: writeResponse },
  14: { name: 'ConfirmedServiceError', walk: serviceError },
  15: { name: 'DataNotification', walk: dataNotification },
  16: { name: 'DataNotificationConfirm', walk: notificationConfirm },
  22: { name: 'UnconfirmedWriteRequest', walk: write },
  24: {
    name: 'InformationReport',
    walk: (w) => {
      w.optional('time', () => time(w, 'time'))
      w.list('variables', '', () => variable(w))
      values(w)
    },
  },
  96: { name: 'AARQ', walk: acse(0x60) },
  97: { name: 'AARE', walk: acse(0x61) },
  98: { name: 'RLRQ', walk: acse(0x62) },
  99: { name: 'RLRE', walk: acse(0x63) },
  192: {
    name: 'GetRequest',
    walk: choices({
      1: ['normal', selected],
      2: ['next', blockNumber],
      3: ['with list', attributes],
    }),
  },
  193: {
    name: 'SetRequest',
    walk: choices({
      1: ['normal', all(selected, data)],
      2: ['with first block', all(selected, block)],
      3: ['with block', block],
      4: ['with list', all(attributes, values)],
      5: ['with list and first block', all(attributes, block)],
    }),
  },
  194: { name: 'EventNotification', walk: eventNotification },
  195: {
    name: 'ActionRequest',
    walk: choices({
      1: ['normal', all(method, optionalData)],
      2: ['next block', blockNumber],
      3: ['with list', all(methods, values)],
      4: ['with first block', all(method, block)],
      5: ['with list and first block', all(methods, block)],
      6: ['with block', block],
    }),
  },
  196: {
    name: 'GetResponse',
    walk: choices({
      1: ['normal', getResult],
      2: ['with block', getBlock],
      3: ['with list', (w) => w.list('results', '', () => getResult(w))],
    }),
  },
  197: {
    name: 'SetResponse',
    walk: choices({
      1: ['normal', accessResult],
      2: ['block', blockNumber],
      3: ['last block', all(accessResult, blockNumber)],
      4: [
        'last block with list',
        (w) => {
          w.list('results', '', () => accessResult(w))
          w.uint32('block number')
        },
      ],
      5: ['with list', (w) => w.list('results', '', () => accessResult(w))],
    }),
  },
  199: {
    name: 'ActionResponse',
    walk: choices({
      1: ['normal', actionResult],
      2: ['with block', block],
      3: ['with list', (w) => w.list('responses', '', () => actionResult(w))],
      4: ['next block', blockNumber],
    }),
  },
  216: { name: 'ExceptionResponse', walk: exception },
  217: { name: 'AccessRequest', walk: accessRequest },
  218: { name: 'AccessResponse', walk: accessResponse },
  223: { name: 'GeneralSigning', walk: generalSigning },
  224: { name: 'GeneralBlockTransfer', walk: generalBlock },
  230: { name: 'gateway request', walk: gateway },
  231: { name: 'gateway response', walk: gateway },
}

/** Name of the APDU that begins with `tag`; `undefined` when none does. */
export function apduName(tag: number): string | undefined {
  const kind = cipherKind(tag)
  if (kind === 'general-glo') return 'GeneralGloCiphering'
  if (kind === 'general-ded') return 'GeneralDedCiphering'
  if (kind === 'general-ciphering') return 'GeneralCiphering'
  return kind ? `${kind}-ciphered APDU ${hexOctet(tag)}` : KINDS[tag]?.name
}

/** Deepest nesting of nodes an APDU may begin at: ACSE and gateways carry APDUs, and hostile ones carry themselves. */
const MAX_APDU_DEPTH = 24

/** Adds the node of the APDU at the reader, whatever it is. Throws DecodeError where the octets make no sense. */
export function walkApdu(walker: Walker): void {
  const { reader } = walker
  const at = reader.offset
  const tag = reader.peek()
  if (tag < 0) throw new DecodeError('TRUNCATED', at, 'an APDU expected')
  const name = apduName(tag)
  if (name === undefined) throw new DecodeError('UNSUPPORTED', at, `no APDU begins with ${hexOctet(tag)}`)
  if (walker.depth > MAX_APDU_DEPTH) throw new DecodeError('LIMIT', at, 'APDUs nested too deep')
  const ciphered = cipherKind(tag)
  walker.group(name, `IEC 62056-5-3, ${ciphered ? 'ciphered APDUs' : name}`, () => {
    walker.leaf('tag', (r) => hexOctet(r.uint8()))
    if (ciphered) walkCiphered(walker, ciphered, at)
    else KINDS[tag].walk(walker)
  })
}
