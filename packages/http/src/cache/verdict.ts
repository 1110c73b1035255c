import type { IncomingHttpHeaders } from 'node:http'
import CachePolicy from 'http-cache-semantics'
import type { ResponseHead } from '../response.ts'
import { type Directives, parseCacheControl, secondsOf } from './cache-control.ts'
import type { CacheableRequest } from './cacheable-request.ts'
import { parseHttpDate } from './http-date.ts'
import { varyNames } from './selecting.ts'
import type { StoredHead } from './stored.ts'

/** How an answer may be used, decided once. */
export type Verdict = Pick<
  StoredHead,
  'initialAgeMs' | 'lifetimeMs' | 'staleWhileRevalidateMs' | 'staleIfErrorMs' | 'mustRevalidate' | 'noCache' | 'vary'
>

/** What the user of the cache decides in place of the answer. */
export interface Wishes {
  readonly mode: 'shared' | 'private'
  readonly ttlMs: number | undefined
  readonly defaultTtlMs: number | undefined
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
}

/** Epoch milliseconds. */
export interface Timing {
  readonly requestedAt: number
  readonly receivedAt: number
}

/** Statuses whose meaning for a cache is known (RFC 9110 15.1), which `must-understand` asks for. */
const UNDERSTOOD: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501])
/** An answer of these may be kept because the user of the cache says so. */
const KEPT_ON_WISH: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308])
/** They belong to other answers, and are never stored: 206 is a piece, 304 says that there is nothing new. */
const NEVER_STORED: ReadonlySet<number> = new Set([206, 304])

/**
 * Whether the answer to a GET may be stored, and how long it is fresh (RFC 9111 3 and 4.2). What is storable and the length of
 * freshness is http-cache-semantics' word; it gets the fields as RFC 9111 reads them.
 *
 * @returns undefined when it must not be stored
 */
export function judge(
  request: Pick<CacheableRequest, 'headers' | 'credentials'>,
  { status, headers }: Pick<ResponseHead, 'status' | 'headers'>,
  { requestedAt, receivedAt }: Timing,
  wishes: Wishes,
): Verdict | undefined {
  if (status < 200 || NEVER_STORED.has(status) || wishes.ttlMs === 0 || saysNothing(headers, wishes)) return undefined
  const shared = wishes.mode === 'shared'
  const said = parseCacheControl(headers['cache-control'])
  const isForbidden = (said.has('no-store') && !said.has('must-understand')) || (shared && said.has('private'))
  const vary = isForbidden ? undefined : varyNames(headers.vary)
  if (vary === undefined) return undefined
  if (said.has('must-understand') && !UNDERSTOOD.has(status)) return undefined
  const date = parseHttpDate(headers.date)
  const states = statesFreshness(said, headers, shared)
  const wished = KEPT_ON_WISH.has(status) ? (wishes.ttlMs ?? (states ? undefined : wishes.defaultTtlMs)) : undefined

  const policy = new CachePolicy(
    { method: 'GET', url: '', headers: credentials(request, said) },
    {
      // The library knows no freshness for statuses that it does not know; who states it means it (RFC 9111 3).
      status: (states || said.has('public')) && !UNDERSTOOD.has(status) ? 200 : status,
      headers: forPolicy(headers, said, wished, date ?? receivedAt),
    },
    { shared },
  )
  if (!policy.storable()) return undefined
  const isPersonal = shared && headers['set-cookie'] !== undefined && !said.has('public')
  if (isPersonal) return undefined

  const ownChoice = wishes.ttlMs !== undefined && wished !== undefined
  const age = ownChoice ? 0 : initialAge(headers.age, date, requestedAt, receivedAt)
  return {
    initialAgeMs: age ?? 0,
    lifetimeMs: age === undefined ? 0 : (wished ?? policy.maxAge() * 1000),
    staleWhileRevalidateMs: milliseconds(said.get('stale-while-revalidate')) ?? wishes.staleWhileRevalidateMs,
    staleIfErrorMs: milliseconds(said.get('stale-if-error')) ?? wishes.staleIfErrorMs,
    mustRevalidate: said.has('must-revalidate') || (shared && (said.has('proxy-revalidate') || said.has('s-maxage'))),
    noCache: !ownChoice && (said.has('no-cache') || pragmaNoCache(headers)),
    vary: shared ? vary : withCredentials(vary, request),
  }
}

