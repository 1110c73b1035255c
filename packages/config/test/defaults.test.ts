import { httpClientConfig } from '@comm/config'
import { BACKOFF_DEFAULTS, BREAKER_DEFAULTS } from '@comm/core'
import { ENHANCED_HTTP_CLIENT_DEFAULTS, HTTP_CLIENT_DEFAULTS, POOL_DEFAULTS } from '@comm/http'
import { expect, it } from '@jest/globals'

// A client that the manager builds from an empty configuration behaves as one that is built in code without options.
it('the defaults of a client are those of @comm/http and @comm/core', () => {
  const { timeout, retry, circuitBreaker, bulkhead, ...config } = httpClientConfig()
  const { connectionMs: connectMs, ...phases } = timeout
  expect({ connectMs, ...phases }).toEqual(ENHANCED_HTTP_CLIENT_DEFAULTS.timeout)
  expect(config).toMatchObject({ ...POOL_DEFAULTS, maxResponseBytes: HTTP_CLIENT_DEFAULTS.maxResponseBytes })
  expect(retry.maxRetries).toBe(ENHANCED_HTTP_CLIENT_DEFAULTS.retry.maxRetries)
  expect({ baseMs: retry.baseDelayMs, maxMs: retry.maxDelayMs, jitter: retry.jitter }).toEqual(BACKOFF_DEFAULTS)
  expect({ limit: bulkhead.limit, maxQueue: bulkhead.maxQueue }).toEqual(ENHANCED_HTTP_CLIENT_DEFAULTS.bulkhead)
  expect(circuitBreaker.recoveryTimeoutMs).toBe(BREAKER_DEFAULTS.openMs)
  expect(circuitBreaker.halfOpenMaxCalls).toBe(BREAKER_DEFAULTS.halfOpenCalls)
})
