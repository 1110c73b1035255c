import { CommunicationError, TimeoutError } from '@comm/core'
import { displayUrl } from './url.ts'

interface Named {
  readonly method: string
  readonly url: URL
}

/** The error of a call whose caller gave it up. The platform's `AbortSignal.timeout` is a time limit, anything else an abort. */
export function abortError(request: Named, reason: unknown): CommunicationError {
  const details = { method: request.method, url: displayUrl(request.url) }
  const what = `${details.method} ${details.url}`
  if (Object(reason).name === 'TimeoutError') {
    return new TimeoutError(`${what} was not answered in the time that its signal gives`, {
      cause: reason,
      details: { ...details, limit: 'signal' },
    })
  }
  return new CommunicationError(`${what} was aborted by its caller`, { code: 'COMM_ABORTED', cause: reason, details })
}

/** Says which call it was in the errors that core's pipeline makes without knowing; all others are given back as they are. */
export function nameCall(thrown: unknown, request: Named, signals: readonly (AbortSignal | undefined)[]): CommunicationError {
  if (signals.some((signal) => signal?.aborted && signal.reason === thrown)) return abortError(request, thrown)
  const error = CommunicationError.from(thrown)
  if (error.code !== 'COMM_DEADLINE_EXCEEDED') return error
  const url = displayUrl(request.url)
  return new TimeoutError(`${request.method} ${url} was given up: ${error.message}`, {
    code: 'COMM_DEADLINE_EXCEEDED',
    details: { ...error.details, method: request.method, url, limit: 'deadline' },
  })
}
