import { type ServerResponse, STATUS_CODES } from 'node:http'
import { CommunicationError, currentContext, type ErrorCode, isOfOwnCall, RequestRefusedError } from '@comm/core'

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
  COMM_CREDENTIALS_MISSING: 401,
  COMM_TOKEN_INVALID: 401,
  COMM_TOKEN_EXPIRED: 401,
  COMM_MESSAGE_REFUSED: 401,
  COMM_AUTHORIZATION: 403,
  COMM_RATE_LIMITED: 429,
  COMM_CONNECTION: 502,
  COMM_HTTP_STATUS: 502,
  COMM_GRPC_STATUS: 502,
  COMM_UNDECODABLE: 502,
  COMM_TOO_LARGE: 502,
  COMM_BREAKER_OPEN: 503,
  COMM_BULKHEAD_FULL: 503,
  COMM_SERVICE_UNAVAILABLE: 503,
  COMM_KEYS_UNAVAILABLE: 503,
  COMM_CLOSED: 503,
  COMM_TIMEOUT: 504,
  COMM_DEADLINE_EXCEEDED: 504,
}

/**
 * How an error is told to a client. Total. The message leaves the service only where it is about the client's own request
 * (a ValidationError, a RequestRefusedError, or a framework's error that carries a 4xx `statusCode`): others name hosts, limits and
 * components.
 * @param correlationId stands in the document. @default that of the current context
 */
export function problemOf(error: unknown, correlationId: string | undefined = currentContext()?.correlationId): ProblemAnswer {
  if (error instanceof RequestRefusedError)
    return answer(error.status, { detail: error.message, code: error.code }, correlationId, allowed(error))
  if (error instanceof CommunicationError) return fromOurs(error, correlationId)
  const { statusCode, message, expose } = Object(error) as { statusCode?: unknown; message?: unknown; expose?: unknown }
  const status = typeof statusCode === 'number' && STATUS_CODES[statusCode] !== undefined && statusCode >= 400 ? statusCode : 500
  const detail = status < 500 && expose !== false && typeof message === 'string' ? { detail: message } : {}
  return answer(status, detail, correlationId)
}

/** RFC 9110 15.5.6: 405 comes with the methods that are allowed. */
function allowed({ details }: RequestRefusedError): Record<string, string> {
  return Array.isArray(details['allow']) ? { allow: details['allow'].join(', ') } : {}
}

function fromOurs(error: CommunicationError, correlationId: string | undefined): ProblemAnswer {
  const { details } = error
  const own = STATUS_OF[error.code] ?? 500
  const status = isOfOwnCall(error) && own >= 400 && own <= 403 ? 502 : own
  // Why a credential was refused is of use only to whoever tries others.
  const code = status === 401 ? 'COMM_AUTHENTICATION' : error.code
  const issues = details['issues'] === undefined ? {} : { issues: details['issues'] }
  const retryAfterMs = details['retryAfterMs']
  const headers: Record<string, string> = {}
  if (typeof retryAfterMs === 'number' && (status === 429 || status === 503))
    headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000))
  if (status === 401) headers['www-authenticate'] = 'Bearer'
  const members = status === 400 ? { detail: error.message, code, ...issues } : status === 500 ? {} : { code }
  return answer(status, members, correlationId, headers)
}

function answer(
  status: number,
  members: Pick<Problem, 'detail' | 'code' | 'issues'>,
  correlationId: string | undefined,
  headers: Readonly<Record<string, string>> = {},
): ProblemAnswer {
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

/** Headers of the answer that did not come about: they would describe the problem document wrongly. */
const OF_ANSWER = /^(?:content-(?!security-policy)|transfer-encoding$|trailer$|etag$|last-modified$|expires$|accept-ranges$)/

/** Answers with a problem document; a response that has begun is cut off instead, so that nobody takes a part for the whole. */
export function sendProblem(response: ServerResponse, error: unknown): ProblemAnswer {
  const answered = problemOf(error)
  if (response.headersSent) {
    response.destroy()
    return answered
  }
  for (const name of response.getHeaderNames()) if (OF_ANSWER.test(name)) response.removeHeader(name)
  response.writeHead(answered.status, answered.headers).end(JSON.stringify(answered.problem))
  return answered
}
