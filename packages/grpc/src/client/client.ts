import {
  type Breaker,
  type Call,
  currentContext,
  followPolicies,
  type Health,
  type Keyed,
  type Logger,
  type Pipeline,
  pipeline,
  type Stage,
  UP,
  unlessAborted,
  ValidationError,
} from '@comm/core'
import { LoadBalancer, pick } from '@comm/core/balancing'
import { checkOptions, describeValue } from '@comm/core/options'
import { connectivityState } from '@grpc/grpc-js'
import { type Context, context, type Span, trace } from '@opentelemetry/api'
import type { CompatServiceDefinition } from 'nice-grpc'
import { keepaliveOptions, sizeOptions } from '../channel-options.ts'
import { type Method, methodsOf } from '../method.ts'
import type { StatusName } from '../status.ts'
import { RpcTelemetry } from '../telemetry/rpc-telemetry.ts'
import { channelCredentials, openTls, type Tls } from '../tls.ts'
import { OpenedStream, openStream } from './answer-stream.ts'
import { nameCall, statusOf } from './call-errors.ts'
import { CALL_RULES, type GrpcCallOptions, type GrpcServiceClient } from './call-options.ts'
import { CallStream } from './call-stream.ts'
import { attemptTimeout, totalTimeout } from './call-timeout.ts'
import { Channels, COMPRESSIONS } from './channels.ts'
import { GRPC_CLIENT_DEFAULTS, type GrpcClientOptions, type ResolvedClient, resolveClient } from './options.ts'
import type { Outgoing } from './outgoing.ts'
import { pickPlace, policiesOf } from './policies.ts'
import { Requests } from './requests.ts'
import { sendClientStream, sendUnary } from './single-answer.ts'
import { type TokenAuthorization, tokenAuthorization } from './token-authorization.ts'
import { instanceVerdict, RETRY_STATUSES } from './verdicts.ts'

const NO_OPTIONS: GrpcCallOptions = Object.freeze({})

/**
 * Calls services over gRPC: `client.service(Definition)` has their methods. Correlation id, deadline and trace of the running request go with
 * every call; policies stand in front of each, `describe()` prints them in the order in which a call meets them; with `endpoints`, each
 * attempt goes to an instance of its own choice, over one connection for each instance.
 *
 * A call throws ConnectionError (no or a broken connection), ServiceUnavailableError, TimeoutError, ValidationError (INVALID_ARGUMENT),
 * AuthenticationError, AuthorizationError, RateLimitedError (RESOURCE_EXHAUSTED), GrpcStatusError (every other status), what the policies throw,
 * and CommunicationError with COMM_ABORTED, COMM_TOO_LARGE, COMM_UNSUPPORTED (UNIMPLEMENTED), COMM_CLOSED.
 */
export class GrpcClient implements AsyncDisposable {
  /** For people: the service, or the address. */
  readonly name: string
  /** Chooses among the instances; absent with an `address`. */
  readonly balancer: LoadBalancer | undefined
  /** Absent when turned off, or when each instance has its own. */
  readonly circuitBreaker: Breaker | undefined
  /** By the id of the instance: those that have been called of late. Absent when turned off, or when there is one for the client. */
  readonly circuitBreakers: Keyed<Breaker> | undefined
  readonly #options: ResolvedClient
  readonly #logger: Logger
  readonly #tls: Tls | undefined
  readonly #channels: Channels
  readonly #pipeline: () => Pipeline
  readonly #telemetry: RpcTelemetry
  readonly #authorization: TokenAuthorization | undefined
  readonly #retryStatuses: ReadonlySet<StatusName>
  readonly #services = new Map<CompatServiceDefinition, object>()

