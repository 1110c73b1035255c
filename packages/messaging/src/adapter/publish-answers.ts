import type { PublishResult } from '../broker.ts'

/** The answers to one publish call. Each is given once; later ones do not count. */
export class PublishAnswers {
  /** Resolves when every record has its answer. */
  readonly done: Promise<readonly PublishResult[]>
  readonly #results: PublishResult[]
  readonly #signal: AbortSignal
  readonly #whenAborted: (signal: AbortSignal) => PublishResult
  readonly #resolve: (results: readonly PublishResult[]) => void
  #left: number

  /** @param whenAborted the answer for what has none yet when the signal aborts: it may have been stored */
  constructor(count: number, signal: AbortSignal, whenAborted: (signal: AbortSignal) => PublishResult) {
    const { promise, resolve } = Promise.withResolvers<readonly PublishResult[]>()
    this.done = promise
    this.#resolve = resolve
    this.#results = new Array(count)
    this.#left = count
    this.#signal = signal
    this.#whenAborted = whenAborted
    if (count === 0) resolve(this.#results)
    else signal.addEventListener('abort', this.#abort)
  }

  answer(index: number, result: PublishResult): void {
    if (this.#results[index] !== undefined) return
    this.#results[index] = result
    if (--this.#left > 0) return
    this.#signal.removeEventListener('abort', this.#abort)
    this.#resolve(this.#results)
  }

  readonly #abort = (): void => {
    const result = this.#whenAborted(this.#signal)
    for (let index = 0; index < this.#results.length; index++) this.answer(index, result)
  }
}
