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

  /**
   * @param settled since the last time
   * @returns what to tell the broker: everything up to a tag, where that is new, and single tags that were settled before earlier ones
   */
  take(settled: readonly number[]): { readonly upTo: number | undefined; readonly single: readonly number[] } {
    for (const tag of settled) this.#told.add(tag)
    while (this.#told.delete(this.#floor + 1)) this.#floor++
    const run = settled.filter((tag) => tag <= this.#floor)
    return { upTo: run.length === 0 ? undefined : Math.max(...run), single: settled.filter((tag) => tag > this.#floor) }
  }
}
