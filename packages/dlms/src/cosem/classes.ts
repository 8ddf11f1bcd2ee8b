import {
  anyData,
  array,
  boolean,
  dateTime,
  enumeration,
  int8,
  int16,
  logicalName,
  octetString,
  structure,
  uint8,
  uint16,
  uint32,
  unit,
} from './data-type.ts'
import { attribute, interfaceClass, method } from './interface-table.ts'

/** `value × 10^scaler` in `unit`. */
const scalerUnit = structure({ scaler: int8, unit })

/** COSEM Data, class_id 1, version 0 (IEC 62056-6-2): one value of any type. */
export const Data = interfaceClass({
  classId: 1,
  version: 0,
  attributes: { value: attribute(2, anyData) },
  methods: {},
})

/**
 * COSEM Register, class_id 3, version 0 (IEC 62056-6-2).
 *
 * The quantity is `value × 10^scaler`, in `unit`.
 */
export const Register = interfaceClass({
  classId: 3,
  version: 0,
  attributes: { value: attribute(2, anyData), scalerUnit: attribute(3, scalerUnit) },
  methods: { reset: method(1, int8) },
})

/** COSEM Extended register, class_id 4, version 0: a register with status and the time of its value. */
export const ExtendedRegister = interfaceClass({
  classId: 4,
  version: 0,
  attributes: {
    value: attribute(2, anyData),
    scalerUnit: attribute(3, scalerUnit),
    status: attribute(4, anyData),
    captureTime: attribute(5, dateTime),
  },
  methods: { reset: method(1, int8) },
})

/** COSEM Demand register, class_id 5, version 0: current and last average over a period. */
export const DemandRegister = interfaceClass({
  classId: 5,
  version: 0,
  attributes: {
    currentAverageValue: attribute(2, anyData),
    lastAverageValue: attribute(3, anyData),
    scalerUnit: attribute(4, scalerUnit),
    status: attribute(5, anyData),
    captureTime: attribute(6, dateTime),
    startTimeCurrent: attribute(7, dateTime),
    period: attribute(8, uint32),
    numberOfPeriods: attribute(9, uint16),
  },
  methods: { reset: method(1, int8), nextPeriod: method(2, int8) },
})

/** What a profile captures: an attribute, or element `dataIndex` of it (0 is all of it). */
export const captureObject = structure({
  classId: uint16,
  logicalName,
  attributeId: int8,
  dataIndex: uint16,
})

/** COSEM Profile generic, class_id 7, version 1: a table with a row a capture. */
export const ProfileGeneric = interfaceClass({
  classId: 7,
  version: 1,
  attributes: {
    buffer: attribute(2, anyData),
    captureObjects: attribute(3, array(captureObject)),
    /** Seconds; 0 means captured on demand. */
    capturePeriod: attribute(4, uint32),
    sortMethod: attribute(5, enumeration),
    sortObject: attribute(6, captureObject),
    entriesInUse: attribute(7, uint32),
    profileEntries: attribute(8, uint32),
  },
  methods: { reset: method(1, int8), capture: method(2, int8) },
})

/** COSEM Clock, class_id 8, version 0. */
export const Clock = interfaceClass({
  classId: 8,
  version: 0,
  attributes: {
    time: attribute(2, dateTime),
    /** Minutes from local standard time to UTC. */
    timeZone: attribute(3, int16),
    status: attribute(4, uint8),
    daylightSavingsBegin: attribute(5, dateTime),
    daylightSavingsEnd: attribute(6, dateTime),
    /** Minutes. */
    daylightSavingsDeviation: attribute(7, int8),
    daylightSavingsEnabled: attribute(8, boolean),
    clockBase: attribute(9, enumeration),
  },
  methods: {
    adjustToQuarter: method(1, int8),
    adjustToMeasuringPeriod: method(2, int8),
    adjustToMinute: method(3, int8),
    adjustToPresetTime: method(4, int8),
    presetAdjustingTime: method(
      5,
      structure({ presetTime: dateTime, validityIntervalStart: dateTime, validityIntervalEnd: dateTime }),
    ),
    /** Seconds, −900 to 900. */
    shiftTime: method(6, int16),
  },
})

const accessRights = structure({
  attributes: array(structure({ attributeId: int8, accessMode: enumeration, accessSelectors: anyData })),
  methods: array(structure({ methodId: int8, accessMode: anyData })),
})

/** One line of an association's object list. */
export const objectListElement = structure({ classId: uint16, version: uint8, logicalName, accessRights })

/** COSEM Association LN, class_id 15, version 1. */
export const AssociationLn = interfaceClass({
  classId: 15,
  version: 1,
  attributes: {
    objectList: attribute(2, array(objectListElement)),
    associatedPartnersId: attribute(3, structure({ clientSap: int8, serverSap: uint16 })),
    applicationContextName: attribute(4, anyData),
    xdlmsContextInfo: attribute(5, anyData),
    authenticationMechanismName: attribute(6, anyData),
    secret: attribute(7, octetString()),
    /** 0 none, 1 pending, 2 associated. */
    associationStatus: attribute(8, enumeration),
    securitySetupReference: attribute(9, logicalName),
  },
  methods: {
    replyToHlsAuthentication: method(1, octetString(), octetString()),
    changeHlsSecret: method(2, octetString()),
    addObject: method(3, objectListElement),
    removeObject: method(4, objectListElement),
  },
})

/** COSEM SAP assignment, class_id 17, version 0: the logical devices inside. */
export const SapAssignment = interfaceClass({
  classId: 17,
  version: 0,
  attributes: {
    sapAssignmentList: attribute(2, array(structure({ sap: uint16, logicalDeviceName: octetString() }))),
  },
  methods: { connectLogicalDevice: method(1, uint16) },
})

/** COSEM Security setup, class_id 64, version 0. */
export const SecuritySetup = interfaceClass({
  classId: 64,
  version: 0,
  attributes: {
    /** 0 none, 1 authenticated, 2 encrypted, 3 both. */
    securityPolicy: attribute(2, enumeration),
    securitySuite: attribute(3, enumeration),
    clientSystemTitle: attribute(4, octetString()),
    serverSystemTitle: attribute(5, octetString()),
  },
  methods: {
    securityActivate: method(1, enumeration),
    /** Keys wrapped by the key encryption key; `keyId` 0 unicast, 1 broadcast, 2 authentication. */
    keyTransfer: method(2, array(structure({ keyId: enumeration, keyWrapped: octetString() }))),
  },
})

/** COSEM Disconnect control, class_id 70, version 0. */
export const DisconnectControl = interfaceClass({
  classId: 70,
  version: 0,
  attributes: {
    outputState: attribute(2, boolean),
    /** 0 disconnected, 1 connected, 2 ready for reconnection. */
    controlState: attribute(3, enumeration),
    controlMode: attribute(4, enumeration),
  },
  methods: { remoteDisconnect: method(1, int8), remoteReconnect: method(2, int8) },
})
