import type { ObisCode } from '@gridtally/metering'
import type { CosemDateTime } from '../axdr/date-time.ts'
import type { ActionResult, DataAccessResult, ServiceError, StateError } from './results.ts'

/**
 * A value inside an APDU: A-XDR octets, not yet decoded, so that buffers go to the column decoder without a detour.
 * Where the value is the last thing in an APDU, octets some meters append are still in it: decode with `trailing: true`.
 */
export type EncodedData = Uint8Array

/** One attribute of one object. */
export interface AttributeDescriptor {
  readonly classId: number
  readonly logicalName: ObisCode
  readonly attributeId: number
}

/** One method of one object. */
export interface MethodDescriptor {
  readonly classId: number
  readonly logicalName: ObisCode
  readonly methodId: number
}

/** Which part of an attribute is asked for. The parameters' shape depends on class and selector. */
export interface SelectiveAccess {
  readonly selector: number
  readonly parameters: EncodedData
}

/** An attribute, or part of it. */
export interface SelectedAttribute extends AttributeDescriptor {
  readonly access?: SelectiveAccess
}

/** Outcome of reading one attribute. */
export type GetDataResult =
  | { readonly ok: true; readonly data: EncodedData }
  | { readonly ok: false; readonly error: DataAccessResult }

/** Outcome of one method call, with what it returned. */
export interface ActionResponse {
  readonly result: ActionResult
  readonly returned?: GetDataResult
}

/** One block of a long value. `raw` is a stretch of the value's octets. */
export interface DataBlock {
  readonly last: boolean
  readonly number: number
  readonly raw: Uint8Array
}

/** What a GET answers in one block. */
export type GetBlock =
  | { readonly ok: true; readonly last: boolean; readonly number: number; readonly raw: Uint8Array }
  | { readonly ok: false; readonly last: boolean; readonly number: number; readonly error: DataAccessResult }

/** Terms a client proposes. */
export interface InitiateRequest {
  readonly type: 'initiate-request'
  /** Key for this association alone. A secret. */
  readonly dedicatedKey?: Uint8Array
  /** Default true. */
  readonly responseAllowed?: boolean
  readonly qualityOfService?: number
  readonly dlmsVersion: number
  /** 24 bits, see `conformance`. */
  readonly conformance: number
  /** Longest APDU the client takes, in octets; 0 is no limit. */
  readonly maxReceivePduSize: number
}

/** Terms a server grants. */
export interface InitiateResponse {
  readonly type: 'initiate-response'
  readonly qualityOfService?: number
  readonly dlmsVersion: number
  readonly conformance: number
  /** Longest APDU the server takes, in octets; 0 is no limit. */
  readonly maxReceivePduSize: number
  /** 0x0007 for logical names, 0xFA00 for short names. */
  readonly vaaName: number
}

/** An old-style refusal, still used when an association cannot begin. */
export interface ConfirmedServiceError {
  readonly type: 'confirmed-service-error'
  /** 1 initiateError, 5 read, 6 write … */
  readonly service: number
  /** Kind of error: 0 application-reference … 6 initiate. */
  readonly category: number
  readonly value: number
}

/** A refusal of a whole request. */
export interface ExceptionResponse {
  readonly type: 'exception-response'
  readonly stateError: StateError
  readonly serviceError: ServiceError
  /** With `invocation-counter-error`: the counter the meter expects. */
  readonly invocationCounter?: number
}

interface Invocation {
  /** Bits 0–3 invoke id, 6 confirmed, 7 high priority; answers carry the request's octet. */
  readonly invoke: number
}

/** Requests a client sends. */
export type RequestApdu =
  | ({ readonly type: 'get-request-normal' } & Invocation & SelectedAttribute)
  | ({ readonly type: 'get-request-next'; readonly blockNumber: number } & Invocation)
  | ({ readonly type: 'get-request-with-list'; readonly attributes: readonly SelectedAttribute[] } & Invocation)
  | ({ readonly type: 'set-request-normal'; readonly data: EncodedData } & Invocation & SelectedAttribute)
  | ({ readonly type: 'set-request-first-block'; readonly block: DataBlock } & Invocation & SelectedAttribute)
  | ({ readonly type: 'set-request-block'; readonly block: DataBlock } & Invocation)
  | ({
      readonly type: 'set-request-with-list'
      readonly attributes: readonly SelectedAttribute[]
      readonly data: readonly EncodedData[]
    } & Invocation)
  | ({
      readonly type: 'set-request-with-list-first-block'
      readonly attributes: readonly SelectedAttribute[]
      readonly block: DataBlock
    } & Invocation)
  | ({ readonly type: 'action-request-normal'; readonly parameters?: EncodedData } & Invocation & MethodDescriptor)
  | ({ readonly type: 'action-request-next-pblock'; readonly blockNumber: number } & Invocation)
  | ({
      readonly type: 'action-request-with-list'
      readonly methods: readonly MethodDescriptor[]
      readonly parameters: readonly EncodedData[]
    } & Invocation)
  | ({ readonly type: 'action-request-first-pblock'; readonly block: DataBlock } & Invocation & MethodDescriptor)
  | ({
      readonly type: 'action-request-with-list-first-pblock'
      readonly methods: readonly MethodDescriptor[]
      readonly block: DataBlock
    } & Invocation)
  | ({ readonly type: 'action-request-pblock'; readonly block: DataBlock } & Invocation)

/** Answers a server sends. */
export type ResponseApdu =
  | ({ readonly type: 'get-response-normal'; readonly result: GetDataResult } & Invocation)
  | ({ readonly type: 'get-response-block'; readonly block: GetBlock } & Invocation)
  | ({ readonly type: 'get-response-with-list'; readonly results: readonly GetDataResult[] } & Invocation)
  | ({ readonly type: 'set-response-normal'; readonly result: DataAccessResult } & Invocation)
  | ({ readonly type: 'set-response-block'; readonly blockNumber: number } & Invocation)
  | ({
      readonly type: 'set-response-last-block'
      readonly result: DataAccessResult
      readonly blockNumber: number
    } & Invocation)
  | ({
      readonly type: 'set-response-last-block-with-list'
      readonly results: readonly DataAccessResult[]
      readonly blockNumber: number
    } & Invocation)
  | ({ readonly type: 'set-response-with-list'; readonly results: readonly DataAccessResult[] } & Invocation)
  | ({ readonly type: 'action-response-normal' } & Invocation & ActionResponse)
  | ({ readonly type: 'action-response-pblock'; readonly block: DataBlock } & Invocation)
  | ({ readonly type: 'action-response-with-list'; readonly responses: readonly ActionResponse[] } & Invocation)
  | ({ readonly type: 'action-response-next-pblock'; readonly blockNumber: number } & Invocation)
  | ExceptionResponse

/** What a meter says without being asked. */
export type NotificationApdu =
  | {
      readonly type: 'event-notification'
      /** Octets of the time as sent (12 for a date-time), when there is one. */
      readonly time?: Uint8Array
      readonly attribute: AttributeDescriptor
      readonly data: EncodedData
    }
  | {
      readonly type: 'data-notification'
      /** 32 bits: 0–23 invoke id, then flags. */
      readonly longInvoke: number
      /** `null` when the meter left the time out. */
      readonly time: CosemDateTime | null
      readonly body: EncodedData
    }

/** Every xDLMS APDU in clear that this package knows. */
export type Apdu =
  | InitiateRequest
  | InitiateResponse
  | ConfirmedServiceError
  | RequestApdu
  | ResponseApdu
  | NotificationApdu

/** Name of an APDU kind. */
export type ApduType = Apdu['type']
