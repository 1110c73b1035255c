import { randomUUID } from 'node:crypto'
import { currentContext, type TlsMaterial } from '@comm/core'
import { anything, checkOptions, describeValue, type Rules, withDefaults } from '@comm/core/options'
import type { Context } from '@opentelemetry/api'
import { checkAuth } from './auth/options.ts'
import { type Destination, isServiceUrl, parseServiceUrl } from './balancing/destination.ts'
import { encodeBody, isReplayable } from './body.ts'
import { checkRequestCache, type RequestCacheOptions } from './cache/options.ts'
import { type HttpTimeouts, REQUEST_RULES, type RequestOptions, TIMEOUT_RULES } from './client-options.ts'
import type { TlsSource } from './client-tls.ts'
import { addContextHeaders } from './context-headers.ts'
import { mergeHeaders } from './headers.ts'
import type { Measuring } from './measured-body.ts'
import { refuse } from './refuse.ts'
import { parentOfAttempts } from './telemetry/observed-exchange.ts'
import type { TransportBody } from './transport.ts'
import { resolveUrl } from './url.ts'

/** A request as policies see it: the `argument` of their call. */
export interface HttpRequest {
  readonly method: string
  /** With the name of the service for a host, where it goes to one. */
  readonly url: URL
  /** The service to one of whose instances each attempt goes. */
  readonly service: string | undefined
  /** Lower-case names; correlation id and trace context of the caller are among them. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: TransportBody | undefined
  /** Told or checked while the body is sent. */
  readonly measuring: Measuring | undefined
  readonly onDownloadProgress: RequestOptions['onDownloadProgress']
  readonly collect: 'bytes' | 'stream'
  readonly maxResponseBytes: number
  readonly timeout: HttpTimeouts
  readonly tls: TlsMaterial | undefined
  /** Sending it twice does no harm: its method says so (RFC 9110 9.2.2), or it carries an Idempotency-Key. */
  readonly idempotent: boolean
  /** Its body can be sent a second time. */
  readonly replayable: boolean
  /** Lower-case names of the headers that `auth` added. */
  readonly credentials: readonly string[]
  /** It has been sent so often before, with credentials that were refused. */
  readonly attemptsBefore: number
  /** What the spans of its attempts are children of; absent while nobody traces. */
  readonly parent: Context | undefined
  /** What was asked of the cache. */
  readonly cache: false | RequestCacheOptions | undefined
}

/** What a client's requests have in common, resolved once. */
export interface RequestDefaults {
  readonly destination: Destination
  readonly headers: Readonly<Record<string, string>>
  readonly timeout: HttpTimeouts
  readonly maxResponseBytes: number
  readonly tls: TlsSource | undefined
  readonly correlationHeader: string | undefined
  readonly idempotencyKeys: boolean
}

const IDEMPOTENT_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])
const NO_CREDENTIALS: readonly string[] = Object.freeze([])
const NO_OPTIONS: RequestOptions = Object.freeze({})

/**
 * Makes a request from what the caller gave, what the client has and what the running call context says: all attempts carry
 * the same correlation id and trace, wherever a policy starts them from.
 *
 * @throws ConfigurationError naming what is wrong
 */
export function makeRequest(
  defaults: RequestDefaults,
  method: string,
  target: string | URL,
  collect: 'bytes' | 'stream',
  options: RequestOptions = NO_OPTIONS,
): HttpRequest {
  const upperCase = checkedMethod(method)
  if (options !== NO_OPTIONS) checkOptions('request', options, REQUEST_RULES)
  if (options.timeout !== undefined) checkOptions('request.timeout', options.timeout, TIMEOUT_RULES)
  if (options.cache !== undefined) checkRequestCache(options.cache)
  if (options.auth) checkAuth('request.auth', options.auth)
  const encoded = encodeBody(options)
  const headers = { ...defaults.headers }
  if (encoded?.contentType !== undefined) headers['content-type'] = encoded.contentType
  mergeHeaders(headers, options.headers)
  const parent = parentOfAttempts()
  addContextHeaders(headers, currentContext(), defaults.correlationHeader, parent !== undefined)
  const isIdempotent = IDEMPOTENT_METHODS.has(upperCase)
  addIdempotencyKey(headers, options.idempotencyKey ?? defaults.idempotencyKeys, isIdempotent)
  const { url, service } = addressOf(defaults.destination, target, options.query)
  return {
    method: upperCase,
    url,
    service,
    headers,
    body: encoded?.body,
    measuring: measuringOf(encoded?.bodyBytes, options.onUploadProgress),
    onDownloadProgress: options.onDownloadProgress,
    collect,
    maxResponseBytes: options.maxResponseBytes ?? defaults.maxResponseBytes,
    timeout: options.timeout === undefined ? defaults.timeout : withDefaults(defaults.timeout, options.timeout),
    tls: defaults.tls?.current,
    idempotent: isIdempotent || headers['idempotency-key'] !== undefined,
    replayable: isReplayable(encoded?.body),
    credentials: NO_CREDENTIALS,
    attemptsBefore: 0,
    parent,
    cache: options.cache,
  }
}

