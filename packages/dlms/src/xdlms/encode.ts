import { ByteWriter } from '@gridtally/wire'
import { writeDateTime } from '../axdr/date-time.ts'
import type { Apdu } from './apdu.ts'
import {
  writeActionResponse,
  writeAttribute,
  writeBlock,
  writeList,
  writeMethod,
  writeOctets,
  writeResult,
  writeSelected,
} from './fields.ts'
import { writeInitiateRequest, writeInitiateResponse } from './initiate.ts'
import { type DataAccessResult, dataAccessResults, serviceErrors, stateErrors } from './results.ts'

const raw = (writer: ByteWriter, octets: Uint8Array): void => {
  writer.bytes(octets)
}
const access = (writer: ByteWriter, result: DataAccessResult): void => {
  writer.uint8(dataAccessResults.code(result))
}

/** Encodes one xDLMS APDU in clear (IEC 62056-5-3). */
export function encodeApdu(apdu: Apdu): Uint8Array {
  const w = new ByteWriter(128)
  switch (apdu.type) {
    case 'initiate-request':
      writeInitiateRequest(w, apdu)
      break
    case 'initiate-response':
      writeInitiateResponse(w, apdu)
      break
    case 'confirmed-service-error':
      w.uint8(0x0e).uint8(apdu.service).uint8(apdu.category).uint8(apdu.value)
      break
    case 'get-request-normal':
      writeSelected(w.uint8(0xc0).uint8(1).uint8(apdu.invoke), apdu)
      break
    case 'get-request-next':
      w.uint8(0xc0).uint8(2).uint8(apdu.invoke).uint32(apdu.blockNumber)
      break
    case 'get-request-with-list':
      writeList(w.uint8(0xc0).uint8(3).uint8(apdu.invoke), apdu.attributes, writeSelected)
      break
    case 'set-request-normal':
      writeSelected(w.uint8(0xc1).uint8(1).uint8(apdu.invoke), apdu)
      w.bytes(apdu.data)
      break
    case 'set-request-first-block':
      writeSelected(w.uint8(0xc1).uint8(2).uint8(apdu.invoke), apdu)
      writeBlock(w, apdu.block)
      break
    case 'set-request-block':
      writeBlock(w.uint8(0xc1).uint8(3).uint8(apdu.invoke), apdu.block)
      break
    case 'set-request-with-list':
      writeList(w.uint8(0xc1).uint8(4).uint8(apdu.invoke), apdu.attributes, writeSelected)
      writeList(w, apdu.data, raw)
      break
    case 'set-request-with-list-first-block':
      writeList(w.uint8(0xc1).uint8(5).uint8(apdu.invoke), apdu.attributes, writeSelected)
      writeBlock(w, apdu.block)
      break
    case 'action-request-normal':
      writeMethod(w.uint8(0xc3).uint8(1).uint8(apdu.invoke), apdu)
      if (apdu.parameters) w.uint8(1).bytes(apdu.parameters)
      else w.uint8(0)
      break
    case 'action-request-next-pblock':
      w.uint8(0xc3).uint8(2).uint8(apdu.invoke).uint32(apdu.blockNumber)
      break
    case 'action-request-with-list':
      writeList(w.uint8(0xc3).uint8(3).uint8(apdu.invoke), apdu.methods, writeMethod)
      writeList(w, apdu.parameters, raw)
      break
    case 'action-request-first-pblock':
      writeMethod(w.uint8(0xc3).uint8(4).uint8(apdu.invoke), apdu)
      writeBlock(w, apdu.block)
      break
    case 'action-request-with-list-first-pblock':
      writeList(w.uint8(0xc3).uint8(5).uint8(apdu.invoke), apdu.methods, writeMethod)
      writeBlock(w, apdu.block)
      break
    case 'action-request-pblock':
      writeBlock(w.uint8(0xc3).uint8(6).uint8(apdu.invoke), apdu.block)
      break
    case 'get-response-normal':
      writeResult(w.uint8(0xc4).uint8(1).uint8(apdu.invoke), apdu.result)
      break
    case 'get-response-block': {
      const { block } = apdu
      w.uint8(0xc4)
        .uint8(2)
        .uint8(apdu.invoke)
        .uint8(block.last ? 1 : 0)
        .uint32(block.number)
      if (block.ok) writeOctets(w.uint8(0), block.raw)
      else w.uint8(1).uint8(dataAccessResults.code(block.error))
      break
    }
    case 'get-response-with-list':
      writeList(w.uint8(0xc4).uint8(3).uint8(apdu.invoke), apdu.results, writeResult)
      break
    case 'set-response-normal':
      access(w.uint8(0xc5).uint8(1).uint8(apdu.invoke), apdu.result)
      break
    case 'set-response-block':
      w.uint8(0xc5).uint8(2).uint8(apdu.invoke).uint32(apdu.blockNumber)
      break
    case 'set-response-last-block':
      access(w.uint8(0xc5).uint8(3).uint8(apdu.invoke), apdu.result)
      w.uint32(apdu.blockNumber)
      break
    case 'set-response-last-block-with-list':
      writeList(w.uint8(0xc5).uint8(4).uint8(apdu.invoke), apdu.results, access)
      w.uint32(apdu.blockNumber)
      break
    case 'set-response-with-list':
      writeList(w.uint8(0xc5).uint8(5).uint8(apdu.invoke), apdu.results, access)
      break
    case 'action-response-normal':
      writeActionResponse(w.uint8(0xc7).uint8(1).uint8(apdu.invoke), apdu)
      break
    case 'action-response-pblock':
      writeBlock(w.uint8(0xc7).uint8(2).uint8(apdu.invoke), apdu.block)
      break
    case 'action-response-with-list':
      writeList(w.uint8(0xc7).uint8(3).uint8(apdu.invoke), apdu.responses, writeActionResponse)
      break
    case 'action-response-next-pblock':
      w.uint8(0xc7).uint8(4).uint8(apdu.invoke).uint32(apdu.blockNumber)
      break
    case 'exception-response':
      w.uint8(0xd8).uint8(stateErrors.code(apdu.stateError)).uint8(serviceErrors.code(apdu.serviceError))
      if (apdu.invocationCounter !== undefined) w.uint32(apdu.invocationCounter)
      break
    case 'event-notification':
      w.uint8(0xc2)
      if (apdu.time) writeOctets(w.uint8(1), apdu.time)
      else w.uint8(0)
      writeAttribute(w, apdu.attribute)
      w.bytes(apdu.data)
      break
    case 'data-notification':
      w.uint8(0x0f).uint32(apdu.longInvoke)
      if (apdu.time) writeDateTime(w.uint8(12), apdu.time)
      else w.uint8(0)
      w.bytes(apdu.body)
      break
  }
  return w.finish()
}
