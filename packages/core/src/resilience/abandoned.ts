/**
 * The callees of one call that were cancelled and have not settled yet. Made only when a callee is left behind. Bulkheads ask
 * it when their slot is really free again.
 */
export class Abandoned {
  /** Tickets of the callees that still run. */
  readonly #running = new Set<number>()
  /** By place of the stage that reran: the ticket at its latest rerun. Stages further in were entered after that. */
  readonly #rerunAt: number[] = []
  #waiting: { readonly since: number; readonly fn: () => void }[] = []

  add(ticket: number): void {
    this.#running.add(ticket)
  }

  rerun(at: number, ticket: number): void {
    this.#rerunAt[at] = ticket
  }

  settled(ticket: number): void {
    if (!this.#running.delete(ticket)) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const { since, fn } of waiting) this.#when(since, fn)
  }

  whenSettled(at: number, fn: () => void): void {
    let since = 0
    for (let outer = 0; outer < at; outer++) since = Math.max(since, this.#rerunAt[outer] ?? 0)
    this.#when(since, fn)
  }

  #when(since: number, fn: () => void): void {
    for (const ticket of this.#running) {
      if (ticket > since) {
        this.#waiting.push({ since, fn })
        return
      }
    }
    fn()
  }
}
