import type { Backoff, BackoffOptions } from '../resilience/backoff.ts'
import type { BreakerOptions } from '../resilience/breaker-options.ts'
import type { BulkheadOptions } from '../resilience/bulkhead.ts'
import type { ChaosOptions } from '../resilience/chaos.ts'
import type { ConcurrencyLimitOptions } from '../resilience/concurrency-limit-options.ts'
import type { HedgeOptions } from '../resilience/hedge-options.ts'
import type { KeyedOptions } from '../resilience/keyed.ts'
import type { RateLimitOptions } from '../resilience/rate-limit.ts'
import type { RetryOptions } from '../resilience/retry.ts'
import type { RetryBudget, RetryBudgetOptions } from '../resilience/retry-budget.ts'
import type { TimeoutOptions } from '../resilience/timeout.ts'

/** A backoff as data. */
export interface BackoffConfig extends BackoffOptions {
  readonly type: 'constant' | 'linear' | 'exponential' | 'fibonacci' | 'decorrelatedJitter'
}

/** The options of a stage, where a file can say what in code would be an object. */
type AsData<Options> = Omit<Options, 'backoff' | 'budget'> &
  ('backoff' extends keyof Options ? { readonly backoff?: Backoff | BackoffConfig } : unknown) &
  ('budget' extends keyof Options ? { readonly budget?: RetryBudget | RetryBudgetOptions } : unknown)

/** One for each instance that a stage further out picks: `true`, or the bounds of how many are kept. */
interface PerTarget {
  readonly perTarget?: boolean | Pick<KeyedOptions, 'maxKeys' | 'idleMs'>
}

/** Each policy by its options; `true` is the policy with its defaults, `false` is none. */
export interface PolicySet {
  /** For the whole call, retries and delays included. */
  readonly totalTimeout?: false | TimeoutOptions
  readonly retry?: boolean | AsData<RetryOptions>
  readonly hedge?: boolean | AsData<HedgeOptions>
  readonly breaker?: boolean | (BreakerOptions & PerTarget)
  readonly rateLimit?: false | RateLimitOptions
  readonly bulkhead?: false | (BulkheadOptions & PerTarget)
  readonly concurrencyLimit?: boolean | (ConcurrencyLimitOptions & PerTarget)
  /** For each attempt. */
  readonly timeout?: false | TimeoutOptions
  readonly chaos?: false | ChaosOptions
}

export type PolicyKind = keyof PolicySet

/** Policies in the order in which they are listed in `POLICY_ORDER`; or an array of single ones, outermost first, in its own order. */
export type PolicyConfig = PolicySet | readonly PolicySet[]

/** By name, which is also the default of each policy's own `name`. */
export type PoliciesConfig = Readonly<Record<string, PolicyConfig>>

/** Outermost first: the usual order, for the reasons that `docs/resilience.md` gives. */
export const POLICY_ORDER: readonly PolicyKind[] = Object.freeze([
  'totalTimeout',
  'retry',
  'hedge',
  'breaker',
  'rateLimit',
  'bulkhead',
  'concurrencyLimit',
  'timeout',
  'chaos',
])
