import { CommunicationError, type ErrorCode, GrpcStatusError, isOfOwnCall } from '@comm/core'
import { ServerError } from 'nice-grpc-common'
import { type StatusName, statusCode, statusName } from '../status.ts'
import { DETAILS_KEY, encodeDetails, type FieldIssue, PUSHBACK_KEY, type StatusDetails } from './status-details.ts'

/** What a call is ended with. */
export interface Ending {
  readonly status: StatusName
  /** Leaves the service: never what went on inside. */
  readonly message: string
  readonly details?: StatusDetails
}

/** The reasons in `ErrorInfo` are our error codes; this says whose they are. */
export const ERROR_DOMAIN = 'comm'

/** Everything else is INTERNAL. */
const STATUS_OF: Readonly<Partial<Record<ErrorCode, StatusName>>> = {
  COMM_VALIDATION: 'INVALID_ARGUMENT',
  COMM_AUTHENTICATION: 'UNAUTHENTICATED',
  COMM_CREDENTIALS_MISSING: 'UNAUTHENTICATED',
  COMM_TOKEN_INVALID: 'UNAUTHENTICATED',
  COMM_TOKEN_EXPIRED: 'UNAUTHENTICATED',
  COMM_MESSAGE_REFUSED: 'UNAUTHENTICATED',
  COMM_AUTHORIZATION: 'PERMISSION_DENIED',
  COMM_RATE_LIMITED: 'RESOURCE_EXHAUSTED',
  COMM_BREAKER_OPEN: 'UNAVAILABLE',
  COMM_BULKHEAD_FULL: 'UNAVAILABLE',
  COMM_SERVICE_UNAVAILABLE: 'UNAVAILABLE',
  COMM_KEYS_UNAVAILABLE: 'UNAVAILABLE',
  COMM_CLOSED: 'UNAVAILABLE',
  COMM_TIMEOUT: 'DEADLINE_EXCEEDED',
  COMM_DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
  COMM_ABORTED: 'CANCELLED',
  COMM_UNSUPPORTED: 'UNIMPLEMENTED',
}

/** Of these the message is about the caller's own request, so it may read it. */
const TELLS: ReadonlySet<ErrorCode> = new Set(['COMM_VALIDATION', 'COMM_UNSUPPORTED'])

/** They say that the caller did something wrong. */
const CALLERS_OWN: ReadonlySet<StatusName> = new Set([
  'INVALID_ARGUMENT',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'UNIMPLEMENTED',
])

const GENERIC: Readonly<Partial<Record<StatusName, string>>> = {
  UNAUTHENTICATED: 'the credentials are missing or were refused',
  PERMISSION_DENIED: 'the caller may not do this',
  RESOURCE_EXHAUSTED: 'too many calls',
  UNAVAILABLE: 'the service cannot answer now',
  DEADLINE_EXCEEDED: 'the answer was not ready in time',
  CANCELLED: 'the call was given up',
}

const INTERNAL = 'internal error'

/** Of a message, and of all issues together. Many clients take 8 KB of trailers; too many end the connection, with every call on it. */
const MOST_CHARACTERS = 1024
const MOST_ISSUE_CHARACTERS = 3072

/**
 * How an error is told to a caller. Total. A `GrpcStatusError` made here, or nice-grpc's `ServerError`, is told as it is; a message of
 * another error leaves the service only where it is about the caller's own request. What another service answered is never passed on.
 */
export function toEnding(thrown: unknown): Ending {
  const ending = endingOf(thrown)
  return ending.message.length > MOST_CHARACTERS
    ? { ...ending, message: `${ending.message.slice(0, MOST_CHARACTERS - 3)}...` }
    : ending
}

function endingOf(thrown: unknown): Ending {
  if (thrown instanceof ServerError) return { status: statusName(thrown.code), message: thrown.details }
  if (!(thrown instanceof CommunicationError)) return { status: 'INTERNAL', message: INTERNAL }
  const { code, details, message } = thrown
  if (thrown instanceof GrpcStatusError) {
    const isForeign = details['target'] !== undefined
    if (isForeign || statusCode(thrown.status) === undefined) return { status: 'INTERNAL', message: INTERNAL }
    return { status: thrown.status as StatusName, message, details: pick(details) }
  }
  const status = STATUS_OF[code]
  if (status === undefined || (CALLERS_OWN.has(status) && isOfOwnCall(thrown))) return { status: 'INTERNAL', message: INTERNAL }
  const tells = TELLS.has(code)
  // Why a credential was refused is of use only to whoever tries others.
  const reason = { reason: status === 'UNAUTHENTICATED' ? 'COMM_AUTHENTICATION' : code, domain: ERROR_DOMAIN }
  return {
    status,
    message: tells ? message : (GENERIC[status] ?? INTERNAL),
    details: { ...reason, ...retryAfter(details), ...(tells ? issuesOf(details) : {}) },
  }
}

/** The trailers that go with it. */
export function trailersOf({ status, message, details }: Ending): readonly (readonly [key: string, value: string | Buffer])[] {
  if (details === undefined || Object.keys(details).length === 0) return []
  const packed = [DETAILS_KEY, encodeDetails(statusCode(status) ?? 2, message, details)] as const
  const { retryAfterMs } = details
  return retryAfterMs === undefined ? [packed] : [packed, [PUSHBACK_KEY, String(Math.ceil(retryAfterMs))]]
}

function pick(details: Readonly<Record<string, unknown>>): StatusDetails {
  const { reason, domain, info } = details
  return {
    ...(typeof reason === 'string' ? { reason, domain: typeof domain === 'string' ? domain : '' } : {}),
    ...(typeof info === 'object' && info !== null ? { info: info as Readonly<Record<string, string>> } : {}),
    ...retryAfter(details),
    ...issuesOf(details),
  }
}

function retryAfter({ retryAfterMs }: Readonly<Record<string, unknown>>): Pick<StatusDetails, 'retryAfterMs'> {
  return typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? { retryAfterMs } : {}
}

/** As many as go into the trailers. From `{ path, message }`, the shape of a Standard Schema's issues. */
function issuesOf({ issues }: Readonly<Record<string, unknown>>): Pick<StatusDetails, 'issues'> {
  if (!Array.isArray(issues)) return {}
  let left = MOST_ISSUE_CHARACTERS
  const told: FieldIssue[] = []
  for (const issue of issues.map(issueOf)) {
    left -= issue.path.length + issue.message.length
    if (left < 0) break
    told.push(issue)
  }
  return { issues: told }
}

function issueOf(issue: unknown): FieldIssue {
  const { path, message } = Object(issue) as { path?: unknown; message?: unknown }
  const keys = Array.isArray(path) ? path.map((part: unknown) => String(Object(part).key ?? part)).join('.') : path
  return { path: typeof keys === 'string' ? keys : '', message: String(message ?? issue) }
}
