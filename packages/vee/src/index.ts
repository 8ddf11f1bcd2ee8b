export {
  type BlockSummary,
  blockAsKnownAt,
  blockEnd,
  type IntervalBlock,
  isEstimated,
  MAX_BLOCK_INTERVALS,
  MAX_BLOCK_VALUE,
  mark,
  markFlags,
  markQuality,
  qualityRank,
  summariseBlock,
} from './block.ts'
export { decodeBlock, encodeBlock } from './block-codec.ts'
export { type Merged, type MergeOutcome, type MergeTimes, mergeBlocks } from './merge.ts'
export { type DayBlock, intervalsInDay, type Splittable, splitRun } from './split.ts'
