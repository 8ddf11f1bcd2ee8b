import { type ByteReader, type ByteWriter, DecodeError } from '@gridtally/wire'
import type { InitiateRequest, InitiateResponse } from './apdu.ts'
import { readFlag, readOctets, writeOctets } from './fields.ts'

/** Reads an InitiateRequest behind its tag. */
export function readInitiateRequest(reader: ByteReader): InitiateRequest {
  const dedicatedKey = readFlag(reader) ? readOctets(reader).slice() : undefined
  const responseAllowed = readFlag(reader) ? reader.uint8() !== 0 : true
  const qualityOfService = readFlag(reader) ? reader.int8() : undefined
  return {
    type: 'initiate-request',
    ...(dedicatedKey && { dedicatedKey }),
    ...(responseAllowed ? {} : { responseAllowed }),
    ...(qualityOfService !== undefined && { qualityOfService }),
    dlmsVersion: reader.uint8(),
    conformance: readConformance(reader),
    maxReceivePduSize: reader.uint16(),
  }
}

/** Writes an InitiateRequest with its tag. */
export function writeInitiateRequest(writer: ByteWriter, value: InitiateRequest): void {
  writer.uint8(1)
  if (value.dedicatedKey) {
    writer.uint8(1)
    writeOctets(writer, value.dedicatedKey)
  } else writer.uint8(0)
  if (value.responseAllowed === false) writer.uint8(1).uint8(0)
  else writer.uint8(0)
  if (value.qualityOfService !== undefined) writer.uint8(1).int8(value.qualityOfService)
  else writer.uint8(0)
  writer.uint8(value.dlmsVersion)
  writeConformance(writer, value.conformance)
  writer.uint16(value.maxReceivePduSize)
}

/** Reads an InitiateResponse behind its tag. */
export function readInitiateResponse(reader: ByteReader): InitiateResponse {
  const qualityOfService = readFlag(reader) ? reader.int8() : undefined
  return {
    type: 'initiate-response',
    ...(qualityOfService !== undefined && { qualityOfService }),
    dlmsVersion: reader.uint8(),
    conformance: readConformance(reader),
    maxReceivePduSize: reader.uint16(),
    vaaName: reader.uint16(),
  }
}

/** Writes an InitiateResponse with its tag. */
export function writeInitiateResponse(writer: ByteWriter, value: InitiateResponse): void {
  writer.uint8(8)
  if (value.qualityOfService !== undefined) writer.uint8(1).int8(value.qualityOfService)
  else writer.uint8(0)
  writer.uint8(value.dlmsVersion)
  writeConformance(writer, value.conformance)
  writer.uint16(value.maxReceivePduSize).uint16(value.vaaName)
}

/** The block is BER: tag [APPLICATION 31] in two octets (older servers: one), length 4, unused bits 0, 24 bits. */
function readConformance(reader: ByteReader): number {
  const at = reader.offset
  if (reader.uint8() !== 0x5f) throw new DecodeError('INVALID', at, 'conformance block expected')
  if (reader.peek() === 0x1f) reader.skip(1)
  if (reader.uint8() !== 4) throw new DecodeError('INVALID', at, 'conformance block of 4 octets expected')
  reader.skip(1)
  return reader.uint24()
}

function writeConformance(writer: ByteWriter, bits: number): void {
  writer.uint8(0x5f).uint8(0x1f).uint8(4).uint8(0).uint(bits, 3)
}
