/** Which way energy passes at a usage point's channel. */
export type Direction = 'import' | 'export'

/** The place where a customer's supply is metered (IEC 61968-9 UsagePoint; MPAN, EAN, NMI, PRM elsewhere). */
export interface UsagePoint {
  readonly id: string
  /** IANA zone whose local days its data is kept in. */
  readonly zone: string
  readonly commodity: 'electricity' | 'gas' | 'water' | 'heat'
  /** What the usage point is, in a word people chose: `household`, `shop`, `pv`, `vacant`, … */
  readonly category: string
}

/** A meter at a usage point for a time (effective-dated, half-open; `to` null while it lasts). */
export interface MeterAssignment {
  readonly usagePointId: string
  readonly meterId: string
  readonly from: number
  readonly to: number | null
}
