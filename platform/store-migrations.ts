import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Queryable, Store } from './store.ts'
import { StoreError } from './store-error.ts'

/** One step of a schema's history. */
export interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
  readonly checksum: string
}

/** Reads `001-name.sql` … of a folder. @throws StoreError `STORE_MIGRATION` for gaps, doubles and names that do not fit */
export function readMigrations(folder: URL): Migration[] {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
  return files.map((file, index) => {
    const number = Number(/^(\d{3})-[a-z0-9-]+\.sql$/.exec(file)?.[1] ?? Number.NaN)
    if (number !== index + 1)
      throw new StoreError('STORE_MIGRATION', `migration ${file} should be number ${index + 1}, named as 001-name.sql`)
    const sql = readFileSync(fileURLToPath(new URL(file, `${folder.href.replace(/\/$/, '')}/`)), 'utf8')
    return { number, name: file, sql, checksum: createHash('sha256').update(sql).digest('hex') }
  })
}

interface Applied {
  readonly number: number
  readonly name: string
  readonly checksum: string
}

async function migrateNext(tx: Queryable, migrations: readonly Migration[], engine: Store['engine']): Promise<boolean> {
  // Two processes may start at once on one PostgreSQL; the lock ends with the transaction.
  if (engine === 'postgresql') await tx.query('SELECT pg_advisory_xact_lock(hashtext(current_schema()))')
  await tx.exec(`CREATE TABLE IF NOT EXISTS schema_migration (
    number int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`)
  const applied = await tx.query<Applied>('SELECT number, name, checksum FROM schema_migration ORDER BY number')
  for (const { number, name, checksum } of applied) {
    const known = migrations[number - 1]
    if (!known)
      throw new StoreError('STORE_MIGRATION', `the data was last used by a newer version: it has ${name}, unknown here`)
    if (known.checksum !== checksum)
      throw new StoreError(
        'STORE_MIGRATION',
        `migration ${name} is not what was applied to this data; it must not change`,
      )
  }
  const next = migrations[applied.length]
  if (!next) return false
  await tx.exec(next.sql)
  const { number, name, checksum } = next
  await tx.query('INSERT INTO schema_migration (number, name, checksum) VALUES ($1, $2, $3)', [number, name, checksum])
  return true
}

/** Applies what is missing, each migration in its own transaction. */
export async function migrate(store: Store, migrations: readonly Migration[]): Promise<void> {
  while (await store.transaction((tx) => migrateNext(tx, migrations, store.engine)));
}
