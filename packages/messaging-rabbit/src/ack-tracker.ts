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
  /** Told already, above the floor. */
  readonly #told = new Set<number>()

  /** The broker was answered about this tag in another way: a requeue. */
  told(tag: number): void {
    this.#told.add(tag)
  }

  /** @param settled since the last time */
  take(settled: readonly number[]): Acks {
    for (const tag of settled) this.#told.add(tag)
    while (this.#told.delete(this.#floor + 1)) this.#floor++
    const run = settled.filter((tag) => tag <= this.#floor)
    return { upTo: run.length === 0 ? undefined : Math.max(...run), single: settled.filter((tag) => tag > this.#floor) }
  }
}
