import type { ObisCode } from '@gridtally/metering'

/** Names of logical names met in nearly every electricity meter (IEC 62056-6-1). For people; not a full dictionary. */
const NAMES: Readonly<Record<string, string>> = {
  '0.0.1.0.0.255': 'Clock',
  '0.0.40.0.0.255': 'Current association',
  '0.0.41.0.0.255': 'SAP assignment',
  '0.0.42.0.0.255': 'Logical device name',
  '0.0.43.0.0.255': 'Security setup',
  '0.0.43.1.0.255': 'Invocation counter',
  '0.0.44.0.0.255': 'Image transfer',
  '0.0.96.1.0.255': 'Serial number',
  '0.0.96.3.10.255': 'Disconnect control',
  '0.0.96.7.21.255': 'Power failures, any phase',
  '0.0.96.10.1.255': 'Profile status',
  '0.0.96.11.0.255': 'Event code',
  '0.0.97.97.0.255': 'Error register',
  '0.0.97.98.0.255': 'Alarm register',
  '0.0.98.1.0.255': 'Billing profile',
  '0.0.99.98.0.255': 'Standard event log',
  '0.0.99.98.1.255': 'Fraud detection log',
  '1.0.0.2.0.255': 'Firmware version',
  '1.0.1.7.0.255': 'Active power, import',
  '1.0.2.7.0.255': 'Active power, export',
  '1.0.1.8.0.255': 'Active energy, import',
  '1.0.2.8.0.255': 'Active energy, export',
  '1.0.3.8.0.255': 'Reactive energy, import',
  '1.0.4.8.0.255': 'Reactive energy, export',
  '1.0.31.7.0.255': 'Current, L1',
  '1.0.32.7.0.255': 'Voltage, L1',
  '1.0.51.7.0.255': 'Current, L2',
  '1.0.52.7.0.255': 'Voltage, L2',
  '1.0.71.7.0.255': 'Current, L3',
  '1.0.72.7.0.255': 'Voltage, L3',
  '1.0.99.1.0.255': 'Load profile',
  '1.0.99.2.0.255': 'Daily billing profile',
}

/** Name of an OBIS code; `undefined` when the small dictionary lacks it. */
export function obisName(code: ObisCode): string | undefined {
  return NAMES[code]
}
