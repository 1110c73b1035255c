import type { IncomingHttpHeaders } from 'node:http'

/** Of several such fields Node keeps the first: they have no list form (`http.IncomingMessage.headers`). */
const FIRST_ONLY: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'content-length',
  'content-type',
  'etag',
  'expires',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'retry-after',
  'server',
  'user-agent',
])

/** The fields of an answer as `node:http` joins them. @param parsed lower-case names; several fields of a name in an array */
export function joinedHeaders(parsed: Readonly<Record<string, string | string[] | undefined>>): IncomingHttpHeaders {
  const headers = parsed as Record<string, string | string[] | undefined>
  for (const name in headers) {
    const value = headers[name]
    if (name === 'set-cookie') headers[name] = typeof value === 'string' ? [value] : value
    else if (typeof value === 'object')
      headers[name] = FIRST_ONLY.has(name) ? value[0] : value.join(name === 'cookie' ? '; ' : ', ')
  }
  return headers
}
