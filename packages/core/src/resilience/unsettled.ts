interface Waiter {
  /** Waits for what was begun after `since`, up to and including `until`. */
  readonly since: number
  readonly until: number
  readonly fn: () => void
}

/**
 * What one call began and no longer waits for, though it still runs: callees that ignore their signal, and runs of the stages
 * inside an `around` stage. Made only when there is something to remember. Bulkheads ask it when their slot is really free.
 */
export class Unsettled {
  /** By the ticket of the callee: how many still run under it. */
  readonly #running = new Map<number, number>()
  /** By place of a stage that reran: the ticket at its latest rerun. Everything inside it was entered anew after that. */
  readonly #rerunAt: number[] = []
  #waiters: Waiter[] = []

  add(ticket: number): void {
    this.#running.set(ticket, (this.#running.get(ticket) ?? 0) + 1)
  }

  rerun(at: number, ticket: number): void {
    this.#rerunAt[at] = ticket
  }

  settled(ticket: number): void {
    const left = (this.#running.get(ticket) ?? 0) - 1
    if (left > 0) {
      this.#running.set(ticket, left)
      return
    }
    this.#running.delete(ticket)
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) this.#runOrWait(waiter)
  }

  /** Runs `fn` once everything that was begun so far, since the stage at this place was entered, has settled. */
  whenSettled(at: number, until: number, fn: () => void): void {
    let since = 0
    for (let outer = 0; outer < at; outer++) since = Math.max(since, this.#rerunAt[outer] ?? 0)
    this.#runOrWait({ since, until, fn })
  }

  #runOrWait(waiter: Waiter): void {
    for (const ticket of this.#running.keys()) {
      if (ticket > waiter.since && ticket <= waiter.until) {
        this.#waiters.push(waiter)
        return
      }
    }
    waiter.fn()
  }
}
