import { createServer } from 'node:http'
import { inspect } from 'node:util'
import { ConfigurationError } from '@comm/core'
import {
  EnhancedHttpClient,
  type EnhancedHttpClientOptions,
  gotTransport,
  HttpClient,
  type HttpClientOptions,
  type RequestOptions,
  type TransportOptions,
} from '@comm/http'
import {
  commPlugin,
  contextHandler,
  type HttpServerComponentOptions,
  httpServerComponent,
  type ServerOptions,
} from '@comm/http/server'
import { describe, expect, it } from '@jest/globals'
import { failureOf } from './support/local-server.ts'

/** Wrong on purpose: what a caller without types may pass. */
type Wrong = Readonly<Record<string, unknown>>

function messageOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

describe('options of HttpClient', () => {
  it.each<[Wrong, string]>([
    [
      { baseUrl: '/v1' },
      "HttpClient.baseUrl must be an absolute http: or https: URL without credentials, query and fragment, got '/v1'",
    ],
    [
      { baseUrl: 'ftp://x' },
      "HttpClient.baseUrl must be an absolute http: or https: URL without credentials, query and fragment, got 'ftp://x/'",
    ],
    [
      { baseUrl: 'http://u:s3cret@x/' },
      "HttpClient.baseUrl must be an absolute http: or https: URL without credentials, query and fragment, got 'http://x/'",
    ],
    [
      { baseUrl: 'http://x\r\ny' },
      "HttpClient.baseUrl must be an absolute http: or https: URL without credentials, query and fragment, got 'http://x\\r\\ny'",
    ],
    [{ baseUrl: 7 }, 'HttpClient.baseUrl must be an absolute http: or https: URL without credentials, query and fragment, got 7'],
    [
      { headers: { 'x-a': 'a\r\nb: c' } },
      'headers.x-a must be text without line breaks, control characters and characters above U+00FF, got text that has some',
    ],
    [
      { headers: { 'x-a': 'a\u0000' } },
      'headers.x-a must be text without line breaks, control characters and characters above U+00FF, got text that has some',
    ],
    [{ headers: { 'x a': 'b' } }, "headers must be a name of letters, digits and hyphens for each header, got 'x a'"],
    [{ headers: { 'Content-Length': '5' } }, 'headers.content-length must be left out: the transport sets it, got a value'],
    [
      { headers: { 'transfer-encoding': 'chunked' } },
      'headers.transfer-encoding must be left out: the transport sets it, got a value',
    ],
    [{ headers: { 'x-a': ['b'] } }, 'headers.x-a must be text or a number, got an array of 1'],
    [
      { headers: 'x' },
      "HttpClient.headers must be an object of names and values (Object.fromEntries() makes one of Headers), got 'x'",
    ],
    [
      { timeout: 30 },
      'HttpClient.timeout must be an object with connectMs, writeMs, readMs, attemptMs or totalMs in milliseconds, got 30',
    ],
    [{ timeout: { totalMs: -5 } }, 'HttpClient.timeout.totalMs must be a finite number >= 0 or Infinity, got -5'],
    [{ timeout: { readMs: Number.NaN } }, 'HttpClient.timeout.readMs must be a finite number >= 0 or Infinity, got NaN'],
    [
      { timeout: { total: 5 } },
      'HttpClient.timeout.total is an unknown option, known are connectMs, writeMs, readMs, attemptMs, totalMs',
    ],
    [{ maxConnections: 0 }, 'HttpClient.maxConnections must be an integer >= 1 or Infinity, got 0'],
    [{ maxKeepaliveConnections: 1.5 }, 'HttpClient.maxKeepaliveConnections must be an integer >= 0 or Infinity, got 1.5'],
    [{ keepaliveExpiryMs: '5s' }, "HttpClient.keepaliveExpiryMs must be an integer >= 1 and <= 2147483647, got '5s'"],
    [{ maxResponseBytes: -1 }, 'HttpClient.maxResponseBytes must be a finite number >= 0 or Infinity, got -1'],
    [{ throwHttpErrors: 'no' }, "HttpClient.throwHttpErrors must be true or false, got 'no'"],
    [{ correlationHeader: 'x y' }, "HttpClient.correlationHeader must be the name of a header, got 'x y'"],
    [{ tls: { key: 7 } }, 'HttpClient.tls.key must be a non-empty string or a Uint8Array, got [redacted]'],
    [{ tls: { passphrase: 7 } }, 'HttpClient.tls.passphrase must be a string, got [redacted]'],
    [{ transport: {} }, 'HttpClient.transport must be an HttpTransport, got an object with keys (none)'],
    [
      { policies: {} },
      'HttpClient.policies must be an array of stages such as retry() and breaker() or a function that gives one, got an object with keys (none)',
    ],
    [{ policies: [7] }, 'stages[1] must be a stage such as retry(), breaker() or timeout(), got 7'],
  ])('%j: %s', (options, message) => {
    expect(messageOf(() => new HttpClient(options as HttpClientOptions))).toBe(message)
  })

  it('names every problem at once', () => {
    const options = { maxConnections: 0, retries: 3 } as unknown as HttpClientOptions
    expect(messageOf(() => new HttpClient(options))).toMatch(
      /^2 options of HttpClient are wrong:\n {2}HttpClient\.maxConnections .*\n {2}HttpClient\.retries /,
    )
  })
})

