import { type IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  type Clock,
  type Component,
  type Health,
  type HealthReport,
  Lifecycle,
  type Logger,
  type StopReport,
  sleep,
} from '@comm/core'
import { contextHandler, type HttpServerComponent, httpServerComponent } from '@comm/http/server'
import { checkClientCertificates } from './config/client-certificates.ts'
import type { GatewayConfig } from './config/gateway-config.ts'
import {
  type GatewayFileConfig,
  type GatewayOptions,
  type ResolvedSettings,
  resolveSettings,
  splitFileConfig,
} from './config/gateway-options.ts'
import { Problems } from './config/problems.ts'
import { resolveConfig } from './config/resolve.ts'
import { RunningConfig } from './config/running-config.ts'
import { type ReloadReport, RunningSettings } from './config/running-settings.ts'
import { ClientExchange, DEADLINE_NAME } from './exchange/client-exchange.ts'
import type { ExchangeParts } from './exchange/exchange-parts.ts'
import { UpgradeExchange } from './exchange/upgrade-exchange.ts'
import { FieldNames } from './message/field-names.ts'
import { Forwarding } from './message/forwarding.ts'
import { logAccess } from './observe/access-log.ts'
import { GatewayMetrics } from './observe/metrics.ts'
import { healthOf, type ServiceState, statesOf } from './observe/service-states.ts'
import { endSpan } from './observe/tracing.ts'
import { describeRoutes } from './routing/describe-routes.ts'
import type { RouteTable } from './routing/route-table.ts'
import { answerClientError, refuseTunnel } from './server/client-error.ts'
import { serverFor } from './server/create-server.ts'
import { answerServerOptions } from './server/server-options.ts'
import { Certificates } from './server/tls.ts'
import { Tunnels } from './server/tunnels.ts'

const EXCHANGE: unique symbol = Symbol('exchange')
type KnownResponse = ServerResponse & { [EXCHANGE]?: ClientExchange }

/** The front door of services. Start it, or add it to a manager or a Lifecycle as a component. */
export interface Gateway extends Component, AsyncDisposable {
  /** Where it listens. @throws ConnectionError unless it listens */
  readonly url: string
  readonly isReady: boolean
  /** Requests that are not answered to the end. */
  readonly inFlight: number
  readonly services: Readonly<Record<string, ServiceState>>
  /** The routes as a table, in the order in which they were written. */
  describe(): string
  /** Listens. Idempotent. @throws ConnectionError when the port cannot be had, ConfigurationError when gRPC routes have no `@comm/grpc` */
  start(signal?: AbortSignal): Promise<void>
  /**
   * Takes on another configuration, whole or not at all. Requests under way end under the old one; no connection is dropped. Services that
   * have not changed keep their connections, breakers and what is known of their instances. Of settings those that can change are changed;
   * the report names the others, and so does the log. What it does not name stays as it is.
   * @throws ConfigurationError with every problem at once; the old one holds on then
   */
  reload(config: GatewayFileConfig): ReloadReport
  /** Looks at the files of all certificates now, those for services too; it does so by itself every ten seconds. */
  reloadCertificates(): Promise<void>
  /** Readiness red, a pause, no new connections, requests under way and WebSockets finished, everything closed. Later calls give the same report. */
  stop(): Promise<StopReport>
}

class HttpGateway implements Gateway, ExchangeParts {
  readonly name: string
  readonly clock: Clock
  readonly random: () => number
  readonly names: FieldNames
  forwarding: Forwarding
  readonly correlationName: string
  readonly requestIdName: string
  readonly #settings: RunningSettings
  readonly #config: RunningConfig
  readonly logger: Logger
  #logsAccess: boolean
  readonly #metrics: GatewayMetrics
  readonly #certificates: Certificates | undefined
  readonly #server: Server
  readonly #component: HttpServerComponent
  readonly #answerHealth: RequestListener
  readonly #tunnels = new Tunnels()
  #isReady = false
  #inFlight = 0
  #stopping: Promise<StopReport> | undefined

