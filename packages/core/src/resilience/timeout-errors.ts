import { TimeoutError } from '../errors/errors.ts'

/** A limit of the pipeline's own ran out. */
export function timeoutError(ms: number, attempt: number): TimeoutError {
  const message = `no answer within ${ms} ms${attempt > 1 ? ` (attempt ${attempt})` : ''}`
  return new TimeoutError(message, { details: { limit: 'timeout', ms, attempt } })
}

/** The limit was not ours: whoever caused this call waits no longer. */
export function deadlineError(): TimeoutError {
  const message = 'the deadline of the request that caused this call has passed'
  return new TimeoutError(message, { code: 'COMM_DEADLINE_EXCEEDED', details: { limit: 'deadline' } })
}
