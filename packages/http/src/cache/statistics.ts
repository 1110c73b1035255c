/** Counts since the cache was made. Each request for something that may be cached is a hit, stale, revalidated, coalesced or a miss. */
export interface HttpCacheStatistics {
  /** Answered by a fresh answer. */
  readonly hits: number
  /** Answered by a stale one: while a new one was fetched, because the server failed, or because the request allowed it. */
  readonly stale: number
  /** Answered by a stored answer that the server had confirmed. */
  readonly revalidated: number
  /** Answered by what another caller's request had just brought. */
  readonly coalesced: number
  /** Answered by the server. */
  readonly misses: number
  /** Answers that were kept, or kept again after the server had confirmed them. */
  readonly stored: number
  /** Entries that had to make room for others, where the store is the one in memory. */
  readonly evicted: number
  /** Steps of the store that failed; the request went on without them. */
  readonly storeErrors: number
}

export type Count = Exclude<keyof HttpCacheStatistics, 'evicted'>
export type Counts = Record<Count, number>

export function zeroCounts(): Counts {
  return { hits: 0, stale: 0, revalidated: 0, coalesced: 0, misses: 0, stored: 0, storeErrors: 0 }
}
