import { performance } from 'node:perf_hooks'
import type { PlatformClock } from '#platform/clock'
import type { HeadendConfig } from './config.ts'
import type { Priority } from './session-record.ts'

/** Where in the spread of a stretch a meter's turn comes: 0 ≤ h < 1, always the same for the same meter (FNV-1a). */
export function spreadOf(meterId: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < meterId.length; i++) hash = Math.imul(hash ^ meterId.charCodeAt(i), 0x01000193)
  // Serials that count up differ in their last digits only; this mixes them into all bits.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return ((hash ^ (hash >>> 13)) >>> 0) / 0x1_0000_0000
}

/** The first regular turn of a meter after `now`. */
export function nextTurn(now: number, meterId: string, readings: HeadendConfig['readings']): number {
  const everyMs = readings.everyMinutes * 60_000
  const offsetMs = readings.afterSeconds * 1000 + spreadOf(meterId) * readings.spreadSeconds * 1000
  return Math.ceil((now + 1 - offsetMs) / everyMs) * everyMs + offsetMs
}

/**
 * How long to wait after the `failures`-th failure in a row, in ms.
 *
 * @param random 0 ≤ r < 1; spreads the wait over half to one and a half of its nominal length
 */
export function backoffMs(failures: number, retry: HeadendConfig['retry'], random: number): number {
  const nominal = Math.min(retry.firstSeconds * 1000 * 2 ** Math.min(failures - 1, 30), retry.mostMinutes * 60_000)
  return nominal * (0.5 + random)
}

/** What happens when a meter's turn has come. */
export interface Turn {
  readonly meterId: string
  readonly priority: Priority
}

/** What the scheduler works with. */
export interface SchedulerPorts {
  readonly clock: PlatformClock
  readonly limits: HeadendConfig['sessions']
  /** Group of meters that share permits. */
  cellOf(meterId: string): string
  /** Holds a session; never rejects. Gives when the meter's next regular turn is, or `undefined` for never. */
  run(turn: Turn): Promise<number | undefined>
}

interface Request {
  begun(): void
  done(): void
}

interface Job {
  readonly meterId: string
  priority: Priority
  state: 'waiting' | 'parked' | 'running'
  /** Those who asked for this session. */
  requests: Request[]
  /** Asked for while the session runs: they need one of their own. */
  next: Request[]
}

/** Part of the connections that regular turns leave to people. */
const RESERVED_SHARE = 0.02

/** How often the process is asked how busy it is. */
const LOAD_EVERY_MS = 50

/** Longest wait of a timer, so that a stepped clock is noticed. */
const LONGEST_WAIT_MS = 1000

/**
 * Decides which meter is served when: regular turns by time, people first, one session a meter, bounded connections in all, by cell
 * and per second. Holds no sockets; `run` does.
 */
export class Scheduler {
  readonly #ports: SchedulerPorts
  readonly #due = new DueHeap()
  readonly #jobs = new Map<string, Job>()
  readonly #interactive: Queue = new Queue()
  readonly #scheduled: Queue = new Queue()
  readonly #cells = new Map<string, { open: number; parked: Queue }>()
  #open = 0
  #tokens: number
  #tokensAt = performance.now()
  #dueTimer: NodeJS.Timeout | undefined
  #tokenTimer: NodeJS.Timeout | undefined
  #running = false
  #loadTimer: NodeJS.Timeout | undefined
  #isBusy = false
  #idle: (() => void) | undefined

  constructor(ports: SchedulerPorts) {
    this.#ports = ports
    this.#tokens = this.#burst
  }

  /** Sessions open now. */
  get open(): number {
    return this.#open
  }

  /** Meters whose turn has come and who wait for a permit. */
  get waiting(): number {
    return this.#jobs.size - this.#open
  }

  /** Meters with a regular turn to come. */
  get planned(): number {
    return this.#due.size
  }

