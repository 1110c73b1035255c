import {
  type Clock,
  CommunicationError,
  currentContext,
  type Health,
  type Pipeline,
  pipeline,
  type Stage,
  systemClock,
  UP,
} from '@comm/core'
import { checkOptions, withDefaults } from '@comm/core/options'
import { HttpCache } from './cache/http-cache.ts'
import { CachedCalls, cachePlace } from './cached-calls.ts'
import { abortError, nameCall } from './call-errors.ts'
import { ClientCache } from './client-cache.ts'
import {
  CLIENT_RULES,
  HTTP_CLIENT_DEFAULTS,
  type HttpClientOptions,
  type RequestOptions,
  TIMEOUT_DEFAULTS,
  TIMEOUT_RULES,
  TLS_RULES,
} from './client-options.ts'
import { ACCEPT_ENCODING } from './decode.ts'
import { type Exchange, exchangeOver } from './exchange.ts'
import { gotTransport } from './got-transport.ts'
import { mergeHeaders } from './headers.ts'
import { type HttpRequest, makeRequest, type RequestDefaults } from './request.ts'
import { attemptTimeout, totalTimeout } from './request-timeout.ts'
import { type HttpResponse, HttpStreamResponse } from './response.ts'
import { responseOf } from './status-error.ts'
import type { HttpTransport, TransportOptions, TransportStats } from './transport.ts'
import { displayUrl, parseBaseUrl } from './url.ts'

const DEFAULT_HEADERS = Object.freeze({ accept: '*/*', 'accept-encoding': ACCEPT_ENCODING, 'user-agent': '@comm/http' })

/**
 * An HTTP client: pooled connections, time limits, typed errors, and the headers of the call context on every request.
 * Redirects are answers like any other.
 *
 * Every method throws HttpStatusError (4xx, 5xx), TimeoutError, ConnectionError, ConfigurationError for wrong arguments, and
 * CommunicationError with COMM_ABORTED, COMM_TOO_LARGE or COMM_CLOSED.
 */
export class HttpClient implements AsyncDisposable {
  readonly #defaults: RequestDefaults
  readonly #throwHttpErrors: boolean
  readonly #pipeline: Pipeline
  readonly #transport: HttpTransport
  readonly #ownsTransport: boolean
  readonly #exchange: Exchange
  readonly #httpCache: HttpCache | undefined
  readonly #cached: CachedCalls | undefined
  /** What is kept of answers; absent when turned off. */
  readonly cache: ClientCache | undefined
  #closed: Promise<void> | undefined

