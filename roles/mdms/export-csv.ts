import { formatInstant, formatScaled, qualityCode, qualityOf, type TimeRange, unitSymbol } from '@gridtally/metering'
import { markQuality } from '@gridtally/vee'
import { readSeries, type Source } from './series.ts'
import type { Queryable } from './store-queries.ts'

/** Time of one piece: a month or so, whose rows are a few hundred kilobytes. */
const PIECE_MS = 31 * 86_400_000
const MISSING = qualityCode('MISSING')

/** A field that a spreadsheet takes as text and nothing else (RFC 4180). */
function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/**
 * Final intervals as CSV text, a month at a time, so that memory stays bounded. Times with offset, values as exact decimals,
 * empty where missing; lines end with CRLF.
 */
export async function* exportCsv(
  db: Queryable,
  usagePointId: string,
  channels: readonly { readonly channel: string; readonly zone: string; readonly sources: readonly Source[] }[],
  range: TimeRange,
): AsyncGenerator<string> {
  yield 'usage_point,channel,start,end,value,unit,quality\r\n'
  for (const { channel, zone, sources } of channels)
    for (let from = range.from; from < range.to; from += PIECE_MS) {
      const to = Math.min(range.to, from + PIECE_MS)
      const head = `${field(usagePointId)},${field(channel)},`
      let text = ''
      for (const { start, stepMs, scaler, unit, values, marks } of await readSeries(db, sources, { from, to }))
        for (let i = 0; i < values.length; i++) {
          const at = start + i * stepMs
          const isMissing = Number.isNaN(values[i])
          const times = `${formatInstant(at, zone)},${formatInstant(at + stepMs, zone)}`
          const value = isMissing ? '' : formatScaled(values[i], scaler)
          const quality = qualityOf(isMissing ? MISSING : markQuality(marks[i]))
          text += `${head}${times},${value},${field(unitSymbol(unit))},${quality}\r\n`
        }
      if (text !== '') yield text
    }
}
