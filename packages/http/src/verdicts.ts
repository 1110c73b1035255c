import {
  type Call,
  CommunicationError,
  ConnectionError,
  classifyOutcome,
  HttpStatusError,
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
