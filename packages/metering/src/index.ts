export type { Command, CommandState } from './command.ts'
export type { DataClass, LogEntry, LogHeader, LogPage, LogPayload } from './headend-log.ts'
export { formatLocalDay, type LocalDay, localDayOf, localDayRange, parseLocalDay } from './local-day.ts'
export { formatObis, type ObisCode, obisCode, obisFromBytes, obisToBytes } from './obis.ts'
export {
  DEVICE_FLAGS,
  type DeviceFlag,
  deviceFlags,
  QUALITIES,
  qualityCode,
  qualityOf,
  type ReadingQuality,
} from './quality.ts'
export type { EndDeviceEvent, IntervalKind, IntervalRun, Quantity, Reading, ReadingReason } from './reading.ts'
export { formatScaled, parseScaled } from './scaled.ts'
export { formatInstant, parseInstant, type TimeRange, wallToInstant, zoneOffsetMs } from './time-range.ts'
export { UNITS, unitCode, unitSymbol } from './unit.ts'
export type { Direction, MeterAssignment, UsagePoint } from './usage-point.ts'
