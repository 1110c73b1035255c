import { describeValue } from '@comm/core/options'
import { lazyUrl, siteOf } from './lazy-url.ts'
import { appendQuery, type Query } from './query.ts'
import { refuse } from './refuse.ts'

const CONTROL_CHARACTER = /\p{Cc}/u
const SECRET_KEY = /auth|code|cred|key|pass|pwd|secret|session|sig|token|jwt/i

/** Reads the base URL of a client. @throws ConfigurationError unless it is an absolute http or https URL without query, fragment and credentials */
export function parseBaseUrl(key: string, received: unknown): URL {
  const url =
    typeof received === 'string' && !CONTROL_CHARACTER.test(received)
      ? URL.parse(received)
      : received instanceof URL
        ? new URL(received)
        : null
  const expected = 'an absolute http: or https: URL without credentials, query and fragment'
  if (url === null || !isHttp(url) || url.username || url.password || url.search || url.hash) {
    refuse(key, expected, describeValue(url === null ? received : displayUrl(url)))
  }
  return url
}

/**
 * Makes the URL of a request. A path is appended to the base URL's own path (`https://host/v1` and `/users` give
 * `https://host/v1/users`) and may not leave it; an absolute URL must be of the base URL's origin, so that headers meant for
 * one server never reach another.
 * @throws ConfigurationError
 */
export function resolveUrl(base: URL | undefined, target: string | URL, query: Query | undefined): URL {
  if (base !== undefined && query === undefined && typeof target === 'string') {
    const lazy = lazyUrl(base, target)
    if (lazy !== undefined) return lazy
  }
  const url = parseTarget(base, target)
  if (url.username || url.password) refuseUrl(displayUrl(url), 'a URL without credentials: use a header')
  if (url.href.includes('#')) url.hash = ''
  if (query !== undefined) appendQuery('query', url.searchParams, query)
  return url
}

function parseTarget(base: URL | undefined, target: string | URL): URL {
  if (typeof target !== 'string' && !(target instanceof URL)) refuseUrl(describeValue(target), 'a path or a URL')
  const text = String(target)
  if (CONTROL_CHARACTER.test(text)) refuseUrl(describeValue(text), 'free of control characters')
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    const url = URL.parse(text)
    if (url === null || !isHttp(url)) refuseUrl(describeValue(url === null ? text : displayUrl(url)), 'an http: or https: URL')
    if (base !== undefined && url.origin !== base.origin)
      refuseUrl(describeValue(displayUrl(url)), `of the origin of baseUrl, ${base.origin}`)
    return url
  }
  if (base === undefined) refuseUrl(describeValue(text), 'an absolute URL, because the client has no baseUrl')
  const { origin, prefix } = siteOf(base)
  const url = new URL(`${origin}${prefix}${text === '' || /^[/?#]/.test(text) ? '' : '/'}${text}`)
  if (url.pathname !== prefix && !url.pathname.startsWith(`${prefix}/`))
    refuseUrl(describeValue(text), `a path inside ${displayUrl(base)}`)
  return url
}

function isHttp(url: URL): boolean {
  return url.protocol === 'http:' || url.protocol === 'https:'
}

function refuseUrl(received: string, expected: string): never {
  return refuse('the URL of a request', expected, received)
}

/** Names of query parameters whose values are secrets, beside those whose names say so. */
const hidden = new Set<string>()

/** From here on `displayUrl` shows no value of it: an API key may have any name. */
export function hideQueryParameter(name: string): void {
  hidden.add(name)
}

/** A URL as errors and logs may show it: without user, password and fragment, and without the values of telling query keys. */
export function displayUrl(url: URL): string {
  const address = `${url.protocol}//${url.host}${url.pathname}`
  return url.search === '' ? address : `${address}?${url.search.slice(1).split('&').map(displayPair).join('&')}`
}

function displayPair(pair: string): string {
  const equals = pair.indexOf('=')
  if (equals < 0) return pair
  const key = pair.slice(0, equals)
  const name = decoded(key)
  return SECRET_KEY.test(name) || hidden.has(name) ? `${key}=[redacted]` : pair
}

function decoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    return key
  }
}