describe('options of EnhancedHttpClient', () => {
  it.each<[Wrong, string]>([
    [{ retry: true }, 'EnhancedHttpClient.retry must be false or an object with its options, got true'],
    [{ circuitBreaker: 'off' }, "EnhancedHttpClient.circuitBreaker must be false or an object with its options, got 'off'"],
    [{ timeout: 30 }, 'EnhancedHttpClient.timeout must be false or an object with its options, got 30'],
    [{ fallback: {} }, 'EnhancedHttpClient.fallback must be a function, got an object with keys (none)'],
    [{ retry: { maxRetries: -1 } }, 'retry.maxRetries must be an integer >= 0 or Infinity, got -1'],
    [{ circuitBreaker: { failureRatio: 2 } }, 'breaker.failureRatio must be a finite number >= 0 and <= 1, got 2'],
    [{ bulkhead: { limit: 0 } }, 'bulkhead.limit must be an integer >= 1, got 0'],
  ])('%j: %s', (options, message) => {
    expect(messageOf(() => new EnhancedHttpClient(options as EnhancedHttpClientOptions))).toBe(message)
  })

  it('takes no policies of its own: it has them', () => {
    const options = { policies: [] } as unknown as EnhancedHttpClientOptions
    expect(messageOf(() => new EnhancedHttpClient(options))).toContain('EnhancedHttpClient.policies is an unknown option')
  })
})

