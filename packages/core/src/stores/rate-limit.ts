/**
 * Shares token buckets between callers, or between processes. Each take is atomic. `rateLimitStoreContract` in `@comm/testkit`
 * is this file as a test-suite.
 */
export interface RateLimitStore {
  /**
   * Takes `tokens` from the bucket of `key`, or takes nothing and says when they will be there. The first take finds the bucket
   * full; one that is called with another bucket than before goes on with the tokens it has, up to the new capacity.
   */
  take(key: string, tokens: number, bucket: TokenBucket): RateLimitAnswer | Promise<RateLimitAnswer>
}

export interface TokenBucket {
  /** How many tokens the bucket holds: the largest burst. */
  readonly capacity: number
  /** Tokens that flow in per second. */
  readonly perSecond: number
}

export interface RateLimitAnswer {
  readonly allowed: boolean
  /** Tokens left, rounded down. */
  readonly remaining: number
  /**
   * Milliseconds until the tokens asked for are there, if nobody takes any meanwhile; 0 when allowed, Infinity when they will
   * never be: more than the capacity, or nothing flows in.
   */
  readonly retryAfterMs: number
}
