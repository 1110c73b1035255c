import {
  type CacheEntry,
  type CacheSetOptions,
  type CacheStore,
  CommunicationError,
  type Health,
  type Logger,
  UP,
} from '@comm/core'
import { andThen, type MaybePromise } from './maybe-promise.ts'

/** Nobody could be asked: who wants to fetch does. */
export const UNASKED = ''
/** More keys than this that could not be deleted are not remembered one by one. */
const MOST_OWED = 1000

/**
 * A store that may fail without harm: what cannot be read is not there, what cannot be written is not kept, and what cannot be
 * deleted is not read any more before it is. The first failure is logged, and the first success after it.
 */
export class GuardedStore {
  readonly #store: CacheStore
  readonly #logger: Logger
  readonly #onFailure: () => void
  #trouble: CommunicationError | undefined
  /** Keys still to be deleted. */
  readonly #owed = new Set<string>()
  #owesAll = false

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

  get(key: string): MaybePromise<CacheEntry | undefined> {
    // Most stores are owed nothing: then the key, put together for this request, need not be hashed here.
    if (this.#owesAll || (this.#owed.size > 0 && this.#owed.has(key))) return this.#pay(key)
    return this.#guard(() => this.#store.get(key), undefined)
  }

  set(key: string, entry: CacheEntry, options: CacheSetOptions): MaybePromise<boolean> {
    if (this.#owesAll) return false
    return andThen(
      this.#guard(() => this.#store.set(key, entry, options), undefined),
      (isKept) => {
        if (isKept !== undefined) this.#owed.delete(key)
        return isKept ?? false
      },
    )
  }

  delete(key: string): MaybePromise<boolean> {
    return andThen(
      this.#guard(() => this.#store.delete(key), undefined),
      (isDeleted) => {
        if (isDeleted === undefined) this.#owe(key)
        return isDeleted ?? false
      },
    )
  }

  /** Whether the store is one that processes share. */
  get isClaimable(): boolean {
    return this.#store.claim !== undefined && this.#store.release !== undefined
  }

  /** A token, `UNASKED`, or undefined: somebody else brings it. */
  claim(key: string, leaseMs: number): MaybePromise<string | undefined> {
    return this.#guard(() => this.#store.claim?.(key, leaseMs) ?? UNASKED, UNASKED)
  }

  release(key: string, token: string): MaybePromise<void> {
    if (token === UNASKED) return
    return this.#guard(() => this.#store.release?.(key, token), undefined)
  }

  #owe(key: string): void {
    if (this.#owed.size < MOST_OWED) this.#owed.add(key)
    else this.#owesAll = true
  }

  /** Makes good for what could not be deleted; nothing is read until then. */
  #pay(key: string): MaybePromise<undefined> {
    const all = this.#owesAll
    const paid = this.#guard<boolean | number | undefined>(
      () => (all ? this.#store.invalidatePrefix('') : this.#store.delete(key)),
      undefined,
    )
    return andThen(paid, (done) => {
      if (done === undefined) return undefined
      if (all) {
        this.#owesAll = false
        this.#owed.clear()
      } else this.#owed.delete(key)
      return undefined
    })
  }

  #guard<Value>(step: () => MaybePromise<Value>, otherwise: Value): MaybePromise<Value> {
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
