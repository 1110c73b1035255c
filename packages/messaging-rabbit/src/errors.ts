import { AuthenticationError, AuthorizationError, CommunicationError, ConfigurationError, ConnectionError } from '@comm/core'
import { type AdapterErrors, adapterErrors } from '@comm/messaging/adapter'

export const errors: AdapterErrors = adapterErrors('RabbitMQ')

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
  const options = { cause: thrown }
  if (known.code === 'COMM_CONNECTION' || known.code === 'COMM_ABORTED')
    return new ConnectionError(`cannot ${what}: ${known.message}`, { ...options, details: known.details })
  // The server's own words inside amqplib's message.
  const text = /with message "(.*)"/s.exec(known.message)?.[1] ?? known.message
  const message = `cannot ${what}: RabbitMQ answered ${text}`
  switch (replyCodeOf(thrown)) {
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

function replyCodeOf(thrown: unknown): number | undefined {
  const { code, message } = thrown as { readonly code?: unknown; readonly message?: unknown }
  if (typeof code === 'number') return code
  const inText = /\b([345]\d\d) \([A-Z-]+\)/.exec(String(message))?.[1]
  return inText === undefined ? undefined : Number(inText)
}

export function isNotFound(thrown: unknown): boolean {
  return replyCodeOf(thrown) === NOT_FOUND
}

export function isPreconditionFailed(thrown: unknown): boolean {
  return replyCodeOf(thrown) === PRECONDITION_FAILED
}
