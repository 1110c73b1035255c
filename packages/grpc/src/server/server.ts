import {
  CommunicationError,
  type Component,
  type ConfigurationError,
  ConnectionError,
  describeEndpoint,
  type Health,
  pause,
  UP,
  withinLimit,
} from '@comm/core'
import { type CompatServiceDefinition, createServer, type Server, type ServiceImplementation } from 'nice-grpc'
import { keepaliveOptions, sizeOptions } from '../channel-options.ts'
import { HealthDefinition } from '../generated/grpc/health/v1/health.ts'
import { methodsOf } from '../method.ts'
import { RpcTelemetry } from '../telemetry/rpc-telemetry.ts'
import { openTls, serverCredentials, type Tls } from '../tls.ts'
import { type GrpcCallContext, type Guarded, guard } from './guard.ts'
import { healthService } from './health-service.ts'
import { type InterceptedCall, interception } from './intercepted-call.ts'
import { type GrpcServerOptions, type ResolvedServer, resolveServer } from './options.ts'
import { addReflection } from './reflection.ts'

/** How long the statuses of ended calls may take to leave, before every connection is cut. */
const LAST_WORDS_MS = 100

/**
 * Answers calls over gRPC: `add(Definition, implementation)`, then `start()`. Inside an implementation `currentContext()` has the correlation
 * id, the deadline and the signal of the call, and calls made with the clients of this project heed all three. As a component of a Lifecycle
 * it stops without dropping a call.
 */
export class GrpcServer implements Component, AsyncDisposable {
  readonly name: string
  readonly #options: ResolvedServer
  readonly #tls: Tls | undefined
  readonly #services: Guarded[] = []
  readonly #names = new Set<string>()
  readonly #open = new Set<InterceptedCall>()
  readonly #stopping = new AbortController()
  #server: Server | undefined
  #starting: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #port: number | undefined
  #idle: (() => void) | undefined

