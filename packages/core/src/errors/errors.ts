import { describeValue } from '../describe-value.ts'
import { redactCredentials } from '../redact.ts'
import { ERROR_CODES, type ErrorCode } from './table.ts'

/** Facts about a failure, safe to log: never a secret. */
export type ErrorDetails = Readonly<Record<string, unknown>>

export interface ErrorOptions {
  readonly code?: ErrorCode
  /** Overrides what the code's table entry says. */
  readonly retryable?: boolean
  readonly cause?: unknown
  readonly details?: ErrorDetails
}

/** Each class marks its prototype under this key, so that `instanceof` holds across duplicate installs of this package. */
const BRAND: unique symbol = Symbol.for('@comm/core/error')
const NO_DETAILS: ErrorDetails = Object.freeze({})

function brandOf(prototype: object): string | undefined {
  return Object.hasOwn(prototype, BRAND) ? (prototype as { [BRAND]?: string })[BRAND] : undefined
}

/** The base of every error that this project throws. Compare `code`, or use `instanceof` with a subclass. */
export class CommunicationError extends Error {
  readonly code: ErrorCode
  /** Whether trying again later may succeed. */
  readonly retryable: boolean
  readonly details: ErrorDetails

  constructor(message: string, options: ErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = options.code ?? 'COMM_UNKNOWN'
    // Looked up with care: an error must be made even for a code that only a newer version knows.
    this.retryable = options.retryable ?? ERROR_CODES[this.code]?.retryable ?? false
    this.details = options.details ?? NO_DETAILS
  }

  /** The error as plain data for logs and wires; of the cause only name, code and message. */
  toJSON(): Record<string, unknown> {
    const { name, code, message, retryable, details, cause } = this
    return { name, code, message, retryable, details, ...(cause === undefined ? {} : { cause: summary(cause) }) }
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    const wanted = brandOf(this.prototype)
    if (wanted === undefined) return Function.prototype[Symbol.hasInstance].call(this, value)
    if (typeof value !== 'object' || value === null) return false
    for (let at: object | null = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) {
      if (brandOf(at) === wanted) return true
    }
    return false
  }

  /**
   * Converts anything that was thrown into a CommunicationError. Total: never throws, and gives back what already is one.
   * System errors (`ECONNREFUSED` …) become ConnectionError, the platform's `TimeoutError` becomes TimeoutError, its
   * `AbortError` becomes COMM_ABORTED; everything else is COMM_UNKNOWN. The value itself is the `cause`; credentials in its
   * message do not come along.
   */
  static from(thrown: unknown): CommunicationError {
    if (isCommunicationError(thrown)) return thrown
    const { name, code, message } = summary(thrown)
    const cause = thrown
    if (code !== undefined && CONNECTION_CODES.has(code))
      return new ConnectionError(message, { cause, details: { system: code } })
    if (name === 'TimeoutError') return new TimeoutError(message, { cause })
    if (name === 'AbortError') return new CommunicationError(message, { code: 'COMM_ABORTED', cause })
    return new CommunicationError(message, { cause })
  }
}

/** `instanceof` asks the prototype, which a revoked or hostile proxy answers by throwing. */
function isCommunicationError(thrown: unknown): thrown is CommunicationError {
  try {
    return thrown instanceof CommunicationError
  } catch {
    return false
  }
}

interface Summary {
  readonly name: string
  readonly code?: string
  /** Never empty, and without credentials. */
  readonly message: string
}

/** Reads by shape, not by `instanceof`: errors come from other realms (`node:vm`, Jest) and from clients that throw plain objects. */
function summary(thrown: unknown): Summary {
  try {
    if (typeof thrown !== 'object' || thrown === null) return notAnError(thrown)
    const { name, code, message, errors } = thrown as Readonly<Record<string, unknown>>
    if (typeof message !== 'string') return notAnError(thrown)
    const known = typeof code === 'string' ? { code } : {}
    const kind = typeof name === 'string' ? name : 'Error'
    return { name: kind, ...known, message: redactCredentials(message || messagesOf(errors) || known.code || kind) }
  } catch {
    return { name: 'unknown', message: 'something that cannot be described was thrown' }
  }
}

/** A refused connection to a host with several addresses is an AggregateError without a message of its own. */
function messagesOf(errors: unknown): string {
  if (!Array.isArray(errors)) return ''
  const messages = errors.slice(0, MOST_MESSAGES).map((error: { readonly message?: unknown } | undefined) => error?.message)
  return messages.filter((message) => typeof message === 'string' && message !== '').join('; ')
}

const MOST_MESSAGES = 10

function notAnError(thrown: unknown): Summary {
  return { name: typeof thrown, message: `a value that is not an Error was thrown: ${describeValue(thrown)}` }
}

