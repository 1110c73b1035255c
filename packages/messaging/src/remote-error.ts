import {
  AuthenticationError,
  AuthorizationError,
  BulkheadFullError,
  CircuitBreakerOpenError,
  CommunicationError,
  ConfigurationError,
  ConnectionError,
  ConsumeError,
  ERROR_CODES,
  type ErrorCode,
  type ErrorOptions,
  PublishError,
  RateLimitedError,
  ServiceUnavailableError,
  TimeoutError,
  ValidationError,
} from '@comm/core'

/** An error as a reply carries it. */
export interface ErrorReply {
  readonly code: ErrorCode
  readonly message: string
  readonly retryable: boolean
  readonly details?: unknown
}

/**
 * What a requester may know of a failure: our own errors as they are; of anything else only that it happened, because the message of
 * a foreign exception may tell what is nobody's business.
 */
export function errorReply(error: CommunicationError, topic: string): ErrorReply {
  if (error.code === 'COMM_UNKNOWN') {
    return { code: 'COMM_UNKNOWN', message: `the responder of ${topic} failed; its log has the reason`, retryable: false }
  }
  const { code, message, retryable, details } = error
  return { code, message, retryable, details }
}

type ErrorClass = new (message: string, options: ErrorOptions) => CommunicationError

const CLASSES: Readonly<Record<string, ErrorClass>> = {
  AuthenticationError,
  AuthorizationError,
  BulkheadFullError,
  CircuitBreakerOpenError,
  ConfigurationError,
  ConnectionError,
  ConsumeError,
  PublishError,
  RateLimitedError,
  ServiceUnavailableError,
  TimeoutError,
  ValidationError,
}

/** The error of a reply, of the class that its code has; total. `details.remote` is true. */
export function errorOfReply(reply: unknown, topic: string): CommunicationError {
  const { code, message, retryable, details } = (typeof reply === 'object' && reply !== null ? reply : {}) as Partial<
    Record<string, unknown>
  >
  const known = typeof code === 'string' && Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'COMM_UNKNOWN'
  const Class = CLASSES[ERROR_CODES[known].error] ?? CommunicationError
  return new Class(`${topic} answered with an error: ${typeof message === 'string' ? message : 'without a message'}`, {
    code: known,
    retryable: retryable === true,
    details: { ...(typeof details === 'object' ? details : undefined), remote: true },
  })
}
