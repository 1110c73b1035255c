import type { HttpClientConfig } from '@comm/config'
import type { BreakerStateChange, Logger } from '@comm/core'
import { backoffOf } from './backoff.ts'

/** The policies that a section sets, as the options of an HTTP or gRPC client. */
export function policyOptions(
  { retry, circuitBreaker, bulkhead }: Pick<HttpClientConfig, 'retry' | 'circuitBreaker' | 'bulkhead'>,
  logger: Logger,
): Readonly<Record<string, unknown>> {
  return {
    retry: retry.enabled && { maxRetries: retry.maxRetries, backoff: backoffOf(retry) },
    circuitBreaker: circuitBreaker.enabled && {
      consecutiveFailures: circuitBreaker.failureThreshold,
      openMs: circuitBreaker.recoveryTimeoutMs,
      halfOpenCalls: circuitBreaker.halfOpenMaxCalls,
      onStateChange: ({ breaker, from, to }: BreakerStateChange) => logger.warn(`${breaker} is ${to}`, { from, to }),
    },
    bulkhead: bulkhead.enabled && { limit: bulkhead.limit, maxQueue: bulkhead.maxQueue },
  }
}