describe('a request', () => {
  const base = 'http://127.0.0.1:9/v1'
  const client = new HttpClient({ baseUrl: base })

  it.each<[unknown, Wrong, string]>([
    ['/a\r\nb', {}, "the URL of a request must be free of control characters, got '/a\\r\\nb'"],
    ['/a\tb', {}, "the URL of a request must be free of control characters, got '/a\\tb'"],
    ['/a\u0000', {}, "the URL of a request must be free of control characters, got '/a\\x00'"],
    ['/../admin', {}, `the URL of a request must be a path inside ${base}, got '/../admin'`],
    ['/%2e%2e/admin', {}, `the URL of a request must be a path inside ${base}, got '/%2e%2e/admin'`],
    [
      'https://evil.test/v1',
      {},
      "the URL of a request must be of the origin of baseUrl, http://127.0.0.1:9, got 'https://evil.test/v1'",
    ],
    [
      'http://u:s3cret@127.0.0.1:9/v1',
      {},
      'the URL of a request must be a URL without credentials: use a header, got http://127.0.0.1:9/v1',
    ],
    ['file:///etc/passwd', {}, "the URL of a request must be an http: or https: URL, got 'file:///etc/passwd'"],
    [undefined, {}, 'the URL of a request must be a path or a URL, got undefined'],
    ['/', { json: 1, form: {} }, 'request must be given at most one of json, form, multipart and body, got json and form'],
    [
      '/',
      { multipart: new FormData(), body: 'x' },
      'request must be given at most one of json, form, multipart and body, got multipart and body',
    ],
    ['/', { multipart: { file: 'x' } }, 'request.multipart must be a FormData, got an object with keys file'],
    [
      '/',
      { multipart: new FormData(), bodyBytes: 7 },
      'request.bodyBytes must be given with a body that is a stream, got another body',
    ],
    ['/', { body: 7 }, 'body must be text, bytes, a stream, an async iterable of bytes, or a function that gives one, got 7'],
    [
      '/',
      { query: new Map([['a', 1]]) },
      'request.query must be an object of names and values, or URLSearchParams, got an object with keys (none)',
    ],
    [
      '/',
      { form: new FormData() },
      'request.form must be an object of names and values, or URLSearchParams, got an object with keys (none)',
    ],
    [
      '/',
      { headers: new Headers({ a: 's3cret' }) },
      'request.headers must be an object of names and values (Object.fromEntries() makes one of Headers), got an object with keys (none)',
    ],
    [
      '/',
      { query: { a: { b: 1 } } },
      'query.a must be text, a number, true, false or an array of those, got an object with keys b',
    ],
    [
      '/',
      { form: { a: [Symbol.iterator] } },
      'form.a must be text, a number, true, false or an array of those, got Symbol(Symbol.iterator)',
    ],
    ['/', { signal: {} }, 'request.signal must be an AbortSignal, got an object with keys (none)'],
    ['/', { timeout: { totalMs: '5' } }, "request.timeout.totalMs must be a finite number >= 0 or Infinity, got '5'"],
    ['/', { headers: { Connection: 'close' } }, 'headers.connection must be left out: the transport sets it, got a value'],
    ['/', { cache: true }, 'request.cache must be false or an object with ttlMs and tags, got true'],
    ['/', { cache: { ttlMs: -1 } }, 'request.cache.ttlMs must be a finite number >= 0, got -1'],
    ['/', { cache: { tags: [''] } }, 'request.cache.tags must be an array, each item a non-empty string, got an array of 1'],
    ['http://', {}, "the URL of a request must be an http: or https: URL, got 'http://'"],
    ['http://[::1', {}, "the URL of a request must be an http: or https: URL, got 'http://[::1'"],
    [null, {}, 'the URL of a request must be a path or a URL, got null'],
    [
      '/',
      { headers: { 'x-token': 's3cret\r\nx: y' } },
      'headers.x-token must be text without line breaks, control characters and characters above U+00FF, got text that has some',
    ],
    [
      '/',
      { headers: { 'x-token': 's3cret\u0000' } },
      'headers.x-token must be text without line breaks, control characters and characters above U+00FF, got text that has some',
    ],
    [
      '/',
      { headers: { 'x-token': 's3cret☃' } },
      'headers.x-token must be text without line breaks, control characters and characters above U+00FF, got text that has some',
    ],
    ['/', { headers: { 'x\ny': '1' } }, "headers must be a name of letters, digits and hyphens for each header, got 'x\\ny'"],
    ['/', { headers: { '': '1' } }, "headers must be a name of letters, digits and hyphens for each header, got ''"],
    [
      '/',
      { headers: { 'Transfer-Encoding': 'chunked' } },
      'headers.transfer-encoding must be left out: the transport sets it, got a value',
    ],
    [
      '/',
      { body: { a: 1 } },
      'body must be text, bytes, a stream, an async iterable of bytes, or a function that gives one, got an object with keys a',
    ],
    ['/', { body: 'text', bodyBytes: 4 }, 'request.bodyBytes must be given with a body that is a stream, got another body'],
    ['/', { bodyBytes: -1 }, 'request.bodyBytes must be an integer >= 0, got -1'],
    ['/', { onUploadProgress: true }, 'request.onUploadProgress must be a function, got true'],
    ['/', { onDownloadProgress: {} }, 'request.onDownloadProgress must be a function, got an object with keys (none)'],
    ['/', { idempotencyKey: 7 }, 'request.idempotencyKey must be true or false or a non-empty string, got 7'],
    [
      '/',
      { idempotencyKey: 's3cret\r\n' },
      'headers.idempotency-key must be text without line breaks, control characters and characters above U+00FF, got text that has some',
    ],
    [
      '/',
      { params: {} },
      'request.params is an unknown option, known are headers, query, json, form, multipart, body, bodyBytes, timeout, signal, throwHttpErrors, maxResponseBytes, onUploadProgress, onDownloadProgress, idempotencyKey, schema, bodySchema, auth, cache',
    ],
  ])('to %j with %j: %s', async (target, options, message) => {
    const error = await failureOf(client.post(target as string, options as RequestOptions))
    expect(error).toBeInstanceOf(ConfigurationError)
    expect((error as Error).message).toBe(message)
    expect(inspect(error)).not.toContain('s3cret')
  })

  it.each(['', 'G ET', 'GET\r\n', 'CONNECT', 7])('with the method %j is refused', async (method) => {
    const error = await failureOf(client.request(method as string, '/'))
    expect(String(error)).toContain('the method of a request must be a word such as GET, and not CONNECT')
  })

  it('without a base URL must name one', async () => {
    const error = await failureOf(new HttpClient().get('/users'))
    expect(String(error)).toContain("must be an absolute URL, because the client has no baseUrl, got '/users'")
  })

  it('cannot carry what is no JSON', async () => {
    const cyclic: { self?: unknown } = {}
    cyclic.self = cyclic
    expect(await failureOf(client.post('/', { json: cyclic }))).toMatchObject({ code: 'COMM_VALIDATION' })
    expect(String(await failureOf(client.post('/', { json: () => undefined })))).toContain(
      'cannot be written as JSON: it is a function',
    )
  })
})

