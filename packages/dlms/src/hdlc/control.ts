import { DecodeError } from '@gridtally/wire'

/** What a frame is for; `final` is the poll/final bit, `ns` and `nr` are modulo 8 (ISO/IEC 13239 §5.3). */
export type HdlcControl =
  | { readonly kind: 'I'; readonly ns: number; readonly nr: number; readonly final: boolean }
  | { readonly kind: 'RR' | 'RNR'; readonly nr: number; readonly final: boolean }
  | { readonly kind: UnnumberedKind; readonly final: boolean }

/** Frames without sequence numbers. */
export type UnnumberedKind = keyof typeof UNNUMBERED

/** Control octets with the poll/final bit clear. */
const UNNUMBERED = { SNRM: 0x83, DISC: 0x43, UA: 0x63, DM: 0x0f, FRMR: 0x87, UI: 0x03 } as const

// Object.entries of a const table gives its literal keys.
const BY_OCTET = new Map(Object.entries(UNNUMBERED).map(([kind, octet]) => [octet as number, kind as UnnumberedKind]))

/** The control octet. */
export function encodeControl(control: HdlcControl): number {
  const final = control.final ? 0x10 : 0
  switch (control.kind) {
    case 'I':
      return (control.nr << 5) | final | (control.ns << 1)
    case 'RR':
      return (control.nr << 5) | final | 0x01
    case 'RNR':
      return (control.nr << 5) | final | 0x05
    default:
      return UNNUMBERED[control.kind] | final
  }
}

/** Meaning of a control octet; `undefined` for octets HDLC as DLMS uses it does not have. */
export function controlOf(octet: number): HdlcControl | undefined {
  const final = (octet & 0x10) !== 0
  if ((octet & 0x01) === 0) return { kind: 'I', ns: (octet >> 1) & 7, nr: octet >> 5, final }
  if ((octet & 0x0f) === 0x01) return { kind: 'RR', nr: octet >> 5, final }
  if ((octet & 0x0f) === 0x05) return { kind: 'RNR', nr: octet >> 5, final }
  const kind = BY_OCTET.get(octet & 0xef)
  return kind && { kind, final }
}

/** Meaning of a control octet; `at` is the offset told for octets that have none. Throws DecodeError `INVALID`. */
export function decodeControl(octet: number, at = 0): HdlcControl {
  const control = controlOf(octet)
  if (!control) throw new DecodeError('INVALID', at, `control octet 0x${octet.toString(16)}`)
  return control
}
