import type { CosemDate, CosemDateTime, CosemTime } from './date-time.ts'

/** Tags of the COSEM data types (IEC 62056-5-3, `Data`), by the standard's names. */
export const DATA_TAGS = {
  'null-data': 0,
  array: 1,
  structure: 2,
  boolean: 3,
  'bit-string': 4,
  'double-long': 5,
  'double-long-unsigned': 6,
  'octet-string': 9,
  'visible-string': 10,
  'utf8-string': 12,
  bcd: 13,
  integer: 15,
  long: 16,
  unsigned: 17,
  'long-unsigned': 18,
  'compact-array': 19,
  long64: 20,
  'long64-unsigned': 21,
  enum: 22,
  float32: 23,
  float64: 24,
  'date-time': 25,
  date: 26,
  time: 27,
  'delta-integer': 28,
  'delta-long': 29,
  'delta-double-long': 30,
  'delta-unsigned': 31,
  'delta-long-unsigned': 32,
  'delta-double-long-unsigned': 33,
  'dont-care': 255,
} as const

/** Name of a COSEM data type. */
export type DataTypeName = keyof typeof DATA_TAGS

/** Types whose value is a whole number of up to 32 bits. */
export type SmallIntegerName =
  | 'bcd'
  | 'integer'
  | 'long'
  | 'unsigned'
  | 'long-unsigned'
  | 'double-long'
  | 'double-long-unsigned'
  | 'enum'
  | 'delta-integer'
  | 'delta-long'
  | 'delta-double-long'
  | 'delta-unsigned'
  | 'delta-long-unsigned'
  | 'delta-double-long-unsigned'

/** What all elements of a compact-array look like. */
export type TypeDescription =
  | { readonly type: Exclude<DataTypeName, 'array' | 'structure' | 'compact-array'> }
  | { readonly type: 'array'; readonly count: number; readonly of: TypeDescription }
  | { readonly type: 'structure'; readonly of: readonly TypeDescription[] }

/** One COSEM value of any type, as A-XDR carries it. */
export type DlmsData =
  | { readonly type: 'null-data'; readonly value: null }
  | { readonly type: 'dont-care'; readonly value: null }
  | { readonly type: 'array'; readonly value: readonly DlmsData[] }
  | { readonly type: 'structure'; readonly value: readonly DlmsData[] }
  | { readonly type: 'compact-array'; readonly value: readonly DlmsData[]; readonly description: TypeDescription }
  | { readonly type: 'boolean'; readonly value: boolean }
  /** One character, `0` or `1`, a bit; the first is bit 0 of the standard. */
  | { readonly type: 'bit-string'; readonly value: string }
  | { readonly type: SmallIntegerName; readonly value: number }
  | { readonly type: 'long64'; readonly value: bigint }
  | { readonly type: 'long64-unsigned'; readonly value: bigint }
  | { readonly type: 'float32'; readonly value: number }
  | { readonly type: 'float64'; readonly value: number }
  | { readonly type: 'octet-string'; readonly value: Uint8Array }
  /** One character an octet (ISO 8859-1). */
  | { readonly type: 'visible-string'; readonly value: string }
  | { readonly type: 'utf8-string'; readonly value: string }
  | { readonly type: 'date-time'; readonly value: CosemDateTime }
  | { readonly type: 'date'; readonly value: CosemDate }
  | { readonly type: 'time'; readonly value: CosemTime }

const number =
  (type: SmallIntegerName) =>
  (value: number): DlmsData => ({ type, value })

/** Makes values: `axdr.structure([axdr.integer(-1), axdr.enum(30)])`. Ranges are checked when they are encoded. */
export const axdr = {
  null: { type: 'null-data', value: null } as DlmsData,
  array: (value: readonly DlmsData[]): DlmsData => ({ type: 'array', value }),
  structure: (value: readonly DlmsData[]): DlmsData => ({ type: 'structure', value }),
  boolean: (value: boolean): DlmsData => ({ type: 'boolean', value }),
  bitString: (value: string): DlmsData => ({ type: 'bit-string', value }),
  octetString: (value: Uint8Array): DlmsData => ({ type: 'octet-string', value }),
  visibleString: (value: string): DlmsData => ({ type: 'visible-string', value }),
  utf8String: (value: string): DlmsData => ({ type: 'utf8-string', value }),
  bcd: number('bcd'),
  /** 8 bits, signed. */
  integer: number('integer'),
  /** 16 bits, signed. */
  long: number('long'),
  /** 32 bits, signed. */
  doubleLong: number('double-long'),
  /** 8 bits. */
  unsigned: number('unsigned'),
  /** 16 bits. */
  longUnsigned: number('long-unsigned'),
  /** 32 bits. */
  doubleLongUnsigned: number('double-long-unsigned'),
  enum: number('enum'),
  long64: (value: bigint): DlmsData => ({ type: 'long64', value }),
  long64Unsigned: (value: bigint): DlmsData => ({ type: 'long64-unsigned', value }),
  float32: (value: number): DlmsData => ({ type: 'float32', value }),
  float64: (value: number): DlmsData => ({ type: 'float64', value }),
  dateTime: (value: CosemDateTime): DlmsData => ({ type: 'date-time', value }),
  date: (value: CosemDate): DlmsData => ({ type: 'date', value }),
  time: (value: CosemTime): DlmsData => ({ type: 'time', value }),
  compactArray: (description: TypeDescription, value: readonly DlmsData[]): DlmsData => ({
    type: 'compact-array',
    value,
    description,
  }),
}
