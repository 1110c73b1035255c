import { currentContext } from '@comm/core'
import { checkOptions, describeValue, withDefaults } from '@comm/core/options'
import { encodeBody, isReplayable } from './body.ts'
import { checkRequestCache, type RequestCacheOptions } from './cache/options.ts'
import { type HttpTimeouts, REQUEST_RULES, type RequestOptions, TIMEOUT_RULES } from './client-options.ts'
import { addContextHeaders } from './context-headers.ts'
import { mergeHeaders } from './headers.ts'
import { refuse } from './refuse.ts'
import type { TlsOptions, TransportBody } from './transport.ts'
import { resolveUrl } from './url.ts'

/** A request as policies see it: the `argument` of their call. */
export interface HttpRequest {
  readonly method: string
  readonly url: URL
  /** Lower-case names; correlation id and trace context of the caller are among them. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: TransportBody | undefined
  readonly collect: 'bytes' | 'stream'
  readonly maxResponseBytes: number
  readonly timeout: HttpTimeouts
  readonly tls: TlsOptions | undefined
  /** Sending it twice does no harm: its method says so (RFC 9110 9.2.2), or it carries an Idempotency-Key. */
  readonly idempotent: boolean
  /** Its body can be sent a second time. */
  readonly replayable: boolean
  /** What was asked of the cache. */
  readonly cache: false | RequestCacheOptions | undefined
}

/** What a client's requests have in common, resolved once. */
export interface RequestDefaults {
  readonly baseUrl: URL | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly timeout: HttpTimeouts
  readonly maxResponseBytes: number
  readonly tls: TlsOptions | undefined
  readonly correlationHeader: string | undefined
}

const IDEMPOTENT_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])
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
  if (typeof method !== 'string' || !/^[A-Za-z]+(-[A-Za-z]+)*$/.test(method) || /^connect$/i.test(method)) {
    refuse('the method of a request', 'a word such as GET, and not CONNECT', describeValue(method))
  }
  if (options !== NO_OPTIONS) checkOptions('request', options, REQUEST_RULES)
  if (options.timeout !== undefined) checkOptions('request.timeout', options.timeout, TIMEOUT_RULES)
  if (options.cache !== undefined) checkRequestCache(options.cache)
  const encoded = encodeBody(options)
  const headers = { ...defaults.headers }
  if (encoded?.contentType !== undefined) headers['content-type'] = encoded.contentType
  mergeHeaders(headers, options.headers)
  addContextHeaders(headers, currentContext(), defaults.correlationHeader)
  const upperCase = method.toUpperCase()
  return {
    method: upperCase,
    url: resolveUrl(defaults.baseUrl, target, options.query),
    headers,
    body: encoded?.body,
    collect,
    maxResponseBytes: options.maxResponseBytes ?? defaults.maxResponseBytes,
    timeout: options.timeout === undefined ? defaults.timeout : withDefaults(defaults.timeout, options.timeout),
    tls: defaults.tls,
    idempotent: IDEMPOTENT_METHODS.has(upperCase) || headers['idempotency-key'] !== undefined,
    replayable: isReplayable(encoded?.body),
    cache: options.cache,
  }
}
