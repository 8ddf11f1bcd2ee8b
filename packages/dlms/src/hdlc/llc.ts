/** LLC header of commands, client to server (IEC 62056-46 §5.3): destination E6, source E6, quality 00. */
export const LLC_COMMAND: Uint8Array = Uint8Array.of(0xe6, 0xe6, 0x00)

/** LLC header of responses and of pushed data, server to client. */
export const LLC_RESPONSE: Uint8Array = Uint8Array.of(0xe6, 0xe7, 0x00)

/** Octets of an LLC header at the front of `bytes`: 3, or 0 when there is none. */
export function llcLength(bytes: Uint8Array, at = 0): 0 | 3 {
  return bytes[at] === 0xe6 && (bytes[at + 1] === 0xe6 || bytes[at + 1] === 0xe7) && bytes[at + 2] === 0 ? 3 : 0
}
