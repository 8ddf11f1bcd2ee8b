import { parseInstant } from '@gridtally/metering'
import type { Instant } from '@gridtally/wire'
import { Problem } from '#platform/http'
import type { Queryable, Store } from '#platform/store'
import type { Grant, Provision } from './provision-schema.ts'
import { type TariffSheet, type TariffSpan, tariffOf } from './tariff.ts'

/** Kind of account. */
export type AccountRole = 'customer' | 'operator'

/** Someone who may sign in. */
export interface Account {
  readonly id: string
  readonly role: AccountRole
  readonly name: string
}

/** A place where supply is metered, as people know it. */
export interface Place {
  readonly id: string
  readonly address: string
  readonly zone: string
  readonly category: string
  readonly currency: string
}

/** A stretch of time somebody may see, half-open; `to` null while it lasts. */
export interface SeenSpan {
  readonly from: Instant
  readonly to: Instant | null
}

/** What the role keeps of people, places, rights and tariffs. */
export interface AccessStore {
  /** Takes a whole provisioning in one transaction. @throws Problem `CONFLICT` for a changed price sheet, `REQUEST_INVALID` for unknown references */
  provision(body: Provision, now: Instant): Promise<void>
  /** Makes a usage point known unless it is, and lets an account see all of it. @throws Problem `ACCOUNT_UNKNOWN` */
  grant(body: Grant): Promise<void>
  account(id: string): Promise<Account | undefined>
  place(usagePointId: string): Promise<Place | undefined>
  /** Places by id, as many as are known. */
  places(): Promise<Place[]>
  /** The usage points an account has or had, in order of id. */
  rightsOf(accountId: string): Promise<{ readonly place: Place; readonly spans: SeenSpan[] }[]>
  /** When an account may see a usage point; empty when never. */
  spansOf(accountId: string, usagePointId: string): Promise<SeenSpan[]>
  /** Tariffs of a usage point, ascending. */
  tariffs(usagePointId: string): Promise<TariffSpan[]>
}

const chunk = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))

/** Inserts rows as `VALUES` lists of bounded length. */
async function insert(
  tx: Queryable,
  head: string,
  rows: readonly (readonly (string | number | null)[])[],
  tail = '',
): Promise<void> {
  for (const part of chunk(rows, 500)) {
    let n = 0
    const values = part.map((row) => `(${row.map(() => `$${++n}`).join(', ')})`).join(', ')
    await tx.query(`${head} VALUES ${values} ${tail}`, part.flat())
  }
}

function instantIn(zone: string, text: string): Instant {
  try {
    return parseInstant(text, zone)
  } catch (cause) {
    throw new Problem('REQUEST_INVALID', (cause as Error).message, {}, { cause })
  }
}

function spanIn(zone: string, from: string, to: string | null): [Instant, Instant | null] {
  const start = instantIn(zone, from)
  const end = to === null ? null : instantIn(zone, to)
  if (end !== null && end <= start) throw new Problem('REQUEST_INVALID', `${to} is not after ${from}`)
  return [start, end]
}

function refuseOverlaps(id: string, spans: readonly (readonly [Instant, Instant | null])[]): void {
  const sorted = [...spans].sort(([a], [b]) => a - b)
  for (let i = 1; i < sorted.length; i++) {
    const end = sorted[i - 1][1]
    if (end === null || end > sorted[i][0]) throw new Problem('REQUEST_INVALID', `two stretches of ${id} overlap`)
  }
}

async function putTariffs(tx: Queryable, tariffs: readonly TariffSheet[]): Promise<void> {
  for (const sheet of tariffs) {
    // Names may be mended, prices may not.
    const { name, ...prices } = sheet
    const text = JSON.stringify({ name, ...prices })
    const [known] = await tx.query<{ sheet: string }>('SELECT sheet FROM tariff WHERE id = $1', [sheet.id])
    if (known) {
      const { name: _, ...knownPrices } = JSON.parse(known.sheet) as TariffSheet
      if (JSON.stringify(sortKeys(knownPrices)) !== JSON.stringify(sortKeys(prices)))
        throw new Problem('CONFLICT', `the prices of tariff ${sheet.id} are known already and are others; use a new id`)
    }
    await tx.query(
      'INSERT INTO tariff (id, sheet) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET sheet = EXCLUDED.sheet',
      [sheet.id, text],
    )
  }
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  )
}

