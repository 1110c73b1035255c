import { readFile } from 'node:fs/promises'
import type { HttpClientConfig } from '@comm/config'
import {
  type Backoff,
  type BreakerStateChange,
  ConfigurationError,
  constantBackoff,
  decorrelatedJitterBackoff,
  exponentialBackoff,
  fibonacciBackoff,
  linearBackoff,
} from '@comm/core'
import { describeValue } from '@comm/core/options'
import type { BuildContext } from './build-context.ts'

const BACKOFFS = {
  constant: constantBackoff,
  linear: linearBackoff,
  exponential: exponentialBackoff,
  fibonacci: fibonacciBackoff,
}

/** The options of `EnhancedHttpClient` that a configuration section stands for. */
export async function httpOptions(
  config: HttpClientConfig,
  { correlationHeader, logger }: BuildContext,
): Promise<Readonly<Record<string, unknown>>> {
  const { retry, circuitBreaker, bulkhead, cache, timeout, ssl } = config
  return {
    ...(config.baseUrl === undefined ? {} : { baseUrl: config.baseUrl }),
    headers: config.headers,
    timeout: {
      connectMs: timeout.connectionMs,
      readMs: timeout.readMs,
      writeMs: timeout.writeMs,
      attemptMs: timeout.attemptMs,
      totalMs: timeout.totalMs,
    },
    maxConnections: config.maxConnections,
    maxKeepaliveConnections: config.maxKeepaliveConnections,
    keepaliveExpiryMs: config.keepaliveExpiryMs,
    maxResponseBytes: config.maxResponseBytes,
    correlationHeader,
    retry: retry.enabled && { maxRetries: retry.maxRetries, backoff: backoffOf(retry) },
    circuitBreaker: circuitBreaker.enabled && {
      consecutiveFailures: circuitBreaker.failureThreshold,
      openMs: circuitBreaker.recoveryTimeoutMs,
      halfOpenCalls: circuitBreaker.halfOpenMaxCalls,
      onStateChange: ({ breaker, from, to }: BreakerStateChange) => logger.warn(`${breaker} is ${to}`, { from, to }),
    },
    bulkhead: bulkhead.enabled && { limit: bulkhead.limit, maxQueue: bulkhead.maxQueue },
    cache: cache.enabled && {
      maxEntries: cache.maxEntries,
      maxBytes: cache.maxBytes,
      logger,
      ...(cache.ttlMs === undefined ? {} : { defaultTtlMs: cache.ttlMs }),
    },
    ...(Object.keys(ssl).length === 0 ? {} : { tls: await tlsOf(ssl) }),
  }
}

function backoffOf({ backoff, baseDelayMs, maxDelayMs, jitter }: HttpClientConfig['retry']): Backoff {
  if (backoff === 'decorrelated-jitter') return decorrelatedJitterBackoff({ baseMs: baseDelayMs, maxMs: maxDelayMs })
  return BACKOFFS[backoff]({ baseMs: baseDelayMs, maxMs: maxDelayMs, jitter })
}

async function tlsOf({
  caFile,
  certFile,
  keyFile,
  passphrase,
  serverName,
}: HttpClientConfig['ssl']): Promise<Record<string, unknown>> {
  return {
    ...(caFile === undefined ? {} : { ca: await readPem('caFile', caFile) }),
    ...(certFile === undefined ? {} : { cert: await readPem('certFile', certFile) }),
    ...(keyFile === undefined ? {} : { key: await readPem('keyFile', keyFile) }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(serverName === undefined ? {} : { serverName }),
  }
}

async function readPem(key: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    const problem = { key: `ssl.${key}`, received: describeValue(path), expected: 'a file that can be read' }
    const why = (cause as { code?: string }).code ?? 'unknown'
    throw new ConfigurationError(`${problem.key} must be ${problem.expected}, got ${problem.received} (${why})`, {
      cause,
      problems: [problem],
    })
  }
}
