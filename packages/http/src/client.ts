import {
  type Clock,
  CommunicationError,
  currentContext,
  followPolicies,
  type Health,
  type Pipeline,
  pipeline,
  retry,
  silentLogger,
  systemClock,
  type TokenSource,
  UP,
} from '@comm/core'
import type { LoadBalancer } from '@comm/core/balancing'
import { checkOptions, withDefaults } from '@comm/core/options'
import { ClientAuth } from './auth/client-auth.ts'
import { clientCredentials } from './auth/client-credentials.ts'
import type { OAuth2Options } from './auth/options.ts'
import { destinationOf } from './balancing/destination.ts'
import { probeOver } from './balancing/probe.ts'
import { Services } from './balancing/services.ts'
import { withCheckedJson } from './body.ts'
import type { HttpCache } from './cache/http-cache.ts'
import { CachedCalls } from './cached-calls.ts'
import { nameCall } from './call-errors.ts'
import { ClientCache, cacheOf } from './client-cache.ts'
import {
  CLIENT_RULES,
  HTTP_CLIENT_DEFAULTS,
  type HttpClientOptions,
  type RequestOptions,
  TIMEOUT_DEFAULTS,
  TIMEOUT_RULES,
  transportOptions,
} from './client-options.ts'
import { stagesOf } from './client-stages.ts'
import { ClientTls } from './client-tls.ts'
import { ACCEPT_ENCODING } from './decode.ts'
import { endWith } from './end-with.ts'
import { EventStreams } from './events/event-streams.ts'
import { type EventsOptions, resolveEvents, type ServerSentEvent } from './events/options.ts'
import { type Exchange, exchangeOver } from './exchange.ts'
import { gotTransport } from './got-transport.ts'
import { mergeHeaders } from './headers.ts'
import { Intercepting } from './interceptors.ts'
import { type PaginateOptions, resolvePagination } from './pagination/options.ts'
import { paginate } from './pagination/paginate.ts'
import { type Journey, journeyOf, type Leg } from './redirects/journey.ts'
import { refuse } from './refuse.ts'
import { changeRequest, type HttpRequest, makeRequest, type RequestChange, type RequestDefaults } from './request.ts'
import { checkAnswer, type HttpResponse, HttpStreamResponse } from './response.ts'
import { responseOf } from './status-error.ts'
import { observedExchange } from './telemetry/observed-exchange.ts'
import type { HttpTransport, TransportStats } from './transport.ts'
import { displayUrl } from './url.ts'
import { retryVerdict } from './verdicts.ts'

type Answer = HttpResponse | HttpStreamResponse

/** What a call goes through under the policies of the moment. */
interface Way {
  readonly whole: Pipeline
  readonly cached: CachedCalls | undefined
}

const NO_BALANCERS: ReadonlyMap<string, LoadBalancer> = new Map()
const DEFAULT_HEADERS = Object.freeze({ accept: '*/*', 'accept-encoding': ACCEPT_ENCODING, 'user-agent': '@comm/http' })

/**
 * An HTTP client: pooled connections, time limits, typed errors, and the headers of the call context on every request.
 * Redirects are answers like any other, unless `maxRedirects` says so.
 *
 * Every method throws HttpStatusError (4xx, 5xx), TimeoutError, ConnectionError, ConfigurationError for wrong arguments, and
 * CommunicationError with COMM_ABORTED, COMM_TOO_LARGE or COMM_CLOSED.
 */
export class HttpClient implements AsyncDisposable {
  readonly #defaults: RequestDefaults
  readonly #throwHttpErrors: boolean
  readonly #way: () => Way
  readonly #transport: HttpTransport
  readonly #ownsTransport: boolean
  readonly #exchange: Exchange
  readonly #httpCache: HttpCache | undefined
  readonly #services: Services | undefined
  readonly #events = new EventStreams()
  readonly #clock: Clock
  readonly #tls: ClientTls | undefined
  readonly #auth: ClientAuth
  readonly #intercepting: Intercepting | undefined
  readonly #journey: Journey | undefined
  /** What is kept of answers; absent when turned off. */
  readonly cache: ClientCache | undefined
  readonly #addressOf = ({ instance }: Answer): string | undefined => this.#services?.addressOf(instance)
  #closed: Promise<void> | undefined

