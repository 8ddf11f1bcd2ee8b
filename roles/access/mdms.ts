import { type EndDeviceEvent, formatInstant, parseInstant, parseScaled, qualityCode } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { Peer } from '#platform/peer'
import type { Channel, DataExtent, DataSource, Power } from './data-source.ts'
import { tenthsOf } from './fleet.ts'
import type { ListPage, MdmsSource, RegisterValue } from './operator-source.ts'
import type { DayCompleteness } from './schemas.ts'
import type { Series } from './series.ts'
import { decimalText } from './tariff.ts'
import { answered } from './upstream.ts'

/** Intervals as the meter data store gives them: one series, or several where step or grid changed. */
interface SeriesJson {
  readonly start: string
  readonly stepMs: number
  readonly unit: number
  readonly scaler: number
  readonly values: readonly (number | null)[]
  /** Runs of quality code, device flags, number of intervals. */
  readonly marks: readonly (readonly [number, number, number])[]
}

interface UsagePointJson {
  readonly channels: readonly { readonly name: string; readonly from?: string | null; readonly to?: string | null }[]
}

const STEP_MS = 900_000
const MISSING = qualityCode('MISSING')
const WH = 30
const POWER_IMPORT = '1.0.1.7.0.255'
const POWER_EXPORT = '1.0.2.7.0.255'

/** A series of `[from, to)` on the grid of one the store gave; what is not in it is missing. */
function stretch(json: SeriesJson, from: Instant, to: Instant): Series {
  const { stepMs, scaler } = json
  const given = parseInstant(json.start)
  const start = given + Math.ceil((from - given) / stepMs) * stepMs
  const count = Math.max(0, Math.ceil((to - start) / stepMs))
  const values = new Array<number | null>(count).fill(null)
  const qualities = new Array<number>(count).fill(MISSING)
  const flags = new Array<number>(count).fill(0)
  const shift = (given - start) / stepMs
  let i = 0
  for (const [quality, bits, length] of json.marks)
    for (const end = i + length; i < end; i++) {
      const slot = i + shift
      if (slot < 0 || slot >= count) continue
      values[slot] = json.values[i]
      qualities[slot] = json.values[i] === null ? MISSING : quality
      flags[slot] = bits
    }
  return { start, stepMs, scaler, values, qualities, flags }
}

/**
 * Series of `[from, to)` without holes out of what the store gave. Where the length of intervals changed, each stretch begins
 * where the store's series does.
 */
export function seriesOf(given: readonly SeriesJson[], from: Instant, to: Instant): Series[] {
  const energy = given.filter(({ unit, values }) => unit === WH && values.length > 0)
  if (energy.length === 0)
    return [
      stretch({ start: formatInstant(from), stepMs: STEP_MS, unit: WH, scaler: 0, values: [], marks: [] }, from, to),
    ]
  const starts = energy.map(({ start }) => parseInstant(start))
  return energy.map((json, i) => stretch(json, i === 0 ? from : starts[i], starts[i + 1] ?? to))
}

interface ReadingJson {
  readonly obis: string
  readonly at: string
  readonly value: string
  readonly scaler: number
  readonly unit: string | number
  readonly reason: string
}

interface CompletenessJson {
  readonly days: readonly {
    readonly day: string
    readonly expected: number
    readonly present: number
    readonly estimated: number
    readonly meters: number
    readonly metersComplete: number
  }[]
  readonly usagePoints: readonly {
    readonly usagePointId: string
    readonly expected: number
    readonly present: number
  }[]
}

