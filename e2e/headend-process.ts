import { type ClockAnchor, createClock } from '#platform/clock'
import { createLog } from '#platform/log'
import type { RoleOptions } from '#platform/role'
import { start } from '../roles/headend/main.ts'

/** What the parent hands over: role options with the clock as its anchor. */
export interface HeadendProcessOptions extends Omit<RoleOptions, 'clock' | 'log'> {
  readonly anchor: ClockAnchor
}

// A head-end in a process of its own, to be killed. Tells its address on standard output.
const [json] = process.argv.slice(2)
if (json !== undefined) {
  const { anchor, ...options } = JSON.parse(json) as HeadendProcessOptions
  const running = await start({ ...options, clock: createClock(anchor), log: createLog('headend', 'error') })
  process.stdout.write(`${running.url}\n`)
}
