import {
  BulkheadFullError,
  type Call,
  CircuitBreakerOpenError,
  CommunicationError,
  classifyOutcome,
  GrpcStatusError,
  retryAfterOf,
  TimeoutError,
  type Verdict,
} from '@comm/core'
import type { StatusName } from '../status.ts'
import type { Outgoing } from './outgoing.ts'

/** Where a call may be made twice. */
export const RETRY_STATUSES: readonly StatusName[] = Object.freeze(['UNAVAILABLE', 'RESOURCE_EXHAUSTED'])

/** What is worth another attempt: one of these statuses, no or a broken connection, and a time limit of one attempt. */
export function retryVerdictFor(statuses: readonly StatusName[]): (call: Call) => Verdict {
  const worth = new Set<unknown>(statuses)
  return (call) => {
    if (!call.failed) return 'success'
    const { error } = call
    if (call.abortedByCaller || !(error instanceof CommunicationError)) return 'ignore'
    const { grpcStatus } = error.details
    const isOwnLimit = error instanceof TimeoutError && grpcStatus === undefined
    return worth.has(grpcStatus) || isOwnLimit ? 'failure' : 'ignore'
  }
}

/**
 * A call may be made again when it is idempotent (by its `.proto` or its options), or when the server certainly has not begun with it: it never
 * left, or the stream was refused (RFC 9113, 8.7). A request stream must be sendable again as well.
 */
export function isSafeToRetry(call: Call): boolean {
  const { isIdempotent, requests } = call.argument as Outgoing
  const notBegun = call.error instanceof CommunicationError && call.error.details['processed'] === 'no'
  return (requests?.isReplayable ?? true) && (isIdempotent || notBegun)
}

/** Statuses that say nothing about the health of who sent them. */
const CALLERS_FAULT: ReadonlySet<string> = new Set([
  'CANCELLED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
])

/** What counts against a server, for breakers and balancers: as in core, but a status that is an answer does not. */
export function breakerVerdict(call: Call): Verdict {
  if (call.failed && call.error instanceof GrpcStatusError && CALLERS_FAULT.has(call.error.status)) return 'ignore'
  return classifyOutcome(call)
}

/** A policy of one instance refused the call, so that nothing was sent. */
function isRefused({ failed, error }: Call): boolean {
  return failed && (error instanceof CircuitBreakerOpenError || error instanceof BulkheadFullError)
}

/** The verdict where each instance has a breaker and a bulkhead of its own: another instance may take what one refuses. */
export function elsewhereVerdict(verdict: (call: Call) => Verdict): (call: Call) => Verdict {
  return (call) => (isRefused(call) && !call.abortedByCaller ? 'failure' : verdict(call))
}

/** `isSafeToRetry` beside `elsewhereVerdict`. */
export function isSafeElsewhere(call: Call): boolean {
  return isRefused(call) || isSafeToRetry(call)
}

/** What one instance refuses needs no wait before it goes to another. */
export function hintElsewhere(error: unknown): number | undefined {
  return error instanceof CircuitBreakerOpenError ? undefined : retryAfterOf(error)
}

/** What counts against an instance among others. An answer was an answer; an open breaker says what the calls before it said. */
export function instanceVerdict(call: Call): Verdict {
  if (call.failed && call.error instanceof CircuitBreakerOpenError) return 'failure'
  if (call.failed && call.error instanceof GrpcStatusError && CALLERS_FAULT.has(call.error.status)) return 'success'
  return breakerVerdict(call)
}