  constructor(options: GatewayOptions) {
    const { services, routes, prefix, ...settings } = options
    const problems = new Problems()
    const resolved = problems.attempt(() => resolveSettings(settings))
    const config: GatewayConfig = { services, ...(routes && { routes }), ...(prefix !== undefined && { prefix }) }
    const { clock, logger } = resolved ?? resolveSettings({ port: 0 })
    const running = problems.attempt(() => new RunningConfig(config, clock, logger))
    problems.attempt(() => checkClientCertificates(config, resolved?.tls))
    if (problems.count > 0) void running?.close()
    problems.throwIfAny('gateway')
    this.#settings = new RunningSettings(resolved as ResolvedSettings)
    this.#config = running as RunningConfig
    const { name, random, correlationHeader, requestIdHeader } = this.#settings.current
    this.name = name
    this.clock = clock
    this.random = random
    this.logger = logger
    this.correlationName = correlationHeader.toLowerCase()
    this.requestIdName = requestIdHeader.toLowerCase()
    this.names = new FieldNames({ correlation: this.correlationName, requestId: this.requestIdName, timeLeft: DEADLINE_NAME })
    const { healthPath, readyPath, livePath } = this.#settings.current
    this.forwarding = forwardingOf(this.#settings.current)
    this.#logsAccess = this.#settings.current.accessLog && logger.isEnabled('info')
    this.#metrics = new GatewayMetrics(() => this.#inFlight)
    this.#answerHealth = contextHandler(() => undefined, {
      health: this.#healthSource(),
      healthPath,
      readyPath,
      livePath,
      correlationHeader,
    })
    const { tls } = this.#settings.current
    try {
      this.#certificates = tls && new Certificates(tls, this.logger, clock)
    } catch (wrong) {
      void this.#config.close()
      throw wrong
    }
    this.#server = this.#createServer()
    const { port, host } = this.#settings.current
    this.#component = httpServerComponent(this.#server, { port, name, ...(host === undefined ? {} : { host }) })
  }

  get url(): string {
    return this.#component.url
  }

  get isReady(): boolean {
    return this.#isReady
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get table(): RouteTable {
    return this.#config.table
  }

  get services(): Readonly<Record<string, ServiceState>> {
    return statesOf(this.#config.upstreams)
  }

  describe(): string {
    return describeRoutes(this.table.routes)
  }

  async start(signal: AbortSignal = new AbortController().signal): Promise<void> {
    await this.#config.load()
    await this.#component.start(signal)
    this.#config.start()
    this.#isReady = true
    this.logger.info(`${this.name} listens on ${this.url}, with these routes:\n${this.describe()}`)
  }

  reload(whole: GatewayFileConfig): ReloadReport {
    const { config, settings: given } = splitFileConfig(whole)
    const problems = new Problems()
    const compared = problems.attempt(() => this.#settings.compare(given))
    problems.attempt(() => checkClientCertificates(config, this.#settings.current.tls))
    if (compared === undefined || problems.count > 0) problems.attempt(() => resolveConfig(config))
    problems.throwIfAny('gateway')
    const { settings, needsRestart } = compared as NonNullable<typeof compared>
    using certificates = settings.tls && this.#certificates?.prepare(settings.tls)
    this.#config.adopt(config)
    certificates?.take()
    this.#settings.adopt(settings, given)
    this.forwarding = forwardingOf(settings)
    this.#logsAccess = settings.accessLog && this.logger.isEnabled('info')
    this.logger.info(`${this.name} has a new configuration, with these routes:\n${this.describe()}`)
    if (needsRestart.length > 0)
      this.logger.warn(
        `${this.name} goes on with these settings as they were until it is started anew: ${needsRestart.join(', ')}`,
      )
    return { needsRestart }
  }

  async reloadCertificates(): Promise<void> {
    await Promise.all([this.#certificates?.reload(), this.#config.reloadCertificates()])
  }

  stop(): Promise<StopReport> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<StopReport> {
    const { clock, stopBudgetMs, readinessDelayMs } = this.#settings.current
    const begunAt = clock.now()
    this.#isReady = false
    if (readinessDelayMs > 0) await sleep(readinessDelayMs, { clock })
    const lifecycle = new Lifecycle({ clock, stopBudgetMs: stopBudgetMs - readinessDelayMs, logger: this.logger })
    lifecycle.add(this)
    const { problems } = await lifecycle.stop()
    return { durationMs: clock.now() - begunAt, problems }
  }

  async stopIntake(signal: AbortSignal): Promise<void> {
    this.#isReady = false
    await this.#component.stopIntake(signal)
  }

  async drain(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#component.drain(signal), this.#tunnels.drain(signal)])
  }

  async close(): Promise<void> {
    this.#isReady = false
    this.#tunnels.close()
    await this.#component.close(new AbortController().signal)
    await this.#config.close()
    this.#metrics.close()
    this.#certificates?.[Symbol.dispose]()
  }

  health(): Health {
    return this.#component.health(new AbortController().signal) as Health
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  logFailure({ method, pathname, status, correlationId }: ClientExchange, error: unknown): void {
    this.logger.warn(`${method} ${pathname} was answered ${status}`, { error, correlationId })
  }

  ended(exchange: ClientExchange): void {
    this.#inFlight--
    this.#metrics.record(exchange)
    if (exchange.span !== undefined) endSpan(exchange.span, exchange)
    if (this.#logsAccess) logAccess(this.logger, exchange)
  }

  #createServer(): Server {
    const { maxHeaderBytes, headersTimeoutMs, keepAliveTimeoutMs, tls } = this.#settings.current
    const server = serverFor({
      maxHeaderBytes,
      headersTimeoutMs,
      keepAliveTimeoutMs,
      certificates: this.#certificates,
      http2: tls?.http2 ?? true,
      requestCert: tls?.requestCert ?? false,
    })
    server.on('request', this.#handle)
    server.on('checkContinue', this.#handle)
    server.on('checkExpectation', this.#handle)
    server.on('upgrade', this.#upgrade)
    server.on('connect', refuseTunnel)
    server.on('clientError', answerClientError)
    return server
  }

  readonly #handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { url } = request
    const { healthPath, readyPath, livePath } = this.#settings.current
    const isOwn = url === healthPath || url === readyPath || url === livePath
    if (isOwn && (request.method === 'GET' || request.method === 'HEAD')) return this.#answerHealth(request, response)
    if (url === '*') return answerServerOptions(request, response)
    const exchange = new ClientExchange(this, request, response)
    this.#inFlight++
    ;(response as KnownResponse)[EXCHANGE] = exchange
    response.on('close', closed)
    exchange.begin()
  }

  readonly #upgrade = (request: IncomingMessage, socket: Socket, first: Buffer): void => {
    this.#inFlight++
    const response = new ServerResponse(request)
    response.assignSocket(socket)
    const exchange = new UpgradeExchange(this, request, response, socket, first)
    this.#tunnels.add(socket, () => exchange.closed())
    exchange.begin()
  }

  #componentHealth(): Record<string, Health> {
    const problem = this.#certificates?.problem
    return {
      ...(problem !== undefined && { tls: { status: 'degraded', reason: problem.message } }),
      ...healthOf(this.#config.upstreams),
    }
  }

  #healthSource(): { readonly isReady: boolean; healthCheck(): Promise<HealthReport> } {
    const gateway = this
    return {
      get isReady() {
        return gateway.#isReady
      },
      healthCheck: () => Promise.resolve({ isHealthy: true, components: gateway.#componentHealth() }),
    }
  }
}

function forwardingOf({ trustedProxies, forwarded, pseudonym }: ResolvedSettings): Forwarding {
  return new Forwarding({ trustedProxies, style: forwarded, pseudonym })
}

function closed(this: KnownResponse): void {
  this[EXCHANGE]?.closed()
}

/**
 * An API gateway: `createGateway({ port: 8080, services: { 'user-service': 'http://users:8000' } })` serves `/api/v1/users/*` once it is
 * started.
 * @throws ConfigurationError with every problem at once
 */
export function createGateway(options: GatewayOptions): Gateway {
  return new HttpGateway(options)
}
