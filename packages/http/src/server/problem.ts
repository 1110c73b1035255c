import { type ServerResponse, STATUS_CODES } from 'node:http'
import { CommunicationError, currentContext, type ErrorCode } from '@comm/core'

/** A problem document: RFC 9457, with our `code` and `correlationId` as extension members. */
export interface Problem {
  readonly type: 'about:blank'
  readonly title: string
  readonly status: number
  /** Only what the client itself did wrong; never what went on inside. */
  readonly detail?: string
  readonly code?: ErrorCode
  readonly correlationId?: string
  /** Where the data is wrong, for a ValidationError that lists it. */
  readonly issues?: unknown
}

export interface ProblemAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly problem: Problem
}

/** Everything else is 500. */
const STATUS_OF: Readonly<Partial<Record<ErrorCode, number>>> = {
  COMM_VALIDATION: 400,
  COMM_AUTHENTICATION: 401,
  COMM_AUTHORIZATION: 403,
  COMM_RATE_LIMITED: 429,
  COMM_CONNECTION: 502,
  COMM_HTTP_STATUS: 502,
  COMM_UNDECODABLE: 502,
  COMM_TOO_LARGE: 502,
  COMM_BREAKER_OPEN: 503,
  COMM_BULKHEAD_FULL: 503,
  COMM_SERVICE_UNAVAILABLE: 503,
  COMM_CLOSED: 503,
  COMM_TIMEOUT: 504,
  COMM_DEADLINE_EXCEEDED: 504,
}

/**
 * How an error is told to a client. Total. The message leaves the service only where it is about the client's own request
 * (a ValidationError, or a framework's error that carries a 4xx `statusCode`): others name hosts, limits and components.
 */
export function problemOf(error: unknown): ProblemAnswer {
  if (error instanceof CommunicationError) return fromOurs(error)
  const { statusCode, message, expose } = Object(error) as { statusCode?: unknown; message?: unknown; expose?: unknown }
  const status = typeof statusCode === 'number' && STATUS_CODES[statusCode] !== undefined && statusCode >= 400 ? statusCode : 500
  const detail = status < 500 && expose !== false && typeof message === 'string' ? { detail: message } : {}
  return answer(status, detail)
}

function fromOurs(error: CommunicationError): ProblemAnswer {
  const { code, details } = error
  const status = STATUS_OF[code] ?? 500
  const issues = details['issues'] === undefined ? {} : { issues: details['issues'] }
  const retryAfterMs = details['retryAfterMs']
  const headers: Record<string, string> = {}
  if (typeof retryAfterMs === 'number' && (status === 429 || status === 503))
    headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000))
  if (status === 401) headers['www-authenticate'] = 'Bearer'
  return answer(status, status === 400 ? { detail: error.message, code, ...issues } : status === 500 ? {} : { code }, headers)
}

function answer(
  status: number,
  members: Pick<Problem, 'detail' | 'code' | 'issues'>,
  headers: Readonly<Record<string, string>> = {},
): ProblemAnswer {
  const correlationId = currentContext()?.correlationId
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
    problem: {
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      ...members,
      ...(correlationId === undefined ? {} : { correlationId }),
    },
  }
}

/** Answers with a problem document; a response that has begun is cut off instead, so that nobody takes a part for the whole. */
export function sendProblem(response: ServerResponse, error: unknown): ProblemAnswer {
  const answered = problemOf(error)
  if (response.headersSent) response.destroy()
  else response.writeHead(answered.status, answered.headers).end(JSON.stringify(answered.problem))
  return answered
}
