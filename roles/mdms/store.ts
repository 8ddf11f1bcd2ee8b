import type { EndDeviceEvent, LocalDay, MeterAssignment, Reading, UsagePoint } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import { openStore, type Queryable, type Store, type StoreOptions } from '#platform/store'
import { CopyWriter } from '#platform/store-copy'
import { type BlockRow, type Draft, draftBlocks, rowOf, type StoredBlock } from './append.ts'
import { type Appended, type Channel, type Delivery, type KnownAssignment, keyText, PROVENANCES } from './channel.ts'
import { Directory } from './directory.ts'

/** What is stored in one transaction. */
export interface Batch {
  readonly deliveries: readonly Delivery[]
  readonly readings?: readonly Reading[]
  readonly events?: readonly EndDeviceEvent[]
  /** The head-end's log is read up to here with this batch. */
  readonly cursor?: { readonly cursor: string; readonly seq: number }
  /** Counts to add to an import. */
  readonly import?: { readonly id: number; readonly lines: number; readonly failed: number; readonly intervals: number }
}

const BLOCK_COLUMNS = [
  'recorded_at',
  'source',
  'sum',
  'channel_id',
  'day',
  'version',
  'provenance',
  'present',
  'estimated',
  'octets',
] as const
const BLOCK_TYPES = ['int8', 'int8', 'int8', 'int4', 'int4', 'int2', 'int2', 'int2', 'int2', 'bytea'] as const

/** Most channels' or days' keys in one statement. */
const MOST_KEYS = 50_000

/** The meter data store: all SQL of this role, and the directory that goes with it. */
export class MdmsStore {
  readonly directory = new Directory()
  readonly #store: Store
  readonly #zone: string
  readonly #now: () => Instant
  /** Days written to, told to those who keep what they worked out of them. */
  readonly #listeners: ((days: readonly LocalDay[]) => void)[] = []
  /** One writer at a time: versions follow from what is stored. */
  #writing: Promise<unknown> = Promise.resolve()

  private constructor(store: Store, zone: string, now: () => Instant) {
    this.#store = store
    this.#zone = zone
    this.#now = now
  }

  /** Opens the database and reads the directory. `zone` cuts the days of meters without usage point. */
  static async open(options: Omit<StoreOptions, 'migrations' | 'schema'>, zone: string, now: () => Instant) {
    const migrations = new URL('./migrations', import.meta.url)
    const store = await openStore({ ...options, schema: 'mdms', migrations })
    const mdms = new MdmsStore(store, zone, now)
    await mdms.#readDirectory()
    return mdms
  }

  get engine(): Store['engine'] {
    return this.#store.engine
  }

