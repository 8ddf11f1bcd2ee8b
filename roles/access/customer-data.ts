import {
  deviceFlags,
  formatInstant,
  formatLocalDay,
  type LocalDay,
  localDayOf,
  localDayRange,
  qualityOf,
  zoneOffsetMs,
} from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import { Problem } from '#platform/http'
import { type BucketLength, bucketEdges, type Energy, sumBuckets } from './buckets.ts'
import type { Channel, DataExtent, DataSource } from './data-source.ts'
import { type Part, seenSlots, seriesOf } from './parts.ts'
import type { Sight } from './policy.ts'
import { type NetPower, netPower } from './power.ts'
import type { Buckets, Intervals, Now, Summary, TariffPeriod } from './schemas.ts'
import { beside, inScaler, isSeen, masked, type Series, usable } from './series.ts'
import type { AccessStore } from './store.ts'
import { decimalText, PRICE_SCALER, priceAt, type Tariff, type TariffSpan, tariffAt } from './tariff.ts'
import { learnUsual, USUAL_DAYS_BACK, type Usual, type UsualDays } from './usual.ts'

/** Most buckets one answer holds. */
export const MOST_BUCKETS = 400

/** Longest range of single intervals one answer holds, in days. */
export const MOST_INTERVAL_DAYS = 40

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MOST_LEARNT = 300
const LEARN_EVERY_MS = 300_000
/** Days fetched at once for an export: a month of quarter hours is a small answer. */
const EXPORT_DAYS = 31

/** A range of local days, half-open. */
export interface DayRange {
  readonly from: LocalDay
  readonly to: LocalDay
}

/** What the services need. */
export interface CustomerDataPorts {
  readonly source: DataSource
  readonly store: Pick<AccessStore, 'tariffs'>
  readonly now: () => Instant
}

const priceText = (price: bigint): string => decimalText(price, PRICE_SCALER)

/** A tariff as people see it. */
function tariffView({ from, to, tariff }: TariffSpan, zone: string): TariffPeriod {
  const prices = (bands: Tariff['importBands']): TariffPeriod['importPrices'] =>
    bands.map(({ name, perKwh }) => ({ name, perKwh: priceText(perKwh) }))
  return {
    name: tariff.name,
    from: formatLocalDay(localDayOf(from, zone)),
    to: to === null ? null : formatLocalDay(localDayOf(to, zone)),
    importPrices: prices(tariff.importBands),
    exportPrices: prices(tariff.exportBands),
    standingPerDay: priceText(tariff.standingPerDay),
  }
}

/** What a person sees of one usage point's data. Every method looks only where the {@link Sight} allows. */
export interface CustomerData {
  extent(sight: Sight): Promise<DataExtent>
  now(sight: Sight): Promise<Now>
  summary(sight: Sight): Promise<Summary>
  /** @throws Problem `RANGE_INVALID`, `RANGE_TOO_LONG` */
  buckets(sight: Sight, range: DayRange, bucket: BucketLength): Promise<Buckets>
  /** @throws Problem `RANGE_INVALID`, `RANGE_TOO_LONG` */
  intervals(sight: Sight, range: DayRange): Promise<Intervals>
  /** CSV text in pieces. @throws Problem `RANGE_INVALID` */
  exportCsv(sight: Sight, range: DayRange): AsyncGenerator<string>
  /** Latest net power, for the live stream. */
  power(sight: Sight): Promise<NetPower | null>
}

/** A power older than this is not shown as what passes now. */
const NOW_WITHIN_MS = 2 * DAY_MS

