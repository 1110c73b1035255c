import type { Setup } from '@comm/bench/area'
import { breaker, bulkhead, type Call, pipeline, retry, timeout } from '@comm/core'
import { callee, LIMITS, never, signalUse, verifyTimesOut } from './callee.ts'

export const setup: Setup = (input) => {
  const use = signalUse(input)
  const { concurrent, failureRatio, maxRetries, timeoutMs, window } = LIMITS
  const policies = pipeline([
    retry({ maxRetries }),
    breaker({ window: { calls: window }, failureRatio }),
    timeout({ ms: timeoutMs }),
    bulkhead({ limit: concurrent }),
  ])
  const call = (argument: number, running: Call): Promise<number> => callee(argument, use, () => running.signal)
  const plain = (argument: number): Promise<number> => callee(argument, 'none', noSignal)
  return {
    op: () => policies.run(use === 'none' ? plain : call, 1),
    verify: () =>
      verifyTimesOut((ms) => {
        const hasty = pipeline([retry({ maxRetries: 0 }), breaker(), timeout({ ms }), bulkhead({ limit: concurrent })])
        return () => hasty.run(never, undefined)
      }),
  }
}

function noSignal(): AbortSignal {
  throw new Error('this work reads no signal')
}
