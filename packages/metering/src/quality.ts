/**
 * How far a value can be trusted, one word each; the table maps it to the wire codes of IEC 61968-9 (`system.category.sub`).
 * Code 0 means plain and unremarked: most values.
 */
export const QUALITIES = {
  RAW: { code: 0, cim: '', words: 'as read, not yet checked' },
  VALID: { code: 1, cim: '3.0.1', words: 'measured and checked' },
  VERIFIED: { code: 2, cim: '3.7.0', words: 'failed a check, judged true' },
  PROVISIONAL: { code: 3, cim: '3.10.0', words: 'provisional' },
  ESTIMATED: { code: 4, cim: '3.8.0', words: 'estimated' },
  FINAL_ESTIMATED: { code: 5, cim: '3.8.1', words: 'estimated for good' },
  FORECAST: { code: 6, cim: '3.12.0', words: 'forecast' },
  EDITED: { code: 7, cim: '3.7.1', words: 'edited by a person' },
  DERIVED: { code: 8, cim: '3.11.0', words: 'derived' },
  MISSING: { code: 9, cim: '2.5.259', words: 'missing' },
  REJECTED: { code: 10, cim: '3.6.0', words: 'rejected by a check' },
} as const

/** Internal quality word of a value. */
export type ReadingQuality = keyof typeof QUALITIES

const BY_CODE = new Map(Object.entries(QUALITIES).map(([name, { code }]) => [code as number, name as ReadingQuality]))

/** Code (0 … 15) of a quality, as blocks store it. */
export function qualityCode(quality: ReadingQuality): number {
  return QUALITIES[quality].code
}

/** Quality of a stored code. Throws RangeError for codes the table lacks. */
export function qualityOf(code: number): ReadingQuality {
  const found = BY_CODE.get(code)
  if (!found) throw new RangeError(`no reading quality has code ${code}`)
  return found
}

/** What the device said about an interval, as bits; several may hold. Names after IEC 61968-9 category 1 and 2 codes. */
export const DEVICE_FLAGS = {
  POWER_FAIL: 0x01,
  CLOCK_CHANGED: 0x02,
  CLOCK_INVALID: 0x04,
  INVALID_VALUE: 0x08,
  DAYLIGHT_SAVING: 0x10,
  TEST_MODE: 0x20,
  OVERFLOW: 0x40,
  MANUAL_READ: 0x80,
} as const

/** Name of one device flag. */
export type DeviceFlag = keyof typeof DEVICE_FLAGS

/** The names of the flags set in `bits`. */
export function deviceFlags(bits: number): DeviceFlag[] {
  // Object.keys of a const table gives its literal keys.
  return (Object.keys(DEVICE_FLAGS) as DeviceFlag[]).filter((name) => bits & DEVICE_FLAGS[name])
}