  constructor(options: HttpClientOptions = {}) {
    checkOptions<HttpClientOptions>('HttpClient', options, CLIENT_RULES)
    if (options.timeout !== undefined) checkOptions('HttpClient.timeout', options.timeout, TIMEOUT_RULES)
    const { throwHttpErrors, maxResponseBytes, idempotencyKeys } = withDefaults(HTTP_CLIENT_DEFAULTS, options)
    const clock = options.clock ?? systemClock
    this.#clock = clock
    const destination = destinationOf(options)
    const { endpoints, protocol, host } = destination
    this.#tls = options.tls && new ClientTls(options.tls, options.logger ?? silentLogger, clock)
    this.#defaults = Object.freeze({
      destination,
      headers: Object.freeze(mergeHeaders({ ...DEFAULT_HEADERS, ...(host === undefined ? {} : { host }) }, options.headers)),
      timeout: Object.freeze(withDefaults(TIMEOUT_DEFAULTS, options.timeout ?? {})),
      maxResponseBytes,
      tls: this.#tls,
      correlationHeader: options.correlationHeader,
      idempotencyKeys,
    })
    this.#throwHttpErrors = throwHttpErrors
    this.#httpCache = cacheOf(options, clock)
    if (options.proxy !== undefined && options.transport !== undefined) {
      refuse('HttpClient.proxy', 'given to the transport, where one is given', 'both')
    }
    this.#ownsTransport = options.transport === undefined
    this.#transport = options.transport ?? gotTransport(transportOptions(options, clock))
    const probe = probeOver({ transport: this.#transport, protocol, host, tls: this.#tls })
    this.#services = endpoints && new Services(destination, endpoints, { balancer: options.balancer ?? {}, clock, probe })
    this.#exchange = observedExchange(exchangeOver(this.#transport), options.detailedMetrics)
    this.#way = followPolicies(options.policies ?? [], (policies) => {
      const stages = stagesOf(policies, this.#httpCache !== undefined, this.#services?.stage)
      const cached = this.#httpCache && new CachedCalls(this.#httpCache, stages, this.#exchange, clock)
      return { whole: pipeline(stages, { clock }), cached }
    })
    this.cache = this.#httpCache && new ClientCache(this.#httpCache, destination.baseUrl)
    this.#intercepting = options.interceptors && new Intercepting(options.interceptors)
    this.#journey = journeyOf(options, { baseUrl: destination.baseUrl, addressOf: this.#addressOf, clock })
    this.#auth = new ClientAuth({
      auth: options.auth,
      baseUrl: destination.baseUrl,
      headers: this.#defaults.headers,
      inner: {
        hit: (request, signal) => this.#way().cached?.hit(request, signal),
        answer: (request, signal) => this.#answer(request, signal),
      },
      clock,
      tokensOf: (oauth2) => this.#tokensOf(oauth2, options, clock),
    })
  }

  get<Json = unknown>(target: string | URL, options?: RequestOptions<Json>): Promise<HttpResponse<Json>> {
    return this.request('GET', target, options)
  }

  post<Json = unknown>(target: string | URL, options?: RequestOptions<Json>): Promise<HttpResponse<Json>> {
    return this.request('POST', target, options)
  }

  put<Json = unknown>(target: string | URL, options?: RequestOptions<Json>): Promise<HttpResponse<Json>> {
    return this.request('PUT', target, options)
  }

  patch<Json = unknown>(target: string | URL, options?: RequestOptions<Json>): Promise<HttpResponse<Json>> {
    return this.request('PATCH', target, options)
  }

  delete<Json = unknown>(target: string | URL, options?: RequestOptions<Json>): Promise<HttpResponse<Json>> {
    return this.request('DELETE', target, options)
  }

  head<Json = unknown>(target: string | URL, options?: RequestOptions<Json>): Promise<HttpResponse<Json>> {
    return this.request('HEAD', target, options)
  }

  /** Sends a request and reads the whole answer. `target` is a path under `baseUrl`, or an absolute URL of its origin. */
  request<Json = unknown>(method: string, target: string | URL, options?: RequestOptions<Json>): Promise<HttpResponse<Json>> {
    return this.#call(method, target, 'bytes', options) as Promise<HttpResponse<Json>>
  }

  /**
   * Sends a request and gives the answer as soon as its headers are there. Read the body to its end or dispose the answer.
   * With `throwHttpErrors: false` the body of a 4xx or 5xx has been read already, and is a stream all the same.
   */
  async stream(method: string, target: string | URL, options?: RequestOptions): Promise<HttpStreamResponse> {
    const answer = await this.#call(method, target, 'stream', options)
    return answer instanceof HttpStreamResponse ? answer : HttpStreamResponse.of(answer)
  }

  /**
   * Reads server-sent events (WHATWG HTML, 9.2): asks for them again from the last one when the connection ends or breaks, until the server
   * answers 204. Leave the loop, or abort, to stop. A first connection that fails, an answer that is no such stream, and a failure that another
   * attempt would not mend are thrown.
   */
  events(target: string | URL, options: EventsOptions = {}): AsyncGenerator<ServerSentEvent, void, undefined> {
    const resolved = resolveEvents(options)
    const open = (method: string, request: RequestOptions): Promise<HttpStreamResponse> => this.stream(method, target, request)
    return this.#events.read({ ...resolved, open, clock: this.#clock }, options.signal)
  }

  /**
   * The items of a list that comes in pages: `for await (const order of client.paginate<Order>('/orders'))`. A page is asked for when the
   * items before it have been taken; pages of another origin are not.
   */
  paginate<Item = unknown>(target: string | URL, options: PaginateOptions<Item> = {}): AsyncGenerator<Item, void, undefined> {
    const send = (method: string, page: string | URL, request: RequestOptions): Promise<HttpResponse> =>
      this.request(method, page, request)
    return paginate(target, { ...resolvePagination(options), send, addressOf: this.#addressOf })
  }

  /** The policies of a call in the order in which it meets them, one a line. */
  describe(): string {
    return this.#way().whole.describe()
  }

  stats(): TransportStats {
    return this.#transport.stats()
  }

  /** By the name of the service; empty without `endpoints`. Each knows what its instances are doing. */
  get balancers(): ReadonlyMap<string, LoadBalancer> {
    return this.#services?.balancers ?? NO_BALANCERS
  }

  /** Degraded while the store of the cache is out of reach, TLS files cannot be used, or a service has no instance that is well. */
  health(): Health {
    const parts = [this.#httpCache, this.#tls, this.#services].map((part) => part?.health() ?? UP)
    return parts.find(({ status }) => status !== 'up') ?? UP
  }

  /** Refuses new calls, waits for those under way, ends streams of events, and closes the connections. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#events.close()
    if (this.#ownsTransport) await this.#transport[Symbol.asyncDispose]()
    this.#services?.close()
    this.#tls?.[Symbol.dispose]()
  }

  /** Most calls have nothing to be awaited before and after: they get by with the promise of the call itself. */
  #call(method: string, target: string | URL, collect: 'bytes' | 'stream', options: RequestOptions | undefined): Promise<Answer> {
    if (options?.bodySchema !== undefined || options?.schema !== undefined || this.#intercepting !== undefined)
      return this.#checkedCall(method, target, collect, options)
    try {
      const sent = this.#send(this.#request(method, target, collect, options), options)
      return sent instanceof Promise ? sent : Promise.resolve(sent)
    } catch (thrown) {
      return Promise.reject(thrown)
    }
  }

  #request(method: string, target: string | URL, collect: 'bytes' | 'stream', options: RequestOptions | undefined): HttpRequest {
    const request = makeRequest(this.#defaults, method, target, collect, options)
    if (this.#closed === undefined) return request
    throw new CommunicationError(`${request.method} ${displayUrl(request.url)} was not sent: the client is closed`, {
      code: 'COMM_CLOSED',
    })
  }

  async #checkedCall(
    method: string,
    target: string | URL,
    collect: 'bytes' | 'stream',
    options: RequestOptions | undefined,
  ): Promise<Answer> {
    const checked = options?.bodySchema === undefined ? options : await withCheckedJson(options, options.bodySchema)
    const request = this.#request(method, target, collect, checked)
    const { schema } = options ?? {}
    if (schema !== undefined && collect === 'stream') refuse('request.schema', 'left out for a stream', 'a schema')
    const send = (sent: HttpRequest): Answer | Promise<Answer> => this.#send(sent, options)
    const check = (answer: Answer): Answer | Promise<Answer> =>
      schema === undefined || answer instanceof HttpStreamResponse ? answer : checkAnswer(answer, schema)
    if (this.#intercepting === undefined) return check(await send(request))
    const change = (from: HttpRequest, to: RequestChange): HttpRequest => changeRequest(this.#defaults, from, to)
    return this.#intercepting.run(request, { change, send, signal: options?.signal, check })
  }

  /** Without a promise what the cache has. */
  #send(request: HttpRequest, options: RequestOptions | undefined): Answer | Promise<Answer> {
    const context = currentContext()?.signal
    try {
      const sent =
        this.#journey === undefined
          ? this.#auth.send(request, options?.auth, options?.signal)
          : this.#journey.run(request, this.#leg(options?.auth), options?.signal)
      return sent instanceof Promise ? this.#settled(sent, request, options, context) : sent
    } catch (thrown) {
      throw nameCall(thrown, request, [options?.signal, context])
    }
  }

  #settled(
    sent: Promise<Answer>,
    request: HttpRequest,
    options: RequestOptions | undefined,
    context: AbortSignal | undefined,
  ): Promise<Answer> {
    const answered = (answer: Answer): Answer => {
      if (answer instanceof HttpStreamResponse) endWith(answer, [options?.signal, context])
      return answer
    }
    const failed = (thrown: unknown): Answer => {
      const answer = (options?.throwHttpErrors ?? this.#throwHttpErrors) ? undefined : responseOf(thrown)
      if (answer === undefined) throw nameCall(thrown, request, [options?.signal, context])
      return answer
    }
    // Whole answers need not be looked at.
    return sent.then(request.collect === 'stream' ? answered : undefined, failed)
  }

  #leg(auth: RequestOptions['auth']): Leg {
    return (request, isElsewhere, signal) => this.#auth.send(request, isElsewhere ? false : auth, signal)
  }

  #answer(request: HttpRequest, signal: AbortSignal | undefined): Promise<Answer> {
    const { whole, cached } = this.#way()
    const run = (): Promise<Answer> => whole.run(this.#exchange, request, signal)
    return cached === undefined ? run() : cached.run(request, signal, run)
  }

  /** Over the same connections, past the client's own policies; the name expected in a certificate is that of another server. */
  #tokensOf(oauth2: OAuth2Options, { logger = silentLogger }: HttpClientOptions, clock: Clock): TokenSource {
    const http = new HttpClient({
      transport: this.#transport,
      clock,
      policies: [retry(TOKEN_RETRY)],
      ...(this.#tls !== undefined && { tls: this.#tls.forOthers }),
    })
    return clientCredentials(http, oauth2, { clock, logger })
  }
}

/** Asking for a token twice does no harm (RFC 6749, 4.4). */
const TOKEN_RETRY = { maxRetries: 2, classify: retryVerdict, isSafe: () => true }
