import { type EndDeviceEvent, type LocalDay, obisCode, type Reading, type UsagePoint } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import type { Queryable as Database } from '#platform/store'

/** Where questions are asked. */
export type Queryable = Pick<Database, 'query'>

/** One version of a stored day. */
export interface BlockVersion {
  readonly channelId: number
  readonly day: LocalDay
  readonly version: number
  readonly recordedAt: Instant
  readonly provenance: number
  readonly octets: Uint8Array
}

/** Present and estimated intervals of every channel that has any on a day. */
export interface DayCounts {
  readonly channelIds: Int32Array
  readonly present: Int16Array
  readonly estimated: Int16Array
}

/** An event as it is stored. */
export interface StoredEvent extends EndDeviceEvent {
  readonly id: number
}

/** A reading as it is stored. */
export interface StoredReading extends Reading {
  readonly version: number
  readonly recordedAt: Instant
}

const HEADER_OCTETS = 24
const READING = `register.meter_id AS "meterId", register.obis, register.unit, register.scaler, reading.at,
  reading.value, reading.reason, reading.version, reading.recorded_at AS "recordedAt"`

/**
 * Versions of the blocks of some channels over local days, `fromDay` to `toDay` inclusive: the current ones, or, with `asOf`,
 * the latest recorded until then.
 */
export async function readBlocks(
  db: Queryable,
  channelIds: readonly number[],
  fromDay: LocalDay,
  toDay: LocalDay,
  asOf?: Instant,
): Promise<BlockVersion[]> {
  if (channelIds.length === 0 || toDay < fromDay) return []
  // One long value is several times cheaper to hand over than hundreds of rows.
  const [row] = await db.query<{ all: Uint8Array | null }>(
    `SELECT string_agg(int4send(channel_id) || int4send(day) || int2send(version) || int2send(provenance)
       || int8send(recorded_at) || int4send(length(octets)) || octets, ''::bytea) AS all
     FROM block WHERE channel_id = ANY($1::int[]) AND day BETWEEN $2 AND $3 AND recorded_at <= $4`,
    [channelIds, fromDay, toDay, asOf ?? Number.MAX_SAFE_INTEGER],
  )
  const latest = new Map<string, BlockVersion>()
  const all = row.all ?? new Uint8Array()
  const view = new DataView(all.buffer, all.byteOffset, all.byteLength)
  for (let at = 0; at < all.length; ) {
    const channelId = view.getInt32(at)
    const day = view.getInt32(at + 4)
    const version = view.getInt16(at + 8)
    const end = at + HEADER_OCTETS + view.getInt32(at + 20)
    const key = `${channelId} ${day}`
    const known = latest.get(key)
    if (!known || known.version < version)
      latest.set(key, {
        channelId,
        day,
        version,
        provenance: view.getInt16(at + 10),
        recordedAt: Number(view.getBigInt64(at + 12)),
        octets: all.subarray(at + HEADER_OCTETS, end),
      })
    at = end
  }
  return [...latest.values()].sort((a, b) => a.day - b.day || a.channelId - b.channelId)
}

/** What every channel has on each of some days, from the sums kept beside the blocks. Days without any are left out. */
export async function readDayCounts(
  db: Queryable,
  fromDay: LocalDay,
  toDay: LocalDay,
): Promise<Map<LocalDay, DayCounts>> {
  const rows = await db.query<{ day: LocalDay; all: Uint8Array }>(
    `SELECT day, string_agg(int4send(channel_id) || int2send(version) || int2send(present) || int2send(estimated),
       ''::bytea) AS all
     FROM block WHERE day BETWEEN $1 AND $2 GROUP BY day`,
    [fromDay, toDay],
  )
  const days = new Map<LocalDay, DayCounts>()
  for (const { day, all } of rows) {
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength)
    const slots = new Map<number, number>()
    for (let at = 0; at < all.length; at += 10) {
      const known = slots.get(view.getInt32(at))
      if (known === undefined || view.getInt16(known + 4) < view.getInt16(at + 4)) slots.set(view.getInt32(at), at)
    }
    const offsets = [...slots.values()]
    days.set(day, {
      channelIds: Int32Array.from(slots.keys()),
      present: Int16Array.from(offsets, (at) => view.getInt16(at + 6)),
      estimated: Int16Array.from(offsets, (at) => view.getInt16(at + 8)),
    })
  }
  return days
}

