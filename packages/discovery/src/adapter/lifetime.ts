import { CommunicationError } from '@comm/core'

/** From a registry's construction to its disposal: what runs meanwhile ends with it. */
export class Lifetime {
  readonly #what: string
  readonly #over = new AbortController()
  readonly #running = new Set<Promise<unknown>>()

  /** @param what for messages: `Consul at localhost:8500` */
  constructor(what: string) {
    this.#what = what
  }

  get isOver(): boolean {
    return this.#over.signal.aborted
  }

  /** @throws CommunicationError COMM_CLOSED after disposal; the signal's reason */
  check(signal?: AbortSignal): void {
    if (this.isOver) throw this.#over.signal.reason
    signal?.throwIfAborted()
  }

  /**
   * Runs something with a signal that also aborts when this life ends. Leaves no listener behind.
   * @throws what it throws; the reason, once the signal has aborted
   */
  async run<Result>(signal: AbortSignal, fn: (either: AbortSignal) => Promise<Result>): Promise<Result> {
    this.check(signal)
    const over = this.#over.signal
    const either = new AbortController()
    const abort = (): void => either.abort(signal.reason)
    const end = (): void => either.abort(over.reason)
    signal.addEventListener('abort', abort)
    over.addEventListener('abort', end)
    // What it throws at once is a rejection too.
    const running = (async () => fn(either.signal))()
    this.#running.add(running)
    try {
      return await running
    } catch (thrown) {
      throw either.signal.aborted ? either.signal.reason : thrown
    } finally {
      this.#running.delete(running)
      signal.removeEventListener('abort', abort)
      over.removeEventListener('abort', end)
    }
  }

  /**
   * Follows what tells of its changes by itself, until the signal aborts, this life ends, or it says that it is lost.
   * @param begin returns what stops it
   */
  watch(signal: AbortSignal, begin: (onLost: (reason: unknown) => void) => () => void): Promise<never> {
    return this.run(signal, (either) => {
      const { promise, reject } = Promise.withResolvers<never>()
      const stop = begin(reject)
      either.addEventListener('abort', () => {
        stop()
        reject(either.reason)
      })
      return promise
    })
  }

  /** Idempotent. Resolves when nothing runs any more. */
  async end(): Promise<void> {
    if (!this.isOver)
      this.#over.abort(new CommunicationError(`${this.#what} was used after it had been closed`, { code: 'COMM_CLOSED' }))
    await Promise.allSettled(this.#running)
  }
}
