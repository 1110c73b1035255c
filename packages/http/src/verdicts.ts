import {
  BulkheadFullError,
  type Call,
  CircuitBreakerOpenError,
  CommunicationError,
  ConnectionError,
  classifyOutcome,
  HttpStatusError,
  retryAfterOf,
  TimeoutError,
  type Verdict,
} from '@comm/core'
import type { HttpRequest } from './request.ts'

/**
 * What is worth another attempt: no connection, a broken one, a time limit of one attempt, and the statuses 408, 429, 502,
 * 503 and 504. Whether it is allowed is for `isSafeToRetry` to say.
 */
export function retryVerdict(call: Call): Verdict {
  if (!call.failed) return 'success'
  const { error } = call
  if (call.abortedByCaller || !(error instanceof CommunicationError)) return 'ignore'
  const transient = error instanceof ConnectionError || error instanceof HttpStatusError || error instanceof TimeoutError
  return transient && error.retryable ? 'failure' : 'ignore'
}

/**
 * A request may be sent again when it is idempotent (RFC 9110 9.2.2, or an Idempotency-Key), or when it certainly never
 * reached the server; in both cases only if its body can be sent again.
 */
export function isSafeToRetry(call: Call): boolean {
  const { idempotent, replayable } = call.argument as HttpRequest
  const neverSent = call.error instanceof CommunicationError && call.error.details['sent'] === 'no'
  return replayable && (idempotent || neverSent)
}

/** What counts against a server: as in core, but a 4xx never does, 408 and 429 included. */
export function breakerVerdict(call: Call): Verdict {
  if (call.failed && call.error instanceof HttpStatusError && call.error.status < 500) return 'ignore'
  return classifyOutcome(call)
}

/** A policy of one instance refused the call, so that nothing was sent. */
function isRefused({ failed, error }: Call): boolean {
  return failed && (error instanceof CircuitBreakerOpenError || error instanceof BulkheadFullError)
}

/** `retryVerdict` where each instance has a breaker and a bulkhead of its own: another instance may take what one refuses. */
export function elsewhereVerdict(call: Call): Verdict {
  return isRefused(call) && !call.abortedByCaller ? 'failure' : retryVerdict(call)
}

/** `isSafeToRetry` beside `elsewhereVerdict`. */
export function isSafeElsewhere(call: Call): boolean {
  return isRefused(call) ? (call.argument as HttpRequest).replayable : isSafeToRetry(call)
}

/** The `hint` of such a retry: what one instance refuses needs no wait before it goes to another. */
export function hintElsewhere(error: unknown): number | undefined {
  return error instanceof CircuitBreakerOpenError ? undefined : retryAfterOf(error)
}

/**
 * What counts against an instance among others. An answer below 500 was an answer, but being busy (408, 429) says nothing; an open breaker
 * says what the calls before it said.
 */
export function instanceVerdict(call: Call): Verdict {
  const { error } = call
  if (call.failed && error instanceof CircuitBreakerOpenError) return 'failure'
  if (call.failed && error instanceof HttpStatusError && error.status < 500) return error.retryable ? 'ignore' : 'success'
  return classifyOutcome(call)
}
