import type { Clock, Timer } from '@comm/core'
import type { AnswerStream, OpenedStream } from './answer-stream.ts'
import { abortError, deadlineError, nameCall } from './call-errors.ts'
import { expired } from './call-timeout.ts'
import type { Outgoing } from './outgoing.ts'

export interface CallStreamParts {
  /** Runs the policies up to the first answer. @param signal ends that */
  readonly open: (signal: AbortSignal) => Promise<OpenedStream>
  readonly clock: Clock
  /** The call is over. @param error as the caller gets it; undefined after a good end, and when the caller just left */
  readonly whenOver: (error: unknown) => void
}

const DONE: IteratorResult<never> = Object.freeze({ value: undefined, done: true as const })

/**
 * The answers of a call, for `for await`. It begins with the first `next()`. Up to the first answer the policies hold; from there on the
 * caller's signal, that of its context and the deadline end it.
 */
export class CallStream implements AsyncIterableIterator<unknown> {
  readonly #outgoing: Outgoing
  readonly #parts: CallStreamParts
  #stream: AnswerStream | undefined
  #opening: Promise<unknown> | undefined
  readonly #leaving = new AbortController()
  #timer: Timer | undefined
  #isOver = false

  constructor(outgoing: Outgoing, parts: CallStreamParts) {
    this.#outgoing = outgoing
    this.#parts = parts
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#stream !== undefined) return this.#stream.next()
    if (this.#isOver) return Promise.resolve(DONE)
    if (this.#opening !== undefined) return this.#opening.then(() => this.next())
    const first = this.#open()
    this.#opening = first.then(
      () => undefined,
      () => undefined,
    )
    return first
  }

  /** The caller wants no more: the call is cancelled. */
  return(): Promise<IteratorResult<unknown>> {
    if (this.#stream !== undefined) this.#stream.abandon()
    else {
      this.#over(undefined)
      this.#leaving.abort()
    }
    return Promise.resolve(DONE)
  }

  async #open(): Promise<IteratorResult<unknown>> {
    const outgoing = this.#outgoing
    let opened: OpenedStream
    try {
      const { signal } = outgoing.options
      opened = await this.#parts.open(
        signal === undefined ? this.#leaving.signal : AbortSignal.any([signal, this.#leaving.signal]),
      )
    } catch (thrown) {
      if (this.#leaving.signal.aborted) return DONE
      const error = nameCall(thrown, outgoing)
      this.#over(error)
      throw error
    }
    const { stream, first } = opened
    stream.whenOver((error) => this.#over(error))
    if (this.#isOver) stream.abandon()
    this.#stream = stream
    this.#guard(stream)
    opened.unbind()
    return first
  }

  /** What the pipeline has seen to up to here. */
  #guard(stream: AnswerStream): void {
    if (this.#isOver) return
    const { options, context, totalMs, startedAt } = this.#outgoing
    for (const signal of [options.signal, context?.signal]) {
      if (signal === undefined) continue
      const abort = (): void => stream.abandon({ error: abortError(this.#outgoing, signal.reason) })
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort)
      stream.whenOver(() => signal.removeEventListener('abort', abort))
    }
    const ownAt = startedAt + totalMs
    const inheritedAt = context?.deadlineAt ?? Number.POSITIVE_INFINITY
    const dueAt = Math.min(ownAt, inheritedAt)
    if (dueAt === Number.POSITIVE_INFINITY) return
    const { clock } = this.#parts
    this.#timer = clock.setTimer(dueAt - clock.now(), () => {
      const error = inheritedAt <= ownAt ? deadlineError(this.#outgoing) : expired(this.#outgoing, 'total', totalMs, 1)
      stream.abandon({ error })
    })
  }

  #over(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer?.cancel()
    this.#outgoing.requests?.end()
    this.#parts.whenOver(error)
  }
}
