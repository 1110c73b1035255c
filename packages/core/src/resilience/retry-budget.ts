import { type Clock, systemClock } from '../clock.ts'
import { checkOptions, number, withDefaults } from '../options.ts'
import { aClock } from './rules.ts'

export interface RetryBudgetOptions {
  /** Retries allowed per call: 0.2 is one retry for five calls. @default 0.2 */
  readonly ratio?: number
  /** Retries per second that are always allowed, so that a quiet client may retry at all; it starts with so many. @default 3 */
  readonly minPerSecond?: number
  /** How many unused retries may be saved up. @default 100 */
  readonly capacity?: number
  /** @default systemClock */
  readonly clock?: Clock
}

export const RETRY_BUDGET_DEFAULTS: Readonly<Required<Omit<RetryBudgetOptions, 'clock'>>> = Object.freeze({
  ratio: 0.2,
  minPerSecond: 3,
  capacity: 100,
})

/**
 * Limits retries to a share of the calls, over all pipelines that share it: when everything fails, retries must not multiply
 * the load. A token bucket that calls fill and retries empty, after Finagle's RetryBudget.
 */
export interface RetryBudget {
  /** A first attempt was made. */
  deposit(): void
  /** Takes a retry out; false when there is none. */
  withdraw(): boolean
  /** Retries available now. */
  readonly balance: number
}

export function retryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  checkOptions<RetryBudgetOptions>('retryBudget', options, {
    ratio: number({ min: 0 }),
    minPerSecond: number({ min: 0 }),
    capacity: number({ min: 1 }),
    clock: aClock,
  })
  const { ratio, minPerSecond, capacity, clock } = withDefaults({ ...RETRY_BUDGET_DEFAULTS, clock: systemClock }, options)
  let tokens = Math.min(capacity, minPerSecond)
  let refilledAt = clock.now()
  const refill = (): number => {
    const now = clock.now()
    if (now > refilledAt) {
      tokens = Math.min(capacity, tokens + ((now - refilledAt) / 1000) * minPerSecond)
      refilledAt = now
    }
    return tokens
  }
  return {
    deposit() {
      tokens = Math.min(capacity, tokens + ratio)
    },
    withdraw() {
      if (refill() < 1) return false
      tokens -= 1
      return true
    },
    get balance() {
      return refill()
    },
  }
}