/** The meter data store over HTTP. */
export function createMdms(peer: Peer, now: () => Instant): DataSource & MdmsSource {
  const point = (id: string): string => `/usage-points/${encodeURIComponent(id)}`
  const range = (from: Instant, to: Instant): string =>
    `from=${encodeURIComponent(new Date(from).toISOString())}&to=${encodeURIComponent(new Date(to).toISOString())}`

  async function readings(usagePointId: string, from: Instant, to: Instant): Promise<readonly ReadingJson[]> {
    const { readings } = await answered(
      peer.json<{ readings: readonly ReadingJson[] }>(`${point(usagePointId)}/registers?${range(from, to)}`),
      { USAGE_POINT_UNKNOWN: () => ({ readings: [] }) },
    )
    return readings
  }

  return {
    async extent(usagePointId): Promise<DataExtent> {
      const { channels } = await answered(peer.json<UsagePointJson>(point(usagePointId)), {
        USAGE_POINT_UNKNOWN: () => ({ channels: [] }),
      })
      const own = channels.filter(({ name }) => name === 'import' || name === 'export')
      const froms = own.flatMap(({ from }) => (from ? [parseInstant(from)] : []))
      const tos = own.flatMap(({ to }) => (to ? [parseInstant(to)] : []))
      const hasExport = own.some(({ name }) => name === 'export')
      return {
        channels: hasExport ? ['import', 'export'] : ['import'],
        dataFrom: froms.length > 0 ? Math.min(...froms) : null,
        dataTo: tos.length > 0 ? Math.max(...tos) : null,
      }
    },
    async series(usagePointId, channel: Channel, from, to): Promise<Series[]> {
      const { series } = await answered(
        peer.json<{ series: readonly SeriesJson[] }>(
          `${point(usagePointId)}/channels/${channel}/intervals?${range(from, to)}`,
        ),
        { USAGE_POINT_UNKNOWN: () => ({ series: [] }), CHANNEL_UNKNOWN: () => ({ series: [] }) },
      )
      return seriesOf(series, from, to)
    },
    async power(usagePointId, since): Promise<Power | null> {
      const all = await readings(usagePointId, since, now() + 60_000)
      const latest = (obis: string): ReadingJson | undefined =>
        all
          .filter((one) => one.obis === obis)
          .reduce<ReadingJson | undefined>((a, b) => (a && a.at > b.at ? a : b), undefined)
      const taken = latest(POWER_IMPORT)
      if (!taken) return null
      const given = latest(POWER_EXPORT)
      const isPair = given !== undefined && given.at === taken.at
      const scaler = Math.min(taken.scaler, isPair ? given.scaler : taken.scaler)
      const scaled = (one: ReadingJson): bigint => parseScaled(decimalText(BigInt(one.value), one.scaler), scaler).value
      return { at: parseInstant(taken.at), value: scaled(taken) - (isPair ? scaled(given) : 0n), scaler }
    },
    async completeness(from, to) {
      const { days, usagePoints } = await answered(peer.json<CompletenessJson>(`/completeness?from=${from}&to=${to}`))
      const shown: DayCompleteness[] = days.map(({ day, ...counts }) => ({ date: day, ...counts }))
      const tenths = usagePoints.flatMap(({ usagePointId, expected, present }) => {
        const share = tenthsOf(present, expected)
        return share === null ? [] : [[usagePointId, share] as const]
      })
      return { days: shown, usagePoints: new Map(tenths) }
    },
    async registers(usagePointId): Promise<readonly RegisterValue[]> {
      const latest = new Map<string, ReadingJson>()
      for (const one of await readings(usagePointId, now() - 7 * 86_400_000, now() + 60_000)) {
        const known = latest.get(one.obis)
        if (!known || known.at < one.at) latest.set(one.obis, one)
      }
      return [...latest.values()].map(({ obis, value, scaler, unit, at, reason }) => ({
        obis,
        value: decimalText(BigInt(value), scaler),
        unit: String(unit),
        at: parseInstant(at),
        reason,
      }))
    },
    async events(meterId, after, limit): Promise<ListPage<EndDeviceEvent>> {
      const query = new URLSearchParams({ limit: String(limit), order: 'desc' })
      if (meterId !== undefined) query.set('meterId', meterId)
      if (after !== undefined) query.set('after', after)
      const page = await answered(
        peer.json<ListPage<Omit<EndDeviceEvent, 'at'> & { at: string }>>(`/events?${query}`),
        { METER_UNKNOWN: () => ({ items: [], next: null }) },
      )
      return { items: page.items.map((event) => ({ ...event, at: parseInstant(event.at) })), next: page.next }
    },
    async assignment(meterId) {
      const meter = await answered(
        peer.json<{ usagePoint: { id: string; from: string } | null }>(`/meters/${encodeURIComponent(meterId)}`),
        { METER_UNKNOWN: () => ({ usagePoint: null }) },
      )
      return meter.usagePoint && { usagePointId: meter.usagePoint.id, from: parseInstant(meter.usagePoint.from) }
    },
  }
}
