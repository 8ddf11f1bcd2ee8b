import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { openStore, type Store, StoreError } from './store.ts'
import { CopyWriter } from './store-copy.ts'

/** What a suite needs of an engine: where its data lives, and how to forget it. */
export interface StoreUnderTest {
  readonly name: string
  readonly databaseUrl?: string
  readonly schema: string
  readonly forget?: () => Promise<void>
}

/** Writes a folder of migrations for a test. */
export function migrationsFolder(at: string, files: Readonly<Record<string, string>>): URL {
  mkdirSync(at, { recursive: true })
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(at, name), sql)
  return pathToFileURL(at)
}

const TABLES = `CREATE TABLE thing (id int PRIMARY KEY, small smallint, big bigint, exact numeric, words text,
  octets bytea, yes boolean, at timestamptz, doc jsonb);`

/** The behaviour every store has, whatever its engine. */
export function storeSuite(engine: StoreUnderTest): void {
  // A group, so that its hooks are its own: all tests of the house run in one process.
  describe(`store on ${engine.name}`, () => storeTests(engine))
}

function storeTests({ name, databaseUrl, schema, forget }: StoreUnderTest): void {
  const root = mkdtempSync(join(tmpdir(), 'gridtally-store-'))
  const migrations = migrationsFolder(join(root, 'migrations'), { '001-thing.sql': TABLES })
  const open = (over: URL = migrations): Promise<Store> =>
    openStore({ folder: join(root, 'data'), databaseUrl, schema, migrations: over })
  let store: Store

  before(async () => {
    store = await open()
  })
  after(async () => {
    await store.close()
    await forget?.()
    rmSync(root, { recursive: true, force: true })
  })

  test(`${name}: values come back as they went in`, async () => {
    const at = new Date('2026-03-29T01:00:00Z')
    await store.query('INSERT INTO thing VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)', [
      1,
      -7,
      2n ** 40n,
      '123456789012345678901.5',
      'a "b", {c} \\ d',
      Uint8Array.of(0, 255, 92),
      true,
      at,
      JSON.stringify({ a: [1] }),
    ])
    const rows = await store.query('SELECT * FROM thing WHERE id = 1')
    assert.deepEqual(rows, [
      {
        id: 1,
        small: -7,
        big: 2 ** 40,
        exact: '123456789012345678901.5',
        words: 'a "b", {c} \\ d',
        octets: Uint8Array.of(0, 255, 92),
        yes: true,
        at,
        doc: { a: [1] },
      },
    ])
    const [row] = await store.query<{ big: bigint }>('SELECT 9223372036854775807::bigint AS big')
    assert.equal(row.big, 9223372036854775807n)
  })

  test(`${name}: arrays are taken as parameters`, async () => {
    const rows = await store.query<{ n: number; t: string | null; o: Uint8Array }>(
      'SELECT n, t, o FROM unnest($1::int[], $2::text[], $3::bytea[]) WITH ORDINALITY AS x(n, t, o, i) ORDER BY i',
      [
        [1, 2],
        ['a,"b\\', null],
        [Uint8Array.of(1), Uint8Array.of()],
      ],
    )
    assert.deepEqual(rows, [
      { n: 1, t: 'a,"b\\', o: Uint8Array.of(1) },
      { n: 2, t: null, o: Uint8Array.of() },
    ])
    assert.deepEqual(await store.query('SELECT id FROM thing WHERE id = ANY($1::int[])', [[]]), [])
  })

  test(`${name}: bulk load takes every type and refuses a key that exists`, async () => {
    const load = (from: number, count: number): Uint8Array => {
      const writer = new CopyWriter(['int4', 'int2', 'int8', 'text', 'bytea', 'bool'])
      for (let i = 0; i < count; i++)
        writer.row(from + i, -i % 100, i % 2 ? -(2 ** 41) - i : 5n, 'é', Uint8Array.of(i & 255), i % 2 === 0)
      writer.row(from + count, null, null, null, null, null)
      return writer.finish()
    }
    const columns = ['id', 'small', 'big', 'words', 'octets', 'yes']
    await store.copyIn('thing', columns, load(1000, 5000))
    const rows = await store.query(
      'SELECT id, small, big, words, octets, yes FROM thing WHERE id IN (1001, 1002, 6000) ORDER BY id',
    )
    assert.deepEqual(rows, [
      { id: 1001, small: -1, big: -(2 ** 41) - 1, words: 'é', octets: Uint8Array.of(1), yes: false },
      { id: 1002, small: -2, big: 5, words: 'é', octets: Uint8Array.of(2), yes: true },
      { id: 6000, small: null, big: null, words: null, octets: null, yes: null },
    ])
    await assert.rejects(store.copyIn('thing', columns, load(5999, 1)), { code: 'STORE_SQL', sqlState: '23505' })
    assert.deepEqual(await store.query('SELECT count(*)::int AS n FROM thing WHERE id >= 1000'), [{ n: 5001 }])
  })

  test(`${name}: a transaction is kept whole or not at all, and others wait or do not see it`, async () => {
    await assert.rejects(
      store.transaction(async (tx) => {
        await tx.query('INSERT INTO thing (id) VALUES (20)')
        throw new RangeError('changed my mind')
      }),
      RangeError,
    )
    const seen = await Promise.all([
      store.transaction(async (tx) => {
        await tx.query('INSERT INTO thing (id) VALUES (21)')
        await tx.query('INSERT INTO thing (id) VALUES (22)')
        return 'kept'
      }),
      store.query<{ n: number }>('SELECT count(*)::int AS n FROM thing WHERE id IN (20, 21, 22)').then(([r]) => r.n),
    ])
    assert.equal(seen[0], 'kept')
    assert.ok(seen[1] === 0 || seen[1] === 2, String(seen[1]))
    await assert.rejects(
      store.transaction(async (tx) => {
        await tx.query('INSERT INTO thing (id) VALUES (21)')
      }),
      { code: 'STORE_SQL', sqlState: '23505' },
    )
    assert.deepEqual(await store.query('SELECT id FROM thing WHERE id BETWEEN 20 AND 29 ORDER BY id'), [
      { id: 21 },
      { id: 22 },
    ])
  })

  test(`${name}: a wrong statement is refused and leaves the store usable`, async () => {
    await assert.rejects(store.query('SELEKT 1'), { name: 'StoreError', code: 'STORE_SQL', sqlState: '42601' })
    await assert.rejects(store.copyIn('nothing', ['a'], new CopyWriter(['int4']).finish()), { code: 'STORE_SQL' })
    await assert.rejects(store.copyIn('thing', ['id'], Uint8Array.of(1, 2, 3)), { code: 'STORE_SQL' })
    assert.deepEqual(await store.query('SELECT 1 AS one'), [{ one: 1 }])
  })

  test(`${name}: data outlives the process's store, new migrations are applied once, changed ones refused`, async () => {
    await store.query('INSERT INTO thing (id) VALUES (30)')
    await store.close()
    await assert.rejects(store.query('SELECT 1'), (error) => error instanceof Error)
    const more = migrationsFolder(join(root, 'more'), {
      '001-thing.sql': TABLES,
      '002-more.sql': 'ALTER TABLE thing ADD COLUMN note text; INSERT INTO thing (id) VALUES (31)',
    })
    for (let round = 0; round < 2; round++) {
      store = await open(more)
      const rows = await store.query('SELECT id, note FROM thing WHERE id IN (30, 31) ORDER BY id')
      assert.deepEqual(rows, [
        { id: 30, note: null },
        { id: 31, note: null },
      ])
      await store.close()
    }
    const changed = migrationsFolder(join(root, 'changed'), {
      '001-thing.sql': `${TABLES} -- changed`,
      '002-more.sql': '',
    })
    await assert.rejects(open(changed), { code: 'STORE_MIGRATION' })
    await assert.rejects(open(migrations), { code: 'STORE_MIGRATION' }, 'older program')
    const broken = migrationsFolder(join(root, 'broken'), {
      '001-thing.sql': TABLES,
      '002-more.sql': 'ALTER TABLE thing ADD COLUMN note text; INSERT INTO thing (id) VALUES (31)',
      '003-broken.sql': 'CREATE TABLE half (id int); SELECT nonsense',
    })
    await assert.rejects(open(broken), { code: 'STORE_SQL' })
    store = await open(more)
    assert.deepEqual(await store.query(`SELECT to_regclass('half')::text AS half`), [{ half: null }])
  })

  test(`${name}: migrations with gaps are refused`, async () => {
    const gap = migrationsFolder(join(root, 'gap'), { '001-thing.sql': TABLES, '003-late.sql': '' })
    await assert.rejects(
      openStore({ folder: join(root, 'other'), databaseUrl, schema, migrations: gap }),
      (error) => error instanceof StoreError && error.code === 'STORE_MIGRATION',
    )
  })
}