describe('options of the rest', () => {
  it.each<[string, () => unknown, string]>([
    [
      'gotTransport',
      () => gotTransport({ maxConnections: -1 }),
      'gotTransport.maxConnections must be an integer >= 1 or Infinity, got -1',
    ],
    [
      'gotTransport',
      () => gotTransport({ clock: 1 } as unknown as TransportOptions),
      'gotTransport.clock must be a Clock, got 1',
    ],
    [
      'contextHandler',
      () => contextHandler(() => undefined, { health: {} } as unknown as ServerOptions),
      'contextHandler.health must be an object with healthCheck() and isReady, such as a Lifecycle, got an object with keys (none)',
    ],
    [
      'contextHandler',
      () => contextHandler(() => undefined, { healthPath: 'health' }),
      "contextHandler.healthPath must be a path such as '/health', got 'health'",
    ],
    [
      'commPlugin',
      () =>
        commPlugin({ addHook: () => undefined, setErrorHandler: () => undefined }, { correlationHeader: 'x y' }, () => undefined),
      "commPlugin.correlationHeader must be the name of a header, got 'x y'",
    ],
    [
      'httpServerComponent',
      () => httpServerComponent(createServer(), { port: 70_000 }),
      'httpServerComponent.port must be an integer >= 0 and <= 65535, got 70000',
    ],
    [
      'httpServerComponent',
      () => httpServerComponent(createServer(), {} as HttpServerComponentOptions),
      'httpServerComponent.port must be an integer >= 0 and <= 65535, got nothing',
    ],
  ])('%s', (_what, run, message) => {
    expect(messageOf(run)).toBe(message)
  })
})
