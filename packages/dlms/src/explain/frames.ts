import { DecodeError } from '@gridtally/wire'
import { formatAddress } from '../hdlc/address.ts'
import type { HdlcControl } from '../hdlc/control.ts'
import type { LocatedHdlcFrame } from '../hdlc/frame.ts'
import { decodeParameters } from '../hdlc/parameters.ts'
import type { LocatedMbusFrame } from '../mbus-carrier/frame.ts'
import { ExplainedNode, faultOf, type Render } from './node.ts'
import { hexOctet } from './walker.ts'

/** A frame's node, and where its payload goes: behind the header children, before the trailer. */
export interface FrameNode {
  readonly node: ExplainedNode
  readonly trailer: readonly ExplainedNode[]
  readonly payloadFrom: number
  readonly payloadTo: number
}

/** Adds nodes one behind the other, by their lengths. */
class Row {
  readonly nodes: ExplainedNode[] = []
  at: number

  constructor(at: number) {
    this.at = at
  }

  add(length: number, label: string, value: string | Render): this {
    if (length > 0) this.nodes.push(new ExplainedNode(this.at, length, label, '', value))
    this.at += length
    return this
  }
}

/** Header and trailer of an HDLC frame, flags left out. `llc` is the length of the LLC header in front of the payload. */
export function hdlcNode(frame: LocatedHdlcFrame, llc: number): FrameNode {
  const { control, destination, source, offset, length, information } = frame
  const label = `HDLC ${control.kind}${frame.segmented ? ', more segments follow' : ''}`
  const node = new ExplainedNode(offset, length, label, 'IEC 62056-46')
  const row = new Row(offset)
  row
    .add(2, 'format', () => `type 3, ${length} octets${frame.segmented ? ', segmented' : ''}`)
    .add(destination.octets, 'destination', () => formatAddress(destination))
    .add(source.octets, 'source', () => formatAddress(source))
    .add(1, 'control', () => sayControl(control))
  const end = offset + length
  if (information.length > 0) row.add(2, 'header check sequence', 'right')
  const trailer = new Row(end - 2).add(2, 'frame check sequence', 'right').nodes
  let payloadFrom = frame.informationOffset
  if (control.kind === 'SNRM' || control.kind === 'UA') {
    if (information.length > 0) row.nodes.push(parametersNode(information, payloadFrom))
    payloadFrom = end - 2
  } else if (llc > 0) {
    row.add(llc, 'LLC', information[1] === 0xe6 ? 'command' : 'response')
    payloadFrom += llc
  }
  node.add(...row.nodes)
  return { node, trailer, payloadFrom, payloadTo: end - 2 }
}

function sayControl(control: HdlcControl): string {
  const final = control.final ? ', final' : ''
  if (control.kind === 'I') return `I, N(S) ${control.ns}, N(R) ${control.nr}${final}`
  if (control.kind === 'RR' || control.kind === 'RNR') return `${control.kind}, N(R) ${control.nr}${final}`
  return `${control.kind}${final}`
}

function parametersNode(information: Uint8Array, offset: number): ExplainedNode {
  const node = new ExplainedNode(offset, information.length, 'link parameters', 'IEC 62056-46, 6.4.4.4.3')
  try {
    const p = decodeParameters(information)
    node.value = `information ${p.maxInformationTransmit}/${p.maxInformationReceive} octets, window ${p.windowTransmit}/${p.windowReceive} (transmit/receive)`
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const fault = faultOf(error)
    node.fault = { ...fault, offset: fault.offset + offset }
  }
  return node
}

/** Header and trailer of an M-Bus frame that carries DLMS. */
export function mbusNode(frame: LocatedMbusFrame): FrameNode {
  const { offset, length } = frame
  const segment = `segment ${frame.sequence}${frame.final ? ', last' : ', more follow'}`
  const node = new ExplainedNode(offset, length, `M-Bus frame, ${segment}`, 'EN 13757-2; IEC 62056-7-3')
  const header = new Row(offset)
    .add(4, 'start', () => `long frame, ${length - 6} octets`)
    .add(1, 'C field', () => hexOctet(frame.control))
    .add(1, 'A field', () => (frame.address === 0xff ? 'everybody' : String(frame.address)))
    .add(1, 'CI field', segment)
    .add(1, 'source', () => String(frame.sourceSap))
    .add(1, 'destination', () => String(frame.destinationSap))
  node.add(...header.nodes)
  const trailer = new Row(offset + length - 2).add(1, 'checksum', 'right').add(1, 'stop', '0x16').nodes
  return { node, trailer, payloadFrom: frame.dataOffset, payloadTo: offset + length - 2 }
}

/** Header of a wrapper frame. */
export function wrapperNode(octets: Uint8Array, offset: number, length: number): FrameNode {
  const node = new ExplainedNode(offset, length, 'wrapper', 'IEC 62056-4-7')
  const word = (at: number): Render => {
    const value = (octets[offset + at] << 8) | octets[offset + at + 1]
    return () => String(value)
  }
  const header = new Row(offset)
    .add(2, 'version', word(0))
    .add(2, 'source port', word(2))
    .add(2, 'destination port', word(4))
    .add(2, 'length', word(6))
  node.add(...header.nodes)
  return { node, trailer: [], payloadFrom: offset + 8, payloadTo: offset + length }
}
