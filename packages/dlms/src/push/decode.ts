import { type DecodeCode, DecodeError } from '@gridtally/wire'
import { CaptureScanner, type CarriedApdu, type Carrier } from '../explain/capture.ts'
import { measureApdu } from '../explain/measure.ts'
import { faultOf } from '../explain/node.ts'
import { type OpeningOptions, openWith } from '../explain/opening.ts'
import { cipherKind } from '../xdlms/ciphered.ts'
import { decodeNotification, type PushedData } from './notification.ts'
import { type PushedReadings, readingsOf } from './readings.ts'

/** How a ciphered message was opened. */
export interface PushSecurity {
  readonly systemTitle: Uint8Array
  readonly invocationCounter: number
  /** Whether an authentication tag was there and right. */
  readonly verified: boolean
}

/** One thing a capture of pushed messages holds. */
export type PushResult =
  | {
      readonly kind: 'notification'
      readonly carrier: Carrier
      /** Offset in the capture of the APDU, or of its first piece. */
      readonly offset: number
      readonly notification: PushedData
      readonly readings: PushedReadings
      readonly security?: PushSecurity
    }
  /** An APDU that pushes nothing, such as one of a session. */
  | { readonly kind: 'other'; readonly carrier: Carrier; readonly offset: number; readonly tag: number }
  /** Octets that could not be read, or a message that could not be opened. `offset` counts in the capture. */
  | { readonly kind: 'fault'; readonly offset: number; readonly code: DecodeCode; readonly reason: string }

/**
 * Decodes pushed messages from any capture: bare APDUs, HDLC (with segments and general blocks), M-Bus carrier, wrapper.
 * Never throws for what the octets hold.
 *
 * @param opening keys for ciphered messages; without, these are faults `UNSUPPORTED`
 */
export function decodePush(capture: Uint8Array, opening?: OpeningOptions): PushResult[] {
  const results: PushResult[] = []
  for (const item of CaptureScanner.scan(capture, measureApdu)) {
    if (item.kind === 'gap' && item.fault) results.push({ kind: 'fault', ...item.fault })
    if (item.kind === 'apdu') results.push(readPush(item, opening))
  }
  return results
}

/** What one APDU of a capture pushes. Never throws for what the octets hold. */
export function readPush(carried: CarriedApdu, opening?: OpeningOptions): PushResult {
  try {
    return decodeCarried(carried.octets, carried.carrier, carried.offset, opening)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    // Inside a message put together, or opened, the error's own offset would mislead.
    return { kind: 'fault', ...faultOf(error), offset: carried.offset }
  }
}

function decodeCarried(octets: Uint8Array, carrier: Carrier, offset: number, opening?: OpeningOptions): PushResult {
  let apdu = octets
  let security: PushSecurity | undefined
  if (cipherKind(octets[0])) {
    if (!opening) throw new DecodeError('UNSUPPORTED', 0, 'the message is ciphered and there is no key')
    const opened = openWith(octets, opening)
    apdu = opened.apdu
    const { systemTitle, invocationCounter, verified } = opened
    security = { systemTitle, invocationCounter, verified }
  }
  if (apdu[0] !== 0x0f) return { kind: 'other', carrier, offset, tag: apdu[0] }
  const notification = decodeNotification(apdu)
  return {
    kind: 'notification',
    carrier,
    offset,
    notification,
    readings: readingsOf(notification),
    ...(security && { security }),
  }
}
