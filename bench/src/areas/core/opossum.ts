import type { Setup } from '@comm/bench/area'
import CircuitBreaker from 'opossum'
import { callee, LIMITS, never, signalUse, verifyTimesOut } from './callee.ts'

/** Breaker, timeout and capacity; opossum has no retry, so it does one policy less than the others. */
export const setup: Setup = (input) => {
  const use = signalUse(input)
  const limits = { capacity: LIMITS.concurrent, errorThresholdPercentage: LIMITS.failureRatio * 100, resetTimeout: 10_000 }
  const breaker: CircuitBreaker<[number], number> = new CircuitBreaker(
    (argument: number) => callee(argument, use, () => signalOf(breaker as WithSignal)),
    {
      ...limits,
      timeout: LIMITS.timeoutMs,
      ...(use === 'none' ? {} : { abortController: new AbortController(), autoRenewAbortController: true }),
    },
  )
  return {
    op: () => breaker.fire(1),
    verify: () =>
      verifyTimesOut((timeout) => {
        const hasty = new CircuitBreaker(never, { ...limits, timeout })
        return () => hasty.fire()
      }),
    close: async () => breaker.shutdown(),
  }
}

/** In opossum, but not in the types written for it. */
interface WithSignal {
  getSignal?(): AbortSignal | undefined
}

function signalOf(breaker: WithSignal): AbortSignal {
  const signal = breaker.getSignal?.()
  if (signal === undefined) throw new Error('opossum gave no signal')
  return signal
}