async function requireKnown(tx: Queryable, table: 'tariff' | 'usage_point', ids: readonly string[]): Promise<void> {
  const wanted = [...new Set(ids)]
  const found = await tx.query<{ id: string }>(`SELECT id FROM ${table} WHERE id = ANY($1)`, [wanted])
  const known = new Set(found.map(({ id }) => id))
  const missing = wanted.find((id) => !known.has(id))
  if (missing !== undefined) throw new Problem('REQUEST_INVALID', `${table.replace('_', ' ')} ${missing} is not known`)
}

async function putPlaces(tx: Queryable, places: NonNullable<Provision['usagePoints']>): Promise<void> {
  const spans = places.flatMap(({ id, zone, tariffs }) => {
    const own = tariffs.map(({ tariffId, from, to }) => ({ id, tariffId, span: spanIn(zone, from, to) }))
    refuseOverlaps(
      id,
      own.map(({ span }) => span),
    )
    return own
  })
  await requireKnown(
    tx,
    'tariff',
    spans.map(({ tariffId }) => tariffId),
  )
  await insert(
    tx,
    'INSERT INTO usage_point (id, address, zone, category, currency)',
    places.map(({ id, address, zone, category, currency }) => [id, address, zone, category, currency]),
    `ON CONFLICT (id) DO UPDATE SET address = EXCLUDED.address, zone = EXCLUDED.zone,
       category = EXCLUDED.category, currency = EXCLUDED.currency`,
  )
  await tx.query('DELETE FROM usage_point_tariff WHERE usage_point_id = ANY($1)', [places.map(({ id }) => id)])
  await insert(
    tx,
    'INSERT INTO usage_point_tariff (usage_point_id, from_at, to_at, tariff_id)',
    spans.map(({ id, tariffId, span: [from, to] }) => [id, from, to, tariffId]),
  )
}

async function putAccounts(
  tx: Queryable,
  role: AccountRole,
  accounts: readonly { readonly id: string; readonly name: string }[],
  now: Instant,
): Promise<void> {
  const [other] = await tx.query<{ id: string }>('SELECT id FROM account WHERE id = ANY($1) AND role <> $2 LIMIT 1', [
    accounts.map(({ id }) => id),
    role,
  ])
  if (other) throw new Problem('CONFLICT', `account ${other.id} is of another kind`)
  await insert(
    tx,
    'INSERT INTO account (id, role, name, created_at)',
    accounts.map(({ id, name }) => [id, role, name, now]),
    'ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name',
  )
}

async function putCustomers(
  tx: Queryable,
  customers: NonNullable<Provision['customers']>,
  now: Instant,
): Promise<void> {
  await putAccounts(tx, 'customer', customers, now)
  const ids = customers.flatMap(({ usagePoints }) => usagePoints.map(({ usagePointId }) => usagePointId))
  await requireKnown(tx, 'usage_point', ids)
  const zones = new Map(
    (await tx.query<{ id: string; zone: string }>('SELECT id, zone FROM usage_point WHERE id = ANY($1)', [ids])).map(
      ({ id, zone }) => [id, zone],
    ),
  )
  const rights = customers.flatMap(({ id, usagePoints }) =>
    usagePoints.map(({ usagePointId, from, to }) => {
      const [start, end] = spanIn(zones.get(usagePointId) ?? 'UTC', from, to)
      return [id, usagePointId, start, end]
    }),
  )
  // Rights to usage points not named here stay: somebody else granted them.
  await tx.query('DELETE FROM usage_point_right WHERE account_id = ANY($1) AND usage_point_id = ANY($2)', [
    customers.map(({ id }) => id),
    ids,
  ])
  await insert(tx, 'INSERT INTO usage_point_right (account_id, usage_point_id, from_at, to_at)', rights)
}

