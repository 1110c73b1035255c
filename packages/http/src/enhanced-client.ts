import { type Breaker, breaker, bulkhead, fallback, rateLimit, retry, type Stage, systemClock } from '@comm/core'
import { checkOptions, withDefaults } from '@comm/core/options'
import { cachePlace } from './cached-calls.ts'
import { HttpClient } from './client.ts'
import type { HttpTimeouts } from './client-options.ts'
import {
  ENHANCED_HTTP_CLIENT_DEFAULTS,
  ENHANCED_RULES,
  type EnhancedHttpClientOptions,
  type HttpFallbackAnswer,
} from './enhanced-options.ts'
import type { HttpRequest } from './request.ts'
import { totalTimeout } from './request-timeout.ts'
import { HttpResponse } from './response.ts'
import { serviceUnavailable } from './service-unavailable.ts'
import { displayUrl, parseBaseUrl } from './url.ts'
import { breakerVerdict, isSafeToRetry, retryVerdict } from './verdicts.ts'

/**
 * HttpClient with a cache, retry, circuit breaker, bulkhead and a time limit per attempt in front of every request. `describe()`
 * prints them in the order in which a call meets them.
 *
 * Beside the errors of HttpClient a call throws ServiceUnavailableError (503 after the last retry, or nobody to connect to),
 * CircuitBreakerOpenError, BulkheadFullError and RateLimitedError.
 */
export class EnhancedHttpClient extends HttpClient {
  /** Absent when turned off. */
  readonly circuitBreaker: Breaker | undefined

  constructor(options: EnhancedHttpClientOptions = {}) {
    checkOptions<EnhancedHttpClientOptions>('EnhancedHttpClient', options, ENHANCED_RULES)
    const {
      retry: _retry,
      circuitBreaker: _breaker,
      bulkhead: _bulkhead,
      rateLimit: _rateLimit,
      fallback: _fallback,
      timeout,
      cache = ENHANCED_HTTP_CLIENT_DEFAULTS.cache,
      ...rest
    } = options
    const protection = breakerOf(options)
    super({ ...rest, cache, timeout: timeoutsOf(timeout), policies: policiesOf(options, protection) })
    this.circuitBreaker = protection
  }
}

const RETRY = Object.freeze({ ...ENHANCED_HTTP_CLIENT_DEFAULTS.retry, classify: retryVerdict, isSafe: isSafeToRetry })

function policiesOf(options: EnhancedHttpClientOptions, protection: Breaker | undefined): readonly Stage[] {
  const { clock = systemClock } = options
  const answer = options.fallback
  const stages: Stage[] = []
  if (answer !== undefined) {
    stages.push(
      fallback(async (error, argument) =>
        fallbackResponse(argument as HttpRequest, await answer(error, argument as HttpRequest)),
      ),
    )
  }
  stages.push(totalTimeout, serviceUnavailable)
  if (options.cache !== false) stages.push(cachePlace)
  if (options.rateLimit) stages.push(rateLimit({ clock, ...options.rateLimit }))
  if (options.retry !== false) {
    stages.push(retry(withDefaults(RETRY, options.retry ?? {})))
  }
  if (protection !== undefined) stages.push(protection)
  if (options.bulkhead !== false)
    stages.push(bulkhead(withDefaults(ENHANCED_HTTP_CLIENT_DEFAULTS.bulkhead, options.bulkhead ?? {})))
  return stages
}

function breakerOf({ circuitBreaker, baseUrl, clock = systemClock }: EnhancedHttpClientOptions): Breaker | undefined {
  if (circuitBreaker === false) return undefined
  const of = baseUrl === undefined ? '' : ` of ${displayUrl(parseBaseUrl('EnhancedHttpClient.baseUrl', baseUrl))}`
  return breaker({ name: `the circuit breaker${of}`, classify: breakerVerdict, clock, ...circuitBreaker })
}

const NO_LIMITS: HttpTimeouts = Object.freeze({
  connectMs: Number.POSITIVE_INFINITY,
  writeMs: Number.POSITIVE_INFINITY,
  readMs: Number.POSITIVE_INFINITY,
  attemptMs: Number.POSITIVE_INFINITY,
  totalMs: Number.POSITIVE_INFINITY,
})

function timeoutsOf(timeout: EnhancedHttpClientOptions['timeout']): Partial<HttpTimeouts> {
  return timeout === false ? NO_LIMITS : withDefaults(ENHANCED_HTTP_CLIENT_DEFAULTS.timeout, timeout ?? {})
}

function fallbackResponse(
  { method, url }: HttpRequest,
  { status = 200, headers, json, body = '' }: HttpFallbackAnswer,
): HttpResponse {
  const type = json === undefined ? {} : { 'content-type': 'application/json' }
  const content = json === undefined ? body : JSON.stringify(json)
  const head = { method, url, status, headers: { ...type, ...headers }, attempts: 0 }
  return new HttpResponse(head, typeof content === 'string' ? Buffer.from(content) : content)
}