  /** Sets a meter's next regular turn, replacing an earlier plan. */
  plan(meterId: string, at: number): void {
    this.#due.set(meterId, at)
    if (this.#running) this.#wait()
  }

  /** Takes a meter out of the plan. */
  forget(meterId: string): void {
    this.#due.delete(meterId)
  }

  start(): void {
    this.#running = true
    this.#watchLoad()
    this.#wait()
    this.#pump()
  }

  /** Begins no more sessions; resolves when those open have ended. */
  async stop(): Promise<void> {
    this.#running = false
    clearTimeout(this.#dueTimer)
    clearTimeout(this.#tokenTimer)
    clearInterval(this.#loadTimer)
    if (this.#open > 0)
      await new Promise<void>((resolve) => {
        this.#idle = resolve
      })
  }

  /**
   * Asks for a session with a meter at once, before regular turns. Requests made before the session begins share it.
   *
   * @param begun called when the session begins
   * @returns resolves when it has ended
   */
  request(meterId: string, begun: () => void = () => {}): Promise<void> {
    return new Promise((done) => {
      const request = { begun, done }
      const job = this.#jobs.get(meterId)
      if (job?.state === 'running') job.next.push(request)
      else if (job) {
        job.requests.push(request)
        if (job.priority === 'scheduled') this.#promote(job)
      } else this.#enqueue(meterId, 'interactive', [request])
      this.#pump()
    })
  }

  #watchLoad(): void {
    let last = performance.eventLoopUtilization()
    this.#loadTimer = setInterval(() => {
      const now = performance.eventLoopUtilization()
      this.#isBusy = performance.eventLoopUtilization(now, last).utilization > this.#ports.limits.busyShare
      last = now
      if (this.#scheduled.size > 0) this.#pump()
    }, LOAD_EVERY_MS)
  }

  get #burst(): number {
    return Math.max(1, this.#ports.limits.newPerSecond / 10)
  }

  #enqueue(meterId: string, priority: Priority, requests: Request[]): void {
    const job: Job = { meterId, priority, state: 'waiting', requests, next: [] }
    this.#jobs.set(meterId, job)
    this.#queueOf(job).push(job)
  }

  #queueOf(job: Job): Queue {
    return job.priority === 'interactive' ? this.#interactive : this.#scheduled
  }

  #promote(job: Job): void {
    if (job.state === 'waiting') this.#scheduled.remove(job)
    else this.#cell(job.meterId).parked.remove(job)
    job.priority = 'interactive'
    job.state = 'waiting'
    this.#interactive.push(job)
  }

