import type { Clock, Logger, PolicySource } from '@comm/core'
import {
  anything,
  boolean,
  callable,
  either,
  nonEmptyText,
  number,
  object,
  type Rule,
  type Rules,
  withMethods,
} from '@comm/core/options'
import { standardSchema } from '@comm/core/schema'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type AuthOptions, authOption } from './auth/options.ts'
import { BALANCING_RULES, type BalancingOptions } from './balancing/options.ts'
import type { BodyOptions } from './body.ts'
import { HttpCache } from './cache/http-cache.ts'
import { type HttpCacheOptions, type RequestCacheOptions, requestCache } from './cache/options.ts'
import { type ClientTlsOptions, type TlsSource, tlsOption } from './client-tls.ts'
import type { HeadersInput } from './headers.ts'
import type { Interceptors } from './interceptors.ts'
import { formData } from './multipart.ts'
import { TRANSPORT_RULES } from './pool-options.ts'
import type { ProxyOption } from './proxy/options.ts'
import type { Query } from './query.ts'
import { type CookieJar, cookieJar } from './redirects/cookie-jar.ts'
import type { HttpTransport, PhaseTimeouts, PoolOptions, TransferProgress, TransportOptions } from './transport.ts'

/** In milliseconds; Infinity: no limit. */
export interface HttpTimeouts extends PhaseTimeouts {
  /** One attempt of a call that has policies. */
  readonly attemptMs: number
  /** The whole call: all attempts and the waits between them, and the body of a stream. */
  readonly totalMs: number
}

export interface HttpClientOptions extends PoolOptions, BalancingOptions {
  /**
   * Paths are appended to it, and no request leaves its origin. Absent: every request names an absolute URL. `service://orders/v1`, or any
   * URL beside `endpoints`: the requests go to the instances of a service.
   */
  readonly baseUrl?: string | URL
  /** Sent with every request. */
  readonly headers?: HeadersInput
  /** @default { connectMs: 10000, writeMs: 30000, readMs: 30000, attemptMs: Infinity, totalMs: 30000 } */
  readonly timeout?: Partial<HttpTimeouts>
  /** A 4xx or 5xx answer is thrown as HttpStatusError. @default true */
  readonly throwHttpErrors?: boolean
  /** More bytes than this, decompressed or not, are COMM_TOO_LARGE. @default 10485760 */
  readonly maxResponseBytes?: number
  /** Every POST, PATCH and the like carries an Idempotency-Key of its own, and may be tried again. The server has to heed it. @default false */
  readonly idempotencyKeys?: boolean
  /**
   * So many redirects are followed (RFC 9110, 15.4), within the origin of `baseUrl`; without one also to others, to which no credentials go, and
   * never from https: to http:. @default 0: they are answers like any other
   */
  readonly maxRedirects?: number
  /** Keeps cookies and sends them where they belong, such as a `CookieJar` of `tough-cookie`. @default none */
  readonly cookieJar?: CookieJar
  /** The header that carries the correlation id. @default the one it came in with, or X-Correlation-ID */
  readonly correlationHeader?: string
  /** Metrics and spans name the path too (`url.template`), with `{id}` in place of each part that looks like one. @default false */
  readonly detailedMetrics?: boolean
  /** Files that are replaced are used for new connections, once they fit together. A reloader that is passed in is not disposed with the client. */
  readonly tls?: ClientTlsOptions | TlsSource
  /**
   * Shows to the server of `baseUrl` who calls. A header that a request sets by hand, and a request's own `auth`, take its place.
   * @default none
   */
  readonly auth?: AuthOptions
  /** What is done with every call: change requests, answer them, replace answers, handle errors. @default none */
  readonly interceptors?: Interceptors
  /** Told of access tokens that could not be refreshed, and of TLS files that cannot be used. @default silentLogger */
  readonly logger?: Logger
  /**
   * What every call runs in, outermost first: `[retry(), breaker()]`, or a function that gives the ones of the moment. The argument of a call
   * is its HttpRequest. @default []
   */
  readonly policies?: PolicySource
  /** Keeps answers as RFC 9111 allows; a cache that is passed in may serve several clients. @default false */
  readonly cache?: boolean | HttpCacheOptions | HttpCache
  /** What requests go through, with the default transport; another is given its own. @default none, whatever the environment says */
  readonly proxy?: ProxyOption
  /** Moves the bytes. One that is passed in is not closed with the client. @default gotTransport() */
  readonly transport?: HttpTransport
  /** @default systemClock */
  readonly clock?: Clock
}

