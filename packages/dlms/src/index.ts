export { type Aare, type Aarq, type AcseApdu, decodeAcse, encodeAcse, type Release } from './acse/acse.ts'
export {
  type ApplicationContext,
  type AuthenticationMechanism,
  contextId,
  contextName,
  diagnosticName,
  mechanismId,
  mechanismName,
} from './acse/names.ts'
export {
  axdr,
  DATA_TAGS,
  type DataTypeName,
  type DlmsData,
  type SmallIntegerName,
  type TypeDescription,
} from './axdr/data.ts'
export {
  CLOCK_STATUS,
  type CosemDate,
  type CosemDateTime,
  type CosemTime,
  dateTimeOf,
  encodeDateTime,
  instantOf,
  readDate,
  readDateTime,
  readTime,
  writeDate,
  writeDateTime,
  writeTime,
} from './axdr/date-time.ts'
export {
  dataTypeName,
  decodeData,
  fixedSize,
  MAX_DEPTH,
  MAX_ELEMENTS,
  readData,
  readTypeDescription,
  skipData,
  takeData,
} from './axdr/decode.ts'
export { encodeData, writeData } from './axdr/encode.ts'
export { decodeLength, encodeLength, lengthOctets } from './axdr/length.ts'
export {
  type Cell,
  type ColumnKind,
  decodeProfile,
  type ProfileColumn,
  ProfileDecoder,
  type ProfileOptions,
  type ProfileRows,
} from './axdr/profile.ts'
export type { ClientSecurity } from './client/client-security.ts'
export {
  type AnswerBlock,
  type Association,
  type ClientAuthentication,
  DlmsClient,
  type DlmsClientOptions,
} from './client/dlms-client.ts'
export { type Exchange, runExchange } from './client/exchange.ts'
export { hdlcClientFraming } from './client/hdlc-framing.ts'
export {
  type CallResult,
  type ConnectOptions,
  type CounterSource,
  connectMeter,
  type Meter,
  type MeterSecurity,
  type Result,
  readInvocationCounter,
} from './client/meter.ts'
export type { ColumnDescription, ProfileDescription, ProfileQuery, ProfileReading } from './client/profile.ts'
export {
  AssociationLn,
  Clock,
  captureObject,
  Data,
  DemandRegister,
  DisconnectControl,
  ExtendedRegister,
  objectListElement,
  ProfileGeneric,
  Register,
  SapAssignment,
  SecuritySetup,
} from './cosem/classes.ts'
export {
  anyData,
  array,
  bitString,
  boolean,
  type DataType,
  dateTime,
  enumeration,
  int8,
  int16,
  int32,
  logicalName,
  nullable,
  octetString,
  structure,
  uint8,
  uint16,
  uint32,
  unit,
  type ValueOf,
} from './cosem/data-type.ts'
export {
  type Attribute,
  type AttributeRef,
  attribute,
  attributeRef,
  type InterfaceClass,
  interfaceClass,
  type Method,
  type MethodRef,
  method,
  methodRef,
  type ObjectRefs,
} from './cosem/interface-table.ts'
export { obisName } from './cosem/obis-names.ts'
export {
  type CaptureObject,
  CLOCK_TIME,
  capture,
  decodeSelection,
  type EntrySelection,
  encodeSelection,
  type ProfileSelection,
  type RangeSelection,
} from './cosem/selective-access.ts'
export { DlmsError, type DlmsErrorCode, type DlmsErrorDetail } from './dlms-error.ts'
export type { CarriedApdu, Carrier } from './explain/capture.ts'
export { explain, faultsOf, type OnApdu } from './explain/explain.ts'
export { formatData, formatDateTime } from './explain/format.ts'
export { type ExplainedFault, ExplainedNode, type OctetSpace } from './explain/node.ts'
export { type Opened, type OpeningKeys, type OpeningOptions, openWith } from './explain/opening.ts'
export type { Framing, FramingEvent } from './framing.ts'
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
  type HdlcFault,
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
export { decodePush, type PushResult, type PushSecurity, readPush } from './push/decode.ts'
export { decodeNotification, type PushedData } from './push/notification.ts'
export { type MeterTime, meterTime, type PushedReadings, type PushReading, readingsOf } from './push/readings.ts'
export {
  associatedData,
  type CipherKeys,
  initializationVector,
  type OpenedApdu,
  type OpenOptions,
  openApdu,
  type SealOptions,
  sealApdu,
} from './security/cipher.ts'
export {
  controlOctet,
  decodeControlOctet,
  encodeControlOctet,
  type Protection,
  protectionOf,
  protectsAs,
  type SecurityControl,
} from './security/control.ts'
export { CounterLease, MAX_COUNTER, ReplayGuard } from './security/counters.ts'
export { type CryptoProvider, SecretKey, TAG_OCTETS } from './security/crypto-provider.ts'
export { gmacToken, verifyGmacToken } from './security/hls-gmac.ts'
export {
  DlmsServer,
  type DlmsServerOptions,
  feedServer,
  type ServerConnection,
  type ServerEvent,
} from './server/dlms-server.ts'
export { hdlcServerFraming } from './server/hdlc-framing.ts'
export {
  type AccessRight,
  CURRENT_ASSOCIATION,
  type ServerAssociationProfile,
  type ServerModel,
  serverModel,
} from './server/model.ts'
export {
  Encoded,
  type MethodOutcome,
  Refusal,
  type RowSelection,
  type ServedObject,
  type ServedProfile,
  type ServedValue,
  type ServeHandlers,
  type ServerRequest,
  serving,
} from './server/served-object.ts'
export {
  decodeWrapper,
  encodeWrapper,
  WRAPPER_HEADER_OCTETS,
  WRAPPER_MAX_LENGTH,
  WRAPPER_PORT,
  WrapperDecoder,
  type WrapperFrame,
  type WrapperOptions,
  wrapperFraming,
} from './wrapper/wrapper.ts'
export type {
  ActionResponse,
  Apdu,
  ApduType,
  AttributeDescriptor,
  ConfirmedServiceError,
  DataBlock,
  EncodedData,
  ExceptionResponse,
  GetBlock,
  GetDataResult,
  InitiateRequest,
  InitiateResponse,
  MethodDescriptor,
  NotificationApdu,
  RequestApdu,
  ResponseApdu,
  SelectedAttribute,
  SelectiveAccess,
} from './xdlms/apdu.ts'
export {
  type CipheredApdu,
  type CipherKind,
  cipheredTag,
  cipherKind,
  decodeCiphered,
  encodeCiphered,
  type KeyInfo,
} from './xdlms/ciphered.ts'
export {
  type ConformanceBit,
  conformance,
  conformanceBits,
  conforms,
  DEFAULT_CONFORMANCE,
} from './xdlms/conformance.ts'
export { decodeApdu } from './xdlms/decode.ts'
export { encodeApdu } from './xdlms/encode.ts'
export {
  type ActionResult,
  actionResults,
  type DataAccessResult,
  dataAccessResults,
  type ServiceError,
  type StateError,
  serviceErrors,
  stateErrors,
  type UnknownCode,
} from './xdlms/results.ts'
