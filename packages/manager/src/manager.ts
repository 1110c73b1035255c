import type { IncomingMessage, ServerResponse } from 'node:http'
import { CommunicationConfig } from '@comm/config'
import { CommunicationError, type HealthReport, Lifecycle, notify, type StopReport } from '@comm/core'
import type { BuildContext } from './build-context.ts'
import { closeClient, type ManagedClient } from './client-component.ts'
import { Clients } from './clients.ts'
import { applyLevels, type ConfiguredLogger, configuredLogger } from './logger.ts'
import {
  checkConfig,
  checkManagerOptions,
  type LoadedMesh,
  type ManagedDiscovery,
  type ManagedGrpc,
  type ManagedHttp,
  type ManagedMesh,
  type ManagedMessaging,
  type ManagerOptions,
  type ManagerSettings,
  settingsOf,
} from './options.ts'
import { type ReloadReport, RunningSettings } from './reload.ts'
import { configuredTelemetry, type ManagedTelemetry } from './telemetry.ts'

/**
 * Builds the clients that the configuration describes from the packages that are installed, starts and stops them together,
 * and answers for their health. It holds no feature of its own: whatever a client can do is the client's.
 *
 * `http`, `messaging` and `discovery` work before `initialize()` and without it: each client is loaded and connects at its first use.
 */
export class CommunicationManager implements AsyncDisposable {
  readonly #options: ManagerOptions
  readonly #clients: Clients
  readonly #running: RunningSettings
  /** Subscriptions declared before `initialize()`, which has to answer for them. */
  readonly #declared: Promise<unknown>[] = []
  #lifecycle: Lifecycle | undefined
  #config: CommunicationConfig
  #logger: Promise<ConfiguredLogger> | undefined
  #reloading: Promise<unknown> = Promise.resolve()
  #initializing: Promise<void> | undefined
  #stopping: Promise<StopReport> | undefined
  #lastHealth: string | undefined
  #telemetry: Promise<ManagedTelemetry | undefined> | undefined
  #metricsHandler: ManagedTelemetry['metricsHandler']

