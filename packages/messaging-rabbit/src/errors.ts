import {
  AuthenticationError,
  AuthorizationError,
  CommunicationError,
  ConfigurationError,
  ConnectionError,
  PublishError,
  ValidationError,
} from '@comm/core'
import type { OutboundRecord, PublishResult } from '@comm/messaging'

export function closedError(what: string): CommunicationError {
  return new CommunicationError(`${what} for RabbitMQ is closed. Create a new one, or close it later`, { code: 'COMM_CLOSED' })
}

export function abortedError(what: string, signal: AbortSignal): CommunicationError {
  return new CommunicationError(`${what} RabbitMQ was aborted by its caller`, { code: 'COMM_ABORTED', cause: signal.reason })
}

/** @param reason why there is no connection, when known */
export function notConnectedError(what: string, reason: CommunicationError | undefined): ConnectionError {
  const why = reason === undefined ? 'Connect the adapter first' : reason.message
  return new ConnectionError(`cannot ${what}: there is no connection to RabbitMQ. ${why}`, reason && { cause: reason })
}

export function unsupportedError(message: string): CommunicationError {
  return new CommunicationError(message, { code: 'COMM_UNSUPPORTED' })
}

export function refused(error: CommunicationError): PublishResult {
  return { ok: false, stored: 'no', error }
}

export function maybeStored(error: CommunicationError): PublishResult {
  return { ok: false, stored: 'unknown', error }
}

export function unroutableError({ topic }: OutboundRecord, exchange: string): PublishError {
  return new PublishError(
    `nobody takes topic ${topic}: no queue is bound to it at exchange ${exchange} of RabbitMQ. Subscribe first, or publish with unroutable: 'ignore'`,
    { code: 'COMM_UNROUTABLE', details: { topic } },
  )
}

export function tooLargeError({ topic, body }: OutboundRecord, maxBodyBytes: number, option: string): PublishError {
  return new PublishError(
    `a record for topic ${topic} has ${body.byteLength} bytes, RabbitMQ takes ${maxBodyBytes} (${option}). Send less, or publish a reference to the data`,
    { retryable: false, details: { topic, bytes: body.byteLength, maxBodyBytes } },
  )
}

/** Names and values that AMQP 0-9-1 has no room for. */
export function unencodableError(topic: string, cause: unknown): ValidationError {
  const message = `a record for topic ${topic} cannot be written as an AMQP message: ${(cause as Error).message}. Header names take 255 bytes, all headers 64 KiB`
  return new ValidationError(message, { cause })
}

/** RabbitMQ answers a publish with a nack when a queue is full and rejects, or could not store it. */
export function nackedError({ topic }: OutboundRecord): PublishError {
  return new PublishError(`RabbitMQ refused a record for topic ${topic}: a queue is full or could not store it`, {
    details: { topic },
  })
}

/** Codes of AMQP 0-9-1, section 1.2.1, and what they mean here. */
const ACCESS_REFUSED = 403
const NOT_FOUND = 404
const RESOURCE_LOCKED = 405
const PRECONDITION_FAILED = 406
const NOT_ALLOWED = 530
const NOT_IMPLEMENTED = 540

/**
 * Converts what amqplib throws.
 * @param what was attempted, as in `cannot <what>`
 */
export function fromAmqp(what: string, thrown: unknown): CommunicationError {
  if (thrown instanceof CommunicationError) return thrown
  const known = CommunicationError.from(thrown)
  if (known.code === 'COMM_CONNECTION' || known.code === 'COMM_ABORTED')
    return new ConnectionError(`cannot ${what}: ${known.message}`, { cause: thrown, details: known.details })
  const text = answerOf(known.message)
  const message = `cannot ${what}: RabbitMQ answered ${text}`
  const options = { cause: thrown }
  switch (replyCodeOf(thrown, known.message)) {
    case ACCESS_REFUSED:
      if (/login was refused/i.test(text)) return new AuthenticationError(`${message}. Check user name and password`, options)
      if (/reserved prefix/i.test(text)) return new ConfigurationError(`${message}. Use another name`, options)
      return new AuthorizationError(message, options)
    case NOT_FOUND:
    case PRECONDITION_FAILED:
    case NOT_ALLOWED:
      return new ConfigurationError(message, options)
    case RESOURCE_LOCKED:
    case NOT_IMPLEMENTED:
      return new CommunicationError(message, { code: 'COMM_UNSUPPORTED', ...options })
    default:
      return new ConnectionError(`cannot ${what}: ${known.message}`, options)
  }
}

function replyCodeOf(thrown: unknown, message: string): number | undefined {
  const { code } = thrown as { readonly code?: unknown }
  if (typeof code === 'number') return code
  const inText = /\b([345]\d\d) \([A-Z-]+\)/.exec(message)?.[1]
  return inText === undefined ? undefined : Number(inText)
}

/** The server's own words inside amqplib's message. */
function answerOf(message: string): string {
  return /with message "(.*)"/s.exec(message)?.[1] ?? message
}

export function isNotFound(thrown: unknown): boolean {
  return replyCodeOf(thrown, '') === NOT_FOUND
}

export function isPreconditionFailed(thrown: unknown): boolean {
  return replyCodeOf(thrown, '') === PRECONDITION_FAILED
}
