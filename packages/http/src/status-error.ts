import { TextDecoder } from 'node:util'
import { HttpStatusError, ServiceUnavailableError } from '@comm/core'
import { parseHttpDate } from './cache/http-date.ts'
import type { HttpResponse } from './response.ts'
import { displayUrl } from './url.ts'

/** Statuses that may be gone when the request is sent again: RFC 9110 15.5.9, 15.6.3 to 15.6.5, RFC 6585 4. */
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 429, 502, 503, 504])
/** As much of the body as an error keeps. */
const BODY_PIECE_CHARACTERS = 1024
const TEXT_TYPE = /^(text\/|application\/([a-z.+-]+\+)?(json|xml|problem))/i

const responses = new WeakMap<HttpStatusError, HttpResponse>()

/**
 * The error for a 4xx or 5xx answer. Its details have the method, the URL without secrets, the status, the beginning of a
 * body of text, the number of attempts and the wait that the server asked for.
 */
export function statusError(response: HttpResponse, now: number): HttpStatusError {
  const { method, status, attempts, headers, instance } = response
  const url = displayUrl(response.url)
  const retryAfterMs = parseRetryAfter(headers['retry-after'], now)
  const error = new HttpStatusError(
    `${method} ${url} was answered ${status}${instance === undefined ? '' : ` by ${instance}`}${attempts > 1 ? ` after ${attempts} attempts` : ''}`,
    {
      status,
      retryable: RETRYABLE_STATUSES.has(status),
      details: {
        method,
        url,
        status,
        attempts,
        ...(instance === undefined ? {} : { instance }),
        ...(TEXT_TYPE.test(headers['content-type'] ?? '') ? { body: bodyPiece(response) } : {}),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      },
    },
  )
  responses.set(error, response)
  return error
}

/** The whole answer behind an error of `statusError`, for callers who do not want errors. */
export function responseOf(error: unknown): HttpResponse | undefined {
  const source = error instanceof ServiceUnavailableError ? error.cause : error
  return source instanceof HttpStatusError ? responses.get(source) : undefined
}

/**
 * Reads a Retry-After header (RFC 9110 10.2.3): seconds, or a date.
 * @param now epoch milliseconds
 * @returns milliseconds to wait, never negative; undefined for a header that is neither
 */
function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\d+$/.test(header)) return Number(header) * 1000
  const at = parseHttpDate(header)
  return at === undefined ? undefined : Math.max(0, at - now)
}

/** No more is decoded than is kept: four bytes hold the longest UTF-8 character. */
function bodyPiece(response: HttpResponse): string {
  const piece = new TextDecoder().decode(response.bytes().subarray(0, BODY_PIECE_CHARACTERS * 4))
  return piece.length > BODY_PIECE_CHARACTERS ? `${piece.slice(0, BODY_PIECE_CHARACTERS - 3)}...` : piece
}
