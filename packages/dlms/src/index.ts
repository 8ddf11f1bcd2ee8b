export { decodeBlock, encodeBlock, type GeneralBlock, readBlock, splitBlocks } from './gbt/block.ts'
export { BlockReassembler, type BlockResult } from './gbt/reassembler.ts'
export {
  clientAddress,
  decodeAddress,
  encodeAddress,
  formatAddress,
  type HdlcAddress,
  sameStation,
  serverAddress,
} from './hdlc/address.ts'
export { HdlcClientLink, type HdlcClientOptions, type HdlcLinkEvent, type HdlcLinkFailure } from './hdlc/client-link.ts'
export { decodeControl, encodeControl, type HdlcControl, type UnnumberedKind } from './hdlc/control.ts'
export { HdlcDecoder, type HdlcEvent } from './hdlc/decoder.ts'
export {
  decodeFrame,
  encodeFrame,
  HDLC_FLAG,
  type HdlcFrame,
  type LocatedHdlcFrame,
} from './hdlc/frame.ts'
export { LLC_COMMAND, LLC_RESPONSE, llcLength } from './hdlc/llc.ts'
export { DEFAULT_HDLC_PARAMETERS, decodeParameters, encodeParameters, type HdlcParameters } from './hdlc/parameters.ts'
export { type HdlcServerEvent, HdlcServerLink, type HdlcServerOptions } from './hdlc/server-link.ts'
export {
  decodeMbusFrame,
  encodeMbusFrame,
  type LocatedMbusFrame,
  MAX_CARRIER_DATA,
  type MbusCarrierFrame,
  readMbusFrame,
} from './mbus-carrier/frame.ts'
export { carrySegments, MbusReassembler } from './mbus-carrier/segments.ts'
