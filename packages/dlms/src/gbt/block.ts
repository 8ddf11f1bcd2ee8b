import { ByteReader, ByteWriter, DecodeError } from '@gridtally/wire'

/** Tag of a general-block-transfer APDU. */
export const GBT_TAG = 0xe0

/** A general-block-transfer APDU (IEC 62056-5-3, General-Block-Transfer): a numbered piece of another APDU. */
export interface GeneralBlock {
  readonly lastBlock: boolean
  /** The sender goes on without waiting for a block from the other side. */
  readonly streaming: boolean
  /** Blocks the sender can take in one go, 0 to 63. */
  readonly window: number
  /** From 1. */
  readonly blockNumber: number
  /** Highest block number received in sequence. */
  readonly acknowledged: number
  /** A view on the input when decoded. */
  readonly data: Uint8Array
}

/** Encodes a block with its tag. */
export function encodeBlock(block: GeneralBlock): Uint8Array {
  const writer = new ByteWriter(block.data.length + 12)
  writer
    .uint8(GBT_TAG)
    .uint8((block.lastBlock ? 0x80 : 0) | (block.streaming ? 0x40 : 0) | (block.window & 0x3f))
    .uint16(block.blockNumber)
    .uint16(block.acknowledged)
  const length = block.data.length
  if (length < 0x80) writer.uint8(length)
  else if (length < 0x100) writer.uint8(0x81).uint8(length)
  else if (length < 0x10000) writer.uint8(0x82).uint16(length)
  else writer.uint8(0x84).uint32(length)
  return writer.bytes(block.data).finish()
}

/** Reads the block at the reader, tag included. Octets behind it are left. Throws DecodeError. */
export function readBlock(reader: ByteReader): GeneralBlock {
  const at = reader.offset
  if (reader.uint8() !== GBT_TAG) throw new DecodeError('INVALID', at, 'no general-block-transfer')
  const control = reader.uint8()
  const blockNumber = reader.uint16()
  const acknowledged = reader.uint16()
  const lengthAt = reader.offset
  const first = reader.uint8()
  if (first > 0x84 || first === 0x80) throw new DecodeError('INVALID', lengthAt, 'block length')
  const length = first < 0x80 ? first : reader.uint(first & 0x7f)
  return {
    lastBlock: (control & 0x80) !== 0,
    streaming: (control & 0x40) !== 0,
    window: control & 0x3f,
    blockNumber,
    acknowledged,
    data: reader.take(length),
  }
}

/** Decodes one block; octets after it are let pass, as meters pad. */
export function decodeBlock(bytes: Uint8Array): GeneralBlock {
  return readBlock(new ByteReader(bytes))
}

/** Cuts an APDU into streamed blocks of at most `size` octets, as meters push it. */
export function splitBlocks(apdu: Uint8Array, size: number): GeneralBlock[] {
  if (size < 1) throw new RangeError(`blocks of ${size} octets`)
  const blocks: GeneralBlock[] = []
  for (let at = 0; at === 0 || at < apdu.length; at += size)
    blocks.push({
      lastBlock: at + size >= apdu.length,
      streaming: at + size < apdu.length,
      window: 0,
      blockNumber: blocks.length + 1,
      acknowledged: 0,
      data: apdu.subarray(at, at + size),
    })
  return blocks
}
