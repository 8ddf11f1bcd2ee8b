import { after, before, describe } from 'node:test'
import { createClock } from '#platform/clock'
import { asked, at } from './dev/asked.ts'
import { type MdmsUnderTest, startMdmsUnderTest } from './dev/mdms-under-test.ts'
import { deliveryTests } from './mdms-deliveries.suite.ts'
import { faceTests } from './mdms-faces.suite.ts'

/** A PostgreSQL database made for the tests alone. */
export interface TestDatabase {
  readonly url: string
  create(): Promise<void>
  drop(): Promise<void>
}

/** What the MDMS does, asked over HTTP, whatever database it has. */
export function mdmsSuite(name: string, database?: TestDatabase): void {
  // A group, so that its hooks are its own: all tests of the house run in one process.
  describe(`MDMS on ${name}`, () => {
    let mdms: MdmsUnderTest
    before(async () => {
      await database?.create()
      const clock = createClock({ real: Date.now(), platform: at('2026-11-02T12:00'), speed: 1 })
      mdms = await startMdmsUnderTest({ clock, ...(database ? { databaseUrl: database.url } : {}) })
    })
    after(async () => {
      await mdms.close()
      await database?.drop()
    })
    const ask = asked(name, () => mdms)
    deliveryTests(ask)
    faceTests(ask)
  })
}
