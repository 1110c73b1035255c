import type { BreakerOptions, BulkheadOptions, RateLimitOptions, RetryOptions } from '@comm/core'
import { callable, object, oneOf, type Rule, type Rules } from '@comm/core/options'
import type { HttpCache } from './cache/http-cache.ts'
import type { HttpCacheOptions } from './cache/options.ts'
import { CLIENT_RULES, type HttpClientOptions, type HttpTimeouts, TIMEOUT_DEFAULTS } from './client-options.ts'
import type { HttpRequest } from './request.ts'
import type { HttpAnswerInit } from './response.ts'

/** What is answered in place of a call that failed. */
export type HttpFallbackAnswer = HttpAnswerInit

export type HttpFallback = (error: unknown, request: HttpRequest) => HttpFallbackAnswer | Promise<HttpFallbackAnswer>

/** Everything is on by default, except what cannot be guessed: a rate limit and a fallback. `false` turns a part off. */
export interface EnhancedHttpClientOptions extends Omit<HttpClientOptions, 'policies' | 'timeout' | 'cache'> {
  /** Safe requests are tried again; see `retryVerdict` and `isSafeToRetry`. @default { maxRetries: 3, maxHintMs: 60000 } */
  readonly retry?: false | RetryOptions
  /** One for the client, named after `baseUrl`, or with `isolate` one for each instance; see `breakerVerdict`. @default core's BREAKER_DEFAULTS */
  readonly circuitBreaker?: false | BreakerOptions
  /** @default { connectMs: 10000, writeMs: 30000, readMs: 30000, attemptMs: 10000, totalMs: 30000 } */
  readonly timeout?: false | Partial<HttpTimeouts>
  /** @default { limit: 100, maxQueue: 1000 } */
  readonly bulkhead?: false | Partial<BulkheadOptions>
  /**
   * With `endpoints`: whether each instance has a breaker and a bulkhead of its own, so that a retry goes past one that is open or full,
   * or the whole client one. @default 'instance'
   */
  readonly isolate?: 'instance' | 'client'
  /** Keeps answers as RFC 9111 allows; a cache that is passed in may serve several clients. @default true */
  readonly cache?: boolean | HttpCacheOptions | HttpCache
  /** @default false */
  readonly rateLimit?: false | RateLimitOptions
  /** Answers a call that failed in every other way, the caller's own abort excepted. @default none */
  readonly fallback?: HttpFallback
}

interface EnhancedDefaults {
  readonly retry: { readonly maxRetries: number; readonly maxHintMs: number }
  readonly timeout: HttpTimeouts
  readonly bulkhead: { readonly limit: number; readonly maxQueue: number }
  readonly rateLimit: false
  readonly cache: true
}

export const ENHANCED_HTTP_CLIENT_DEFAULTS: EnhancedDefaults = Object.freeze({
  retry: Object.freeze({ maxRetries: 3, maxHintMs: 60_000 }),
  timeout: Object.freeze({ ...TIMEOUT_DEFAULTS, attemptMs: 10_000 }),
  bulkhead: Object.freeze({ limit: 100, maxQueue: 1000 }),
  rateLimit: false,
  cache: true,
})

const part: Rule = {
  expected: 'false or an object with its options',
  accepts: (value) => value === false || object.accepts(value),
}
const { policies: _policies, ...clientRules } = CLIENT_RULES

export const ENHANCED_RULES: Rules<EnhancedHttpClientOptions> = {
  ...clientRules,
  retry: part,
  circuitBreaker: part,
  timeout: part,
  bulkhead: part,
  isolate: oneOf('instance', 'client'),
  rateLimit: part,
  fallback: callable,
}
