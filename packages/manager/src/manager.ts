import { CommunicationConfig } from '@comm/config'
import {
  CommunicationError,
  ConfigurationError,
  type HealthReport,
  Lifecycle,
  type Logger,
  notify,
  type StopReport,
} from '@comm/core'
import { describeValue } from '@comm/core/options'
import type { BuildContext } from './build-context.ts'
import { buildBroker, buildHttpClient } from './builders.ts'
import { clientComponent, type ManagedClient } from './client-component.ts'
import { lazy } from './lazy.ts'
import { configuredLogger } from './logger.ts'
import { checkManagerOptions, type ManagedHttp, type ManagedMessaging, type ManagerOptions } from './options.ts'

interface Handle {
  /** What users hold: the client, or the stand-in that loads it. */
  client: object
  readonly load: () => Promise<ManagedClient>
}

/**
 * Builds the clients that the configuration describes from the packages that are installed, starts and stops them together,
 * and answers for their health. It holds no feature of its own: whatever a client can do is the client's.
 *
 * `http` and `messaging` work before `initialize()` and without it: each client is loaded and connects at its first use.
 */
export class CommunicationManager implements AsyncDisposable {
  readonly config: CommunicationConfig
  readonly #options: ManagerOptions
  readonly #handles = new Map<string, Handle>()
  /** Subscriptions declared before `initialize()`, which has to answer for them. */
  readonly #declared: Promise<unknown>[] = []
  #lifecycle: Lifecycle | undefined
  #logger: Promise<Logger> | undefined
  #initializing: Promise<void> | undefined
  #stopping: Promise<StopReport> | undefined
  #lastHealth: string | undefined

  constructor(config: CommunicationConfig, options: ManagerOptions = {}) {
    if (!(config instanceof CommunicationConfig)) {
      const expected = 'a CommunicationConfig, such as CommunicationConfig.fromEnv() or CommunicationConfig.from({ … })'
      const received = describeValue(config)
      throw new ConfigurationError(`CommunicationManager config must be ${expected}, got ${received}`, {
        problems: [{ key: 'config', expected, received }],
      })
    }
    checkManagerOptions(options)
    this.config = config
    this.#options = options
  }

  /** A manager configured by environment variables. @throws ConfigurationError with every wrong variable */
  static fromEnv(
    env: Readonly<Record<string, string | undefined>> = process.env,
    options: ManagerOptions = {},
  ): CommunicationManager {
    return new CommunicationManager(CommunicationConfig.fromEnv(env), options)
  }

  /** The HTTP client of `httpClient`. */
  get http(): ManagedHttp {
    return this.#client('http') as ManagedHttp
  }

  /** The broker client of `messageBroker`. */
  get messaging(): ManagedMessaging {
    return this.#client('messaging') as ManagedMessaging
  }

  /** A client of `httpClients`. @throws ConfigurationError when none has this name */
  httpClient(name: string): ManagedHttp {
    return this.#client(`http:${name}`) as ManagedHttp
  }

