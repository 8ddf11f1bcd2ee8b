import { type ObisCode, obisCode } from '@gridtally/metering'

/** Scaler and unit a published list definition gives to values that travel without. */
export interface KnownQuantity {
  readonly scaler: number
  /** COSEM unit code. */
  readonly unit: number
}

const W = { scaler: 0, unit: 27 }
const VAR = { scaler: 0, unit: 29 }
const WH = { scaler: 0, unit: 30 }
const VARH = { scaler: 0, unit: 32 }
const MILLIAMPERE = { scaler: -3, unit: 33 }
const DECIVOLT = { scaler: -1, unit: 35 }

/** One place in a list that goes by position. */
export interface ListPlace {
  readonly obis: ObisCode
  readonly quantity?: KnownQuantity
}

const place = (obis: string, quantity?: KnownQuantity): ListPlace => ({
  obis: obisCode(obis),
  ...(quantity && { quantity }),
})

const IDENTITY = [place('1.1.0.2.129.255'), place('0.0.96.1.0.255'), place('0.0.96.1.7.255')]
const POWER = [
  place('1.0.1.7.0.255', W),
  place('1.0.2.7.0.255', W),
  place('1.0.3.7.0.255', VAR),
  place('1.0.4.7.0.255', VAR),
]
const currents = (...phases: readonly number[]): ListPlace[] =>
  phases.map((phase) => place(`1.0.${11 + 20 * phase}.7.0.255`, MILLIAMPERE))
const voltages = (...phases: readonly number[]): ListPlace[] =>
  phases.map((phase) => place(`1.0.${12 + 20 * phase}.7.0.255`, DECIVOLT))
const HOURLY = [
  place('0.0.1.0.0.255'),
  place('1.0.1.8.0.255', WH),
  place('1.0.2.8.0.255', WH),
  place('1.0.3.8.0.255', VARH),
  place('1.0.4.8.0.255', VARH),
]
const ONE_PHASE = [...IDENTITY, ...POWER, ...currents(1), ...voltages(1)]
const THREE_PHASE = [...IDENTITY, ...POWER, ...currents(1, 2, 3), ...voltages(1, 2, 3)]

/**
 * Kaifa's lists of the Norwegian HAN port (KFM_001), by how many values they have: values only, their meaning is agreed.
 * List 1 is the power alone, list 2 adds identity, currents and voltages, list 3 the hourly registers.
 */
const KAIFA: ReadonlyMap<number, readonly ListPlace[]> = new Map([
  [ONE_PHASE.length, ONE_PHASE],
  [ONE_PHASE.length + HOURLY.length, [...ONE_PHASE, ...HOURLY]],
  [THREE_PHASE.length, THREE_PHASE],
  [THREE_PHASE.length + HOURLY.length, [...THREE_PHASE, ...HOURLY]],
])
const KAIFA_LIST_1: readonly ListPlace[] = [POWER[0]]

/**
 * Meaning of the places in a list of values only.
 *
 * @param listId the text in the first place, such as `KFM_001`; `undefined` when the first place is no text
 * @param count how many values the list has
 */
export function positionalList(listId: string | undefined, count: number): readonly ListPlace[] | undefined {
  if (listId?.startsWith('KFM_')) return KAIFA.get(count)
  // The 2.5-second list of the Norwegian port is one number without a word about what it is.
  return listId === undefined && count === 1 ? KAIFA_LIST_1 : undefined
}

/** Kamstrup's lists name their values but scale them by agreement (HAN list definitions: currents 0.01 A, energy 10 Wh). */
export function kamstrupQuantity(obis: ObisCode): KnownQuantity | undefined {
  const [, , c, d] = obis.split('.').map(Number)
  const quantity = c % 20
  if (d === 8 && c < 80) {
    if (quantity === 1 || quantity === 2) return { scaler: 1, unit: 30 }
    return quantity === 3 || quantity === 4 ? { scaler: 1, unit: 32 } : undefined
  }
  if (d !== 7 || c >= 80) return undefined
  switch (quantity) {
    case 1:
    case 2:
      return W
    case 3:
    case 4:
      return VAR
    case 11:
      return c > 20 ? { scaler: -2, unit: 33 } : undefined
    case 12:
      return c > 20 ? { scaler: 0, unit: 35 } : undefined
    case 13:
      return { scaler: -2, unit: 255 }
    default:
      return undefined
  }
}
