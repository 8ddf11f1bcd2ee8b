import { type ScriptedMeter, startMeter } from '../roles/headend/dev/scripted-meter.ts'

/** What the parent may ask: another time, answers held back from the n-th of a connection on, processor time and counts so far. */
export interface FleetMessage {
  readonly now?: number
  readonly holdFrom?: number
}

/** What the fleet answers to each message. */
export interface FleetState {
  readonly cpuMs: number
  readonly connections: number
  /** Answers held back for good. */
  readonly held: number
}

// A fleet of scripted meters in a process of its own, for benchmarks of the head-end. The parent moves its clock by messages.
const [first = '1', count = '1', at = '0'] = process.argv.slice(2)
let now = Number(at)
let held = 0
const meters: ScriptedMeter[] = []
for (let i = 0; i < Number(count); i++) meters.push(await startMeter(Number(first) + i, () => now))

process.on('message', (message: FleetMessage) => {
  if (message.now !== undefined) now = message.now
  const { holdFrom } = message
  if (holdFrom !== undefined)
    for (const meter of meters)
      meter.meddle = (answer, n) => {
        if (n < holdFrom) return answer
        held++
        return 'silence'
      }
  const { user, system } = process.cpuUsage()
  const state: FleetState = {
    cpuMs: (user + system) / 1000,
    connections: meters.reduce((sum, meter) => sum + meter.connections, 0),
    held,
  }
  process.send?.(state)
})
process.send?.(meters.map(({ serial, systemTitle, guek, gak, port }) => ({ serial, systemTitle, guek, gak, port })))
