import type { HttpClientConfig } from '@comm/config'
import {
  type Backoff,
  constantBackoff,
  decorrelatedJitterBackoff,
  exponentialBackoff,
  fibonacciBackoff,
  linearBackoff,
} from '@comm/core'

const BACKOFFS = {
  constant: constantBackoff,
  linear: linearBackoff,
  exponential: exponentialBackoff,
  fibonacci: fibonacciBackoff,
}

/** The backoff that a section's `retry` stands for. */
export function backoffOf({ backoff, baseDelayMs, maxDelayMs, jitter }: HttpClientConfig['retry']): Backoff {
  if (backoff === 'decorrelated-jitter') return decorrelatedJitterBackoff({ baseMs: baseDelayMs, maxMs: maxDelayMs })
  return BACKOFFS[backoff]({ baseMs: baseDelayMs, maxMs: maxDelayMs, jitter })
}
