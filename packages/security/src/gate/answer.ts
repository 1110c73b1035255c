import { AuthenticationError, AuthorizationError, CommunicationError, retryAfterOf } from '@comm/core'

/** What a refused caller is told: that, and nothing else. Why is in the audit log. */
export interface RefusalAnswer {
  readonly status: 401 | 403 | 500 | 503
  readonly headers: Readonly<Record<string, string>>
  /** A problem document (RFC 9457). */
  readonly body: string
}

const TITLES = { 401: 'Unauthorized', 403: 'Forbidden', 500: 'Internal Server Error', 503: 'Service Unavailable' } as const

/** Total: an error of no kind that is known here is 500. */
export function answerOf(thrown: unknown): RefusalAnswer {
  const error = CommunicationError.from(thrown)
  const status = statusOf(error)
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' }
  // RFC 6750 section 3.1: which of the ways a token can be wrong is not said, and nothing to a caller that has none.
  if (status === 401) {
    headers['www-authenticate'] = error.code === 'COMM_CREDENTIALS_MISSING' ? 'Bearer' : 'Bearer error="invalid_token"'
  } else if (status === 403) headers['www-authenticate'] = 'Bearer error="insufficient_scope"'
  const retryAfterMs = status === 503 ? retryAfterOf(error) : undefined
  if (retryAfterMs !== undefined) headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000))
  return { status, headers, body: JSON.stringify({ type: 'about:blank', title: TITLES[status], status }) }
}

function statusOf(error: CommunicationError): RefusalAnswer['status'] {
  if (error instanceof AuthenticationError) return 401
  if (error instanceof AuthorizationError) return 403
  return error.retryable ? 503 : 500
}
