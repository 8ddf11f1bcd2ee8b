import { type ObisCode, obisCode, obisFromBytes, obisToBytes } from '@gridtally/metering'
import { ByteReader, DecodeError } from '@gridtally/wire'
import { axdr, type DlmsData } from '../axdr/data.ts'
import { type CosemDateTime, encodeDateTime, readDateTime } from '../axdr/date-time.ts'

/** How one attribute's values look as TypeScript, and how they travel. Decoding is lenient about the width of integers. */
export interface DataType<T> {
  /** For messages and lists: `structure{scaler, unit}`. */
  readonly name: string
  /** Throws DecodeError `INVALID` when the value is of another kind. */
  decode(data: DlmsData): T
  encode(value: T): DlmsData
}

/** TypeScript type of a data type's values. */
export type ValueOf<T> = T extends DataType<infer V> ? V : never

function mismatch(data: DlmsData, name: string): DecodeError {
  return new DecodeError('INVALID', 0, `${data.type} where ${name} is expected`)
}

/** Whole number of any integer type; bigints are taken when they are safe. */
function integerOf(data: DlmsData, name: string): number {
  if (typeof data.value === 'number' && Number.isInteger(data.value)) return data.value
  if (typeof data.value === 'bigint' && Number.isSafeInteger(Number(data.value))) return Number(data.value)
  throw mismatch(data, name)
}

function integerType(name: string, make: (value: number) => DlmsData): DataType<number> {
  return { name, decode: (data) => integerOf(data, name), encode: make }
}

/** Any value, undecoded. */
export const anyData: DataType<DlmsData> = { name: 'any', decode: (data) => data, encode: (value) => value }
export const int8: DataType<number> = integerType('integer', axdr.integer)
export const int16: DataType<number> = integerType('long', axdr.long)
export const int32: DataType<number> = integerType('double-long', axdr.doubleLong)
export const uint8: DataType<number> = integerType('unsigned', axdr.unsigned)
export const uint16: DataType<number> = integerType('long-unsigned', axdr.longUnsigned)
export const uint32: DataType<number> = integerType('double-long-unsigned', axdr.doubleLongUnsigned)
export const enumeration: DataType<number> = integerType('enum', axdr.enum)
/** COSEM unit code, 30 = Wh. */
export const unit: DataType<number> = integerType('unit', axdr.enum)

export const boolean: DataType<boolean> = {
  name: 'boolean',
  decode(data) {
    if (typeof data.value === 'boolean') return data.value
    return integerOf(data, 'boolean') !== 0
  },
  encode: axdr.boolean,
}

export const bitString: DataType<string> = {
  name: 'bit-string',
  decode(data) {
    if (data.type !== 'bit-string') throw mismatch(data, 'bit-string')
    return data.value
  },
  encode: axdr.bitString,
}

/** Octets; visible strings are taken too, as some meters send them. `length` binds what is sent and what is taken. */
export function octetString(length?: number): DataType<Uint8Array> {
  const name = length === undefined ? 'octet-string' : `octet-string(${length})`
  return {
    name,
    decode(data) {
      const octets =
        data.type === 'octet-string'
          ? data.value
          : data.type === 'visible-string'
            ? Uint8Array.from(data.value, (c) => c.charCodeAt(0))
            : undefined
      if (!octets || (length !== undefined && octets.length !== length)) throw mismatch(data, name)
      return octets
    },
    encode: axdr.octetString,
  }
}

/** OBIS code in six octets. */
export const logicalName: DataType<ObisCode> = {
  name: 'logical-name',
  decode: (data) => obisFromBytes(octetString(6).decode(data)),
  encode: (value) => axdr.octetString(obisToBytes(value)),
}

/** Date-time in an octet-string of 12; the date-time type is taken too. */
export const dateTime: DataType<CosemDateTime> = {
  name: 'date-time',
  decode(data) {
    if (data.type === 'date-time') return data.value
    return readDateTime(new ByteReader(octetString(12).decode(data)))
  },
  encode: (value) => axdr.octetString(encodeDateTime(value)),
}

/** A list of values of one kind. */
export function array<T>(of: DataType<T>): DataType<readonly T[]> {
  const name = `array<${of.name}>`
  return {
    name,
    decode(data) {
      if (data.type !== 'array' && data.type !== 'structure') throw mismatch(data, name)
      return data.value.map((element) => of.decode(element))
    },
    encode: (value) => axdr.array(value.map((element) => of.encode(element))),
  }
}

/** A record: fields in the standard's order. Fields a newer meter adds at the end are ignored. */
export function structure<F extends Readonly<Record<string, DataType<unknown>>>>(
  fields: F,
): DataType<{ readonly [K in keyof F]: ValueOf<F[K]> }> {
  const entries = Object.entries(fields)
  const name = `structure{${Object.keys(fields).join(', ')}}`
  type Value = { readonly [K in keyof F]: ValueOf<F[K]> }
  return {
    name,
    decode(data) {
      if ((data.type !== 'structure' && data.type !== 'array') || data.value.length < entries.length)
        throw mismatch(data, name)
      return Object.fromEntries(entries.map(([key, type], i) => [key, type.decode(data.value[i])])) as Value
    },
    encode: (value) => axdr.structure(entries.map(([key, type]) => type.encode(value[key]))),
  }
}

/** A field that is null-data when the meter has nothing to say. */
export function nullable<T>(of: DataType<T>): DataType<T | null> {
  return {
    name: `${of.name}?`,
    decode: (data) => (data.type === 'null-data' ? null : of.decode(data)),
    encode: (value) => (value === null ? axdr.null : of.encode(value)),
  }
}

/** Code given as text, or checked already. */
export function toObis(code: ObisCode | string): ObisCode {
  return obisCode(code)
}
