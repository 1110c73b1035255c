import type { Writable } from 'node:stream'

/** So many messages are kept for a second attempt; with more, or once the server has answered, there is none. */
const MOST_KEPT = 64

/** The messages of a request stream: handed on as the server takes them, and kept until the call is committed (gRFC A6). */
export class Requests {
  readonly #iterator: AsyncIterator<unknown> | Iterator<unknown>
  #kept: unknown[] | undefined = []
  #pending: Promise<IteratorResult<unknown>> | undefined
  #isDone = false

  constructor(source: AsyncIterable<unknown> | Iterable<unknown>) {
    this.#iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  }

  /** Everything that was sent could be sent again. */
  get isReplayable(): boolean {
    return this.#kept !== undefined
  }

  /** The server has answered: there will be no other attempt. */
  commit(): void {
    this.#kept = undefined
  }

  /**
   * Writes all messages and ends the stream, as fast as it takes them.
   * @param stopped aborts when the attempt is over
   * @throws what the source throws
   */
  async pump(stream: Writable, stopped: AbortSignal): Promise<void> {
    for (let at = 0; !stopped.aborted; at++) {
      const kept = this.#kept
      const next: IteratorResult<unknown> =
        kept !== undefined && at < kept.length ? { value: kept[at], done: false } : await this.#pull()
      if (stopped.aborted) return
      if (next.done) return void stream.end()
      if (!stream.write(next.value)) await drained(stream, stopped)
    }
  }

  /** Nobody will ask for more. */
  end(): void {
    if (this.#isDone) return
    this.#isDone = true
    // A generator that waits for something gives no answer before that has come: nobody waits for it here.
    void Promise.resolve(this.#iterator.return?.()).catch(() => undefined)
  }

  /** One pull at a time: what an attempt that is over has asked for is the next one's. */
  #pull(): Promise<IteratorResult<unknown>> {
    this.#pending ??= this.#next().finally(() => {
      this.#pending = undefined
    })
    return this.#pending
  }

  async #next(): Promise<IteratorResult<unknown>> {
    if (this.#isDone) return { value: undefined, done: true }
    const next = await this.#iterator.next()
    if (next.done) this.#isDone = true
    else if (this.#kept !== undefined) {
      if (this.#kept.length < MOST_KEPT) this.#kept.push(next.value)
      else this.#kept = undefined
    }
    return next
  }
}

function drained(stream: Writable, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done)
      stopped.removeEventListener('abort', done)
      resolve()
    }
    stream.once('drain', done)
    stopped.addEventListener('abort', done)
  })
}
