import type { SettleAnswer } from './delivery.ts'

/** Acknowledges in batches: one request is outstanding, what comes meanwhile makes up the next. All of a batch share its answer. */
export class Acknowledgements {
  readonly #send: (entryIds: readonly string[]) => Promise<unknown>
  readonly #onFailure: (thrown: unknown) => void
  #next: { readonly entryIds: string[]; readonly answer: PromiseWithResolvers<SettleAnswer> } | undefined
  #isSending = false

  /** @param onFailure hears why a batch was lost */
  constructor(send: (entryIds: readonly string[]) => Promise<unknown>, onFailure: (thrown: unknown) => void) {
    this.#send = send
    this.#onFailure = onFailure
  }

  /** Never rejects. */
  add(entryId: string): Promise<SettleAnswer> {
    if (this.#next === undefined) {
      this.#next = { entryIds: [], answer: Promise.withResolvers() }
      if (!this.#isSending) queueMicrotask(() => void this.#flush())
    }
    this.#next.entryIds.push(entryId)
    return this.#next.answer.promise
  }

  async #flush(): Promise<void> {
    if (this.#isSending) return
    this.#isSending = true
    for (let batch = this.#next; batch !== undefined; batch = this.#next) {
      this.#next = undefined
      try {
        await this.#send(batch.entryIds)
        batch.answer.resolve('settled')
      } catch (thrown) {
        batch.answer.resolve('lost')
        this.#onFailure(thrown)
      }
    }
    this.#isSending = false
  }
}
