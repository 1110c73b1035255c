import type { Setup } from '@comm/bench/area'
import {
  bulkhead,
  CountBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel'
import { callee, LIMITS, never, signalUse, verifyTimesOut } from './callee.ts'

function policies(maxAttempts: number, timeoutMs: number) {
  return wrap(
    retry(handleAll, { maxAttempts, backoff: new ExponentialBackoff() }),
    circuitBreaker(handleAll, {
      halfOpenAfter: 10_000,
      breaker: new CountBreaker({ threshold: LIMITS.failureRatio, size: LIMITS.window }),
    }),
    timeout(timeoutMs, TimeoutStrategy.Aggressive),
    bulkhead(LIMITS.concurrent),
  )
}

export const setup: Setup = (input) => {
  const use = signalUse(input)
  const policy = policies(LIMITS.maxRetries, LIMITS.timeoutMs)
  return {
    op: () => policy.execute(({ signal }) => callee(1, use, () => signal)),
    verify: () =>
      verifyTimesOut((ms) => {
        const hasty = policies(0, ms)
        return () => hasty.execute(never)
      }),
  }
}
