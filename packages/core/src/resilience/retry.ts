import { CommunicationError } from '../errors/errors.ts'
import { callable, checkOptions, number, object } from '../options.ts'
import { type Backoff, exponentialBackoff } from './backoff.ts'
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
  readonly onRetry?: (event: RetryEvent) => void
  /** @default Math.random */
  readonly random?: () => number
}

export const RETRY_DEFAULTS: Readonly<Required<Pick<RetryOptions, 'maxRetries' | 'maxHintMs'>>> = Object.freeze({
  maxRetries: 2,
  maxHintMs: 60_000,
})

interface Progress {
  retry: number
  previousMs: number | undefined
}

/**
 * Tries again after a failure: a while later, as often as allowed, never past the deadline of what encloses it. The outcome
 * is the last attempt's own.
 */
export function retry(options: RetryOptions = {}): Stage {
  checkOptions<RetryOptions>('retry', options, {
    maxRetries: number({ min: 0, integer: true, infinite: true }),
    backoff: object,
    classify: callable,
    isSafe: callable,
    hint: callable,
    maxHintMs: number({ min: 0, infinite: true }),
    budget: object,
    onRetry: callable,
    random: callable,
  })
  const { maxRetries, maxHintMs } = { ...RETRY_DEFAULTS, ...options }
  const { backoff = exponentialBackoff(), classify = classifyOutcome, hint = retryAfterOf, random = Math.random } = options
  const { budget, isSafe, onRetry } = options

  const leave = (call: Call, at: number): Rerun | undefined => {
    if (classify(call) !== 'failure') return undefined
    const { error } = call
    if (call.failed && error instanceof CommunicationError && !error.retryable && error.code !== 'COMM_UNKNOWN') return undefined
    if (isSafe !== undefined && !isSafe(call)) return undefined
    const progress = (call.state(at) as Progress | undefined) ?? { retry: 0, previousMs: undefined }
    if (progress.retry >= maxRetries) return undefined
    const asked = hint(error)
    if (asked !== undefined && asked > maxHintMs) return undefined
    if (budget !== undefined && !budget.withdraw()) return undefined
    progress.retry++
    const ownMs = backoff.delayMs({ retry: progress.retry, previousMs: progress.previousMs, random })
    progress.previousMs = ownMs
    call.setState(at, progress)
    const afterMs = Math.max(ownMs, asked ?? 0)
    onRetry?.({ retry: progress.retry, afterMs, error })
    return { afterMs }
  }
  return {
    name: 'retry',
    description: `retry (at most ${maxRetries}, ${backoff.description})`,
    ...(budget === undefined ? {} : { enter: () => budget.deposit() }),
    leave,
  }
}