async function putGrant(
  tx: Queryable,
  { usagePoint: { id, address, zone, category, currency }, accountId }: Grant,
): Promise<void> {
  await tx.query(
    `INSERT INTO usage_point (id, address, zone, category, currency) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING`,
    [id, address, zone, category, currency],
  )
  if (accountId === undefined) return
  const [account] = await tx.query(
    "SELECT id FROM account WHERE id = $1 AND role = 'customer' AND disabled_at IS NULL",
    [accountId],
  )
  if (!account) throw new Problem('ACCOUNT_UNKNOWN', `there is no customer account ${accountId}`)
  await tx.query('DELETE FROM usage_point_right WHERE account_id = $1 AND usage_point_id = $2', [accountId, id])
  await insert(tx, 'INSERT INTO usage_point_right (account_id, usage_point_id, from_at, to_at)', [
    [accountId, id, 0, null],
  ])
}

const PLACE = 'id, address, zone, category, currency'

/** People, places, rights and tariffs in the role's database. */
export function createAccessStore(store: Store): AccessStore {
  return {
    provision: (body, now) =>
      store.transaction(async (tx) => {
        if (body.tariffs?.length) await putTariffs(tx, body.tariffs)
        if (body.usagePoints?.length) await putPlaces(tx, body.usagePoints)
        if (body.customers?.length) await putCustomers(tx, body.customers, now)
        if (body.operators?.length) await putAccounts(tx, 'operator', body.operators, now)
      }),
    grant: (body) => store.transaction((tx) => putGrant(tx, body)),
    async account(id) {
      const [found] = await store.query<Account>(
        'SELECT id, role, name FROM account WHERE id = $1 AND disabled_at IS NULL',
        [id],
      )
      return found
    },
    async place(usagePointId) {
      const [found] = await store.query<Place>(`SELECT ${PLACE} FROM usage_point WHERE id = $1`, [usagePointId])
      return found
    },
    places: () => store.query<Place>(`SELECT ${PLACE} FROM usage_point`),
    async rightsOf(accountId) {
      const rows = await store.query<Place & { from_at: number; to_at: number | null }>(
        `SELECT ${PLACE}, from_at, to_at FROM usage_point_right r JOIN usage_point u ON u.id = r.usage_point_id
         WHERE r.account_id = $1 ORDER BY u.id, from_at`,
        [accountId],
      )
      const found: { place: Place; spans: SeenSpan[] }[] = []
      for (const { from_at, to_at, ...place } of rows) {
        let last = found.at(-1)
        if (last?.place.id !== place.id) {
          last = { place, spans: [] }
          found.push(last)
        }
        last.spans.push({ from: from_at, to: to_at })
      }
      return found
    },
    async spansOf(accountId, usagePointId) {
      const rows = await store.query<{ from_at: number; to_at: number | null }>(
        `SELECT from_at, to_at FROM usage_point_right WHERE account_id = $1 AND usage_point_id = $2 ORDER BY from_at`,
        [accountId, usagePointId],
      )
      return rows.map(({ from_at, to_at }) => ({ from: from_at, to: to_at }))
    },
    async tariffs(usagePointId) {
      const rows = await store.query<{ from_at: number; to_at: number | null; sheet: string }>(
        `SELECT from_at, to_at, sheet FROM usage_point_tariff p JOIN tariff t ON t.id = p.tariff_id
         WHERE usage_point_id = $1 ORDER BY from_at`,
        [usagePointId],
      )
      return rows.map(({ from_at, to_at, sheet }) => ({
        from: from_at,
        to: to_at,
        tariff: tariffOf(JSON.parse(sheet) as TariffSheet),
      }))
    },
  }
}
