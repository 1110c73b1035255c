/** Lets messages pass up to a number that only rises. */
export class Gate {
  #openTo = 0
  #raised = Promise.withResolvers<void>()

  /** @param openTo messages with a lower number may pass */
  open(openTo: number): void {
    if (openTo <= this.#openTo) return
    this.#openTo = openTo
    this.#raised.resolve()
    this.#raised = Promise.withResolvers()
  }

  /** Resolves when the message may pass; never, where that never comes. */
  async pass(message: number): Promise<void> {
    while (message >= this.#openTo) await this.#raised.promise
  }
}