export interface RequestOptions<Json = unknown> extends BodyOptions {
  /**
   * Any Standard Schema (zod, valibot, arktype …) for the JSON of a successful answer; `json()` then gives what it makes of it. Another
   * answer is a ValidationError. Not for streams.
   */
  readonly schema?: StandardSchemaV1<unknown, Json>
  /** A schema for `json`; what it makes of it is sent. */
  readonly bodySchema?: StandardSchemaV1
  readonly headers?: HeadersInput
  readonly query?: Query
  /** Replaces the client's, phase by phase. */
  readonly timeout?: Partial<HttpTimeouts>
  readonly signal?: AbortSignal
  readonly throwHttpErrors?: boolean
  readonly maxResponseBytes?: number
  /** Told as the body is handed to the connection; begins anew with each attempt. */
  readonly onUploadProgress?: (progress: TransferProgress) => void
  /** Told as the answer arrives, before it is decompressed; begins anew with each attempt. */
  readonly onDownloadProgress?: (progress: TransferProgress) => void
  /**
   * Sent as Idempotency-Key, the same with every attempt, so that a POST or PATCH may be tried again; true: a new UUID. Methods that are
   * idempotent by themselves need none and get none from `true`. @default the client's `idempotencyKeys`
   */
  readonly idempotencyKey?: boolean | string
  /** Replaces the client's; false: none. */
  readonly auth?: false | AuthOptions
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

export const HTTP_CLIENT_DEFAULTS: Readonly<
  Required<Pick<HttpClientOptions, 'throwHttpErrors' | 'maxResponseBytes' | 'idempotencyKeys'>>
> = Object.freeze({
  throwHttpErrors: true,
  maxResponseBytes: 10 * 1024 * 1024,
  idempotencyKeys: false,
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
/** Headers, FormData and a Map keep their entries where nobody would look for them. */
const record = (expected: string): Rule => ({
  expected,
  accepts: (value) => object.accepts(value) && !(Symbol.iterator in (value as object)),
})
const headers = record('an object of names and values (Object.fromEntries() makes one of Headers)')
const params: Rule = {
  expected: 'an object of names and values, or URLSearchParams',
  accepts: (value) => value instanceof URLSearchParams || record('').accepts(value),
}
const headerName: Rule = {
  expected: 'the name of a header',
  accepts: (value) => typeof value === 'string' && /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(value),
}
const signal: Rule = { expected: 'an AbortSignal', accepts: (value) => value instanceof AbortSignal }

export const CLIENT_RULES: Rules<HttpClientOptions> = {
  ...TRANSPORT_RULES,
  ...BALANCING_RULES,
  baseUrl: anything,
  headers,
  timeout: timeouts,
  throwHttpErrors: boolean,
  maxResponseBytes: maxBytes,
  idempotencyKeys: boolean,
  maxRedirects: number({ min: 0, integer: true }),
  cookieJar,
  correlationHeader: headerName,
  detailedMetrics: boolean,
  tls: tlsOption,
  auth: authOption,
  interceptors: object,
  logger: withMethods('a Logger', 'info', 'warn'),
  policies: either(
    { expected: 'an array of stages such as retry() and breaker()', accepts: Array.isArray },
    { expected: 'a function that gives one', accepts: callable.accepts },
  ),
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
  headers,
  query: params,
  json: anything,
  form: params,
  multipart: formData,
  body: anything,
  bodyBytes: number({ min: 0, integer: true }),
  timeout: timeouts,
  signal,
  throwHttpErrors: boolean,
  maxResponseBytes: maxBytes,
  onUploadProgress: callable,
  onDownloadProgress: callable,
  idempotencyKey: either(boolean, nonEmptyText),
  schema: standardSchema,
  bodySchema: standardSchema,
  auth: {
    ...authOption,
    expected: `false or ${authOption.expected}`,
    accepts: (value) => value === false || authOption.accepts(value),
  },
  cache: requestCache,
}

/** Those of a client that are for its own transport. */
export function transportOptions(options: HttpClientOptions, clock: Clock): TransportOptions {
  const { maxConnections, maxKeepaliveConnections, keepaliveExpiryMs, proxy } = options
  return {
    clock,
    ...(maxConnections === undefined ? {} : { maxConnections }),
    ...(maxKeepaliveConnections === undefined ? {} : { maxKeepaliveConnections }),
    ...(keepaliveExpiryMs === undefined ? {} : { keepaliveExpiryMs }),
    ...(proxy === undefined ? {} : { proxy }),
  }
}
