import { type Clock, systemClock } from '../clock.ts'
import { checkOptions, number, object } from '../options.ts'
import type { RateLimitAnswer, RateLimitStore, TokenBucket } from './rate-limit.ts'

export interface MemoryRateLimitOptions {
  /** Buckets kept; the least recently used one is forgotten, as if it were full. @default 10000 */
  readonly maxKeys?: number
  /** @default systemClock */
  readonly clock?: Clock
}

export const MEMORY_RATE_LIMIT_DEFAULTS: Readonly<Required<Omit<MemoryRateLimitOptions, 'clock'>>> = Object.freeze({
  maxKeys: 10_000,
})

interface Level {
  tokens: number
  at: number
}

/** Token buckets of one process. */
export class MemoryRateLimitStore implements RateLimitStore {
  readonly #clock: Clock
  readonly #maxKeys: number
  /** Least recently used first. */
  readonly #levels = new Map<string, Level>()

  constructor(options: MemoryRateLimitOptions = {}) {
    checkOptions<MemoryRateLimitOptions>('memoryRateLimit', options, {
      maxKeys: number({ min: 1, integer: true }),
      clock: object,
    })
    const { maxKeys, clock } = { ...MEMORY_RATE_LIMIT_DEFAULTS, clock: systemClock, ...options }
    this.#maxKeys = maxKeys
    this.#clock = clock
  }

  take(key: string, tokens: number, { capacity, perSecond }: TokenBucket): RateLimitAnswer {
    const now = this.#clock.now()
    const level = this.#touch(key, capacity, now)
    level.tokens = Math.min(capacity, level.tokens + ((now - level.at) / 1000) * perSecond)
    level.at = now
    if (level.tokens < tokens) {
      const retryAfterMs = tokens > capacity ? Number.POSITIVE_INFINITY : ((tokens - level.tokens) / perSecond) * 1000
      return { allowed: false, remaining: Math.floor(level.tokens), retryAfterMs }
    }
    level.tokens -= tokens
    return { allowed: true, remaining: Math.floor(level.tokens), retryAfterMs: 0 }
  }

  #touch(key: string, capacity: number, now: number): Level {
    const known = this.#levels.get(key)
    if (known !== undefined) {
      this.#levels.delete(key)
      this.#levels.set(key, known)
      return known
    }
    if (this.#levels.size >= this.#maxKeys) {
      for (const oldest of this.#levels.keys()) {
        this.#levels.delete(oldest)
        break
      }
    }
    const level = { tokens: capacity, at: now }
    this.#levels.set(key, level)
    return level
  }
}