/** Codes of Node's system errors that mean: no connection, or no connection any more. */
const CONNECTION_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'EADDRNOTAVAIL',
  'ENETDOWN',
  'EHOSTDOWN',
])

/** The circuit breaker refused the call. `details.retryAfterMs` says when it will let a probe through. */
export class CircuitBreakerOpenError extends CommunicationError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { code: 'COMM_BREAKER_OPEN', ...options })
  }
}

/** No instance can be called, or the service said so itself (503) to the last retry. */
export class ServiceUnavailableError extends CommunicationError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { code: 'COMM_SERVICE_UNAVAILABLE', ...options })
  }
}

/** The server answered 4xx or 5xx. */
export class HttpStatusError extends CommunicationError {
  readonly status: number
  constructor(message: string, options: ErrorOptions & { readonly status: number }) {
    super(message, { code: 'COMM_HTTP_STATUS', ...options, details: { status: options.status, ...options.details } })
    this.status = options.status
  }
}

/** A gRPC call ended with a status other than OK, for which there is no class of its own. On a server: the status to end with. */
export class GrpcStatusError extends CommunicationError {
  /** The name of the status, such as `NOT_FOUND`. */
  readonly status: string
  constructor(message: string, options: ErrorOptions & { readonly status: string }) {
    super(message, { code: 'COMM_GRPC_STATUS', ...options, details: { grpcStatus: options.status, ...options.details } })
    this.status = options.status
  }
}

/** A time limit or an inherited deadline ran out; `code` tells which. */
export class TimeoutError extends CommunicationError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { code: 'COMM_TIMEOUT', ...options })
  }
}

export class BulkheadFullError extends CommunicationError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { code: 'COMM_BULKHEAD_FULL', ...options })
  }
}

export class RateLimitedError extends CommunicationError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { code: 'COMM_RATE_LIMITED', ...options })
  }
}

export class ConnectionError extends CommunicationError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { code: 'COMM_CONNECTION', ...options })
  }
}

export class AuthenticationError extends CommunicationError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { code: 'COMM_AUTHENTICATION', ...options })
  }
}

export class AuthorizationError extends CommunicationError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { code: 'COMM_AUTHORIZATION', ...options })
  }
}

/** One wrong option or configuration value. `received` is already redacted where the key names a secret. */
export interface Problem {
  readonly key: string
  readonly received: string
  readonly expected: string
  /** Where the value came from (`environment HTTP_CLIENT_TIMEOUT`, `config/production.yaml`), when known. */
  readonly source?: string
}

/** Wrong options or configuration; every problem at once. */
export class ConfigurationError extends CommunicationError {
  readonly problems: readonly Problem[]
  constructor(message: string, options: ErrorOptions & { readonly problems?: readonly Problem[] } = {}) {
    const problems = options.problems ?? []
    super(message, { code: 'COMM_CONFIGURATION', ...options, details: { problems, ...options.details } })
    this.problems = problems
  }
}

export class ValidationError extends CommunicationError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { code: 'COMM_VALIDATION', ...options })
  }
}

/** A request that is not taken, because of what it is. The message is for the client that sent it. */
export class RequestRefusedError extends CommunicationError {
  /** HTTP status, 400 to 499 or 501. */
  readonly status: number
  constructor(message: string, options: ErrorOptions & { readonly status: number }) {
    super(message, { code: 'COMM_REFUSED', ...options, details: { status: options.status, ...options.details } })
    this.status = options.status
  }
}

/** A message was not confirmed. */
export class PublishError extends CommunicationError {
  /** `no`: the broker certainly does not have it. `unknown`: it may. */
  readonly stored: 'no' | 'unknown'
  constructor(message: string, options: ErrorOptions & { readonly stored?: 'no' | 'unknown' } = {}) {
    const stored = options.stored ?? 'no'
    super(message, { code: 'COMM_PUBLISH', ...options, details: { stored, ...options.details } })
    this.stored = stored
  }
}

export class ConsumeError extends CommunicationError {
  constructor(message: string, options: ErrorOptions = {}) {
    super(message, { code: 'COMM_CONSUME', ...options })
  }
}

const CLASSES = {
  CommunicationError,
  CircuitBreakerOpenError,
  ServiceUnavailableError,
  HttpStatusError,
  GrpcStatusError,
  TimeoutError,
  BulkheadFullError,
  RateLimitedError,
  ConnectionError,
  AuthenticationError,
  AuthorizationError,
  ConfigurationError,
  ValidationError,
  RequestRefusedError,
  PublishError,
  ConsumeError,
}
for (const [name, type] of Object.entries(CLASSES)) {
  Object.defineProperty(type.prototype, BRAND, { value: name })
  Object.defineProperty(type.prototype, 'name', { value: name, configurable: true, writable: true })
}
