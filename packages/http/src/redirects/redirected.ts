import { HttpStatusError } from '@comm/core'
import type { HttpRequest } from '../request.ts'
import type { ResponseHead } from '../response.ts'
import { displayUrl } from '../url.ts'

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
/** Of the body that is no longer there. */
const CONTENT_HEADERS: readonly string[] = ['content-type', 'content-encoding', 'content-language', 'content-location']
/** Meant for the server that was asked first. */
const CREDENTIAL_HEADERS: readonly string[] = ['authorization', 'cookie', 'proxy-authorization', 'host']

export function isRedirect({ status, headers }: ResponseHead): boolean {
  return REDIRECTS.has(status) && headers['location'] !== undefined
}

/**
 * The request that an answer sends on to (RFC 9110, 15.4).
 * @param address of the instance that answered, as it may call itself: `host:port`
 * @throws HttpStatusError it does not follow there
 */
export function redirected(
  request: HttpRequest,
  answer: ResponseHead,
  base: URL | undefined,
  address: string | undefined,
): HttpRequest {
  const { status, headers } = answer
  const named = URL.parse(headers['location'] ?? '', request.url.href)
  if (named === null) throw refused(answer, 'to what is no URL')
  const { origin, protocol } = request.url
  const isInstance = named.host === address && named.protocol === protocol && named.username === '' && named.password === ''
  const url = isInstance ? new URL(`${origin}${named.pathname}${named.search}`) : named
  const where = `to ${url.protocol}//${url.host}`
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refused(answer, `to a ${url.protocol} URL`)
  if (url.username !== '' || url.password !== '') throw refused(answer, `${where}, with credentials`)
  if (request.url.protocol === 'https:' && url.protocol === 'http:') throw refused(answer, `${where}, from https: to http:`)
  const isElsewhere = url.origin !== request.url.origin
  if (isElsewhere && base !== undefined) throw refused(answer, `${where}, and no request leaves the origin of baseUrl`)
  url.hash = ''
  const becomesGet = status === 303 ? request.method !== 'HEAD' : status < 303 && request.method === 'POST'
  if (!becomesGet && !request.replayable) throw refused(answer, `${where}, and its body was a stream that has been sent`)
  const left = new Set<string>([
    ...(becomesGet ? CONTENT_HEADERS : []),
    ...(isElsewhere ? [...CREDENTIAL_HEADERS, ...request.credentials] : ['cookie']),
  ])
  return {
    ...request,
    url,
    headers: Object.fromEntries(Object.entries(request.headers).filter(([name]) => !left.has(name))),
    ...(becomesGet ? { method: 'GET', body: undefined, measuring: undefined, replayable: true, idempotent: true } : {}),
  }
}

export function tooManyRedirects(answer: ResponseHead, maxRedirects: number): HttpStatusError {
  return refused(answer, `after ${maxRedirects} redirects (maxRedirects)`)
}

function refused({ method, url, status, attempts }: ResponseHead, why: string): HttpStatusError {
  const message = `${method} ${displayUrl(url)} was answered ${status}, a redirect that is not followed: ${why}`
  return new HttpStatusError(message, { status, retryable: false, details: { method, url: displayUrl(url), attempts } })
}