function checkedMethod(method: unknown): string {
  if (IDEMPOTENT_METHODS.has(method as string) || method === 'POST') return method as string
  if (typeof method !== 'string' || !/^[A-Za-z]+(-[A-Za-z]+)*$/.test(method) || /^connect$/i.test(method)) {
    refuse('the method of a request', 'a word such as GET, and not CONNECT', describeValue(method))
  }
  return method.toUpperCase()
}

/** What may be changed of a request before it is sent. */
export interface RequestChange
  extends Pick<RequestOptions, 'headers' | 'query' | 'json' | 'form' | 'multipart' | 'body' | 'timeout'> {
  /** In place of the URL, under the same rules: a path under `baseUrl`, or an absolute URL of its origin. */
  readonly target?: string | URL
}

const { headers, query, json, form, multipart, body, timeout } = REQUEST_RULES
const CHANGE_RULES: Rules<RequestChange> = { headers, query, json, form, multipart, body, timeout, target: anything }

/** The request with headers and query merged, and the rest replaced. @throws ConfigurationError naming what is wrong */
export function changeRequest(defaults: RequestDefaults, request: HttpRequest, change: RequestChange): HttpRequest {
  checkOptions('change', change, CHANGE_RULES)
  if (change.timeout !== undefined) checkOptions('change.timeout', change.timeout, TIMEOUT_RULES)
  const { target, query } = change
  const encoded = encodeBody(change)
  const headers = { ...request.headers }
  if (encoded?.contentType !== undefined) headers['content-type'] = encoded.contentType
  mergeHeaders(headers, change.headers)
  return {
    ...request,
    ...(query !== undefined && { url: resolveUrl(undefined, request.url, query) }),
    ...(target !== undefined && addressOf(defaults.destination, target, query)),
    ...(encoded !== undefined && {
      body: encoded.body,
      measuring: measuringOf(encoded.bodyBytes, request.measuring?.onUploadProgress),
      replayable: isReplayable(encoded.body),
    }),
    headers,
    idempotent: IDEMPOTENT_METHODS.has(request.method) || headers['idempotency-key'] !== undefined,
    timeout: change.timeout === undefined ? request.timeout : withDefaults(request.timeout, change.timeout),
  }
}

function addressOf(
  { baseUrl, service, endpoints, protocol }: Destination,
  target: string | URL,
  query: RequestOptions['query'],
): Pick<HttpRequest, 'url' | 'service'> {
  if (!isServiceUrl(target)) return { url: resolveUrl(baseUrl, target, query), service }
  const key = 'the URL of a request'
  const named = parseServiceUrl(key, String(target), protocol)
  if (endpoints === undefined) refuse(key, 'an http: or https: URL, because the client has no endpoints', describeValue(target))
  if (service !== undefined && service !== named.service) refuse(key, `of the service of the client, ${service}`, named.service)
  return { url: resolveUrl(undefined, named.url, query), service: named.service }
}

function measuringOf(bodyBytes: number | undefined, onUploadProgress: RequestOptions['onUploadProgress']): Measuring | undefined {
  return bodyBytes === undefined && onUploadProgress === undefined ? undefined : { bodyBytes, onUploadProgress }
}

/** draft-ietf-httpapi-idempotency-key-header; sent bare, without the quotes of a structured field, as the services that heed it expect. */
function addIdempotencyKey(headers: Record<string, string>, key: boolean | string, isIdempotent: boolean): void {
  if (key === false || (key === true && (isIdempotent || headers['idempotency-key'] !== undefined))) return
  mergeHeaders(headers, { 'idempotency-key': key === true ? randomUUID() : key })
}