  #cell(meterId: string): { open: number; parked: Queue } {
    const name = this.#ports.cellOf(meterId)
    let cell = this.#cells.get(name)
    if (!cell) {
      cell = { open: 0, parked: new Queue() }
      this.#cells.set(name, cell)
    }
    return cell
  }

  /** Sleeps until the next regular turn. */
  #wait(): void {
    clearTimeout(this.#dueTimer)
    const next = this.#due.first
    if (!this.#running || next === undefined) return
    const { clock } = this.#ports
    const waitMs = Math.max(0, (next - clock.now()) / clock.speed)
    this.#dueTimer = setTimeout(() => this.#turnsCome(), Math.min(waitMs, LONGEST_WAIT_MS))
  }

  #turnsCome(): void {
    const now = this.#ports.clock.now()
    for (let meterId = this.#due.take(now); meterId !== undefined; meterId = this.#due.take(now))
      if (!this.#jobs.has(meterId)) this.#enqueue(meterId, 'scheduled', [])
    this.#pump()
    this.#wait()
  }

  /** Begins sessions as long as there are permits. */
  #pump(): void {
    if (!this.#running) return
    const { connections, busyConnections } = this.#ports.limits
    const unreserved = connections - Math.max(1, Math.floor(connections * RESERVED_SHARE))
    const forScheduled = this.#isBusy ? Math.min(unreserved, busyConnections) : unreserved
    for (;;) {
      const interactive = this.#open < connections && this.#interactive.size > 0
      const scheduled = this.#open < Math.max(1, forScheduled) && this.#scheduled.size > 0
      if (!interactive && !scheduled) return
      if (!this.#hasToken()) return
      const job = (interactive ? this.#interactive : this.#scheduled).shift()
      if (!job) return
      const cell = this.#cell(job.meterId)
      if (cell.open >= this.#ports.limits.perCell) {
        job.state = 'parked'
        if (job.priority === 'interactive') cell.parked.unshift(job)
        else cell.parked.push(job)
      } else {
        this.#tokens--
        void this.#begin(job, cell)
      }
    }
  }

  #hasToken(): boolean {
    const now = performance.now()
    const perMs = this.#ports.limits.newPerSecond / 1000
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#tokensAt) * perMs)
    this.#tokensAt = now
    if (this.#tokens >= 1) return true
    clearTimeout(this.#tokenTimer)
    this.#tokenTimer = setTimeout(() => this.#pump(), Math.max(1, (1 - this.#tokens) / perMs))
    return false
  }

  async #begin(job: Job, cell: { open: number; parked: Queue }): Promise<void> {
    const { meterId, priority } = job
    job.state = 'running'
    this.#open++
    cell.open++
    for (const { begun } of job.requests) begun()
    const next = await this.#ports.run({ meterId, priority })
    this.#open--
    cell.open--
    this.#jobs.delete(meterId)
    if (next === undefined) this.forget(meterId)
    else this.plan(meterId, next)
    for (const { done } of job.requests) done()
    if (job.next.length > 0) this.#enqueue(meterId, 'interactive', job.next)
    const parked = cell.parked.shift()
    if (parked) {
      parked.state = 'waiting'
      this.#queueOf(parked).unshift(parked)
    }
    if (this.#open === 0) this.#idle?.()
    this.#pump()
  }
}

/** A line of jobs; taking out of the middle leaves a hole that is skipped. */
class Queue {
  #jobs: (Job | undefined)[] = []
  #head = 0
  size = 0

  push(job: Job): void {
    this.#jobs.push(job)
    this.size++
  }

  unshift(job: Job): void {
    if (this.#head > 0) this.#jobs[--this.#head] = job
    else this.#jobs.unshift(job)
    this.size++
  }

  shift(): Job | undefined {
    while (this.#head < this.#jobs.length) {
      const job = this.#jobs[this.#head]
      this.#jobs[this.#head++] = undefined
      if (this.#head > 1024 && this.#head * 2 > this.#jobs.length) {
        this.#jobs = this.#jobs.slice(this.#head)
        this.#head = 0
      }
      if (job) {
        this.size--
        return job
      }
    }
    return undefined
  }

  remove(job: Job): void {
    const at = this.#jobs.indexOf(job, this.#head)
    if (at < 0) return
    this.#jobs[at] = undefined
    this.size--
  }
}

/** Meters by the time of their next turn: a binary heap; replaced plans stay in it until they surface. */
class DueHeap {
  #heap: { at: number; meterId: string }[] = []
  readonly #current = new Map<string, number>()

  get size(): number {
    return this.#current.size
  }

  /** Time of the earliest plan. */
  get first(): number | undefined {
    this.#drop()
    return this.#heap[0]?.at
  }

  set(meterId: string, at: number): void {
    this.#current.set(meterId, at)
    const heap = this.#heap
    let i = heap.push({ at, meterId }) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (heap[parent].at <= heap[i].at) break
      ;[heap[parent], heap[i]] = [heap[i], heap[parent]]
      i = parent
    }
  }

  delete(meterId: string): void {
    this.#current.delete(meterId)
  }

  /** Takes out one meter whose time has come. */
  take(now: number): string | undefined {
    this.#drop()
    const top = this.#heap[0]
    if (!top || top.at > now) return undefined
    this.#current.delete(top.meterId)
    this.#pop()
    return top.meterId
  }

  /** Removes plans at the top that were replaced. */
  #drop(): void {
    while (this.#heap.length > 0 && this.#current.get(this.#heap[0].meterId) !== this.#heap[0].at) this.#pop()
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    heap[0] = last
    let i = 0
    for (;;) {
      const left = 2 * i + 1
      const right = left + 1
      let least = i
      if (left < heap.length && heap[left].at < heap[least].at) least = left
      if (right < heap.length && heap[right].at < heap[least].at) least = right
      if (least === i) return
      ;[heap[least], heap[i]] = [heap[i], heap[least]]
      i = least
    }
  }
}
