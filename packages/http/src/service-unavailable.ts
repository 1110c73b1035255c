import {
  type Call,
  type CommunicationError,
  ConnectionError,
  HttpStatusError,
  ServiceUnavailableError,
  type Stage,
} from '@comm/core'

/** Stands outside the retries: what is still a 503 after the last of them, or reached nobody, is ServiceUnavailableError. */
export const serviceUnavailable: Stage = {
  name: 'service unavailable',
  description: 'service unavailable (503 and refused connections become ServiceUnavailableError)',
  leave(call: Call): void {
    if (!call.failed) return
    const { error } = call
    if (error instanceof HttpStatusError && error.status === 503) call.error = unavailable(error)
    else if (error instanceof ConnectionError && error.retryable && error.details['sent'] === 'no')
      call.error = unavailable(error)
  },
}

function unavailable(cause: CommunicationError): ServiceUnavailableError {
  return new ServiceUnavailableError(cause.message, { cause, details: cause.details })
}
