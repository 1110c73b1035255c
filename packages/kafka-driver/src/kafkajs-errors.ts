import {
  AuthenticationError,
  AuthorizationError,
  CommunicationError,
  ConfigurationError,
  ConnectionError,
  PublishError,
  TimeoutError,
} from '@comm/core'
import { missingCodec } from './codecs.ts'
import type { ProduceFailure } from './driver.ts'

/** What the errors of kafkajs have. */
interface Thrown {
  readonly name?: string
  readonly message?: string
  /** The name of Kafka's error. */
  readonly type?: string
  readonly retriable?: boolean
  readonly cause?: unknown
  readonly errors?: readonly unknown[]
}

/** kafkajs wraps what happened into what it did about it. */
function root(thrown: unknown): Thrown {
  let at = thrown as Thrown
  for (let next: unknown = at; next !== undefined && next !== null; next = at.cause ?? at.errors?.[0]) at = next as Thrown
  return at
}

export function kafkaErrorType(thrown: unknown): string | undefined {
  return root(thrown).type
}

/** Kafka says that it will be able to answer soon. */
export function isPassing(thrown: unknown): boolean {
  const { type, retriable } = root(thrown)
  return type !== undefined && retriable === true
}

const WRONG =
  /^(?:INVALID_(?:TOPIC_EXCEPTION|PARTITIONS|REPLICATION_FACTOR|CONFIG|REPLICA_ASSIGNMENT|SESSION_TIMEOUT|GROUP_ID))$|^POLICY_VIOLATION$/

/** @param what was attempted, as in `cannot <what>` */
export function fromKafka(what: string, thrown: unknown): CommunicationError {
  if (thrown instanceof CommunicationError) return thrown
  const at = root(thrown)
  const { name = '', type = '', message = String(thrown) } = at
  if (at instanceof CommunicationError) return at
  const options = { cause: thrown, ...(type === '' ? undefined : { details: { kafka: type } }) }
  const text = `cannot ${what}: ${message.replace(/\.$/, '')}`
  if (name === 'KafkaJSSASLAuthenticationError' || /SASL/.test(type))
    return new AuthenticationError(`${text}. Check user name, password and saslMechanism`, options)
  if (/AUTHORIZATION_FAILED/.test(type)) return new AuthorizationError(text, options)
  if (name === 'KafkaJSNotImplemented')
    return new ConfigurationError(`cannot ${what}: ${missingCodec('what was compressed needs', at)}`, {
      ...options,
      code: 'COMM_PACKAGE_MISSING',
    })
  if (WRONG.test(type)) return new ConfigurationError(text, options)
  if (name === 'KafkaJSRequestTimeoutError' || type === 'REQUEST_TIMED_OUT') return new TimeoutError(text, options)
  return new ConnectionError(text, options)
}

const OF_RECORD = /^(?:MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE|INVALID_RECORD|INVALID_TIMESTAMP)$/

export function produceFailure(thrown: unknown): ProduceFailure {
  const type = kafkaErrorType(thrown) ?? ''
  const error = fromKafka('publish', thrown)
  if (OF_RECORD.test(type))
    return { stored: 'no', isOfRecord: true, error: new PublishError(error.message, { retryable: false, cause: thrown }) }
  // Whatever attempt it was, the answer would have been the same.
  if (!error.retryable) return { stored: 'no', isOfRecord: false, error }
  return { stored: 'unknown', isOfRecord: false, error: new PublishError(error.message, { stored: 'unknown', cause: error }) }
}