  /** Where questions are asked; see store-queries.ts. */
  get db(): Pick<Queryable, 'query'> {
    return this.#store
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  /** Calls `listener` with the days of every batch that was stored. */
  onWritten(listener: (days: readonly LocalDay[]) => void): void {
    this.#listeners.push(listener)
  }

  async #readDirectory(): Promise<void> {
    const { directory } = this
    for (const point of await this.#store.query<UsagePoint>('SELECT id, zone, commodity, category FROM usage_point'))
      directory.putUsagePoint(point)
    const assignments = await this.#store.query<KnownAssignment>(
      `SELECT usage_point_id AS "usagePointId", meter_id AS "meterId", valid_from AS "from", valid_to AS "to",
         recorded_at AS "recordedAt", superseded_at AS "supersededAt" FROM assignment ORDER BY id`,
    )
    for (const [id, list] of Map.groupBy(assignments, (one) => one.usagePointId)) directory.putAssignments(id, list)
    const channels = await this.#store.query<Channel>(
      `SELECT id, owner_kind AS "ownerKind", owner_id AS "ownerId", name, unit, scaler, step_ms AS "stepMs",
         phase_ms AS "phaseMs", capture_version AS "captureVersion", zone,
         (SELECT day FROM block WHERE channel_id = channel.id ORDER BY day LIMIT 1) AS "minDay",
         (SELECT day FROM block WHERE channel_id = channel.id ORDER BY day DESC LIMIT 1) AS "maxDay"
       FROM channel ORDER BY id`,
    )
    for (const channel of channels) directory.addChannel(channel)
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#writing.then(work, work)
    this.#writing = turn.catch(() => undefined)
    return turn
  }

  /** Stores a batch whole, or nothing of it. Repeating it changes nothing. */
  append(batch: Batch): Promise<Appended> {
    return this.#alone(async () => {
      const now = this.#now()
      const drafts = draftBlocks(batch.deliveries, ({ ownerKind, ownerId }) => this.zoneOf(ownerKind, ownerId))
      const added: Channel[] = []
      const rows: BlockRow[] = []
      let readings = 0
      let events = 0
      await this.#store.transaction(async (tx) => {
        const channels = await this.#channelsFor(tx, drafts, added)
        const stored = await this.#storedFor(tx, drafts, channels)
        for (const draft of drafts) {
          const channel = channels.get(draft.keyText) as Channel
          const row = rowOf(draft, channel, stored.get(`${channel.id} ${draft.day}`), now)
          if (row) rows.push(row)
        }
        await this.#writeBlocks(tx, rows, now)
        readings = await this.#writeReadings(tx, batch.readings ?? [], now)
        events = await this.#writeEvents(tx, batch.events ?? [], now)
        await this.#writeProgress(tx, batch, now)
      })
      for (const channel of added) this.directory.addChannel(channel)
      for (const { channel, day } of rows) {
        if (channel.minDay === null || day < channel.minDay) channel.minDay = day
        if (channel.maxDay === null || day > channel.maxDay) channel.maxDay = day
      }
      if (rows.length > 0) {
        const days = [...new Set(rows.map(({ day }) => day))]
        for (const listener of this.#listeners) listener(days)
      }
      const blocks = { created: 0, filled: 0, changed: 0, same: drafts.length - rows.length }
      for (const { outcome } of rows) blocks[outcome]++
      const intervals = batch.deliveries.reduce((sum, { values }) => sum + values.length, 0)
      return { intervals, blocks, readings, events }
    })
  }

  /** Zone whose days the blocks of a meter or usage point are cut by. */
  zoneOf(ownerKind: Delivery['ownerKind'], ownerId: string): string {
    const own =
      ownerKind === 'meter' ? this.directory.zoneOfMeter(ownerId) : this.directory.usagePoints.get(ownerId)?.zone
    return own ?? this.#zone
  }

  async #channelsFor(tx: Queryable, drafts: readonly Draft[], added: Channel[]): Promise<Map<string, Channel>> {
    const channels = new Map<string, Channel>()
    const missing = new Map<string, Draft>()
    for (const draft of drafts) {
      const known = this.directory.channelByKey(draft.keyText)
      if (known) channels.set(draft.keyText, known)
      else missing.set(draft.keyText, draft)
    }
    if (missing.size === 0) return channels
    const keys = [...missing.values()].map(({ key }) => key)
    const ids = await tx.query<Omit<Channel, 'minDay' | 'maxDay'>>(
      `INSERT INTO channel (owner_kind, owner_id, name, unit, scaler, step_ms, phase_ms, capture_version, zone)
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::smallint[], $6::int[], $7::int[],
         $8::int[], $9::text[])
       RETURNING id, owner_kind AS "ownerKind", owner_id AS "ownerId", name, unit, scaler, step_ms AS "stepMs",
         phase_ms AS "phaseMs", capture_version AS "captureVersion", zone`,
      [
        keys.map((k) => k.ownerKind),
        keys.map((k) => k.ownerId),
        keys.map((k) => k.name),
        keys.map((k) => k.unit),
        keys.map((k) => k.scaler),
        keys.map((k) => k.stepMs),
        keys.map((k) => k.phaseMs),
        keys.map((k) => k.captureVersion),
        keys.map((k) => k.zone),
      ],
    )
    for (const row of ids) {
      const channel: Channel = { ...row, minDay: null, maxDay: null }
      channels.set(keyText(channel), channel)
      added.push(channel)
    }
    return channels
  }

  /** The current version of each day that may be stored already; days beyond those known of a channel are not asked for. */
  async #storedFor(
    tx: Queryable,
    drafts: readonly Draft[],
    channels: ReadonlyMap<string, Channel>,
  ): Promise<Map<string, StoredBlock>> {
    const asked = drafts
      .map(({ keyText: text, day }) => ({ channel: channels.get(text) as Channel, day }))
      .filter(
        ({ channel: { minDay, maxDay }, day }) => minDay !== null && maxDay !== null && day >= minDay && day <= maxDay,
      )
    const found = new Map<string, StoredBlock>()
    for (let from = 0; from < asked.length; from += MOST_KEYS) {
      const part = asked.slice(from, from + MOST_KEYS)
      const rows = await tx.query<StoredBlock>(
        `SELECT b.channel_id AS "channelId", b.day, b.version, b.recorded_at AS "recordedAt", b.source, b.octets
         FROM unnest($1::int[], $2::int[]) AS k(channel_id, day)
         CROSS JOIN LATERAL (SELECT * FROM block WHERE block.channel_id = k.channel_id AND block.day = k.day
           ORDER BY version DESC LIMIT 1) AS b`,
        [part.map(({ channel }) => channel.id), part.map(({ day }) => day)],
      )
      for (const row of rows) found.set(`${row.channelId} ${row.day}`, row)
    }
    return found
  }

  async #writeBlocks(tx: Queryable, rows: readonly BlockRow[], now: Instant): Promise<void> {
    const filled = rows.filter(({ outcome }) => outcome === 'filled')
    const fresh = rows.filter(({ outcome }) => outcome !== 'filled')
    if (fresh.length > 0) {
      const writer = new CopyWriter(BLOCK_TYPES, fresh.length * 200 + 64)
      for (const { channel, day, version, provenance, source, present, estimated, sum, octets } of fresh) {
        const code = PROVENANCES.indexOf(provenance)
        writer.row(now, source, sum, channel.id, day, version, code, present, estimated, octets)
      }
      await tx.copyIn('block', BLOCK_COLUMNS, writer.finish())
    }
    if (filled.length > 0)
      await tx.query(
        `UPDATE block SET source = x.source, sum = x.sum, present = x.present, estimated = x.estimated, octets = x.octets
         FROM unnest($1::int[], $2::int[], $3::smallint[], $4::bigint[], $5::bigint[], $6::smallint[], $7::smallint[],
           $8::bytea[]) AS x(channel_id, day, version, source, sum, present, estimated, octets)
         WHERE block.channel_id = x.channel_id AND block.day = x.day AND block.version = x.version`,
        [
          filled.map(({ channel }) => channel.id),
          filled.map(({ day }) => day),
          filled.map(({ version }) => version),
          filled.map(({ source }) => source),
          filled.map(({ sum }) => sum),
          filled.map(({ present }) => present),
          filled.map(({ estimated }) => estimated),
          filled.map(({ octets }) => octets),
        ],
      )
  }

  async #writeReadings(tx: Queryable, readings: readonly Reading[], now: Instant): Promise<number> {
    if (readings.length === 0) return 0
    const registers = new Map(readings.map((r) => [`${r.meterId} ${r.obis} ${r.unit} ${r.scaler}`, r] as const))
    const unique = [...registers.values()]
    const columns = [
      unique.map((r) => r.meterId),
      unique.map((r) => r.obis),
      unique.map((r) => r.unit),
      unique.map((r) => r.scaler),
    ]
    await tx.query(
      `INSERT INTO register (meter_id, obis, unit, scaler)
       SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::smallint[]) ON CONFLICT DO NOTHING`,
      columns,
    )
    // Of several values for one instant in one batch the last holds; one that is stored already is no new version.
    const last = new Map(readings.map((r) => [`${r.meterId} ${r.obis} ${r.unit} ${r.scaler} ${r.at}`, r] as const))
    const list = [...last.values()]
    const written = await tx.query(
      `INSERT INTO reading (at, recorded_at, register_id, version, reason, value)
       SELECT x.at, $8, register.id, coalesce(known.version, 0) + 1, x.reason, x.value
       FROM unnest($1::text[], $2::text[], $3::smallint[], $4::smallint[], $5::bigint[], $6::text[], $7::numeric[])
         AS x(meter_id, obis, unit, scaler, at, reason, value)
       JOIN register USING (meter_id, obis, unit, scaler)
       LEFT JOIN LATERAL (SELECT version, value FROM reading
         WHERE reading.register_id = register.id AND reading.at = x.at ORDER BY version DESC LIMIT 1) AS known ON true
       WHERE known.value IS DISTINCT FROM x.value
       RETURNING 1 AS one`,
      [
        list.map((r) => r.meterId),
        list.map((r) => r.obis),
        list.map((r) => r.unit),
        list.map((r) => r.scaler),
        list.map((r) => r.at),
        list.map((r) => r.reason),
        list.map((r) => r.value),
        now,
      ],
    )
    return written.length
  }

  async #writeEvents(tx: Queryable, events: readonly EndDeviceEvent[], now: Instant): Promise<number> {
    if (events.length === 0) return 0
    const written = await tx.query(
      `INSERT INTO event (meter_id, at, type, severity, text, recorded_at)
       SELECT *, $6 FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[])
       ON CONFLICT DO NOTHING RETURNING 1 AS one`,
      [
        events.map((e) => e.meterId),
        events.map((e) => e.at),
        events.map((e) => e.type),
        events.map((e) => e.severity),
        events.map((e) => e.text),
        now,
      ],
    )
    return written.length
  }

  async #writeProgress(tx: Queryable, batch: Batch, now: Instant): Promise<void> {
    if (batch.cursor)
      await tx.query(
        `INSERT INTO collection (id, cursor, seq, collected_at) VALUES (1, $1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET cursor = $1, seq = $2, collected_at = $3`,
        [batch.cursor.cursor, batch.cursor.seq, now],
      )
    if (batch.import)
      await tx.query(
        'UPDATE import SET lines = lines + $2, failed = failed + $3, intervals = intervals + $4 WHERE id = $1',
        [batch.import.id, batch.import.lines, batch.import.failed, batch.import.intervals],
      )
  }

  /** Where the head-end's log was read up to; an empty cursor at the beginning. */
  async progress(): Promise<{ cursor: string; seq: number; collectedAt: Instant | null }> {
    const [row] = await this.#store.query<{ cursor: string; seq: number; collectedAt: Instant }>(
      'SELECT cursor, seq, collected_at AS "collectedAt" FROM collection',
    )
    return row ?? { cursor: '', seq: 0, collectedAt: null }
  }

  /** Begins an import and gives its number. */
  async beginImport(): Promise<number> {
    const [{ id }] = await this.#store.query<{ id: number }>(
      'INSERT INTO import (started_at) VALUES ($1) RETURNING id',
      [this.#now()],
    )
    return id
  }

  /** Adds or changes usage points. @returns how many are new or different */
  putUsagePoints(points: readonly UsagePoint[]): Promise<number> {
    return this.#alone(async () => {
      const changed = points.filter((point) => {
        const known = this.directory.usagePoints.get(point.id)
        return !known || JSON.stringify(known) !== JSON.stringify(plain(point))
      })
      const unique = [...new Map(changed.map((point) => [point.id, plain(point)])).values()]
      if (unique.length === 0) return 0
      await this.#store.query(
        `INSERT INTO usage_point (id, zone, commodity, category)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
         ON CONFLICT (id) DO UPDATE SET zone = excluded.zone, commodity = excluded.commodity, category = excluded.category`,
        [
          unique.map((p) => p.id),
          unique.map((p) => p.zone),
          unique.map((p) => p.commodity),
          unique.map((p) => p.category),
        ],
      )
      for (const point of unique) this.directory.putUsagePoint(point)
      return unique.length
    })
  }

  /**
   * Puts the assignments of the usage points named in place of what was known of them; what was known stays, with when it ended.
   *
   * @returns of how many usage points something changed
   */
  putAssignments(assignments: readonly MeterAssignment[]): Promise<number> {
    return this.#alone(async () => {
      const now = this.#now()
      const changed: { id: string; list: MeterAssignment[] }[] = []
      for (const [id, list] of Map.groupBy(assignments, (one) => one.usagePointId)) {
        const text = (all: readonly { meterId: string; from: Instant; to: Instant | null }[]): string =>
          JSON.stringify(all.map(({ meterId, from, to }) => [meterId, from, to]).sort())
        if (text(list) !== text(this.directory.assignments(id))) changed.push({ id, list })
      }
      if (changed.length === 0) return 0
      const all = changed.flatMap(({ list }) => list)
      await this.#store.transaction(async (tx) => {
        await tx.query(
          'UPDATE assignment SET superseded_at = $2 WHERE superseded_at IS NULL AND usage_point_id = ANY($1::text[])',
          [changed.map(({ id }) => id), now],
        )
        await tx.query(
          `INSERT INTO assignment (usage_point_id, meter_id, valid_from, valid_to, recorded_at)
           SELECT *, $5 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])`,
          [
            all.map((a) => a.usagePointId),
            all.map((a) => a.meterId),
            all.map((a) => a.from),
            all.map((a) => a.to),
            now,
          ],
        )
      })
      for (const { id, list } of changed) {
        const past = this.directory.history(id).map((one) => ({ ...one, supersededAt: one.supersededAt ?? now }))
        const current = list.map((one) => ({ ...one, recordedAt: now, supersededAt: null }))
        this.directory.putAssignments(id, [...past, ...current])
      }
      return changed.length
    })
  }
}

/** A usage point with its members in one order, so that texts can be compared. */
function plain({ id, zone, commodity, category }: UsagePoint): UsagePoint {
  return { id, zone, commodity, category }
}
