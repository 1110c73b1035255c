import { AsyncLocalStorage } from 'node:async_hooks'
import { CommunicationError, unlessAborted } from '@comm/core'
import type { BrokerAdapter } from './broker.ts'

/** Connects an adapter once, at the first need, for everybody who needs it. A failed connect is tried again at the next need. */
export class Connection {
  readonly #adapter: BrokerAdapter
  readonly #lifetime = new AbortController()
  readonly #allowed = Promise.withResolvers<void>()
  /** A connection outlives the call that needed it first, so it must not inherit that call's correlation id and deadline. */
  readonly #outside = AsyncLocalStorage.snapshot()
  #connecting: Promise<void> | undefined
  #isConnected = false
  #wasNeeded = false

  /** @param waitsForStart nobody connects before `allow()` */
  constructor(adapter: BrokerAdapter, waitsForStart: boolean) {
    this.#adapter = adapter
    this.#allowed.promise.catch(() => undefined)
    if (!waitsForStart) this.allow()
  }

  get isConnected(): boolean {
    return this.#isConnected
  }

  get wasNeeded(): boolean {
    return this.#wasNeeded
  }

  allow(): void {
    this.#allowed.resolve()
  }

  /**
   * Resolves when the adapter is usable.
   * @param signal ends this wait, not the connecting
   * @throws CommunicationError why there is no connection; the signal's reason
   */
  async ready(signal?: AbortSignal): Promise<void> {
    if (this.#isConnected) return
    await unlessAborted(
      this.#allowed.promise.then(() => this.#connect()),
      signal,
    )
  }

  #connect(): Promise<void> {
    this.#wasNeeded = true
    this.#connecting ??= this.#outside(() => this.#adapter.connect(this.#lifetime.signal)).then(
      () => {
        this.#isConnected = true
      },
      (thrown: unknown) => {
        this.#connecting = undefined
        throw CommunicationError.from(thrown)
      },
    )
    return this.#connecting
  }

  /** Ends a connect under way; nobody can wait for the connection any more. */
  close(error: CommunicationError): void {
    this.#allowed.reject(error)
    this.#isConnected = false
    this.#lifetime.abort(error)
  }
}
