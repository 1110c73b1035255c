/**
 * One fetch that several callers wait for. A caller who gives up leaves the others to it; when the last one has left, it is
 * aborted.
 */
export class Flight<Outcome> {
  readonly #controller = new AbortController()
  readonly #outcome: Promise<Outcome>
  readonly #onOver: () => void
  #waiting = 0
  #over = false

  /** @param onOver called once: it has settled, or nobody waits any more @param isKept it goes on without a caller */
  constructor(start: (signal: AbortSignal) => Promise<Outcome>, onOver: () => void, isKept = false) {
    this.#onOver = onOver
    if (isKept) this.#waiting = 1
    this.#outcome = start(this.#controller.signal)
    const end = (): void => this.#end()
    this.#outcome.then(end, end)
  }

  /** Waits for the outcome. @throws the signal's reason, or what the fetch threw */
  join(signal: AbortSignal | undefined): Promise<Outcome> {
    this.#waiting += 1
    if (signal === undefined) return this.#outcome
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        reject(signal.reason)
        this.#leave(signal.reason)
      }
      if (signal.aborted) return leave()
      signal.addEventListener('abort', leave, { once: true })
      const settled = (): void => signal.removeEventListener('abort', leave)
      this.#outcome.then(
        (outcome) => {
          settled()
          resolve(outcome)
        },
        (thrown: unknown) => {
          settled()
          reject(thrown)
        },
      )
    })
  }

  #leave(reason: unknown): void {
    this.#waiting -= 1
    if (this.#waiting > 0 || this.#over) return
    this.#end()
    this.#controller.abort(reason)
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    this.#onOver()
  }
}
