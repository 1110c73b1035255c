import {
  type CacheEntry,
  type CacheSetOptions,
  type CacheStore,
  CommunicationError,
  type Health,
  type Logger,
  UP,
} from '@comm/core'

/**
 * A store that may fail without harm: what cannot be read is not there, what cannot be written is not kept. The first failure
 * is logged, and the first success after it.
 */
export class GuardedStore {
  readonly #store: CacheStore
  readonly #logger: Logger
  readonly #onFailure: () => void
  #trouble: CommunicationError | undefined

  constructor(store: CacheStore, logger: Logger, onFailure: () => void) {
    this.#store = store
    this.#logger = logger
    this.#onFailure = onFailure
  }

  health(): Health {
    if (this.#trouble === undefined) return UP
    return {
      status: 'degraded',
      reason: `the HTTP cache cannot use its store, requests go on uncached: ${this.#trouble.message}`,
    }
  }

  get(key: string): CacheEntry | undefined | Promise<CacheEntry | undefined> {
    return this.#guard(() => this.#store.get(key), undefined)
  }

  set(key: string, entry: CacheEntry, options: CacheSetOptions): boolean | Promise<boolean> {
    return this.#guard(() => this.#store.set(key, entry, options), false)
  }

  delete(key: string): boolean | Promise<boolean> {
    return this.#guard(() => this.#store.delete(key), false)
  }

  #guard<Value>(step: () => Value | Promise<Value>, otherwise: Value): Value | Promise<Value> {
    try {
      const value = step()
      if (!(value instanceof Promise)) return value
      return value.then(
        (settled) => {
          this.#worked()
          return settled
        },
        (thrown: unknown) => this.#failed(thrown, otherwise),
      )
    } catch (thrown) {
      return this.#failed(thrown, otherwise)
    }
  }

  #worked(): void {
    if (this.#trouble === undefined) return
    this.#trouble = undefined
    this.#logger.info('the store of the HTTP cache can be used again')
  }

  #failed<Value>(thrown: unknown, otherwise: Value): Value {
    const error = CommunicationError.from(thrown)
    this.#onFailure()
    if (this.#trouble === undefined) {
      this.#logger.warn('the store of the HTTP cache cannot be used: requests go on uncached', { error })
    }
    this.#trouble = error
    return otherwise
  }
}