  constructor(options: HttpClientOptions = {}) {
    checkOptions<HttpClientOptions>('HttpClient', options, CLIENT_RULES)
    if (options.timeout !== undefined) checkOptions('HttpClient.timeout', options.timeout, TIMEOUT_RULES)
    if (options.tls !== undefined) checkOptions('HttpClient.tls', options.tls, TLS_RULES)
    const { throwHttpErrors, maxResponseBytes } = withDefaults(HTTP_CLIENT_DEFAULTS, options)
    const clock = options.clock ?? systemClock
    this.#defaults = Object.freeze({
      baseUrl: options.baseUrl === undefined ? undefined : parseBaseUrl('HttpClient.baseUrl', options.baseUrl),
      headers: Object.freeze(mergeHeaders({ ...DEFAULT_HEADERS }, options.headers)),
      timeout: Object.freeze(withDefaults(TIMEOUT_DEFAULTS, options.timeout ?? {})),
      maxResponseBytes,
      tls: options.tls,
      correlationHeader: options.correlationHeader,
    })
    this.#throwHttpErrors = throwHttpErrors
    this.#httpCache = cacheOf(options, clock)
    const stages = stagesOf(options.policies ?? [], this.#httpCache !== undefined)
    this.#pipeline = pipeline(stages, { clock })
    this.#ownsTransport = options.transport === undefined
    this.#transport = options.transport ?? gotTransport(transportOptions(options, clock))
    this.#exchange = exchangeOver(this.#transport)
    this.#cached = this.#httpCache && new CachedCalls(this.#httpCache, stages, this.#exchange, clock)
    this.cache = this.#httpCache && new ClientCache(this.#httpCache, this.#defaults.baseUrl)
  }

  get(target: string | URL, options?: RequestOptions): Promise<HttpResponse> {
    return this.request('GET', target, options)
  }

  post(target: string | URL, options?: RequestOptions): Promise<HttpResponse> {
    return this.request('POST', target, options)
  }

  put(target: string | URL, options?: RequestOptions): Promise<HttpResponse> {
    return this.request('PUT', target, options)
  }

  patch(target: string | URL, options?: RequestOptions): Promise<HttpResponse> {
    return this.request('PATCH', target, options)
  }

  delete(target: string | URL, options?: RequestOptions): Promise<HttpResponse> {
    return this.request('DELETE', target, options)
  }

  head(target: string | URL, options?: RequestOptions): Promise<HttpResponse> {
    return this.request('HEAD', target, options)
  }

  /** Sends a request and reads the whole answer. `target` is a path under `baseUrl`, or an absolute URL of its origin. */
  request(method: string, target: string | URL, options?: RequestOptions): Promise<HttpResponse> {
    return this.#call(method, target, 'bytes', options) as Promise<HttpResponse>
  }

  /**
   * Sends a request and gives the answer as soon as its headers are there. Read the body to its end or dispose the answer.
   * With `throwHttpErrors: false` the body of a 4xx or 5xx has been read already, and is a stream all the same.
   */
  async stream(method: string, target: string | URL, options?: RequestOptions): Promise<HttpStreamResponse> {
    const answer = await this.#call(method, target, 'stream', options)
    return answer instanceof HttpStreamResponse ? answer : HttpStreamResponse.of(answer)
  }

  /** The policies of a call in the order in which it meets them, one a line. */
  describe(): string {
    return this.#pipeline.describe()
  }

  stats(): TransportStats {
    return this.#transport.stats()
  }

  /** Degraded while the store of the cache is out of reach; a client without one has nothing to say. */
  health(): Health {
    return this.#httpCache?.health() ?? UP
  }

  /** Refuses new calls, waits for those under way, and closes the connections. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#ownsTransport ? this.#transport[Symbol.asyncDispose]() : Promise.resolve()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #call(
    method: string,
    target: string | URL,
    collect: 'bytes' | 'stream',
    options: RequestOptions | undefined,
  ): Promise<HttpResponse | HttpStreamResponse> {
    const request = makeRequest(this.#defaults, method, target, collect, options)
    if (this.#closed !== undefined) {
      throw new CommunicationError(`${request.method} ${displayUrl(request.url)} was not sent: the client is closed`, {
        code: 'COMM_CLOSED',
      })
    }
    const hit = this.#cached?.hit(request, options?.signal)
    if (hit !== undefined) return hit
    const signals = [options?.signal, currentContext()?.signal]
    try {
      const answer = await this.#answer(request, options?.signal)
      if (answer instanceof HttpStreamResponse) endWith(answer, signals)
      return answer
    } catch (thrown) {
      const answer = (options?.throwHttpErrors ?? this.#throwHttpErrors) ? undefined : responseOf(thrown)
      if (answer === undefined) throw nameCall(thrown, request, signals)
      return answer
    }
  }
  #answer(request: HttpRequest, signal: AbortSignal | undefined): Promise<HttpResponse | HttpStreamResponse> {
    const whole = (): Promise<HttpResponse | HttpStreamResponse> => this.#pipeline.run(this.#exchange, request, signal)
    return this.#cached === undefined ? whole() : this.#cached.run(request, signal, whole)
  }
}

function stagesOf(policies: readonly Stage[], hasCache: boolean): readonly Stage[] {
  const limited = policies.includes(totalTimeout) ? policies : [totalTimeout, ...policies]
  const whole = policies.length === 0 ? limited : [...limited, attemptTimeout]
  if (!hasCache || whole.includes(cachePlace)) return whole
  const place = whole.indexOf(totalTimeout) + 1
  return [...whole.slice(0, place), cachePlace, ...whole.slice(place)]
}

function cacheOf({ cache = false }: HttpClientOptions, clock: Clock): HttpCache | undefined {
  if (cache instanceof HttpCache) return cache
  if (cache === false) return undefined
  return new HttpCache(cache === true ? { clock } : { clock, ...cache })
}

/** The pipeline heeds the signals until the answer is there; a streamed body must do so until it has been read. */
function endWith({ body, method, url }: HttpStreamResponse, signals: readonly (AbortSignal | undefined)[]): void {
  for (const signal of signals) {
    if (signal === undefined) continue
    const abort = (): void => void body.destroy(abortError({ method, url }, signal.reason))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    body.once('close', () => signal.removeEventListener('abort', abort))
  }
}

function transportOptions(options: HttpClientOptions, clock: Clock): TransportOptions {
  const { maxConnections, maxKeepaliveConnections, keepaliveExpiryMs } = options
  return {
    clock,
    ...(maxConnections === undefined ? {} : { maxConnections }),
    ...(maxKeepaliveConnections === undefined ? {} : { maxKeepaliveConnections }),
    ...(keepaliveExpiryMs === undefined ? {} : { keepaliveExpiryMs }),
  }
}
