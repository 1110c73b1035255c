/**
 * Keeps bytes under a key for a while: what a cache knows, without knowing what it means. Each step is atomic. Keys and tags are
 * any text. `cacheStoreContract` in `@comm/testkit` is this file as a test-suite.
 *
 * A cache is a help, not a duty: an implementation may forget an entry at any time, and one that is out of reach rejects within
 * a bounded time, so that its user can do without it.
 */
export interface CacheStore {
  /** The entry, unless its time is over. Asked twice, a store in memory gives the same object. */
  get(key: string): CacheEntry | undefined | Promise<CacheEntry | undefined>
  /** Keeps the entry in place of an older one. False: it was not kept, because it is larger than the store allows; the older one is gone all the same. */
  set(key: string, entry: CacheEntry, options: CacheSetOptions): boolean | Promise<boolean>
  /** True when there was an entry. */
  delete(key: string): boolean | Promise<boolean>
  /** Deletes every entry whose key begins so; '' deletes them all. Gives their number. */
  invalidatePrefix(prefix: string): number | Promise<number>
  /** Deletes every entry that was set with this tag. Gives their number. */
  invalidateTag(tag: string): number | Promise<number>
  /**
   * Takes the right to bring what belongs under the key, for `leaseMs`, and gives a token; undefined: somebody else has it. Only a
   * store that processes share needs it, so that one of them fetches and the others wait.
   */
  claim?(key: string, leaseMs: number): Promise<string | undefined>
  /** Gives the right back, unless it has passed to another. */
  release?(key: string, token: string): Promise<void>
}

/** Belongs to the store once it was set: nobody changes the bytes any more, and no reader may. */
export interface CacheEntry {
  readonly body: Uint8Array
  /** What its user notes about the bytes. */
  readonly metadata: string
}

export interface CacheSetOptions {
  /** How long it is kept; more than 0. */
  readonly ttlMs: number
  /** @default [] */
  readonly tags?: readonly string[]
}
