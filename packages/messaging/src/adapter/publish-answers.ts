import type { PublishResult } from '../broker.ts'
import { type Linked, List } from '../list.ts'

/** Publishes that wait for answers, by the signal that ends the waiting: to listen anew for each would cost as much as to send it. */
const waiting = new WeakMap<AbortSignal, List<PublishAnswers>>()

function waitingUntil(signal: AbortSignal): List<PublishAnswers> {
  const known = waiting.get(signal)
  if (known !== undefined) return known
  const those = new List<PublishAnswers>()
  waiting.set(signal, those)
  signal.addEventListener('abort', () => {
    for (const answers of [...those]) answers.abort()
  })
  return those
}

/** The answers to one publish call. Each is given once; later ones do not count. */
export class PublishAnswers implements Linked<PublishAnswers> {
  /** Resolves when every record has its answer. */
  readonly done: Promise<readonly PublishResult[]>
  readonly #results: PublishResult[]
  readonly #signal: AbortSignal
  readonly #whenAborted: (signal: AbortSignal) => PublishResult
  readonly #resolve: (results: readonly PublishResult[]) => void
  #left: number
  list: List<PublishAnswers> | undefined
  previous: PublishAnswers | undefined
  next: PublishAnswers | undefined

  /** @param whenAborted the answer for what has none yet when the signal aborts: it may have been stored */
  constructor(count: number, signal: AbortSignal, whenAborted: (signal: AbortSignal) => PublishResult) {
    const { promise, resolve } = Promise.withResolvers<readonly PublishResult[]>()
    this.done = promise
    this.#resolve = resolve
    this.#results = new Array(count)
    this.#left = count
    this.#signal = signal
    this.#whenAborted = whenAborted
    this.list = this.previous = this.next = undefined
    if (count === 0) resolve(this.#results)
    else waitingUntil(signal).push(this)
  }

  answer(index: number, result: PublishResult): void {
    if (this.#results[index] !== undefined) return
    this.#results[index] = result
    if (--this.#left > 0) return
    this.list?.remove(this)
    this.#resolve(this.#results)
  }

  /** Answers for what has no answer yet: its signal has aborted. */
  abort(): void {
    const result = this.#whenAborted(this.#signal)
    for (let index = 0; index < this.#results.length; index++) this.answer(index, result)
  }
}
