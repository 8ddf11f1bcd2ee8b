/** Security control octet of a ciphered APDU (IEC 62056-5-3, SC). */
export interface SecurityControl {
  /** 0 AES-128-GCM; 1 and 2 add elliptic curves. */
  readonly suite: number
  readonly authenticated: boolean
  readonly encrypted: boolean
  /** Under the broadcast key instead of the unicast one. */
  readonly broadcast: boolean
  readonly compressed: boolean
}

/** Reads a security control octet. */
export function decodeControlOctet(octet: number): SecurityControl {
  return {
    suite: octet & 0x0f,
    authenticated: (octet & 0x10) !== 0,
    encrypted: (octet & 0x20) !== 0,
    broadcast: (octet & 0x40) !== 0,
    compressed: (octet & 0x80) !== 0,
  }
}

/** Makes a security control octet. */
export function encodeControlOctet(control: SecurityControl): number {
  return (
    (control.suite & 0x0f) |
    (control.authenticated ? 0x10 : 0) |
    (control.encrypted ? 0x20 : 0) |
    (control.broadcast ? 0x40 : 0) |
    (control.compressed ? 0x80 : 0)
  )
}

/** What protects an APDU: the security policy of suite 0, per direction. */
export type Protection = 'none' | 'authenticated' | 'encrypted' | 'authenticated-encrypted'

/** Protection a control octet announces. */
export function protectionOf(octet: number): Protection {
  switch (octet & 0x30) {
    case 0x10:
      return 'authenticated'
    case 0x20:
      return 'encrypted'
    case 0x30:
      return 'authenticated-encrypted'
    default:
      return 'none'
  }
}

const CONTROL: Readonly<Record<Protection, number>> = {
  none: 0x00,
  authenticated: 0x10,
  encrypted: 0x20,
  'authenticated-encrypted': 0x30,
}

/** Control octet of suite 0 for a protection. */
export function controlOctet(protection: Protection, broadcast = false): number {
  return CONTROL[protection] | (broadcast ? 0x40 : 0)
}

/** Whether `given` protects at least as `demanded` does. */
export function protectsAs(given: Protection, demanded: Protection): boolean {
  return (CONTROL[given] & CONTROL[demanded]) === CONTROL[demanded]
}
