import { ByteReader, DecodeError } from '@gridtally/wire'
import { readDateTime } from '../axdr/date-time.ts'
import { takeData } from '../axdr/decode.ts'
import type { Apdu, ExceptionResponse, NotificationApdu, RequestApdu, ResponseApdu } from './apdu.ts'
import {
  readActionResponse,
  readAttribute,
  readBlock,
  readFlag,
  readLast,
  readLastResult,
  readList,
  readMethod,
  readOctets,
  readResult,
  readSelected,
} from './fields.ts'
import { readInitiateRequest, readInitiateResponse } from './initiate.ts'
import { actionResults, dataAccessResults, serviceErrors, stateErrors } from './results.ts'

/**
 * Decodes one xDLMS APDU in clear (IEC 62056-5-3). Octets behind a complete APDU are let pass, since several meters pad.
 *
 * Octet fields are views on `octets`. Ciphered APDUs are opened first, see `openApdu`.
 *
 * @throws DecodeError `UNSUPPORTED` for APDUs of services this package does not speak
 */
export function decodeApdu(octets: Uint8Array): Apdu {
  const reader = new ByteReader(octets)
  const tag = reader.uint8()
  switch (tag) {
    case 0x01:
      return readInitiateRequest(reader)
    case 0x08:
      return readInitiateResponse(reader)
    case 0x0e:
      return {
        type: 'confirmed-service-error',
        service: reader.uint8(),
        category: reader.uint8(),
        value: reader.uint8(),
      }
    case 0x0f:
      return readDataNotification(reader)
    case 0xc0:
      return readGetRequest(reader)
    case 0xc1:
      return readSetRequest(reader)
    case 0xc2:
      return readEventNotification(reader)
    case 0xc3:
      return readActionRequest(reader)
    case 0xc4:
      return readGetResponse(reader)
    case 0xc5:
      return readSetResponse(reader)
    case 0xc7:
      return readActionResponseApdu(reader)
    case 0xd8:
      return readException(reader)
    default:
      throw new DecodeError('UNSUPPORTED', 0, `no decoder for APDU tag 0x${tag.toString(16)}`)
  }
}

function unknownChoice(at: number, service: string, choice: number): DecodeError {
  return new DecodeError('INVALID', at, `${service} has no choice ${choice}`)
}

function readGetRequest(reader: ByteReader): RequestApdu {
  const choice = reader.uint8()
  const invoke = reader.uint8()
  switch (choice) {
    case 1:
      return { type: 'get-request-normal', invoke, ...readSelected(reader) }
    case 2:
      return { type: 'get-request-next', invoke, blockNumber: reader.uint32() }
    case 3:
      return { type: 'get-request-with-list', invoke, attributes: readList(reader, readSelected) }
    default:
      throw unknownChoice(1, 'GET request', choice)
  }
}

function readSetRequest(reader: ByteReader): RequestApdu {
  const choice = reader.uint8()
  const invoke = reader.uint8()
  switch (choice) {
    case 1:
      return { type: 'set-request-normal', invoke, ...readSelected(reader), data: readLast(reader) }
    case 2:
      return { type: 'set-request-first-block', invoke, ...readSelected(reader), block: readBlock(reader) }
    case 3:
      return { type: 'set-request-block', invoke, block: readBlock(reader) }
    case 4:
      return {
        type: 'set-request-with-list',
        invoke,
        attributes: readList(reader, readSelected),
        data: readList(reader, takeData),
      }
    case 5:
      return {
        type: 'set-request-with-list-first-block',
        invoke,
        attributes: readList(reader, readSelected),
        block: readBlock(reader),
      }
    default:
      throw unknownChoice(1, 'SET request', choice)
  }
}

function readActionRequest(reader: ByteReader): RequestApdu {
  const choice = reader.uint8()
  const invoke = reader.uint8()
  switch (choice) {
    case 1: {
      const method = readMethod(reader)
      if (!readFlag(reader)) return { type: 'action-request-normal', invoke, ...method }
      return { type: 'action-request-normal', invoke, ...method, parameters: readLast(reader) }
    }
    case 2:
      return { type: 'action-request-next-pblock', invoke, blockNumber: reader.uint32() }
    case 3:
      return {
        type: 'action-request-with-list',
        invoke,
        methods: readList(reader, readMethod),
        parameters: readList(reader, takeData),
      }
    case 4:
      return { type: 'action-request-first-pblock', invoke, ...readMethod(reader), block: readBlock(reader) }
    case 5:
      return {
        type: 'action-request-with-list-first-pblock',
        invoke,
        methods: readList(reader, readMethod),
        block: readBlock(reader),
      }
    case 6:
      return { type: 'action-request-pblock', invoke, block: readBlock(reader) }
    default:
      throw unknownChoice(1, 'ACTION request', choice)
  }
}