  /** @throws ConfigurationError */
  constructor(options: GrpcServerOptions) {
    const resolved = resolveServer(options)
    this.#options = resolved
    this.name = resolved.name
    this.#tls = resolved.tls && openTls('GrpcServer.tls', resolved.tls, resolved.logger)
    try {
      // So that what is missing is noticed now.
      serverCredentials(this.#tls, this.#needsCertificate)
      keepaliveOptions('GrpcServer.keepalive', resolved.keepalive)
    } catch (error) {
      this.#tls?.close()
      throw error
    }
  }

  /** Where it listens: `host:port`, by a name that works on this machine, or `unix:///path`. @throws ConnectionError unless it listens */
  get address(): string {
    const { path, host, name } = this.#options
    if (this.#port === undefined) throw new ConnectionError(`${name} has no address: it does not listen`)
    if (path !== undefined) return `unix://${path}`
    const reachable = host === '0.0.0.0' || host === '::' ? 'localhost' : host
    return describeEndpoint({ host: reachable, port: this.#port })
  }

  /** 0 for a Unix socket. @throws ConnectionError unless it listens */
  get port(): number {
    if (this.#port === undefined) throw new ConnectionError(`${this.name} has no port: it does not listen`)
    return this.#port
  }

  /** Calls that have come in and are not answered yet. */
  get inFlight(): number {
    return this.#open.size
  }

  /**
   * Adds a service, before `start()`. A method that the implementation does not have is answered UNIMPLEMENTED.
   * @throws CommunicationError COMM_CLOSED after the start
   */
  add<Service extends CompatServiceDefinition>(
    definition: Service,
    implementation: ServiceImplementation<Service, GrpcCallContext>,
  ): this {
    if (this.#starting !== undefined) {
      throw new CommunicationError(`${this.name}: a service was added after the start`, { code: 'COMM_CLOSED' })
    }
    const { authenticate, logger } = this.#options
    this.#services.push(guard(definition, implementation, { authenticate, logger }))
    for (const [, { fullName }] of methodsOf(definition)) this.#names.add(fullName.slice(0, fullName.lastIndexOf('/')))
    return this
  }

  /** Resolves when it listens. Idempotent. @throws ConnectionError when it cannot */
  start(signal?: AbortSignal): Promise<void> {
    this.#starting ??= this.#start(signal)
    return this.#starting
  }

  /** No new connections and no new calls; those under way go on. Idempotent. */
  stopIntake(): void {
    if (this.#stopping.signal.aborted) return
    this.#stopping.abort(new CommunicationError(`${this.name} stops`, { code: 'COMM_CLOSED' }))
    this.#closing ??= this.#server?.shutdown() ?? Promise.resolve()
    this.#closing.catch(() => undefined)
  }

  /** Resolves when every call has ended; what still runs after `drainMs`, or when the signal aborts, is ended with UNAVAILABLE. */
  async drain(signal?: AbortSignal): Promise<void> {
    const { clock, drainMs, name, logger } = this.#options
    if (this.#open.size === 0) return
    const idle = new AbortController()
    this.#idle = () => idle.abort()
    await pause(clock, drainMs, idle.signal, ...(signal === undefined ? [] : [signal]))
    if (this.#open.size === 0) return
    logger.info(`${name}: ${this.#open.size} calls still ran after ${drainMs} ms and were ended with UNAVAILABLE`)
    for (const call of [...this.#open]) call.stop('the server is stopping')
  }

  /** Stops listening and cuts what is open. Idempotent. */
  async close(): Promise<void> {
    this.stopIntake()
    await this.#starting?.catch(() => undefined)
    for (const call of [...this.#open]) call.stop('the server is stopping')
    // What has just been ended gets its time to be sent.
    if (this.#closing !== undefined) await withinLimit(this.#options.clock, LAST_WORDS_MS, this.#closing).catch(() => undefined)
    this.#server?.forceShutdown()
    await this.#closing?.catch(() => undefined)
    this.#port = undefined
    this.#tls?.close()
  }

  health(): Health {
    if (this.#port === undefined) return { status: 'down', reason: 'not listening' }
    const problem = this.#tls?.reloader.problem
    return problem === undefined ? UP : { status: 'degraded', reason: problem.message }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopIntake()
    await this.drain()
    await this.close()
  }

  get #needsCertificate(): boolean {
    return this.#options.clientCertificate ?? this.#tls?.reloader.current.ca !== undefined
  }

  async #start(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#stopping.signal.aborted) throw this.#stopping.signal.reason
    const server = await this.#build()
    const { path, host, port = 0 } = this.#options
    const where = path === undefined ? describeEndpoint({ host, port }) : `unix://${path}`
    try {
      this.#port = await server.listen(where, serverCredentials(this.#tls, this.#needsCertificate))
    } catch (cause) {
      throw notListening(this.name, where, cause)
    }
    if (signal?.aborted || this.#stopping.signal.aborted) {
      server.forceShutdown()
      this.#port = undefined
      this.#tls?.close()
      throw signal?.aborted ? signal.reason : this.#stopping.signal.reason
    }
    this.#server = server
  }

  async #build(): Promise<Server> {
    const {
      clock,
      logger,
      correlationHeader,
      interceptors = [],
      middleware = [],
      health,
      reflection,
      healthWatchMs,
    } = this.#options
    const { maxReceiveBytes, maxSendBytes, maxStreamsPerConnection, keepalive, serverOptions } = this.#options
    const ours = interception({
      telemetry: new RpcTelemetry('server'),
      clock,
      logger,
      correlationHeader,
      open: this.#open,
      whenEnded: () => this.#idle?.(),
    })
    let server = createServer({
      ...sizeOptions(maxReceiveBytes, maxSendBytes),
      ...keepaliveOptions('GrpcServer.keepalive', keepalive),
      ...(Number.isFinite(maxStreamsPerConnection) ? { 'grpc.max_concurrent_streams': maxStreamsPerConnection } : {}),
      'grpc.enable_channelz': 0,
      interceptors: [ours, ...interceptors],
      ...serverOptions,
    })
    for (const each of middleware) server = server.use(each) as Server
    for (const { definition, implementation } of this.#services) server.add(definition, implementation as never)
    const open = { authenticate: undefined, logger }
    if (health !== false) {
      const parts = { source: health, services: this.#names, watchMs: healthWatchMs, clock, stopping: this.#stopping.signal }
      const guarded = guard(HealthDefinition, healthService(parts), open)
      server.add(guarded.definition, guarded.implementation as never)
    }
    if (reflection !== undefined) await addReflection(server, reflection, [...this.#names])
    return server
  }
}

function notListening(name: string, where: string, thrown: unknown): ConnectionError | ConfigurationError {
  const { message } = thrown as Error
  const system = /\b(E[A-Z]{4,})\b/.exec(message)?.[1]
  const remedy = system === 'EADDRINUSE' ? '; stop what uses it, or choose another' : ''
  return new ConnectionError(`${name} could not listen on ${where}: ${message}${remedy}`, {
    cause: thrown,
    retryable: false,
    details: { address: where, ...(system === undefined ? {} : { system }) },
  })
}
