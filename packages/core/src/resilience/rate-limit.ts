import { type Clock, sleep } from '../clock.ts'
import { RateLimitedError } from '../errors/errors.ts'
import { callable, checkOptions, either, nonEmptyText, number, required, withDefaults, withMethods } from '../options.ts'
import { MemoryRateLimitStore } from '../stores/memory-rate-limit.ts'
import type { RateLimitAnswer, RateLimitStore } from '../stores/rate-limit.ts'
import { isObserved, tell } from './policy-events.ts'
import { aClock, aDurationMs } from './rules.ts'
import type { Call, Stage } from './stage.ts'

export interface RateLimitOptions {
  /** Names it in events and metrics. @default 'rateLimit' */
  readonly name?: string
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
  /** @default the clock of the pipeline */
  readonly clock?: Clock
}

export const RATE_LIMIT_DEFAULTS: Readonly<Required<Pick<RateLimitOptions, 'name' | 'maxWaitMs' | 'key'>>> = Object.freeze({
  name: 'rateLimit',
  maxWaitMs: 0,
  key: 'default',
})

/** What one call needs to know while it waits for its turn; read when it arrives. */
interface Arrival {
  readonly key: string
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly waitUntil: number
  readonly deadlineAt: number
}

/**
 * Lets `perSecond` calls through, by a token bucket; others wait up to `maxWaitMs` or fail with RateLimitedError. Calls that wait
 * try again when the store said a token would be there; who then takes it is not ordered.
 */
export function rateLimit(options: RateLimitOptions): Stage {
  checkOptions<RateLimitOptions>('rateLimit', options, {
    name: nonEmptyText,
    perSecond: required(number({ above: 0 })),
    burst: number({ min: 1 }),
    maxWaitMs: aDurationMs,
    key: either(nonEmptyText, callable),
    store: withMethods('a RateLimitStore', 'take'),
    clock: aClock,
  })
  const { name, perSecond, burst = Math.max(1, perSecond), maxWaitMs, key, clock } = withDefaults(RATE_LIMIT_DEFAULTS, options)
  const bucket = { capacity: burst, perSecond }
  const keyOf = typeof key === 'function' ? key : (): string => key
  let store = options.store

  /** How long to wait before the next try. */
  const delayOf = (
    { retryAfterMs }: RateLimitAnswer,
    bucketKey: string,
    now: number,
    waitUntil: number,
    deadlineAt: number,
  ): number => {
    // Whole milliseconds: what is left of a token after a rounding error must not be waited for in no time, over and over.
    const delayMs = Math.ceil(retryAfterMs)
    if (now + delayMs <= waitUntil && now + delayMs < deadlineAt) return delayMs
    if (isObserved()) tell({ policy: 'rateLimit', name, event: 'rejection', reason: 'rate' })
    throw new RateLimitedError(
      `the rate limit of ${perSecond} per second for '${bucketKey}' is used up; try again in ${delayMs} ms`,
      { details: { retryAfterMs: delayMs, key: bucketKey } },
    )
  }

  const waitTurn = async (
    from: RateLimitStore,
    first: RateLimitAnswer | Promise<RateLimitAnswer>,
    arrival: Arrival,
  ): Promise<void> => {
    const { key: bucketKey, clock: time, waitUntil, deadlineAt } = arrival
    for (let answer = await first; !answer.allowed; answer = await from.take(bucketKey, 1, bucket)) {
      await sleep(delayOf(answer, bucketKey, time.now(), waitUntil, deadlineAt), arrival)
    }
  }

  return {
    name: 'rateLimit',
    description: `rateLimit (${perSecond} per second, burst ${burst}, waits at most ${maxWaitMs} ms)`,
    enter(call: Call): void | Promise<void> {
      const time = clock ?? call.clock
      store ??= new MemoryRateLimitStore({ clock: time })
      const bucketKey = keyOf(call)
      const answer = store.take(bucketKey, 1, bucket)
      const isAtOnce = !('then' in answer)
      if (isAtOnce && answer.allowed) return
      const { deadlineAt } = call
      const now = time.now()
      const waitUntil = now + maxWaitMs
      if (isAtOnce) delayOf(answer, bucketKey, now, waitUntil, deadlineAt)
      return waitTurn(store, answer, { key: bucketKey, clock: time, signal: call.signal, waitUntil, deadlineAt })
    },
  }
}
