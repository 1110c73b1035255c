import { CommunicationError, TimeoutError } from '@comm/core'
import type { StatusName } from '../status.ts'
import { statusCode } from '../status.ts'
import type { Outgoing } from './outgoing.ts'

type Named = Pick<Outgoing, 'method' | 'target'>

/** The error of a call whose caller gave it up. The platform's `AbortSignal.timeout` is a time limit, anything else an abort. */
export function abortError({ method, target }: Named, reason: unknown): CommunicationError {
  const details = { method: method.fullName, target }
  if (Object(reason).name === 'TimeoutError') {
    const message = `${method.fullName} of ${target} was not answered in the time that its signal gives`
    return new TimeoutError(message, { cause: reason, details: { ...details, limit: 'signal' } })
  }
  const message = `${method.fullName} of ${target} was aborted by its caller`
  return new CommunicationError(message, { code: 'COMM_ABORTED', cause: reason, details })
}

/** The deadline of the request that caused the call has passed. */
export function deadlineError({ method, target }: Named): TimeoutError {
  const message = `${method.fullName} of ${target} was given up: the deadline of the request that caused this call has passed`
  const details = { method: method.fullName, target, limit: 'deadline' }
  return new TimeoutError(message, { code: 'COMM_DEADLINE_EXCEEDED', details })
}

/** Says which call it was in the errors that core's pipeline makes without knowing; all others are given back as they are. */
export function nameCall(thrown: unknown, outgoing: Outgoing): unknown {
  const { options, context } = outgoing
  for (const signal of [options.signal, context?.signal]) {
    if (signal?.aborted && signal.reason === thrown) return abortError(outgoing, thrown)
  }
  if (!(thrown instanceof CommunicationError)) return thrown
  if (thrown.code === 'COMM_DEADLINE_EXCEEDED' && thrown.details['method'] === undefined) return deadlineError(outgoing)
  return thrown
}

const STATUS_OF: Readonly<Record<string, StatusName>> = {
  COMM_ABORTED: 'CANCELLED',
  COMM_TIMEOUT: 'DEADLINE_EXCEEDED',
  COMM_DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
  COMM_RATE_LIMITED: 'RESOURCE_EXHAUSTED',
  COMM_BULKHEAD_FULL: 'RESOURCE_EXHAUSTED',
  COMM_BREAKER_OPEN: 'UNAVAILABLE',
  COMM_SERVICE_UNAVAILABLE: 'UNAVAILABLE',
  COMM_CLOSED: 'UNAVAILABLE',
}

/** The status that stands for a failed call in spans and metrics, also where none was received. */
export function statusOf(error: unknown): StatusName {
  if (!(error instanceof CommunicationError)) return 'UNKNOWN'
  const { grpcStatus } = error.details
  if (typeof grpcStatus === 'string' && statusCode(grpcStatus) !== undefined) return grpcStatus as StatusName
  return STATUS_OF[error.code] ?? 'UNKNOWN'
}