/** The answers of most interfaces: it is neither fresh nor can it be confirmed, so that all further questions are idle. */
function saysNothing(headers: IncomingHttpHeaders, wishes: Wishes): boolean {
  return (
    headers['cache-control'] === undefined &&
    headers.etag === undefined &&
    headers['last-modified'] === undefined &&
    headers.expires === undefined &&
    wishes.ttlMs === undefined &&
    wishes.defaultTtlMs === undefined &&
    wishes.staleIfErrorMs === 0 &&
    wishes.staleWhileRevalidateMs === 0
  )
}

function statesFreshness(said: Directives, headers: IncomingHttpHeaders, shared: boolean): boolean {
  return (
    said.has('max-age') ||
    (shared && said.has('s-maxage')) ||
    headers.expires !== undefined ||
    said.has('no-cache') ||
    pragmaNoCache(headers)
  )
}

function pragmaNoCache(headers: IncomingHttpHeaders): boolean {
  return headers['cache-control'] === undefined && /\bno-cache\b/i.test(headers.pragma ?? '')
}

/** `must-revalidate` allows a shared cache to store what credentials were sent for (RFC 9111 3.5); the library's own reading of it is stricter. */
function credentials(request: Pick<CacheableRequest, 'headers' | 'credentials'>, said: Directives): Record<string, string> {
  return credentialNames(request).length === 0 || said.has('must-revalidate') ? {} : { authorization: 'some' }
}

/** In a cache of one user, credentials select the answer, so that a change of user is safe. */
function withCredentials(vary: readonly string[], request: Pick<CacheableRequest, 'headers' | 'credentials'>): readonly string[] {
  const names = credentialNames(request)
  return names.length === 0 ? vary : [...new Set([...vary, ...names])].sort()
}

/** The headers that say who asks. */
function credentialNames({ headers, credentials = [] }: Pick<CacheableRequest, 'headers' | 'credentials'>): readonly string[] {
  return headers['authorization'] === undefined ? credentials : ['authorization', ...credentials]
}

/** The fields that the library decides by, each as RFC 9111 reads it. */
function forPolicy(
  headers: IncomingHttpHeaders,
  said: Directives,
  wishedMs: number | undefined,
  date: number,
): Record<string, string> {
  const directives: string[] = []
  for (const name of ['private', 'public', 'immutable'] as const) if (said.has(name)) directives.push(name)
  if (said.has('no-store') && !said.has('must-understand')) directives.push('no-store')
  if (wishedMs === undefined) {
    for (const name of ['max-age', 's-maxage'] as const) {
      const seconds = secondsOf(said.get(name))
      if (seconds !== undefined) directives.push(`${name}=${seconds}`)
    }
  } else directives.push(`max-age=${Math.ceil(wishedMs / 1000)}`, ...(said.has('s-maxage') ? ['s-maxage=1'] : []))
  const result: Record<string, string> = { 'cache-control': directives.join(', '), date: new Date(date).toUTCString() }
  if (headers.expires !== undefined && wishedMs === undefined) {
    const expires = parseHttpDate(headers.expires)
    result['expires'] = expires === undefined ? '0' : new Date(expires).toUTCString()
  }
  const modified = parseHttpDate(headers['last-modified'])
  if (modified !== undefined) result['last-modified'] = new Date(modified).toUTCString()
  return result
}

/** RFC 9111 4.2.3; undefined where it cannot be known. */
function initialAge(
  age: string | undefined,
  date: number | undefined,
  requestedAt: number,
  receivedAt: number,
): number | undefined {
  const apparent = date === undefined ? 0 : Math.max(0, receivedAt - date)
  // A date has whole seconds: an answer of this second is not up to a second old.
  const rounded = apparent < 1000 ? 0 : apparent
  // Of several the first counts; what is no number hides how old it is (RFC 9111 5.1).
  const first = age?.split(',', 1)[0]?.trim() ?? '0'
  if (!/^\d+$/.test(first)) return undefined
  return Math.max(rounded, Number(first) * 1000 + (receivedAt - requestedAt))
}

function milliseconds(value: string | true | undefined): number | undefined {
  const seconds = secondsOf(value)
  return seconds === undefined ? undefined : seconds * 1000
}