  constructor(config: CommunicationConfig, options: ManagerOptions = {}) {
    checkConfig(config)
    checkManagerOptions(options)
    this.#config = config
    this.#options = options
    this.#running = new RunningSettings(config)
    this.#clients = new Clients({
      given: options.components ?? {},
      config: () => this.#config,
      context: (name, described) => this.#context(name, described),
      ready: () => this.#observed(),
      add: async (component) => (await this.#life()).add(component),
      onCall: (method, call) => this.#note(method, call),
    })
  }

  /** A manager configured by environment variables. @throws ConfigurationError with every wrong variable */
  static fromEnv(
    env: Readonly<Record<string, string | undefined>> = process.env,
    options: ManagerOptions = {},
  ): CommunicationManager {
    return new CommunicationManager(CommunicationConfig.fromEnv(env), options)
  }

  /** The last one that was given. */
  get config(): CommunicationConfig {
    return this.#config
  }

  /** The HTTP client of `httpClient`; after a `reload` it may be another one, and the former is closed. */
  get http(): ManagedHttp {
    return this.#clients.get('http') as ManagedHttp
  }

  /** The gRPC client of `grpcClient`. */
  get grpc(): ManagedGrpc {
    return this.#clients.get('grpc') as ManagedGrpc
  }

  /** The broker client of `messageBroker`. */
  get messaging(): ManagedMessaging {
    return this.#clients.get('messaging') as ManagedMessaging
  }

  /** The service discovery of `serviceDiscovery`: registers this service's instances, finds those of others. */
  get discovery(): ManagedDiscovery {
    return this.#clients.get('discovery') as ManagedDiscovery
  }

  /** The mesh of `mesh`: calls other services by name, as `meshServices` says. The service is registered by `initialize()`. */
  get mesh(): ManagedMesh {
    return this.#clients.get('mesh') as ManagedMesh
  }

  /**
   * The mesh itself, whatever it has, such as servers of its own. `initialize()` registers the service behind everything else that it starts.
   */
  async loadMesh(): Promise<LoadedMesh> {
    return (await this.#clients.load('mesh')) as LoadedMesh
  }

  /** A client of `httpClients`. @throws ConfigurationError when none has this name */
  httpClient(name: string): ManagedHttp {
    return this.#clients.get(`http:${name}`) as ManagedHttp
  }

  /** A client of `grpcClients`. @throws ConfigurationError when none has this name */
  grpcClient(name: string): ManagedGrpc {
    return this.#clients.get(`grpc:${name}`) as ManagedGrpc
  }

  /** A client of `messageBrokers`. @throws ConfigurationError when none has this name */
  messageBroker(name: string): ManagedMessaging {
    return this.#clients.get(`messaging:${name}`) as ManagedMessaging
  }

  /** True from the end of `initialize()` to the beginning of `shutdown()`: what a readiness probe asks. */
  get isReady(): boolean {
    return this.#lifecycle?.isReady ?? false
  }

  /**
   * Starts every client that is configured, was given or has been used, and resolves when all are usable and what was asked
   * of them before (subscriptions) is in place. When one fails, the others are stopped again and its error is thrown.
   * Idempotent.
   */
  initialize(): Promise<void> {
    this.#initializing ??= this.#initialize()
    return this.#initializing
  }

  async #initialize(): Promise<void> {
    try {
      await this.#observed()
      // One after the other: the order in which components are added is the order in which they start.
      for (const name of this.#clients.wanted()) await this.#clients.load(name)
      await this.#clients.complete()
      await (await this.#life()).start()
      await Promise.all(this.#declared)
      await this.#options.onStartup?.()
    } catch (thrown) {
      await this.shutdown()
      throw CommunicationError.from(thrown)
    }
  }

  /** Stops in phases (see Lifecycle): nothing accepted is dropped while time is left. Never throws. Idempotent. */
  shutdown(): Promise<StopReport> {
    this.#stopping ??= this.#shutdown()
    return this.#stopping
  }

  async #shutdown(): Promise<StopReport> {
    // Without an `initialize` there may be a mesh to close.
    await this.#clients.complete()
    const report = await (await this.#life()).stop()
    try {
      await this.#options.onShutdown?.(report)
    } catch (error) {
      ;(await this.#log()).error('onShutdown failed', { error })
    }
    return report
  }

  /**
   * Takes on another configuration while everything runs, whole or not at all. HTTP clients whose settings have changed are built anew, and
   * the old ones are closed once their calls have ended; the levels of the configured logger change; what has not been used yet is built
   * from the new configuration. Reloads come one after the other.
   *
   * @returns which of the changed settings hold now, and which only after a restart
   * @throws ConfigurationError, or whatever a new client could not be built for; the old configuration holds on then
   * @throws CommunicationError COMM_CLOSED once the shutdown has begun
   */
  reload(config: CommunicationConfig): Promise<ReloadReport> {
    checkConfig(config)
    const reloaded = this.#reloading.then(() => this.#reload(config))
    this.#reloading = reloaded.catch(() => undefined)
    return reloaded
  }

  async #reload(config: CommunicationConfig): Promise<ReloadReport> {
    const built = this.#logger === undefined ? undefined : this.#clients.built
    const { clients: names, applied, needsRestart } = this.#running.compare(config, built)
    const fresh = new Map<string, ManagedClient>()
    try {
      for (const name of names) {
        fresh.set(name, await this.#clients.build(name, config, await this.#context(name, config)))
      }
      if (this.#stopping !== undefined) {
        throw new CommunicationError('the manager was not reloaded: it stops', { code: 'COMM_CLOSED' })
      }
      this.#clients.reloadMesh(config)
    } catch (thrown) {
      for (const client of fresh.values()) await closeClient(client, AbortSignal.abort())
      throw CommunicationError.from(thrown)
    }
    if (this.#options.logger === undefined && this.#logger !== undefined) {
      applyLevels(await this.#logger, this.#settings, settingsOf(config, this.#options))
    }
    for (const [name, client] of fresh) this.#retire(name, this.#clients.replace(name, client))
    this.#config = config
    this.#running.adopt(config, applied)
    const logger = await this.#log()
    logger.info('the configuration was reloaded', { applied, needsRestart })
    return { applied, needsRestart }
  }

  /** Its calls may take as long as they do. */
  #retire(name: string, client: ManagedClient | undefined): void {
    if (client === undefined) return
    closeClient(client, new AbortController().signal).catch(async (error: unknown) => {
      ;(await this.#log()).warn(`the former ${name} could not be closed`, { error })
    })
  }

  /** Asks every client that exists, unless `enableHealthChecks` is off. Never throws. */
  async healthCheck(): Promise<HealthReport> {
    if (!this.#settings.enableHealthChecks) return { isHealthy: true, components: {} }
    const report = await (await this.#life()).healthCheck()
    const state = JSON.stringify(Object.entries(report.components).map(([name, { status }]) => [name, status]))
    if (this.#lastHealth !== undefined && state !== this.#lastHealth)
      notify('onHealthChange', this.#options.onHealthChange, report)
    this.#lastHealth = state
    return report
  }

  /** Answers a request with the metrics, in the text format of Prometheus; 404 unless `enableMetrics` has started them. */
  metricsHandler(request: IncomingMessage, response: ServerResponse): void {
    if (this.#metricsHandler !== undefined) this.#metricsHandler(request, response)
    else response.writeHead(404, { 'content-type': 'text/plain' }).end('no metrics are collected here\n')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown().then(() => undefined)
  }

  /** Of the configuration of the moment. */
  get #settings(): ManagerSettings {
    return settingsOf(this.#config, this.#options)
  }

  async #context(name: string, config: CommunicationConfig): Promise<BuildContext> {
    const { serviceName, logging, detailedMetrics } = settingsOf(config, this.#options)
    const logger = (await this.#log()).child({ logger: `comm.${name}` })
    return { name, serviceName, correlationHeader: logging.correlationHeader, detailedMetrics, logger }
  }

  /** Before the first client, so that it closes after the last. What failed is not kept, as with clients. */
  #observed(): Promise<unknown> {
    this.#telemetry ??= this.#observe().catch((thrown: unknown) => {
      this.#telemetry = undefined
      throw thrown
    })
    return this.#telemetry
  }

  async #observe(): Promise<ManagedTelemetry | undefined> {
    const telemetry = await configuredTelemetry(this.#settings, await this.#log())
    if (telemetry === undefined) return undefined
    try {
      ;(await this.#life()).add(telemetry)
    } catch (thrown) {
      await telemetry.close?.(AbortSignal.abort())
      throw thrown
    }
    this.#metricsHandler = telemetry.metricsHandler
    return telemetry
  }

  #log(): Promise<ConfiguredLogger> {
    this.#logger ??= this.#options.logger === undefined ? configuredLogger(this.#settings) : Promise.resolve(this.#options.logger)
    return this.#logger
  }

  async #life(): Promise<Lifecycle> {
    const logger = await this.#log()
    const { budgetMs, readinessDelayMs } = this.#config.shutdown
    this.#lifecycle ??= new Lifecycle({
      stopBudgetMs: budgetMs,
      readinessDelayMs,
      logger: logger.child({ logger: 'comm.manager' }),
    })
    return this.#lifecycle
  }

  /** A declared subscription is often not awaited: its failure is logged, and thrown by `initialize()`. */
  #note(method: string, call: Promise<unknown>): void {
    if (method !== 'subscribe' || this.#initializing !== undefined) return
    this.#declared.push(call)
    call.catch(async (error: unknown) => {
      const logger = await this.#log()
      logger.error('a subscription could not start', { error })
    })
  }
}
