/** Table of a reflected CRC-16 for `polynomial` (already reflected). */
function crcTable(polynomial: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, octet) => {
    let crc = octet
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    return crc
  })
}

const X25 = crcTable(0x8408)

/** CRC-16/X-25 as HDLC's HCS and FCS use it (ISO/IEC 13239): reflected 0x1021, start 0xFFFF, complemented. */
export function crc16X25(bytes: Uint8Array, from = 0, to: number = bytes.length): number {
  let crc = 0xffff
  for (let i = from; i < to; i++) crc = (crc >>> 8) ^ X25[(crc ^ bytes[i]) & 0xff]
  return crc ^ 0xffff
}

const CRC32 = Uint32Array.from({ length: 256 }, (_, octet) => {
  let crc = octet
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc >>> 0
})

/** CRC-32 as in ISO 3309 (gzip, PNG). */
export function crc32(bytes: Uint8Array, from = 0, to: number = bytes.length): number {
  let crc = 0xffffffff
  for (let i = from; i < to; i++) crc = (crc >>> 8) ^ CRC32[(crc ^ bytes[i]) & 0xff]
  return (crc ^ 0xffffffff) >>> 0
}
