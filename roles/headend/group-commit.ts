/**
 * Gathers what arrives while a commit is under way and commits it together, in order of arrival: one disk sync serves many
 * callers, and nobody waits for more than two.
 */
export class GroupCommit<Item, Result> {
  readonly #commit: (items: readonly Item[]) => Promise<readonly Result[]>
  #waiting: { item: Item; resolve(result: Result): void; reject(error: unknown): void }[] = []
  #running: Promise<void> | undefined

  /** @param commit makes all items durable, or none; gives one result for each */
  constructor(commit: (items: readonly Item[]) => Promise<readonly Result[]>) {
    this.#commit = commit
  }

  /** How many items wait for their commit to begin. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Resolves once `item` is durable; rejects with what the commit of its group threw. */
  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  async #run(): Promise<void> {
    // Callers of the same turn of the event loop join the first group.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#waiting
      this.#waiting = []
      try {
        const results = await this.#commit(group.map(({ item }) => item))
        group.forEach(({ resolve }, i) => {
          resolve(results[i])
        })
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#running = undefined
  }
}
