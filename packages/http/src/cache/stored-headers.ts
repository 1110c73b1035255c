import type { IncomingHttpHeaders } from 'node:http'

/** They belong to one connection, or to a proxy (RFC 9111 3.1). */
const NOT_STORED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** A 304 comes without a body, so it cannot change what describes the stored one (RFC 9111 3.2). */
const DESCRIBES_BODY: ReadonlySet<string> = new Set(['content-encoding', 'content-length', 'content-md5', 'content-range'])

export function storedHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const listed = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()))
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !NOT_STORED.has(name) && !listed.has(name)))
}

/** The stored headers with what a newer answer says in their place. */
export function updatedHeaders(stored: IncomingHttpHeaders, newer: IncomingHttpHeaders): IncomingHttpHeaders {
  const { age: _age, ...rest } = stored
  const changes = Object.entries(storedHeaders(newer)).filter(([name]) => !DESCRIBES_BODY.has(name))
  return { ...rest, ...Object.fromEntries(changes) }
}
