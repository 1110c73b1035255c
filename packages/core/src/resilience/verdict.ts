import { CommunicationError } from '../errors/errors.ts'
import type { ErrorCode } from '../errors/table.ts'
import type { Call, Verdict } from './stage.ts'

/** Tells how the outcome of a call counts; read only `failed`, `value`, `error` and `abortedByCaller`. */
export type Classify = (call: Call) => Verdict

/** Refusals by a policy further in: the callee was not asked, so they say nothing about it. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['COMM_BREAKER_OPEN', 'COMM_BULKHEAD_FULL', 'COMM_RATE_LIMITED'])

/** Errors that the callee is not to blame for: its answer was right, the question was wrong. */
const CALLERS_FAULT: ReadonlySet<ErrorCode> = new Set([
  'COMM_ABORTED',
  'COMM_AUTHENTICATION',
  'COMM_AUTHORIZATION',
  'COMM_CONFIGURATION',
  'COMM_VALIDATION',
  'COMM_UNSUPPORTED',
  'COMM_CLOSED',
])

/**
 * Any error is a failure, except: the caller's own abort, a refusal by a policy further in, and errors that are the
 * caller's fault (validation, authorization, an HTTP status below 500 that is not worth a retry).
 */
export function classifyOutcome(call: Call): Verdict {
  if (!call.failed) return 'success'
  if (call.abortedByCaller) return 'ignore'
  const { error } = call
  if (error instanceof CommunicationError) {
    if (REFUSALS.has(error.code) || CALLERS_FAULT.has(error.code)) return 'ignore'
    if (error.code === 'COMM_HTTP_STATUS' && !error.retryable)
      return Number(error.details['status']) >= 500 ? 'failure' : 'ignore'
  }
  return 'failure'
}

/** How long the callee or a policy asked to wait: `details.retryAfterMs` of the error. */
export function retryAfterOf(error: unknown): number | undefined {
  const hint = error instanceof CommunicationError ? error.details['retryAfterMs'] : undefined
  return typeof hint === 'number' && hint >= 0 ? hint : undefined
}
