import { AuthenticationError, AuthorizationError, CommunicationError, ConfigurationError, ConnectionError } from '@comm/core'
import { type AdapterErrors, adapterErrors } from '@comm/messaging/adapter'

export const rabbitErrors: AdapterErrors = adapterErrors('RabbitMQ')

/** Reply codes of AMQP 0-9-1, section 1.2.1, and what they mean here. */
const ACCESS_REFUSED = 403
export const NOT_FOUND = 404
export const RESOURCE_LOCKED = 405
export const PRECONDITION_FAILED = 406
const MISCONFIGURED: readonly unknown[] = [NOT_FOUND, PRECONDITION_FAILED, 530]
const UNSUPPORTED: readonly unknown[] = [RESOURCE_LOCKED, 540]

/**
 * Converts what amqplib throws.
 * @param what was attempted, as in `cannot <what>`
 */
export function fromAmqp(what: string, thrown: unknown): CommunicationError {
  if (thrown instanceof CommunicationError) return thrown
  const known = CommunicationError.from(thrown)
  const options = { cause: thrown }
  const code = replyCodeOf(thrown)
  if (code === undefined) return new ConnectionError(`cannot ${what}: ${known.message}`, { ...options, details: known.details })
  // The server's own words inside amqplib's message.
  const text = /with message "(.*)"/s.exec(known.message)?.[1] ?? known.message
  const message = `cannot ${what}: RabbitMQ answered ${text}`
  if (MISCONFIGURED.includes(code)) return new ConfigurationError(message, options)
  if (UNSUPPORTED.includes(code)) return new CommunicationError(message, { code: 'COMM_UNSUPPORTED', ...options })
  if (code !== ACCESS_REFUSED) return new ConnectionError(message, options)
  if (/login was refused/i.test(text)) return new AuthenticationError(`${message}. Check user name and password`, options)
  if (/reserved prefix/i.test(text)) return new ConfigurationError(`${message}. Use another name`, options)
  return new AuthorizationError(message, options)
}

/** Undefined where it is not RabbitMQ that says no. */
export function replyCodeOf(thrown: unknown): number | undefined {
  const { code, message } = thrown as { readonly code?: unknown; readonly message?: unknown }
  if (typeof code === 'number') return code
  const inText = /\b([345]\d\d) \([A-Z-]+\)/.exec(String(message))?.[1]
  return inText === undefined ? undefined : Number(inText)
}

/** For `catch`: undefined where RabbitMQ answered with this code; anything else is thrown on. */
export function absorb(code: number): (thrown: unknown) => undefined {
  return (thrown) => {
    if (replyCodeOf(thrown) !== code) throw thrown
  }
}