  /** A client of `messageBrokers`. @throws ConfigurationError when none has this name */
  messageBroker(name: string): ManagedMessaging {
    return this.#client(`messaging:${name}`) as ManagedMessaging
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
      // One after the other: the order in which components are added is the order in which they start.
      for (const name of this.#wanted()) await this.#handle(name).load()
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
    const report = await (await this.#life()).stop()
    try {
      await this.#options.onShutdown?.(report)
    } catch (error) {
      ;(await this.#log()).error('onShutdown failed', { error })
    }
    return report
  }

  /** Asks every client that exists. Never throws. */
  async healthCheck(): Promise<HealthReport> {
    const report = await (await this.#life()).healthCheck()
    const state = JSON.stringify(Object.entries(report.components).map(([name, { status }]) => [name, status]))
    if (this.#lastHealth !== undefined && state !== this.#lastHealth)
      notify('onHealthChange', this.#options.onHealthChange, report)
    this.#lastHealth = state
    return report
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown().then(() => undefined)
  }

  /**
   * The clients that somebody set anything about, used or gave, in the order in which they start. Given components that are no
   * clients (a server) come last, since they use the others.
   */
  #wanted(): ReadonlySet<string> {
    const { httpClients, messageBrokers } = this.config
    const isSet = (section: string): boolean =>
      Object.entries(this.config.sources()).some(([key, source]) => key.startsWith(`${section}.`) && source !== 'default')
    const given = Object.keys(this.#options.components ?? {})
    return new Set([
      ...(isSet('httpClient') ? ['http'] : []),
      ...(isSet('messageBroker') ? ['messaging'] : []),
      ...Object.keys(httpClients).map((name) => `http:${name}`),
      ...Object.keys(messageBrokers).map((name) => `messaging:${name}`),
      ...this.#handles.keys(),
      ...given.filter(isClientName),
      ...given,
    ])
  }

  #client(name: string): object {
    return this.#handle(name).client
  }

  #handle(name: string): Handle {
    const known = this.#handles.get(name)
    if (known !== undefined) return known
    const build = this.#builderOf(name)
    let loading: Promise<ManagedClient> | undefined
    // What failed is not kept: the file or package that was missing may be there at the next use.
    const load = (): Promise<ManagedClient> => {
      loading ??= this.#load(name, build, handle).catch((thrown: unknown) => {
        loading = undefined
        throw thrown
      })
      return loading
    }
    const handle: Handle = { load, client: lazy(name, load, (method, call) => this.#note(method, call)) }
    this.#handles.set(name, handle)
    return handle
  }

  async #load(name: string, build: () => Promise<ManagedClient>, handle: Handle): Promise<ManagedClient> {
    const lifecycle = await this.#life()
    const client = await build()
    const component = clientComponent(name, client)
    try {
      lifecycle.add(component)
    } catch (thrown) {
      await component.close?.(AbortSignal.abort())
      throw thrown
    }
    handle.client = client
    return client
  }

  #builderOf(name: string): () => Promise<ManagedClient> {
    const given = this.#options.components?.[name]
    if (given !== undefined) return async () => given
    const colon = name.indexOf(':')
    const key = colon === -1 ? undefined : name.slice(colon + 1)
    if (name === 'http' || name.startsWith('http:')) {
      const section = key === undefined ? this.config.httpClient : named(this.config.httpClients, 'httpClients', key)
      return async () => buildHttpClient(section, await this.#context(name))
    }
    const section = key === undefined ? this.config.messageBroker : named(this.config.messageBrokers, 'messageBrokers', key)
    return async () => buildBroker(section, await this.#context(name))
  }

  async #context(name: string): Promise<BuildContext> {
    const { serviceName, logging } = this.config
    const logger = (await this.#log()).child({ logger: `comm.${name}` })
    return { name, serviceName, correlationHeader: logging.correlationHeader, logger }
  }

  #log(): Promise<Logger> {
    this.#logger ??= this.#options.logger === undefined ? configuredLogger(this.config) : Promise.resolve(this.#options.logger)
    return this.#logger
  }

  async #life(): Promise<Lifecycle> {
    const logger = await this.#log()
    const { budgetMs, readinessDelayMs } = this.config.shutdown
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

function isClientName(name: string): boolean {
  return /^(http|messaging)(:|$)/.test(name)
}

function named<Section>(sections: Readonly<Record<string, Section>>, key: string, name: string): Section {
  const section = Object.hasOwn(sections, name) ? sections[name] : undefined
  if (section !== undefined) return section
  const expected = `one of ${Object.keys(sections).join(', ') || '(none configured)'}`
  throw new ConfigurationError(`${key} has no '${name}'; there is ${expected}`, {
    problems: [{ key, received: describeValue(name), expected }],
  })
}
