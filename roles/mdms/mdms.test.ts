import pg from 'pg'
import { mdmsSuite } from './mdms.suite.ts'

mdmsSuite('PGlite')

const testDatabase = process.env.GRIDTALLY_TEST_DATABASE_URL
if (testDatabase) {
  // A database of its own, since the role's schema has one name.
  const name = `mdms_test_${process.pid}`
  const admin = async (sql: string): Promise<void> => {
    const client = new pg.Client(testDatabase)
    await client.connect()
    await client.query(sql)
    await client.end()
  }
  const url = new URL(testDatabase)
  url.pathname = `/${name}`
  mdmsSuite('PostgreSQL', {
    url: url.href,
    create: () => admin(`CREATE DATABASE ${name}`),
    drop: () => admin(`DROP DATABASE ${name} WITH (FORCE)`),
  })
}
