import { type Clock, sleep, systemClock } from '../clock.ts'
import { RateLimitedError } from '../errors/errors.ts'
import { callable, checkOptions, either, nonEmptyText, number, object, required } from '../options.ts'
import { MemoryRateLimitStore } from '../stores/memory-rate-limit.ts'
import type { RateLimitAnswer, RateLimitStore } from '../stores/rate-limit.ts'
import type { Call, Stage } from './stage.ts'

export interface RateLimitOptions {
  /** Calls per second in the long run. */
  readonly perSecond: number
  /** Calls that may come at once after a pause. @default perSecond, at least 1 */
  readonly burst?: number
  /** How long a call may wait for its turn before it is refused. @default 0 */
  readonly maxWaitMs?: number
  /** Which bucket a call draws from. @default 'default' */
  readonly key?: string | ((call: Call) => string)
  /** Where the buckets are; a shared store limits several processes together. @default new MemoryRateLimitStore() */
  readonly store?: RateLimitStore
  /** @default systemClock */
  readonly clock?: Clock
}

/** Lets `perSecond` calls through, by a token bucket; others wait up to `maxWaitMs` or fail with RateLimitedError. */
export function rateLimit(options: RateLimitOptions): Stage {
  checkOptions<RateLimitOptions>('rateLimit', options, {
    perSecond: required(number({ min: Number.MIN_VALUE })),
    burst: number({ min: 1 }),
    maxWaitMs: number({ min: 0 }),
    key: either(nonEmptyText, callable),
    store: object,
    clock: object,
  })
  const { perSecond, burst = Math.max(1, perSecond), maxWaitMs = 0, key = 'default', clock = systemClock } = options
  const store = options.store ?? new MemoryRateLimitStore({ clock })
  const bucket = { capacity: burst, perSecond }
  const keyOf = typeof key === 'function' ? key : (): string => key

  const decide = (call: Call, name: string, answer: RateLimitAnswer, waitUntil: number): void | Promise<void> => {
    if (answer.allowed) return
    const { retryAfterMs } = answer
    if (clock.now() + retryAfterMs > waitUntil || clock.now() + retryAfterMs >= call.deadlineAt) {
      throw new RateLimitedError(
        `the rate limit of ${perSecond} per second for '${name}' is used up; try again in ${Math.ceil(retryAfterMs)} ms`,
        {
          details: { retryAfterMs, key: name },
        },
      )
    }
    return waitTurn(call, name, retryAfterMs, waitUntil)
  }

  const waitTurn = async (call: Call, name: string, ms: number, waitUntil: number): Promise<void> => {
    await sleep(ms, { clock, signal: call.signal })
    await decide(call, name, await store.take(name, 1, bucket), waitUntil)
  }

  return {
    name: 'rateLimit',
    description: `rateLimit (${perSecond} per second, burst ${burst}, waits at most ${maxWaitMs} ms)`,
    enter(call: Call): void | Promise<void> {
      const name = keyOf(call)
      const waitUntil = clock.now() + maxWaitMs
      const answer = store.take(name, 1, bucket)
      if (answer instanceof Promise) return answer.then((taken) => decide(call, name, taken, waitUntil))
      return decide(call, name, answer, waitUntil)
    },
  }
}
