/** Shares token buckets between callers, or between processes. Each take is atomic. */
export interface RateLimitStore {
  /** Takes `tokens` from the bucket of `key`, or takes nothing and says when they will be there. */
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
  /** Milliseconds until the tokens asked for are there; 0 when allowed. */
  readonly retryAfterMs: number
}
