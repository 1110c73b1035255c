import {
  AuthenticationError,
  AuthorizationError,
  CommunicationError,
  ConnectionError,
  GrpcStatusError,
  RateLimitedError,
  redactCredentials,
  ServiceUnavailableError,
  TimeoutError,
  ValidationError,
} from '@comm/core'
import type { Metadata } from '@grpc/grpc-js'
import { textOf } from '../metadata.ts'
import { type StatusName, statusName } from '../status.ts'
import { DETAILS_KEY, decodeDetails, PUSHBACK_KEY } from './status-details.ts'

/** How an attempt ended that did not end well, and what is known about it. */
export interface FailedAttempt {
  readonly code: number
  /** `grpc-message`, or what grpc-js says. */
  readonly message: string
  readonly trailers: Metadata
  /** `package.Service/Method`. */
  readonly method: string
  /** Where it was sent, for people. */
  readonly target: string
  /** The response's headers came in: the call is committed (gRFC A6). */
  readonly isCommitted: boolean
  /** Statuses that are said to be worth another try, beside those whose errors are. */
  readonly retryStatuses?: ReadonlySet<StatusName>
}

/** Whether the server can have begun to work on the call. */
export type Processed = 'no' | 'maybe'

/** What grpc-js says when a call never left. */
const NEVER_LEFT = /^(?:No connection established|Name resolution failed|Channel closed before call started)/
/** `RST_STREAM` with REFUSED_STREAM: the server has not looked at it (RFC 9113 8.7). */
const REFUSED = /Stream refused by server/
/** How grpc-js words a connection that broke under the call, even where the answer had begun. */
const BROKEN = /^(?:Connection dropped|Write (?:error|failed))/
/** How grpc-js words its own limits. */
const TOO_LARGE = /larger than|larger than max|message size/i

/**
 * The error that stands for a gRPC status. Its `details` have `grpcStatus`, `method`, `target`, `processed`, what the richer error model
 * says (`reason`, `domain`, `info`, `issues`), and `retryAfterMs` from `grpc-retry-pushback-ms` or `RetryInfo`.
 */
export function fromStatus(attempt: FailedAttempt): CommunicationError {
  const { code, message, trailers, method, target } = attempt
  const status = statusName(code)
  const isFromServer = isTrailersOnly(trailers) || (attempt.isCommitted && !BROKEN.test(message))
  const [packed] = trailers.get(DETAILS_KEY)
  const rich = packed instanceof Uint8Array ? decodeDetails(packed) : {}
  const pushback = pushbackOf(trailers)
  const said = redactCredentials(message)
  const details = {
    grpcStatus: status,
    method,
    target,
    processed: processed(status, attempt, isFromServer),
    ...(isFromServer ? { statusMessage: said } : {}),
    ...rich,
    ...(pushback !== undefined && pushback !== 'never' ? { retryAfterMs: pushback } : {}),
  }
  const text = `${method} at ${target} ${isFromServer ? `was answered ${status}` : `failed with ${status}`}${said && `: ${said}`}`
  const isWorthIt = attempt.retryStatuses?.has(status) === true
  const retryable = pushback === 'never' ? { retryable: false } : isWorthIt ? { retryable: true } : {}
  return build(status, text, said, isFromServer, { details, ...retryable })
}

type Options = { readonly details: Readonly<Record<string, unknown>>; readonly retryable?: boolean }

function build(status: StatusName, text: string, said: string, isFromServer: boolean, options: Options): CommunicationError {
  switch (status) {
    case 'INVALID_ARGUMENT':
      return new ValidationError(text, options)
    case 'DEADLINE_EXCEEDED':
      return new TimeoutError(text, options)
    case 'PERMISSION_DENIED':
      return new AuthorizationError(text, options)
    case 'UNAUTHENTICATED':
      return new AuthenticationError(text, options)
    case 'RESOURCE_EXHAUSTED':
      if (TOO_LARGE.test(said)) return new CommunicationError(text, { code: 'COMM_TOO_LARGE', ...options })
      return new RateLimitedError(text, options)
    case 'UNIMPLEMENTED':
      return new CommunicationError(text, { code: 'COMM_UNSUPPORTED', ...options })
    case 'UNAVAILABLE':
      return isFromServer ? new ServiceUnavailableError(text, options) : new ConnectionError(text, options)
    default:
      return new GrpcStatusError(text, { status, ...options })
  }
}

/** A status that grpc-js made itself comes without metadata; an answer has at least its content type. */
function isTrailersOnly(trailers: Metadata): boolean {
  return trailers.get('content-type').length > 0 || trailers.get(DETAILS_KEY).length > 0
}

function processed(status: StatusName, { message, isCommitted }: FailedAttempt, isFromServer: boolean): Processed {
  // What a server answers before its headers may be what its implementation threw, whatever that had done before.
  if (isCommitted || isFromServer || status !== 'UNAVAILABLE') return 'maybe'
  return NEVER_LEFT.test(message) || REFUSED.test(message) ? 'no' : 'maybe'
}

/** gRFC A6: a negative number, or anything that is no number, means: do not retry. */
function pushbackOf(trailers: Metadata): number | 'never' | undefined {
  const text = textOf(trailers, PUSHBACK_KEY)
  if (text === undefined) return undefined
  return /^\d{1,10}$/.test(text) ? Number(text) : 'never'
}
