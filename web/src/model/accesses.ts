import type { AccessRecord } from '../api/types.ts'

/** The same kind of look at the same thing by the same party, taken together. */
export interface AccessGroup {
  readonly who: AccessRecord['who']
  readonly what: string
  readonly subject: string
  readonly outcome: AccessRecord['outcome']
  readonly last: string
  readonly count: number
}

/**
 * Takes a log of accesses together by who, what and about what, latest first: forty refreshes of one page are one line.
 *
 * @param records newest first, as the API gives them
 * @param own whether the account's own visits are wanted
 */
export function groupAccesses(records: readonly AccessRecord[], own: boolean): AccessGroup[] {
  const groups = new Map<string, AccessGroup>()
  for (const { who, what, subject, outcome, at } of records) {
    if (who === 'you' && !own) continue
    const key = JSON.stringify([who, what, subject, outcome])
    const known = groups.get(key)
    groups.set(key, known ? { ...known, count: known.count + 1 } : { who, what, subject, outcome, last: at, count: 1 })
  }
  return [...groups.values()]
}
