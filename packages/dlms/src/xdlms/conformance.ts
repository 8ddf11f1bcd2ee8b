/** Bits of the conformance block, counted from the first (most significant) of 24 (IEC 62056-5-3, Conformance). */
const BITS = {
  'general-protection': 1,
  'general-block-transfer': 2,
  read: 3,
  write: 4,
  'unconfirmed-write': 5,
  'delta-value-encoding': 6,
  'attribute0-supported-with-set': 8,
  'priority-mgmt-supported': 9,
  'attribute0-supported-with-get': 10,
  'block-transfer-with-get-or-read': 11,
  'block-transfer-with-set-or-write': 12,
  'block-transfer-with-action': 13,
  'multiple-references': 14,
  'information-report': 15,
  'data-notification': 16,
  access: 17,
  'parameterized-access': 18,
  get: 19,
  set: 20,
  'selective-access': 21,
  'event-notification': 22,
  action: 23,
} as const

/** A service or feature both sides agree on when they associate. */
export type ConformanceBit = keyof typeof BITS

/** The 24 bits as a number, most significant first. */
export function conformance(...bits: readonly ConformanceBit[]): number {
  return bits.reduce((sum, bit) => sum | (1 << (23 - BITS[bit])), 0)
}

/** Whether `block` has a bit set. */
export function conforms(block: number, bit: ConformanceBit): boolean {
  return (block & (1 << (23 - BITS[bit]))) !== 0
}

/** Names of the bits set in `block`. */
export function conformanceBits(block: number): ConformanceBit[] {
  // Object.keys of a const table gives its literal keys.
  return (Object.keys(BITS) as ConformanceBit[]).filter((bit) => conforms(block, bit))
}

/** What a client for logical names asks for unless told otherwise. */
export const DEFAULT_CONFORMANCE = conformance(
  'general-protection',
  'priority-mgmt-supported',
  'block-transfer-with-get-or-read',
  'block-transfer-with-set-or-write',
  'block-transfer-with-action',
  'multiple-references',
  'data-notification',
  'get',
  'set',
  'selective-access',
  'event-notification',
  'action',
)
