import type { PublishResult } from '@comm/messaging'
import { abortedError, maybeStored } from './errors.ts'

/** The answers to one publish call. Each is given once; later ones do not count. */
export class Batch {
  readonly done: Promise<readonly PublishResult[]>
  readonly #results: PublishResult[]
  readonly #signal: AbortSignal
  readonly #resolve: (results: readonly PublishResult[]) => void
  #left: number

  /** @param signal an abort answers `unknown` for what has no answer yet */
  constructor(count: number, signal: AbortSignal) {
    const { promise, resolve } = Promise.withResolvers<readonly PublishResult[]>()
    this.done = promise
    this.#resolve = resolve
    this.#results = new Array(count)
    this.#left = count
    this.#signal = signal
    signal.addEventListener('abort', this.#abort)
  }

  answer(index: number, result: PublishResult): void {
    if (this.#results[index] !== undefined) return
    this.#results[index] = result
    if (--this.#left > 0) return
    this.#signal.removeEventListener('abort', this.#abort)
    this.#resolve(this.#results)
  }

  readonly #abort = (): void => {
    const result = maybeStored(abortedError('publishing to', this.#signal))
    for (let index = 0; index < this.#results.length; index++) this.answer(index, result)
  }
}