/** What whole channels have, from the sums of current versions: number of values, their sum, and of how many days. */
export function readChannelSums(
  db: Queryable,
  channelIds: readonly number[],
): Promise<{ channelId: number; present: number; estimated: number; sum: number; days: number }[]> {
  return db.query(
    `SELECT channel_id AS "channelId", sum(present)::bigint AS present, sum(estimated)::bigint AS estimated,
       sum(sum)::bigint AS sum, count(*)::int AS days
     FROM (SELECT DISTINCT ON (channel_id, day) * FROM block WHERE channel_id = ANY($1::int[])
       ORDER BY channel_id, day, version DESC) AS current
     GROUP BY channel_id`,
    [channelIds],
  )
}

/** A page of usage points after an id, those whose id or category or present meter contains `search`. */
export function listUsagePoints(
  db: Queryable,
  search: string,
  after: string,
  limit: number,
): Promise<(UsagePoint & { meterId: string | null })[]> {
  return db.query(
    `SELECT p.id, p.zone, p.commodity, p.category, a.meter_id AS "meterId"
     FROM usage_point AS p
     LEFT JOIN LATERAL (SELECT meter_id FROM assignment WHERE usage_point_id = p.id AND superseded_at IS NULL
       ORDER BY valid_from DESC LIMIT 1) AS a ON true
     WHERE p.id > $2 AND (p.id ILIKE $1 OR p.category ILIKE $1 OR a.meter_id ILIKE $1)
     ORDER BY p.id LIMIT $3`,
    [`%${search.replace(/[\\%_]/g, '\\$&')}%`, after, limit],
  )
}

/** Readings of some meters in `[from, to)`, ascending by time, as known at `asOf`. */
export async function readReadings(
  db: Queryable,
  meterIds: readonly string[],
  from: Instant,
  to: Instant,
  asOf: Instant,
  limit: number,
): Promise<StoredReading[]> {
  const rows = await db.query<StoredReading>(
    `SELECT DISTINCT ON (reading.at, register.id) ${READING}
     FROM register JOIN reading ON reading.register_id = register.id
     WHERE register.meter_id = ANY($1::text[]) AND reading.at >= $2 AND reading.at < $3 AND reading.recorded_at <= $4
     ORDER BY reading.at, register.id, reading.version DESC LIMIT $5`,
    [meterIds, from, to, asOf, limit],
  )
  return rows.map((row) => ({ ...row, obis: obisCode(row.obis) }))
}

/** The latest reading of every register of a meter. */
export async function latestReadings(db: Queryable, meterId: string): Promise<StoredReading[]> {
  const rows = await db.query<StoredReading>(
    `SELECT ${READING} FROM register
     CROSS JOIN LATERAL (SELECT * FROM reading WHERE reading.register_id = register.id
       ORDER BY at DESC, version DESC LIMIT 1) AS reading
     WHERE register.meter_id = $1 ORDER BY register.obis`,
    [meterId],
  )
  return rows.map((row) => ({ ...row, obis: obisCode(row.obis) }))
}

/** A page of events beyond an id in the order asked for, of one meter or of all. */
export function readEvents(
  db: Queryable,
  meterId: string | undefined,
  order: 'oldest' | 'newest',
  after: number,
  limit: number,
): Promise<StoredEvent[]> {
  return db.query(
    `SELECT id, meter_id AS "meterId", at, type, severity, text FROM event
     WHERE id ${order === 'oldest' ? '>' : '<'} $2 AND ($1::text IS NULL OR meter_id = $1)
     ORDER BY id ${order === 'oldest' ? 'ASC' : 'DESC'} LIMIT $3`,
    [meterId ?? null, after, limit],
  )
}

/** Octets the interval blocks take, indexes included. */
export async function readBlockOctets(db: Queryable): Promise<number> {
  const [{ octets }] = await db.query<{ octets: number }>(`SELECT pg_total_relation_size('block')::bigint AS octets`)
  return octets
}
