import type { Clock, Stage } from '@comm/core'
import { anything, boolean, number, object, type Rule, type Rules } from '@comm/core/options'
import type { BodyOptions } from './body.ts'
import { HttpCache } from './cache/http-cache.ts'
import { type HttpCacheOptions, type RequestCacheOptions, requestCache } from './cache/options.ts'
import type { HeadersInput } from './headers.ts'
import { TRANSPORT_RULES } from './pool-options.ts'
import type { Query } from './query.ts'
import type { HttpTransport, PhaseTimeouts, PoolOptions, TlsOptions } from './transport.ts'

/** In milliseconds; Infinity: no limit. */
export interface HttpTimeouts extends PhaseTimeouts {
  /** One attempt of a call that has policies. */
  readonly attemptMs: number
  /** The whole call: all attempts and the waits between them, and the body of a stream. */
  readonly totalMs: number
}

export interface HttpClientOptions extends PoolOptions {
  /** Paths are appended to it, and no request leaves its origin. Absent: every request names an absolute URL. */
  readonly baseUrl?: string | URL
  /** Sent with every request. */
  readonly headers?: HeadersInput
  /** @default { connectMs: 10000, writeMs: 30000, readMs: 30000, attemptMs: Infinity, totalMs: 30000 } */
  readonly timeout?: Partial<HttpTimeouts>
  /** A 4xx or 5xx answer is thrown as HttpStatusError. @default true */
  readonly throwHttpErrors?: boolean
  /** More bytes than this, decompressed or not, are COMM_TOO_LARGE. @default 10485760 */
  readonly maxResponseBytes?: number
  /** The header that carries the correlation id. @default the one it came in with, or X-Correlation-ID */
  readonly correlationHeader?: string
  readonly tls?: TlsOptions
  /** What every call runs in, outermost first: `[retry(), breaker()]`. The argument of a call is its HttpRequest. @default [] */
  readonly policies?: readonly Stage[]
  /** Keeps answers as RFC 9111 allows; a cache that is passed in may serve several clients. @default false */
  readonly cache?: boolean | HttpCacheOptions | HttpCache
  /** Moves the bytes. One that is passed in is not closed with the client. @default gotTransport() */
  readonly transport?: HttpTransport
  /** @default systemClock */
  readonly clock?: Clock
}

export interface RequestOptions extends BodyOptions {
  readonly headers?: HeadersInput
  readonly query?: Query
  /** Replaces the client's, phase by phase. */
  readonly timeout?: Partial<HttpTimeouts>
  readonly signal?: AbortSignal
  readonly throwHttpErrors?: boolean
  readonly maxResponseBytes?: number
  /** Without effect in a client that has no cache; false: past the cache. */
  readonly cache?: false | RequestCacheOptions
}

export const TIMEOUT_DEFAULTS: HttpTimeouts = Object.freeze({
  connectMs: 10_000,
  writeMs: 30_000,
  readMs: 30_000,
  attemptMs: Number.POSITIVE_INFINITY,
  totalMs: 30_000,
})

export const HTTP_CLIENT_DEFAULTS: Readonly<Required<Pick<HttpClientOptions, 'throwHttpErrors' | 'maxResponseBytes'>>> =
  Object.freeze({
    throwHttpErrors: true,
    maxResponseBytes: 10 * 1024 * 1024,
  })

const milliseconds = number({ min: 0, infinite: true })

export const TIMEOUT_RULES: Rules<HttpTimeouts> = {
  connectMs: milliseconds,
  writeMs: milliseconds,
  readMs: milliseconds,
  attemptMs: milliseconds,
  totalMs: milliseconds,
}

const timeouts: Rule = { ...object, expected: 'an object with connectMs, writeMs, readMs, attemptMs or totalMs in milliseconds' }
const maxBytes = number({ min: 0, infinite: true })
const headerName: Rule = {
  expected: 'the name of a header',
  accepts: (value) => typeof value === 'string' && /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(value),
}
const signal: Rule = { expected: 'an AbortSignal', accepts: (value) => value instanceof AbortSignal }

export const CLIENT_RULES: Rules<HttpClientOptions> = {
  ...TRANSPORT_RULES,
  baseUrl: anything,
  headers: object,
  timeout: timeouts,
  throwHttpErrors: boolean,
  maxResponseBytes: maxBytes,
  correlationHeader: headerName,
  tls: object,
  policies: { expected: 'an array of stages such as retry() and breaker()', accepts: Array.isArray },
  cache: {
    expected: 'true, false, an object with its options, or an HttpCache',
    accepts: (value) => typeof value === 'boolean' || value instanceof HttpCache || object.accepts(value),
  },
  transport: {
    expected: 'an HttpTransport',
    accepts: (value) => object.accepts(value) && typeof (value as { send?: unknown }).send === 'function',
  },
}

export const REQUEST_RULES: Rules<RequestOptions> = {
  headers: object,
  query: object,
  json: anything,
  form: object,
  body: anything,
  timeout: timeouts,
  signal,
  throwHttpErrors: boolean,
  maxResponseBytes: maxBytes,
  cache: requestCache,
}

export const TLS_RULES: Rules<TlsOptions> = (() => {
  const pem: Rule = {
    expected: 'PEM text or bytes',
    accepts: (value) => (typeof value === 'string' && value !== '') || value instanceof Uint8Array,
    secret: true,
  }
  const name: Rule = { expected: 'a non-empty string', accepts: (value) => typeof value === 'string' && value !== '' }
  return { ca: pem, cert: pem, key: pem, passphrase: { ...name, secret: true }, serverName: name }
})()
