/** What to tell the broker about settled deliveries. */
export interface Acks {
  /** Everything up to this tag; undefined when nothing new. */
  readonly upTo: number | undefined
  /** Settled before earlier ones are. */
  readonly single: readonly number[]
}

/**
 * Turns the settled tags of one channel into few acknowledgements: one for the contiguous run at the lower end, one for each tag
 * beyond it. Tags count from 1, one for each delivery of the channel. Pure.
 */
export class AckTracker {
  /** Every tag up to it was told, or is answered in another way. */
  #floor = 0
  /** Settled since the last `take`. */
  readonly #settled = new Set<number>()
  /** Told already, above the floor. */
  readonly #told = new Set<number>()

  get isEmpty(): boolean {
    return this.#settled.size === 0
  }

  settle(tag: number): void {
    this.#settled.add(tag)
  }

  /** The broker was answered about this tag in another way: a requeue. */
  told(tag: number): void {
    this.#told.add(tag)
  }

  /** What was settled since the last time, as few acknowledgements. */
  take(): Acks {
    let upTo: number | undefined
    for (let next = this.#floor + 1; ; next++) {
      if (this.#settled.delete(next)) upTo = next
      else if (!this.#told.delete(next)) break
      this.#floor = next
    }
    const single = [...this.#settled]
    this.#settled.clear()
    for (const tag of single) this.#told.add(tag)
    return { upTo, single }
  }
}
