import type { IncomingHttpHeaders } from 'node:http'
import { HttpResponse, HttpStreamResponse } from '../response.ts'
import type { Asked } from './asked.ts'
import type { CacheableRequest } from './cacheable-request.ts'
import { pieceOf } from './range.ts'
import { ageMs } from './reuse.ts'
import type { Stored } from './stored.ts'
import { isUnchangedFor, notModifiedHeaders } from './validators.ts'

export type Answer = HttpResponse | HttpStreamResponse

const EMPTY = new Uint8Array()

/**
 * The answer that a stored one gives to a request: whole, a 304 to its own conditions, or the piece of it that was asked for.
 * @param how what Cache-Status says (RFC 9211)
 * @returns undefined where only the server can give the piece
 */
export function answerFrom(
  request: CacheableRequest,
  asked: Asked,
  stored: Stored,
  now: number,
  how: string,
): Answer | undefined {
  const { method, url } = request
  const age = ageMs(stored, now)
  const headers: IncomingHttpHeaders = { ...stored.headers }
  headers.age = String(Math.floor(age / 1000))
  headers['cache-status'] = status(how, Math.floor((stored.lifetimeMs - age) / 1000), stored.headers['cache-status'])
  if (asked.isConditional && stored.status === 200 && isUnchangedFor(request, stored)) {
    const reduced = { ...notModifiedHeaders(stored.headers), age: headers.age, 'cache-status': headers['cache-status'] }
    return sized(request, new HttpResponse({ method, url, status: 304, headers: reduced, attempts: 0 }, EMPTY))
  }
  if (asked.range !== undefined && method === 'GET') return pieceFrom(request, asked.range, stored, headers)
  const body = method === 'HEAD' ? EMPTY : stored.body
  return sized(request, new HttpResponse({ method, url, status: stored.status, headers, attempts: 0 }, body, true))
}

function pieceFrom(request: CacheableRequest, range: string, stored: Stored, headers: IncomingHttpHeaders): Answer | undefined {
  const { body } = stored
  const piece = stored.status === 200 ? pieceOf(range, body.byteLength) : undefined
  if (piece === undefined) return undefined
  const { start, end } = piece
  headers['content-range'] = `bytes ${start}-${end - 1}/${body.byteLength}`
  headers['content-length'] = String(end - start)
  const { method, url } = request
  return sized(request, new HttpResponse({ method, url, status: 206, headers, attempts: 0 }, body.subarray(start, end), true))
}

/** What a request gets that wants no other answer than a stored one (RFC 9111 5.2.1.7). */
export function gatewayTimeout({ method, url }: CacheableRequest): HttpResponse {
  return new HttpResponse(
    { method, url, status: 504, headers: { 'cache-status': `${NAME}; detail=only-if-cached` }, attempts: 0 },
    EMPTY,
  )
}

/** Adds what this cache did to what caches further away say. */
export function noteForward({ headers }: Answer, how: string): void {
  const before = headers['cache-status']
  headers['cache-status'] = before === undefined ? `${NAME}; ${how}` : `${before}, ${NAME}; ${how}`
}

const NAME = 'comm'

function status(how: string, ttl: number, before: IncomingHttpHeaders[string]): string {
  const own = `${NAME}; ${how}; ttl=${ttl}`
  return before === undefined ? own : `${before}, ${own}`
}

/** A body that is there already is a stream where one was asked for; an error is always whole. */
function sized({ collect }: CacheableRequest, response: HttpResponse): Answer {
  return collect === 'stream' && response.status < 400 ? HttpStreamResponse.of(response) : response
}
