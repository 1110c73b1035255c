import { randomUUID } from 'node:crypto'
import type { CacheEntry } from '@comm/core'
import type { CacheableRequest } from './cacheable-request.ts'
import type { GuardedStore } from './guarded-store.ts'
import { andThen, type MaybePromise } from './maybe-promise.ts'
import { usefulMs } from './reuse.ts'
import { selectingText, variantOf } from './selecting.ts'
import { decodeEntry, encodeIndex, encodeStored, isIndex, type Stored, type VaryIndex } from './stored.ts'

type Selecting = Pick<CacheableRequest, 'url' | 'headers'>

/** An index that is lost makes its variants unreachable, no more. */
const INDEX_KEPT_MS = 86_400_000
/** Keys of variants remembered per index: a digest costs more than a look at a map. */
const KEYS_REMEMBERED = 50

/**
 * Keeps answers under their URL. Where the answer depends on request headers an index is there instead, and each variant has
 * a key of its own: deleting the index is enough to invalidate them all.
 */
export class Repository {
  readonly #store: GuardedStore
  readonly #maxEntryBytes: number
  readonly #variantKeys = new WeakMap<VaryIndex, Map<string, string>>()

  constructor(store: GuardedStore, maxEntryBytes: number) {
    this.#store = store
    this.#maxEntryBytes = maxEntryBytes
  }

  /** The stored answer that a request selects. */
  find(request: Selecting): MaybePromise<Stored | undefined> {
    return andThen(this.#store.get(request.url.href), (entry) => {
      const found = entry && decodeEntry(entry)
      if (found === undefined || !isIndex(found)) return found
      return andThen(this.#store.get(this.#keyOf(found, request)), asStored)
    })
  }

  /** False: it is of no use, too large, or the store did not take it. */
  save(request: Selecting, stored: Stored): MaybePromise<boolean> {
    const ttlMs = usefulMs(stored)
    if (ttlMs < 1 || stored.body.byteLength > this.#maxEntryBytes) return false
    const { vary, tags } = stored
    if (vary.length === 0) return this.#store.set(request.url.href, encodeStored(stored), { ttlMs, tags })
    return andThen(this.#indexFor(request.url.href, vary, ttlMs), (index) =>
      this.#store.set(this.#keyOf(index, request), encodeStored(stored), { ttlMs, tags }),
    )
  }

  delete(url: string): MaybePromise<boolean> {
    return this.#store.delete(url)
  }

  /** The index with at least these names: the one that is there, or one in its place. */
  #indexFor(url: string, vary: readonly string[], ttlMs: number): MaybePromise<VaryIndex> {
    return andThen(this.#store.get(url), (entry) => {
      const found = entry && decodeEntry(entry)
      const before = found !== undefined && isIndex(found) ? found : undefined
      if (before !== undefined && vary.every((name) => before.vary.includes(name))) return before
      const names = [...new Set([...(before?.vary ?? []), ...vary])].sort()
      const index: VaryIndex = { vary: names, generation: randomUUID() }
      return andThen(this.#store.set(url, encodeIndex(index), { ttlMs: Math.max(ttlMs, INDEX_KEPT_MS) }), () => index)
    })
  }

  #keyOf(index: VaryIndex, { url, headers }: Selecting): string {
    let keys = this.#variantKeys.get(index)
    if (keys === undefined) {
      keys = new Map()
      this.#variantKeys.set(index, keys)
    }
    const text = selectingText(index.vary, headers)
    let key = keys.get(text)
    if (key !== undefined) return key
    if (keys.size >= KEYS_REMEMBERED) keys.clear()
    key = `${url.href}\n${index.generation}\n${variantOf(index.vary, headers)}`
    keys.set(text, key)
    return key
  }
}

function asStored(entry: CacheEntry | undefined): Stored | undefined {
  const found = entry && decodeEntry(entry)
  return found === undefined || isIndex(found) ? undefined : found
}