function readGetResponse(reader: ByteReader): ResponseApdu {
  const choice = reader.uint8()
  const invoke = reader.uint8()
  switch (choice) {
    case 1:
      return { type: 'get-response-normal', invoke, result: readLastResult(reader) }
    case 2: {
      const last = readFlag(reader)
      const number = reader.uint32()
      if (readFlag(reader)) {
        const error = dataAccessResults.name(reader.uint8())
        return { type: 'get-response-block', invoke, block: { ok: false, last, number, error } }
      }
      // An empty final block may come without even a length.
      const raw = reader.remaining === 0 ? reader.take(0) : readOctets(reader)
      return { type: 'get-response-block', invoke, block: { ok: true, last, number, raw } }
    }
    case 3:
      return { type: 'get-response-with-list', invoke, results: readList(reader, readResult) }
    default:
      throw unknownChoice(1, 'GET response', choice)
  }
}

function readDataAccessResult(reader: ByteReader): ReturnType<typeof dataAccessResults.name> {
  return dataAccessResults.name(reader.uint8())
}

function readSetResponse(reader: ByteReader): ResponseApdu {
  const choice = reader.uint8()
  const invoke = reader.uint8()
  switch (choice) {
    case 1:
      return { type: 'set-response-normal', invoke, result: readDataAccessResult(reader) }
    case 2:
      return { type: 'set-response-block', invoke, blockNumber: reader.uint32() }
    case 3:
      return {
        type: 'set-response-last-block',
        invoke,
        result: readDataAccessResult(reader),
        blockNumber: reader.uint32(),
      }
    case 4:
      return {
        type: 'set-response-last-block-with-list',
        invoke,
        results: readList(reader, readDataAccessResult),
        blockNumber: reader.uint32(),
      }
    case 5:
      return { type: 'set-response-with-list', invoke, results: readList(reader, readDataAccessResult) }
    default:
      throw unknownChoice(1, 'SET response', choice)
  }
}

function readActionResponseApdu(reader: ByteReader): ResponseApdu {
  const choice = reader.uint8()
  const invoke = reader.uint8()
  switch (choice) {
    case 1: {
      const result = actionResults.name(reader.uint8())
      if (reader.remaining === 0 || !readFlag(reader)) return { type: 'action-response-normal', invoke, result }
      return { type: 'action-response-normal', invoke, result, returned: readLastResult(reader) }
    }
    case 2:
      return { type: 'action-response-pblock', invoke, block: readBlock(reader) }
    case 3:
      return { type: 'action-response-with-list', invoke, responses: readList(reader, readActionResponse) }
    case 4:
      return { type: 'action-response-next-pblock', invoke, blockNumber: reader.uint32() }
    default:
      throw unknownChoice(1, 'ACTION response', choice)
  }
}

function readException(reader: ByteReader): ExceptionResponse {
  const stateError = stateErrors.name(reader.uint8())
  const serviceError = serviceErrors.name(reader.uint8())
  if (serviceError !== 'invocation-counter-error' || reader.remaining < 4)
    return { type: 'exception-response', stateError, serviceError }
  return { type: 'exception-response', stateError, serviceError, invocationCounter: reader.uint32() }
}

function readEventNotification(reader: ByteReader): NotificationApdu {
  const time = readFlag(reader) ? readOctets(reader) : undefined
  const attribute = readAttribute(reader)
  return { type: 'event-notification', ...(time && { time }), attribute, data: readLast(reader) }
}

function readDataNotification(reader: ByteReader): NotificationApdu {
  const longInvoke = reader.uint32()
  // The time is an octet-string without tag. Some meters send its tag all the same, others send no time at all, only length 0.
  if (reader.peek() === 0x09 && reader.peek(1) === 0x0c) reader.skip(1)
  const time = readOctets(reader)
  return {
    type: 'data-notification',
    longInvoke,
    time: time.length === 12 ? readDateTime(new ByteReader(time)) : null,
    body: readLast(reader),
  }
}
