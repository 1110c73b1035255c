import {
  type Breaker,
  type Bulkhead,
  breaker,
  bulkhead,
  fallback,
  type Keyed,
  keyed,
  rateLimit,
  retry,
  type Stage,
  systemClock,
} from '@comm/core'
import { checkOptions, withDefaults } from '@comm/core/options'
import { isServiceUrl } from './balancing/destination.ts'
import { pickPlace } from './balancing/pick-place.ts'
import { cachePlace } from './cached-calls.ts'
import { HttpClient } from './client.ts'
import type { HttpTimeouts } from './client-options.ts'
import { ENHANCED_HTTP_CLIENT_DEFAULTS, ENHANCED_RULES, type EnhancedHttpClientOptions } from './enhanced-options.ts'
import type { HttpRequest } from './request.ts'
import { totalTimeout } from './request-timeout.ts'
import { HttpResponse } from './response.ts'
import { serviceUnavailable } from './service-unavailable.ts'
import { displayUrl, parseBaseUrl } from './url.ts'
import { breakerVerdict, elsewhereVerdict, hintElsewhere, isSafeElsewhere, isSafeToRetry, retryVerdict } from './verdicts.ts'

/**
 * HttpClient with a cache, retry, circuit breaker, bulkhead and a time limit per attempt in front of every request. `describe()`
 * prints them in the order in which a call meets them.
 *
 * Beside the errors of HttpClient a call throws ServiceUnavailableError (503 after the last retry, or nobody to connect to),
 * CircuitBreakerOpenError, BulkheadFullError and RateLimitedError.
 */
export class EnhancedHttpClient extends HttpClient {
  /** Absent when turned off, or when each instance has its own. */
  readonly circuitBreaker: Breaker | undefined
  /** By the id of the instance: those that have been called of late. Absent when turned off, or when there is one for the client. */
  readonly circuitBreakers: Keyed<Breaker> | undefined

  constructor(options: EnhancedHttpClientOptions = {}) {
    checkOptions<EnhancedHttpClientOptions>('EnhancedHttpClient', options, ENHANCED_RULES)
    const {
      retry: _retry,
      circuitBreaker: _breaker,
      bulkhead: _bulkhead,
      rateLimit: _rateLimit,
      fallback: _fallback,
      isolate: _isolate,
      timeout,
      cache = ENHANCED_HTTP_CLIENT_DEFAULTS.cache,
      ...rest
    } = options
    const protection = breakerOf(options)
    super({ ...rest, cache, timeout: timeoutsOf(timeout), policies: policiesOf(options, protection) })
    this.circuitBreaker = isKeyed(protection) ? undefined : protection
    this.circuitBreakers = isKeyed(protection) ? protection : undefined
  }
}

const RETRY = Object.freeze({ ...ENHANCED_HTTP_CLIENT_DEFAULTS.retry, classify: retryVerdict, isSafe: isSafeToRetry })
const RETRY_ELSEWHERE = Object.freeze({
  ...RETRY,
  classify: elsewhereVerdict,
  isSafe: isSafeElsewhere,
  hint: hintElsewhere,
})

function isIsolated({ isolate = 'instance', endpoints, baseUrls }: EnhancedHttpClientOptions): boolean {
  return isolate === 'instance' && (endpoints !== undefined || baseUrls !== undefined)
}

function isKeyed(protection: Breaker | Keyed<Breaker> | undefined): protection is Keyed<Breaker> {
  return protection?.name === 'keyed'
}

function policiesOf(options: EnhancedHttpClientOptions, protection: Stage | undefined): readonly Stage[] {
  const { clock = systemClock } = options
  const answer = options.fallback
  const isolated = isIsolated(options)
  const stages: Stage[] = []
  if (answer !== undefined) {
    stages.push(
      fallback(async (error, argument) => HttpResponse.of(argument as HttpRequest, await answer(error, argument as HttpRequest))),
    )
  }
  stages.push(totalTimeout, serviceUnavailable)
  if (options.cache !== false) stages.push(cachePlace)
  if (options.rateLimit) stages.push(rateLimit({ clock, ...options.rateLimit }))
  if (options.retry !== false) {
    stages.push(retry(withDefaults(isolated ? RETRY_ELSEWHERE : RETRY, options.retry ?? {})))
  }
  if (isolated) stages.push(pickPlace)
  if (protection !== undefined) stages.push(protection)
  if (options.bulkhead !== false) {
    const limits = withDefaults(ENHANCED_HTTP_CLIENT_DEFAULTS.bulkhead, options.bulkhead ?? {})
    const make = (): Bulkhead => bulkhead(limits)
    const whole = make()
    stages.push(isolated ? keyed(make, { name: 'bulkhead' }) : whole)
  }
  if (!isolated) stages.push(pickPlace)
  return stages
}

function breakerOf(options: EnhancedHttpClientOptions): Breaker | Keyed<Breaker> | undefined {
  const { circuitBreaker, baseUrl, service, clock = systemClock } = options
  if (circuitBreaker === false) return undefined
  const make = (of: string): Breaker =>
    breaker({ name: `the circuit breaker${of}`, classify: breakerVerdict, clock, ...circuitBreaker })
  if (isIsolated(options)) {
    make('')
    return keyed((id) => make(` of ${id}`), { name: 'breaker' })
  }
  if (service !== undefined) return make(` of service ${service}`)
  if (baseUrl === undefined) return make('')
  if (isServiceUrl(baseUrl)) return make(` of service ${URL.parse(String(baseUrl))?.hostname}`)
  return make(` of ${displayUrl(parseBaseUrl('EnhancedHttpClient.baseUrl', baseUrl))}`)
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
