import { type Clock, systemClock } from '../clock.ts'
import { checkOptions, number, withDefaults, withMethods } from '../options.ts'
import type { CacheEntry, CacheSetOptions, CacheStore } from './cache.ts'
import { TagIndex } from './tag-index.ts'

export interface MemoryCacheOptions {
  /** Keys, metadata, tags and bodies together, as they are in memory; the least recently used entries make room. @default 52428800 */
  readonly maxBytes?: number
  /** @default 1000 */
  readonly maxEntries?: number
  /** @default systemClock */
  readonly clock?: Clock
}

export const MEMORY_CACHE_DEFAULTS: Readonly<Required<MemoryCacheOptions>> = Object.freeze({
  maxBytes: 50 * 1024 * 1024,
  maxEntries: 1000,
  clock: systemClock,
})

interface Kept {
  readonly entry: CacheEntry
  readonly tags: readonly string[]
  readonly bytes: number
  /** `Clock.now()` */
  readonly until: number
}

const NO_TAGS: readonly string[] = Object.freeze([])
/** What an entry costs beside its contents: objects, and places in maps. */
const OVERHEAD_BYTES = 400

/** A cache of one process, least recently used first out, bounded in bytes and entries. */
export class MemoryCacheStore implements CacheStore {
  readonly #maxBytes: number
  readonly #maxEntries: number
  readonly #clock: Clock
  /** Least recently used first. */
  readonly #kept = new Map<string, Kept>()
  /** The last of those kept, which need not be moved to where it is. */
  #latest: Kept | undefined
  readonly #tags = new TagIndex()
  #bytes = 0
  #evicted = 0

  /** @throws ConfigurationError */
  constructor(options: MemoryCacheOptions = {}) {
    checkOptions<MemoryCacheOptions>('MemoryCacheStore', options, {
      maxBytes: number({ min: 1, integer: true }),
      maxEntries: number({ min: 1, integer: true }),
      clock: withMethods('a Clock', 'now'),
    })
    const { maxBytes, maxEntries, clock } = withDefaults(MEMORY_CACHE_DEFAULTS, options)
    this.#maxBytes = maxBytes
    this.#maxEntries = maxEntries
    this.#clock = clock
  }

  /** Entries kept, those whose time is over but that nobody asked for since included. */
  get size(): number {
    return this.#kept.size
  }

  /** What they take, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many entries had to make room for others. */
  get evicted(): number {
    return this.#evicted
  }

  get(key: string): CacheEntry | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    if (kept.until <= this.#clock.now()) {
      this.#remove(key, kept)
      return undefined
    }
    if (kept !== this.#latest) {
      this.#kept.delete(key)
      this.#kept.set(key, kept)
      this.#latest = kept
    }
    return kept.entry
  }

  set(key: string, entry: CacheEntry, { ttlMs, tags = NO_TAGS }: CacheSetOptions): boolean {
    this.delete(key)
    const bytes = sizeOf(key, entry, tags)
    if (bytes > this.#maxBytes || !(ttlMs > 0)) return false
    this.#latest = { entry: alone(entry), tags, bytes, until: this.#clock.now() + ttlMs }
    this.#kept.set(key, this.#latest)
    this.#tags.add(key, tags)
    this.#bytes += bytes
    while (this.#bytes > this.#maxBytes || this.#kept.size > this.#maxEntries) this.#evict()
    return true
  }

  delete(key: string): boolean {
    const kept = this.#kept.get(key)
    if (kept === undefined) return false
    this.#remove(key, kept)
    return kept.until > this.#clock.now()
  }

  invalidatePrefix(prefix: string): number {
    return this.#deleteAll([...this.#kept.keys()].filter((key) => key.startsWith(prefix)))
  }

  invalidateTag(tag: string): number {
    return this.#deleteAll(this.#tags.keysOf(tag))
  }

  #deleteAll(keys: readonly string[]): number {
    return keys.filter((key) => this.delete(key)).length
  }

  #evict(): void {
    for (const [key, kept] of this.#kept) {
      this.#remove(key, kept)
      if (kept.until > this.#clock.now()) this.#evicted += 1
      return
    }
  }

  #remove(key: string, kept: Kept): void {
    this.#kept.delete(key)
    if (kept === this.#latest) this.#latest = undefined
    this.#tags.remove(key, kept.tags)
    this.#bytes -= kept.bytes
  }
}

function sizeOf(key: string, { body, metadata }: CacheEntry, tags: readonly string[]): number {
  let characters = key.length + metadata.length
  for (const tag of tags) characters += tag.length
  return body.byteLength + 2 * characters + OVERHEAD_BYTES
}

/** A view of a few bytes would keep the whole buffer behind it in memory. */
function alone(entry: CacheEntry): CacheEntry {
  const { body, metadata } = entry
  return body.byteLength === body.buffer.byteLength ? entry : { body: new Uint8Array(body), metadata }
}
