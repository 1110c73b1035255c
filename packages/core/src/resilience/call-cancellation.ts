import type { Cancellation, CancellationListener } from './stage.ts'

/** What an AbortSignal of an attempt would tell, at a small part of its cost. Nearly all have one listener, or none. */
export class CallCancellation implements Cancellation {
  aborted = false
  reason: unknown = undefined
  #listener: CancellationListener | undefined = undefined
  #others: Set<CancellationListener> | undefined = undefined

  /** @param reason why it is cancelled already, where it is */
  constructor(isCancelled: boolean, reason: unknown) {
    this.aborted = isCancelled
    this.reason = reason
  }

  addEventListener(_: 'abort', listener: CancellationListener): void {
    if (this.#listener === undefined || this.#listener === listener) {
      this.#listener = listener
      return
    }
    this.#others ??= new Set()
    this.#others.add(listener)
  }

  removeEventListener(_: 'abort', listener: CancellationListener): void {
    if (this.#listener === listener) this.#listener = undefined
    else this.#others?.delete(listener)
  }

  abort(reason: unknown): void {
    this.aborted = true
    this.reason = reason
    const [first, others] = [this.#listener, this.#others]
    this.#listener = this.#others = undefined
    first?.handleEvent({ target: this })
    if (others !== undefined) for (const listener of others) listener.handleEvent({ target: this })
  }
}