/** Interval data and money for people. */
export function createCustomerData({ source, store, now }: CustomerDataPorts): CustomerData {
  const learnt = new Map<string, Promise<{ usual: UsualDays; scaler: number }>>()

  /** What of the data the asker may know of at all. */
  async function extent({ place, spans }: Sight): Promise<DataExtent> {
    const { channels, dataFrom, dataTo } = await source.extent(place.id)
    if (dataFrom === null || dataTo === null) return { channels, dataFrom: null, dataTo: null }
    const first = Math.max(dataFrom, spans[0].from)
    const last = spans.at(-1)?.to ?? null
    const end = last === null ? dataTo : Math.min(dataTo, last)
    return end > first ? { channels, dataFrom: first, dataTo: end } : { channels, dataFrom: null, dataTo: null }
  }

  /** Import, and export beside it, over a range cut to the extent; all in one scaler. */
  async function load(
    sight: Sight,
    { channels, dataFrom, dataTo }: DataExtent,
    from: Instant,
    to: Instant,
  ): Promise<readonly Part[]> {
    if (dataFrom === null || dataTo === null) return []
    const start = Math.max(from, dataFrom)
    // Beyond the latest data intervals are missing, not unknown: they are expected until now.
    const end = Math.min(to, Math.max(dataTo, now()))
    if (end <= start) return []
    const [imported, exported] = await Promise.all([
      source.series(sight.place.id, 'import', start, end),
      channels.includes('export') ? source.series(sight.place.id, 'export', start, end) : undefined,
    ])
    const scaler = Math.min(...imported.map((one) => one.scaler), ...(exported ?? []).map((one) => one.scaler))
    return imported.map((one) => ({
      imported: inScaler(one, scaler),
      exported:
        exported &&
        beside(
          exported.map((other) => inScaler(other, scaler)),
          one,
        ),
    }))
  }

  function learn(sight: Sight, extentNow: DataExtent, today: LocalDay): Promise<{ usual: UsualDays; scaler: number }> {
    const { id, zone } = sight.place
    // Older data may still come in (imports, estimates): what was learnt is learnt again now and then.
    const period = Math.floor(performance.now() / LEARN_EVERY_MS)
    const key = JSON.stringify([id, today, sight.spans, extentNow.dataFrom, period])
    let found = learnt.get(key)
    if (!found) {
      if (learnt.size >= MOST_LEARNT) learnt.delete(learnt.keys().next().value ?? '')
      found = (async () => {
        const from = localDayRange(today - USUAL_DAYS_BACK, zone).from
        const to = localDayRange(today, zone).from
        const past = await load(sight, extentNow, from, to)
        const none: UsualDays = { netInHour: () => null, importUpTo: () => null }
        // Days of other interval lengths are not compared: the latest part has the present one.
        const last = past.at(-1)
        if (!last) return { usual: none, scaler: 0 }
        const imported = masked(last.imported, sight.spans)
        return {
          usual: learnUsual(imported, last.exported && masked(last.exported, sight.spans), today, zone),
          scaler: imported.scaler,
        }
      })()
      learnt.set(key, found)
      found.catch(() => learnt.delete(key))
    }
    return found
  }

  async function power(sight: Sight): Promise<NetPower | null> {
    const at = now()
    if (!isSeen(sight.spans, at, at)) return null
    return netPower(await source.latest(sight.place.id), sight.spans, at)
  }

  function levelOf(watts: NetPower, usual: Usual, scaler: number): 'low' | 'usual' | 'high' {
    const value = Number(watts.value) * 10 ** watts.scaler
    if (value < usual.low * 10 ** scaler) return 'low'
    return value > usual.high * 10 ** scaler ? 'high' : 'usual'
  }

  const usualPower = (usual: Usual | null, scaler: number): Now['usual'] =>
    usual && {
      lowW: decimalText(usual.low, scaler),
      medianW: decimalText(usual.median, scaler),
      highW: decimalText(usual.high, scaler),
      days: usual.days,
    }

  const usualEnergy = (usual: Usual | null, scaler: number): Summary['usualByNow'] =>
    usual && {
      lowWh: decimalText(usual.low, scaler),
      medianWh: decimalText(usual.median, scaler),
      highWh: decimalText(usual.high, scaler),
      days: usual.days,
    }

  /** Standing charges of the days of a range that have begun and may be seen; null when a day has no tariff. */
  function standing(sight: Sight, tariffs: readonly TariffSpan[], days: DayRange, known: DataExtent): string | null {
    const { zone } = sight.place
    let sum = 0n
    if (tariffs.length === 0) return null
    for (let day = days.from; day < days.to; day++) {
      const { from, to } = localDayRange(day, zone)
      if (from > now()) break
      const own = sight.spans.find((span) => span.from < to && (span.to === null || span.to > from))
      if (!own || known.dataFrom === null || to <= known.dataFrom) continue
      sum += tariffAt(tariffs, Math.max(from, own.from))?.standingPerDay ?? 0n
    }
    return priceText(sum)
  }

  function checkRange({ from, to }: DayRange): void {
    if (to <= from) throw new Problem('RANGE_INVALID', '"to" must be a later day than "from"')
  }

  return {
    extent,
    power,

    async now(sight) {
      const { place } = sight
      const at = now()
      const [tariffs, current, known] = await Promise.all([store.tariffs(place.id), power(sight), extent(sight)])
      const price = isSeen(sight.spans, at, at) ? priceAt(tariffs, 'import', at, place.zone) : undefined
      const view = {
        usagePointId: place.id,
        currency: place.currency,
        price: price ? { perKwh: priceText(price.perKwh), name: price.name } : null,
      }
      // Values that ended days ago, such as what was imported, say nothing of now.
      if (!current || at - current.at > NOW_WITHIN_MS)
        return { ...view, at: null, source: null, powerW: null, costPerHour: null, usual: null, level: null }
      const channel = current.value < 0n ? 'export' : 'import'
      const then = priceAt(tariffs, channel, current.at, place.zone)
      // A reading stamped with the end of an interval speaks of the hour before that end.
      const heldAt = current.source === 'interval-mean' ? current.at - 1 : current.at
      const day = localDayOf(heldAt, place.zone)
      const { usual: days, scaler } = await learn(sight, known, day)
      const hour = Math.floor((heldAt + zoneOffsetMs(heldAt, place.zone) - day * DAY_MS) / HOUR_MS)
      const usual = days.netInHour(hour)
      return {
        ...view,
        at: formatInstant(current.at, place.zone),
        source: current.source,
        powerW: decimalText(current.value, current.scaler),
        costPerHour: then ? decimalText(current.value * then.perKwh, current.scaler + PRICE_SCALER - 3) : null,
        usual: usualPower(usual, scaler),
        level: usual && levelOf(current, usual, scaler),
      }
    },

    async summary(sight) {
      const { place } = sight
      const { zone } = place
      const at = now()
      const today = localDayOf(at, zone)
      const range = localDayRange(today, zone)
      const [tariffs, known] = await Promise.all([store.tariffs(place.id), extent(sight)])
      const [data, { usual, scaler }] = await Promise.all([
        load(sight, known, range.from, range.to),
        learn(sight, known, today),
      ])
      const edges: Instant[] = []
      for (let edge = range.from; edge < range.to; edge += HOUR_MS) edges.push(edge)
      edges.push(range.to)
      const sum = (channel: Channel): { buckets: Energy[]; total: Energy } =>
        sumBuckets(seriesOf(data, channel), edges, { channel, zone, tariffs, spans: sight.spans, now: at })
      const dataTo = known.dataTo !== null && known.dataTo > range.from ? Math.min(known.dataTo, range.to) : null
      const dayMs = (edge: Instant): number =>
        edge === range.to ? DAY_MS : edge + zoneOffsetMs(edge, zone) - today * DAY_MS
      let grown = 0
      const slots = seenSlots(sight, data, at)
      let next = 0
      const curve = edges.slice(1).map((edge) => {
        for (; next < slots.length && slots[next].end <= edge; next++)
          grown += usable(slots[next].part.imported, slots[next].slot) ?? 0
        const isKnown = dataTo !== null && edge <= dataTo
        const days = usual.importUpTo(dayMs(edge))
        return {
          at: formatInstant(edge, zone),
          energyWh: isKnown ? decimalText(grown, data[0]?.imported.scaler ?? 0) : null,
          usualLowWh: days && decimalText(days.low, scaler),
          usualMedianWh: days && decimalText(days.median, scaler),
          usualHighWh: days && decimalText(days.high, scaler),
        }
      })
      const span = tariffs.find(({ from, to }) => at >= from && (to === null || at < to))
      return {
        usagePointId: place.id,
        asOf: formatInstant(at, zone),
        zone,
        currency: place.currency,
        date: formatLocalDay(today),
        dataTo: known.dataTo === null ? null : formatInstant(known.dataTo, zone),
        import: sum('import').total,
        export: known.channels.includes('export') ? sum('export').total : null,
        standing: standing(sight, tariffs, { from: today, to: today + 1 }, known),
        curve,
        usualByNow: dataTo === null ? null : usualEnergy(usual.importUpTo(dayMs(dataTo)), scaler),
        tariff: span && isSeen(sight.spans, at, at) ? tariffView(span, zone) : null,
      }
    },

    async buckets(sight, days, bucket) {
      checkRange(days)
      const { place } = sight
      const { zone } = place
      const edges = bucketEdges(days, bucket, zone, MOST_BUCKETS)
      if (!edges)
        throw new Problem('RANGE_TOO_LONG', `at most ${MOST_BUCKETS} buckets; choose longer ones or a shorter range`)
      const at = now()
      const [from, to] = [edges[0], edges[edges.length - 1]]
      const [tariffs, known] = await Promise.all([store.tariffs(place.id), extent(sight)])
      const data = await load(sight, known, from, to)
      const sum = (channel: Channel): { buckets: Energy[]; total: Energy } =>
        sumBuckets(seriesOf(data, channel), edges, {
          channel,
          zone,
          tariffs,
          spans: sight.spans,
          now: at,
        })
      const imported = sum('import')
      const exported = known.channels.includes('export') ? sum('export') : null
      const edgeTexts = edges.map((edge) => formatInstant(edge, zone))
      const held = tariffs.filter(
        (span) =>
          span.from < to &&
          (span.to === null || span.to > from) &&
          sight.spans.some((s) => (s.to === null || span.from < s.to) && (span.to === null || span.to > s.from)),
      )
      return {
        usagePointId: place.id,
        asOf: formatInstant(at, zone),
        zone,
        currency: place.currency,
        bucket,
        from: edgeTexts[0],
        to: edgeTexts[edges.length - 1],
        dataTo: known.dataTo === null ? null : formatInstant(known.dataTo, zone),
        buckets: imported.buckets.map((energy, i) => ({
          start: edgeTexts[i],
          end: edgeTexts[i + 1],
          import: energy,
          export: exported ? exported.buckets[i] : null,
        })),
        total: {
          import: imported.total,
          export: exported ? exported.total : null,
          standing: standing(sight, tariffs, days, known),
        },
        tariffs: held.map((span) => tariffView(span, zone)),
      }
    },

    async intervals(sight, days) {
      checkRange(days)
      if (days.to - days.from > MOST_INTERVAL_DAYS)
        throw new Problem('RANGE_TOO_LONG', `at most ${MOST_INTERVAL_DAYS} days of single intervals`)
      const { place } = sight
      const { zone } = place
      const known = await extent(sight)
      const data = await load(sight, known, localDayRange(days.from, zone).from, localDayRange(days.to, zone).from)
      const value = (series: Series, slot: number): Intervals['intervals'][number]['import'] => ({
        energyWh: series.values[slot] === null ? null : decimalText(series.values[slot], series.scaler),
        quality: qualityOf(series.qualities[slot]),
        flags: deviceFlags(series.flags[slot]),
      })
      return {
        usagePointId: place.id,
        asOf: formatInstant(now(), zone),
        zone,
        intervals: seenSlots(sight, data, now()).map(({ part, slot, start, end }) => ({
          start: formatInstant(start, zone),
          end: formatInstant(end, zone),
          import: value(part.imported, slot),
          export: part.exported ? value(part.exported, slot) : null,
        })),
      }
    },

    async *exportCsv(sight, days) {
      checkRange(days)
      const { zone } = sight.place
      yield 'start,end,import_kwh,import_quality,export_kwh,export_quality\r\n'
      const known = await extent(sight)
      for (let day = days.from; day < days.to; day += EXPORT_DAYS) {
        const from = localDayRange(day, zone).from
        if (from > now()) return
        const data = await load(sight, known, from, localDayRange(Math.min(day + EXPORT_DAYS, days.to), zone).from)
        const fields = (series: Series | undefined, slot: number): string => {
          if (!series) return ','
          const value = usable(series, slot)
          return `${value === null ? '' : decimalText(value, series.scaler - 3)},${qualityOf(series.qualities[slot])}`
        }
        yield seenSlots(sight, data, now())
          .map(
            ({ part, slot, start, end }) =>
              `${formatInstant(start, zone)},${formatInstant(end, zone)},${fields(part.imported, slot)},${fields(part.exported, slot)}\r\n`,
          )
          .join('')
      }
    },
  }
}
