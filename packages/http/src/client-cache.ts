import type { Clock } from '@comm/core'
import { HttpCache } from './cache/http-cache.ts'
import type { HttpCacheStatistics } from './cache/statistics.ts'
import type { HttpClientOptions } from './client-options.ts'
import { resolveUrl } from './url.ts'

/** The cache of a client, addressed as its requests are: by paths under `baseUrl`, or absolute URLs. */
export class ClientCache {
  readonly #cache: HttpCache
  readonly #baseUrl: URL | undefined

  constructor(cache: HttpCache, baseUrl: URL | undefined) {
    this.#cache = cache
    this.#baseUrl = baseUrl
  }

  /** Forgets what is stored of a URL, all its variants included. True when there was something. @throws what the store throws */
  invalidate(target: string | URL): Promise<boolean> {
    return this.#cache.invalidate(resolveUrl(this.#baseUrl, target, undefined))
  }

  /** Forgets everything whose URL begins so: `/users/`. Gives the number of entries. @throws what the store throws */
  invalidatePrefix(target: string | URL): Promise<number> {
    return this.#cache.invalidatePrefix(resolveUrl(this.#baseUrl, target, undefined).href)
  }

  /** Forgets everything stored with one of these tags. Gives the number of entries. @throws what the store throws */
  invalidateTags(...tags: readonly string[]): Promise<number> {
    return this.#cache.invalidateTags(...tags)
  }

  /** Forgets everything, also what other clients keep in the same store. Gives the number of entries. @throws what the store throws */
  clear(): Promise<number> {
    return this.#cache.clear()
  }

  statistics(): HttpCacheStatistics {
    return this.#cache.statistics()
  }
}

/** The cache that the options of a client ask for. */
export function cacheOf({ cache = false }: HttpClientOptions, clock: Clock): HttpCache | undefined {
  if (cache instanceof HttpCache) return cache
  if (cache === false) return undefined
  return new HttpCache(cache === true ? { clock } : { clock, ...cache })
}
