import type { IncomingHttpHeaders } from 'node:http'
import type { CacheableRequest } from './cacheable-request.ts'
import { parseHttpDate } from './http-date.ts'
import type { StoredHead } from './stored.ts'

/** The request that lets the server confirm a stored answer (RFC 9111 4.3.1); undefined where there is nothing to ask with. */
export function validating<Request extends CacheableRequest>(request: Request, { headers }: StoredHead): Request | undefined {
  const { etag, 'last-modified': lastModified } = headers
  if (etag === undefined && lastModified === undefined) return undefined
  return {
    ...request,
    headers: {
      ...request.headers,
      ...(etag === undefined ? {} : { 'if-none-match': etag }),
      ...(lastModified === undefined ? {} : { 'if-modified-since': lastModified }),
    },
  }
}

/** Whether a 304 is about the stored answer (RFC 9111 4.3.4). */
export function confirms(notModified: IncomingHttpHeaders, { headers }: StoredHead): boolean {
  if (notModified.etag !== undefined) return headers.etag !== undefined && opaque(notModified.etag) === opaque(headers.etag)
  const modified = notModified['last-modified']
  return modified === undefined || modified === headers['last-modified']
}

/** Whether the stored answer to GET is still the one that a HEAD describes (RFC 9111 4.3.5). */
export function isDescribedBy(head: IncomingHttpHeaders, { headers, body }: StoredHead & { readonly body: Uint8Array }): boolean {
  const length = head['content-length']
  if (length !== undefined && head['content-encoding'] === undefined && Number(length) !== body.byteLength) return false
  return (['etag', 'last-modified'] as const).every((name) => head[name] === undefined || head[name] === headers[name])
}

/** Whether the request's own conditions let a stored answer be a 304 (RFC 9110 13.2.2). */
export function isUnchangedFor({ headers: asked }: CacheableRequest, { headers }: StoredHead): boolean {
  const tags = asked['if-none-match']
  if (tags !== undefined) {
    if (tags.trim() === '*') return true
    return headers.etag !== undefined && (tags.match(TAG) ?? []).some((tag) => opaque(tag) === opaque(headers.etag ?? ''))
  }
  const since = parseHttpDate(asked['if-modified-since'])
  const modified = parseHttpDate(headers['last-modified'] ?? headers.date)
  return since !== undefined && modified !== undefined && modified <= since
}

/** The headers of a 304 (RFC 9110 15.4.5). */
export function notModifiedHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const names = ['cache-control', 'content-location', 'date', 'etag', 'expires', 'last-modified', 'vary'] as const
  return Object.fromEntries(names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])))
}

/** An entity tag, or what some send for one; a comma may be inside the quotes. */
const TAG = /(?:W\/)?"[^"]*"|[^,\s]+/g

/** Entity tags are compared weakly. */
function opaque(tag: string): string {
  return tag.trim().replace(/^W\//, '')
}
