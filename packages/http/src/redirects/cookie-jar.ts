import { type Rule, withMethods } from '@comm/core/options'
import type { HttpRequest } from '../request.ts'
import type { HttpResponse, HttpStreamResponse } from '../response.ts'

/** Keeps cookies and knows which of them belong to a request (RFC 6265). A `CookieJar` of `tough-cookie` is one. */
export interface CookieJar {
  /** The value of the Cookie header for a URL, or ''. */
  getCookieString(url: string): string | Promise<string>
  /** Takes a Set-Cookie header. It may refuse it, also by throwing: the cookie is left out then. */
  setCookie(cookie: string, url: string): unknown
}

export const cookieJar: Rule = withMethods('a cookie jar such as tough-cookie has', 'getCookieString', 'setCookie')

/** The request with the cookies that belong to it, behind those that it has by itself. @throws what the jar throws */
export async function withCookies(jar: CookieJar, request: HttpRequest): Promise<HttpRequest> {
  const kept = await jar.getCookieString(request.url.href)
  if (kept === '') return request
  const { cookie: own } = request.headers
  return { ...request, headers: { ...request.headers, cookie: own === undefined ? kept : `${own}; ${kept}` } }
}

/** A cookie that the jar does not want is not the call's affair. An answer of the cache (no attempts) brings none. */
export async function keepCookies(jar: CookieJar, { url, headers, attempts }: HttpResponse | HttpStreamResponse): Promise<void> {
  if (attempts === 0) return
  for (const cookie of headers['set-cookie'] ?? []) {
    try {
      await jar.setCookie(cookie, url.href)
    } catch {}
  }
}
