import { type EndDeviceEvent, parseInstant, parseScaled, qualityCode, type ReadingQuality } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { Peer } from '#platform/peer'
import type { Channel, DataExtent, DataSource, Power } from './data-source.ts'
import { tenthsOf } from './fleet.ts'
import type { ListPage, MdmsSource, RegisterValue } from './operator-source.ts'
import type { DayCompleteness } from './schemas.ts'
import type { Series } from './series.ts'
import { decimalText } from './tariff.ts'
import { answered } from './upstream.ts'

/** Intervals as the meter data store gives them: equally spaced runs, ascending. */
interface RunJson {
  readonly start: string
  readonly stepMs: number
  readonly unit: number
  readonly scaler: number
  readonly values: readonly (number | null)[]
  readonly qualities?: readonly (string | number)[]
  readonly flags?: readonly number[]
}

interface UsagePointJson {
  readonly channels: readonly { readonly name: string; readonly from?: string | null; readonly to?: string | null }[]
}

const DEFAULT_STEP_MS = 900_000
const WH = 30
const POWER_IMPORT = '1.0.1.7.0.255'
const POWER_EXPORT = '1.0.2.7.0.255'

const codeOf = (quality: string | number | undefined): number =>
  typeof quality === 'number' ? quality : qualityCode((quality ?? 'RAW') as ReadingQuality)

/**
 * One series without holes out of runs: slots of the shortest step on a grid through `from`'s first run.
 *
 * @param runs of one channel; runs of a longer step fill the slot they begin in only when the step is the series' own
 */
export function seriesOf(runs: readonly RunJson[], from: Instant, to: Instant): Series {
  const energy = runs.filter(({ unit, values }) => unit === WH && values.length > 0)
  const stepMs = Math.min(...energy.map((run) => run.stepMs), DEFAULT_STEP_MS)
  const scaler = Math.min(...energy.map((run) => run.scaler), 0)
  const phase = energy.length > 0 ? parseInstant(energy[0].start) % stepMs : 0
  const start = Math.ceil((from - phase) / stepMs) * stepMs + phase
  const count = Math.max(0, Math.ceil((to - start) / stepMs))
  const values = new Array<number | null>(count).fill(null)
  const qualities = new Array<number>(count).fill(qualityCode('MISSING'))
  const flags = new Array<number>(count).fill(0)
  for (const run of energy) {
    if (run.stepMs !== stepMs) continue
    const first = (parseInstant(run.start) - start) / stepMs
    if (!Number.isInteger(first)) continue
    const factor = 10 ** (run.scaler - scaler)
    for (let i = 0; i < run.values.length; i++) {
      const slot = first + i
      const value = run.values[i]
      if (slot < 0 || slot >= count) continue
      flags[slot] = run.flags?.[i] ?? 0
      if (value === null) continue
      values[slot] = value * factor
      qualities[slot] = codeOf(run.qualities?.[i])
    }
  }
  return { start, stepMs, scaler, values, qualities, flags }
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
    async series(usagePointId, channel: Channel, from, to): Promise<Series> {
      const { runs } = await answered(
        peer.json<{ runs: readonly RunJson[] }>(
          `${point(usagePointId)}/channels/${channel}/intervals?${range(from, to)}`,
        ),
        { USAGE_POINT_UNKNOWN: () => ({ runs: [] }), CHANNEL_UNKNOWN: () => ({ runs: [] }) },
      )
      return seriesOf(runs, from, to)
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
