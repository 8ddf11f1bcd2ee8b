import type { LocalDay } from '@gridtally/metering'
import { formatLocalDay } from '@gridtally/metering'
import type { SimulatorConfig } from './config.ts'
import type { FleetDevice } from './fleet.ts'

/** Accounts a demonstration signs in as: the customer at the first usage point, and somebody of the utility. */
export const DEMO_CUSTOMER = 'demo-customer'
/** See {@link DEMO_CUSTOMER}. */
export const DEMO_OPERATOR = 'demo-operator'

/** Two price sheets, the second from the first of January before the fleet's birth on: so that history has a change of price in it. */
export function demoTariffs(config: SimulatorConfig, birthYear: number): readonly object[] {
  const { currency } = config
  const night = [
    { from: '23:00', to: '07:00' },
    { days: [6, 7], from: '00:00', to: '24:00' },
  ]
  const sheet = (id: string, name: string, day: string, dark: string, out: string, standing: string): object => ({
    id,
    name,
    currency,
    taxPercent: '21',
    standingPerDay: standing,
    importPrices: [
      { name: 'night', perKwh: dark, hours: night },
      { name: 'day', perKwh: day },
    ],
    exportPrices: [{ name: '', perKwh: out }],
  })
  return [
    sheet(`demo-${birthYear - 1}`, `Day and night ${birthYear - 1}`, '0.2480', '0.2080', '0.0900', '0.32'),
    sheet(`demo-${birthYear}`, `Day and night ${birthYear}`, '0.2650', '0.2190', '0.0700', '0.35'),
  ]
}

/** Names without people behind them. */
const displayName = (device: FleetDevice): string => {
  const kind = device.archetype === 'shop' ? 'shop' : 'household'
  return `Demo ${kind} ${device.index}`
}

/** What access is told of usage points and their customers; vacant places have none. `since` is the first local day of history. */
export function demoCustomers(
  config: SimulatorConfig,
  devices: readonly FleetDevice[],
  birthYear: number,
  since: LocalDay,
): object {
  const from = formatLocalDay(since)
  return {
    usagePoints: devices.map((device) => ({
      id: device.usagePointId,
      address: device.address,
      zone: config.zone,
      category: device.archetype,
      currency: config.currency,
      tariffs: [
        { tariffId: `demo-${birthYear - 1}`, from, to: `${birthYear}-01-01` },
        { tariffId: `demo-${birthYear}`, from: from > `${birthYear}-01-01` ? from : `${birthYear}-01-01`, to: null },
      ].filter((tariff) => tariff.to === null || tariff.to > tariff.from),
    })),
    customers: devices
      .filter((device) => device.archetype !== 'vacant')
      .map((device) => ({
        id: device.index === 1 ? DEMO_CUSTOMER : `C-${String(device.index).padStart(4, '0')}`,
        name: displayName(device),
        usagePoints: [{ usagePointId: device.usagePointId, from, to: null }],
      })),
  }
}
