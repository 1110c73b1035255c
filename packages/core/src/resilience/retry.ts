import { CommunicationError } from '../errors/errors.ts'
import { notify } from '../notify.ts'
import { callable, checkOptions, nonEmptyText, number, withDefaults, withMethods } from '../options.ts'
import { type Backoff, exponentialBackoff } from './backoff.ts'
import { isObserved, type PolicyEvent, tell } from './policy-events.ts'
import type { Reading } from './readings.ts'
import type { RetryBudget } from './retry-budget.ts'
import type { Call, Rerun, Stage } from './stage.ts'
import { type Classify, classifyOutcome, retryAfterOf } from './verdict.ts'

export interface RetryEvent {
  /** 1 for the first retry. */
  readonly retry: number
  readonly afterMs: number
  readonly error: unknown
}

export interface RetryOptions {
  /** Names it in events and metrics. @default 'retry' */
  readonly name?: string
  /** Tries after the first. @default 2 */
  readonly maxRetries?: number
  /** @default exponentialBackoff() */
  readonly backoff?: Backoff
  /** `failure` is tried again, unless its error says `retryable: false`. @default classifyOutcome */
  readonly classify?: Classify
  /** Whether this call may be made twice at all. @default always */
  readonly isSafe?: (call: Call) => boolean
  /** The wait that the callee asked for (`Retry-After`, gRPC pushback), in milliseconds. @default retryAfterOf */
  readonly hint?: (error: unknown) => number | undefined
  /** A longer hint means: give up now. @default 60000 */
  readonly maxHintMs?: number
  /** Shared by all pipelines towards one target. @default none */
  readonly budget?: RetryBudget
  /** Is told when a retry is certain to come, unless the call is cancelled during the delay. */
  readonly onRetry?: (event: RetryEvent) => void
  /** @default Math.random */
  readonly random?: () => number
}

export const RETRY_DEFAULTS: Readonly<Required<Pick<RetryOptions, 'name' | 'maxRetries' | 'maxHintMs'>>> = Object.freeze({
  name: 'retry',
  maxRetries: 2,
  maxHintMs: 60_000,
})

type GiveUp = Extract<PolicyEvent, { readonly event: 'give-up' }>

function budgetReading(name: string, budget: RetryBudget): Reading {
  return { kind: 'retry-budget', policy: 'retry', name, value: budget.balance, of: budget }
}

interface Progress {
  /** Retries so far. */
  readonly retry: number
  readonly previousMs: number | undefined
}

const FIRST: Progress = { retry: 0, previousMs: undefined }

/**
 * Tries again after a failure: a while later, as often as allowed, never past the deadline of what encloses it. The outcome
 * is the last attempt's own.
 */
export function retry(options: RetryOptions = {}): Stage {
  checkOptions<RetryOptions>('retry', options, {
    name: nonEmptyText,
    maxRetries: number({ min: 0, integer: true, infinite: true }),
    backoff: withMethods('a Backoff such as exponentialBackoff()', 'delayMs'),
    classify: callable,
    isSafe: callable,
    hint: callable,
    maxHintMs: number({ min: 0, infinite: true }),
    budget: withMethods('a RetryBudget such as retryBudget()', 'deposit', 'withdraw'),
    onRetry: callable,
    random: callable,
  })
  const { name, maxRetries, maxHintMs, budget, isSafe, onRetry } = withDefaults(RETRY_DEFAULTS, options)
  const { backoff = exponentialBackoff(), classify = classifyOutcome, hint = retryAfterOf, random = Math.random } = options

  /** Whether the outcome is one to try again after, were there time and retries left. */
  const isWorthRetrying = (call: Call): boolean => {
    if (call.cancelled || classify(call) !== 'failure') return false
    const { error } = call
    if (call.failed && error instanceof CommunicationError && !error.retryable && error.code !== 'COMM_UNKNOWN') return false
    return isSafe === undefined || isSafe(call)
  }

  const giveUp = (reason: GiveUp['reason'], error: unknown): undefined => {
    if (isObserved()) tell({ policy: 'retry', name, event: 'give-up', reason, error })
    return undefined
  }

  const leave = (call: Call, at: number): Rerun | undefined => {
    if (!isWorthRetrying(call)) return undefined
    const { retry: retries, previousMs } = (call.state(at) as Progress | undefined) ?? FIRST
    const { error } = call
    if (retries >= maxRetries) return giveUp('max-retries', error)
    const asked = hint(error) ?? 0
    if (asked > maxHintMs) return giveUp('hint', error)
    const ownMs = backoff.delayMs({ retry: retries + 1, previousMs, random })
    const afterMs = asked > ownMs ? asked : ownMs
    if (call.clock.now() + afterMs >= call.deadlineAt) return giveUp('deadline', error)
    if (budget !== undefined && !budget.withdraw()) return giveUp('budget', error)
    call.setState(at, { retry: retries + 1, previousMs: ownMs } satisfies Progress)
    const event: RetryEvent = { retry: retries + 1, afterMs, error }
    notify('onRetry', onRetry, event)
    if (isObserved()) tell({ policy: 'retry', name, event: 'retry', ...event })
    return { afterMs }
  }
  return {
    name: 'retry',
    description: `retry (at most ${maxRetries}, ${backoff.description})`,
    ...(budget === undefined ? {} : { enter: () => budget.deposit(), readings: () => [budgetReading(name, budget)] }),
    leave,
  }
}
