import { type Clock, systemClock } from '../clock.ts'
import { checkOptions, number, withDefaults, withMethods } from '../options.ts'
import type { RateLimitAnswer, RateLimitStore, TokenBucket } from './rate-limit.ts'

export interface MemoryRateLimitOptions {
  /** Buckets kept; the least recently used one is forgotten, as if it were full. @default 10000 */
  readonly maxKeys?: number
  /** @default systemClock */
  readonly clock?: Clock
}

export const MEMORY_RATE_LIMIT_DEFAULTS: Readonly<Required<MemoryRateLimitOptions>> = Object.freeze({
  maxKeys: 10_000,
  clock: systemClock,
})

interface Level {
  tokens: number
  /** `Clock.now()` at which there were so many. */
  at: number
}

/** Who waits `retryAfterMs` finds the tokens there, also where the sum of many small flows is a hair less. */
const TOLERANCE = 1e-6

/** Token buckets of one process. */
export class MemoryRateLimitStore implements RateLimitStore {
  readonly #clock: Clock
  readonly #maxKeys: number
  /** Least recently used first. */
  readonly #levels = new Map<string, Level>()

  constructor(options: MemoryRateLimitOptions = {}) {
    checkOptions<MemoryRateLimitOptions>('MemoryRateLimitStore', options, {
      maxKeys: number({ min: 1, integer: true }),
      clock: withMethods('a Clock', 'now'),
    })
    const { maxKeys, clock } = withDefaults(MEMORY_RATE_LIMIT_DEFAULTS, options)
    this.#maxKeys = maxKeys
    this.#clock = clock
  }

  /** Buckets kept at the moment. */
  get size(): number {
    return this.#levels.size
  }

  take(key: string, tokens: number, bucket: TokenBucket): RateLimitAnswer {
    const level = this.#levelOf(key, bucket, this.#clock.now())
    const missing = tokens - level.tokens
    if (missing > TOLERANCE) {
      const reachable = tokens <= bucket.capacity && bucket.perSecond > 0
      const retryAfterMs = reachable ? (missing / bucket.perSecond) * 1000 : Number.POSITIVE_INFINITY
      return { allowed: false, remaining: wholeTokens(level), retryAfterMs }
    }
    level.tokens = Math.max(0, -missing)
    return { allowed: true, remaining: wholeTokens(level), retryAfterMs: 0 }
  }

  /** The bucket with what has flowed in until now. Putting it last in the map marks it as used. */
  #levelOf(key: string, { capacity, perSecond }: TokenBucket, now: number): Level {
    const level = this.#levels.get(key)
    if (level === undefined) return this.#fill(key, capacity, now)
    if (this.#levels.size > 1) {
      this.#levels.delete(key)
      this.#levels.set(key, level)
    }
    level.tokens = Math.min(capacity, level.tokens + (Math.max(0, now - level.at) / 1000) * perSecond)
    level.at = now
    return level
  }

  #fill(key: string, tokens: number, at: number): Level {
    const [leastRecentlyUsed] = this.#levels.keys()
    if (this.#levels.size >= this.#maxKeys && leastRecentlyUsed !== undefined) this.#levels.delete(leastRecentlyUsed)
    const level = { tokens, at }
    this.#levels.set(key, level)
    return level
  }
}

function wholeTokens(level: Level): number {
  return Math.floor(level.tokens + TOLERANCE)
}
