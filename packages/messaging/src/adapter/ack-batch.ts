import type { SettleAnswer } from './source-delivery.ts'

/** Gathers what is acknowledged in one turn of the event loop: it goes out in one command, and shares its answer. */
export class AckBatch<Item> {
  readonly #send: (items: readonly Item[]) => Promise<SettleAnswer>
  #items: Item[] = []
  #answer: PromiseWithResolvers<SettleAnswer> | undefined

  /** @param send must not reject */
  constructor(send: (items: readonly Item[]) => Promise<SettleAnswer>) {
    this.#send = send
  }

  add(item: Item): Promise<SettleAnswer> {
    if (this.#answer === undefined) {
      this.#answer = Promise.withResolvers()
      setImmediate(() => void this.flush())
    }
    this.#items.push(item)
    return this.#answer.promise
  }

  /** Sends what there is now. Resolves when it is answered. @param send for this time */
  async flush(send: (items: readonly Item[]) => Promise<SettleAnswer> = this.#send): Promise<void> {
    const items = this.#items
    const answer = this.#answer
    this.#items = []
    this.#answer = undefined
    if (answer !== undefined) answer.resolve(await send(items))
  }
}
