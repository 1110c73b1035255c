import type { Clock } from '@comm/core'

const MOST_KEYS = 1000

/** Remembers keys for a while, a bounded number of them. */
export class RecentKeys {
  readonly #clock: Clock
  readonly #keptMs: number
  /** The oldest first. */
  readonly #until = new Map<string, number>()

  constructor(clock: Clock, keptMs: number) {
    this.#clock = clock
    this.#keptMs = keptMs
  }

  has(key: string): boolean {
    const until = this.#until.get(key)
    if (until === undefined) return false
    if (until > this.#clock.now()) return true
    this.#until.delete(key)
    return false
  }

  delete(key: string): void {
    this.#until.delete(key)
  }

  add(key: string): void {
    this.#until.delete(key)
    this.#until.set(key, this.#clock.now() + this.#keptMs)
    if (this.#until.size <= MOST_KEYS) return
    for (const oldest of this.#until.keys()) {
      this.#until.delete(oldest)
      return
    }
  }
}
