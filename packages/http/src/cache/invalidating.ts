import type { IncomingHttpHeaders } from 'node:http'

/** RFC 9110 9.2.1 */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

export function isSafe(method: string): boolean {
  return SAFE.has(method)
}

/** What a method that changes things may have changed: its own URL, and those of the same origin that the answer names (RFC 9111 4.4). */
export function affectedUrls(url: URL, headers: IncomingHttpHeaders): readonly string[] {
  const urls = new Set([url.href])
  for (const named of [headers.location, headers['content-location']]) {
    const other = named === undefined ? null : URL.parse(named, url.href)
    if (other === null || other.origin !== url.origin) continue
    other.hash = ''
    urls.add(other.href)
  }
  return [...urls]
}