  /** @throws ConfigurationError */
  constructor(options: GrpcClientOptions) {
    const resolved = resolveClient(options)
    const { name, endpoints, balancer, clock, logger, tls, auth, address } = resolved
    this.name = name
    this.#retryStatuses = new Set((options.retry || GRPC_CLIENT_DEFAULTS.retry).statuses ?? RETRY_STATUSES)
    this.#options = resolved
    this.#logger = logger
    this.balancer = endpoints && new LoadBalancer({ ...balancer, instances: endpoints, name, clock, logger })
    this.#authorization = auth && tokenAuthorization(auth)
    const { stages, circuitBreaker, circuitBreakers } = policiesOf(options, resolved)
    this.circuitBreaker = circuitBreaker
    this.circuitBreakers = circuitBreakers
    this.#pipeline = followPolicies(stages, (own) => pipeline(this.#stages(own), { clock }))
    this.#telemetry = new RpcTelemetry('client', name)
    this.#tls = tls && openTls('GrpcClient.tls', tls, logger)
    const serverName = this.#tls?.reloader.current.servername
    this.#channels = new Channels({
      name,
      address,
      source: this.balancer?.source,
      credentials: channelCredentials(this.#tls),
      options: {
        ...sizeOptions(resolved.maxReceiveBytes, resolved.maxSendBytes),
        ...keepaliveOptions('GrpcClient.keepalive', resolved.keepalive),
        'grpc.default_compression_algorithm': COMPRESSIONS[resolved.compression],
        // Read by nice-grpc, which sees to it that a connection is made in this time; 0 is no limit.
        'grpc.min_reconnect_backoff_ms': Number.isFinite(resolved.timeout.connectMs) ? resolved.timeout.connectMs : 0,
        // An instance that comes back is called again soon; which instances are called, the balancer decides.
        'grpc.initial_reconnect_backoff_ms': 200,
        'grpc.max_reconnect_backoff_ms': 5000,
        // A connection of its own for each instance of each client, closed with it.
        'grpc.use_local_subchannel_pool': 1,
        'grpc.enable_channelz': 0,
        'grpc.service_config_disable_resolution': 1,
        ...(serverName === undefined
          ? {}
          : { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName }),
        ...(resolved.interceptors === undefined ? {} : { interceptors: [...resolved.interceptors] }),
        ...resolved.channelOptions,
      },
    })
  }

  /**
   * The methods of a service. The same object for the same definition.
   * @param definition as ts-proto generates it, or of nice-grpc or grpc-js
   */
  service<Service extends CompatServiceDefinition>(definition: Service): GrpcServiceClient<Service> {
    let known = this.#services.get(definition)
    if (known === undefined) {
      known = Object.freeze(Object.fromEntries(methodsOf(definition).map(([name, method]) => [name, this.#callerOf(method)])))
      this.#services.set(definition, known as object)
    }
    return known as GrpcServiceClient<Service>
  }

  /** One line per policy, outermost first. */
  describe(): string {
    return this.#pipeline().describe()
  }

  /** Resolves when the instances are known. Connections are made by the first calls. */
  async start(signal?: AbortSignal): Promise<void> {
    await this.balancer?.source.ready(signal)
  }

  /** `down` while no instance is known or every connection is broken, `degraded` while some are. */
  health(): Health {
    if (this.balancer?.source.instances.length === 0) return { status: 'down', reason: `no instance of ${this.name} is known` }
    const broken = this.#channels.all.filter(
      ({ client }) => client.getChannel().getConnectivityState(false) === connectivityState.TRANSIENT_FAILURE,
    )
    if (broken.length === 0) return UP
    const status = broken.length === this.#channels.all.length ? 'down' : 'degraded'
    return { status, reason: `no connection to ${broken.map(({ target }) => target).join(', ')}` }
  }

  /**
   * Refuses new calls, waits for those under way, and closes every connection. Idempotent.
   * @param signal ends the waiting: what still runs then is cut
   */
  async close(signal?: AbortSignal): Promise<void> {
    await unlessAborted(this.#channels.drain(), signal).catch(() => undefined)
    this.#channels.close()
    this.balancer?.close()
    this.#tls?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #stages(own: readonly Stage[]): readonly Stage[] {
    const { balancer } = this
    const stages = own.filter((stage) => stage !== pickPlace)
    if (balancer !== undefined) {
      const stage = pick(balancer, {
        classify: instanceVerdict,
        key: (call: Call) => (call.argument as Outgoing).options.balancingKey,
        holds: staysBusy,
      })
      const place = own.indexOf(pickPlace)
      stages.splice(place === -1 ? stages.length : place, 0, stage)
    }
    if (!stages.includes(totalTimeout)) stages.unshift(totalTimeout)
    if (this.#authorization !== undefined) stages.push(this.#authorization.stage)
    if (!stages.includes(attemptTimeout)) stages.push(attemptTimeout)
    return stages
  }

  #callerOf(method: Method): (request: never, options?: GrpcCallOptions) => unknown {
    if (method.responseStream) return (request, options) => this.#stream(method, request, options)
    const send = method.requestStream ? sendClientStream : sendUnary
    return (request, options) => this.#single(method, send, request, options)
  }

  async #single(
    method: Method,
    send: (outgoing: Outgoing, call: Call) => Promise<unknown>,
    request: unknown,
    options: GrpcCallOptions | undefined,
  ): Promise<unknown> {
    const outgoing = this.#begin(method, request, options)
    let answer: unknown
    try {
      answer = await this.#pipeline().run(send, outgoing, outgoing.options.signal)
    } catch (thrown) {
      outgoing.requests?.end()
      const error = nameCall(thrown, outgoing)
      this.#over(outgoing, error)
      throw error
    }
    outgoing.requests?.end()
    this.#over(outgoing, undefined)
    return answer
  }

  #stream(method: Method, request: unknown, options: GrpcCallOptions | undefined): AsyncIterable<unknown> {
    const outgoing = this.#begin(method, request, options)
    return new CallStream(outgoing, {
      clock: this.#options.clock,
      open: (signal) => this.#pipeline().run(openStream, outgoing, signal),
      whenOver: (error) => this.#over(outgoing, error),
    })
  }

  /** @throws ValidationError for a request that cannot be serialised, ConfigurationError for wrong options */
  #begin(method: Method, request: unknown, options: GrpcCallOptions = NO_OPTIONS): Outgoing {
    const startedAt = this.#options.clock.now()
    const span = this.#telemetry.startSpan(method.fullName)
    try {
      return this.#outgoing(method, request, options, span, startedAt)
    } catch (error) {
      this.#over({ method, span, startedAt }, error)
      throw error
    }
  }

  #over({ method: { fullName }, span, startedAt }: Pick<Outgoing, 'method' | 'span' | 'startedAt'>, error: unknown): void {
    const durationMs = this.#options.clock.now() - startedAt
    const status = error === undefined ? 'OK' : statusOf(error)
    this.#telemetry.end(span, fullName, status, durationMs, error)
    if (error !== undefined && this.#logger.isEnabled('debug')) {
      this.#logger.debug(`${fullName} of ${this.name} failed`, { error, status, durationMs: Math.round(durationMs) })
    }
  }

  #outgoing(method: Method, request: unknown, options: GrpcCallOptions, span: Span | undefined, startedAt: number): Outgoing {
    if (options !== NO_OPTIONS) checkOptions('call', options, CALL_RULES)
    const { timeout, correlationHeader, metadata } = this.#options
    const { timeoutMs = method.responseStream ? timeout.streamMs : timeout.totalMs } = options
    return {
      method,
      target: this.name,
      request: method.requestStream ? undefined : serialized(method, request),
      requests: method.requestStream ? requestsOf(method, request) : undefined,
      options,
      isIdempotent: options.idempotent ?? method.isIdempotent,
      retryStatuses: this.#retryStatuses,
      totalMs: timeoutMs,
      attemptMs: method.responseStream ? Number.POSITIVE_INFINITY : timeout.attemptMs,
      channels: this.#channels,
      context: currentContext(),
      trace: contextOf(span),
      span,
      startedAt,
      correlationHeader,
      metadata,
      authorize: this.#authorization?.authorize,
    }
  }
}

function contextOf(span: Span | undefined): Context {
  const active = context.active()
  return span === undefined ? active : trace.setSpan(active, span)
}

function serialized(method: Method, request: unknown): Buffer {
  try {
    return method.serializeRequest(request)
  } catch (cause) {
    const message = `${method.fullName} was not called: its request cannot be serialised: ${(cause as Error).message}`
    throw new ValidationError(message, { cause, details: { method: method.fullName } })
  }
}

function requestsOf({ fullName }: Method, request: unknown): Requests {
  if (!isStream(request)) {
    const message = `${fullName} was not called: its request must be an iterable of messages, async or not, got ${describeValue(request)}`
    throw new ValidationError(message, { details: { method: fullName } })
  }
  return new Requests(request)
}

function isStream(request: unknown): request is AsyncIterable<unknown> | Iterable<unknown> {
  return typeof request === 'object' && request !== null && (Symbol.asyncIterator in request || Symbol.iterator in request)
}

/** A stream keeps its instance busy while it is read. */
function staysBusy(answer: unknown, release: () => void): boolean {
  if (!(answer instanceof OpenedStream)) return false
  answer.stream.whenOver(release)
  return true
}
