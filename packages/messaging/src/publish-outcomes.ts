import type { CommunicationError } from '@comm/core'
import type { Waiter } from './buffer/entry.ts'

/** What became of one message of `publishMany`. */
export type PublishOutcome = { readonly ok: true } | { readonly ok: false; readonly error: CommunicationError }

const PUBLISHED: PublishOutcome = Object.freeze({ ok: true })

/** Collects the outcomes of many publishes, in the order given. */
export class PublishOutcomes {
  readonly #outcomes: PublishOutcome[]
  readonly #whenAll: (outcomes: readonly PublishOutcome[]) => void
  #left: number

  constructor(count: number, whenAll: (outcomes: readonly PublishOutcome[]) => void) {
    this.#outcomes = new Array(count)
    this.#whenAll = whenAll
    this.#left = count
    if (count === 0) whenAll(this.#outcomes)
  }

  /** Who waits for the publish at this place. */
  waiterAt(index: number): Waiter {
    return {
      confirmed: () => this.#set(index, PUBLISHED),
      failed: (error) => this.#set(index, { ok: false, error }),
    }
  }

  #set(index: number, outcome: PublishOutcome): void {
    this.#outcomes[index] = outcome
    if (--this.#left === 0) this.#whenAll(this.#outcomes)
  }
}
