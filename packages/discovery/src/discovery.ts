import { CommunicationError, downBecause, type Health, UP, unlessAborted, withinLimit, withTimeLimit } from '@comm/core'
import { checkArgument } from '@comm/core/options'
import { checkInstance, type InstanceOptions, serviceName } from './check-instance.ts'
import { checkFilter, filterInstances, type InstanceFilter } from './filter.ts'
import { adopt, type InstanceList, NOBODY } from './instance-list.ts'
import { type InstanceRegistration, KeptRegistration } from './kept-registration.ts'
import { type ResolvedDiscovery, resolveDiscovery, type ServiceDiscoveryOptions } from './options.ts'
import type { Registry } from './registry.ts'
import { ServiceResolver } from './resolver.ts'
import { ServiceFeed } from './service-feed.ts'

export interface RegisterOptions {
  /** Do not wait for the registry: it is told as soon as it can be, and until then tried again and again. @default false */
  readonly inBackground?: boolean
  readonly signal?: AbortSignal
}

/**
 * Service discovery over any registry: registers instances and keeps them registered, and finds those of other services. While the registry
 * is away, what it said last is still there, and is said to be stale.
 */
export class ServiceDiscovery implements AsyncDisposable {
  readonly name: string
  readonly registry: Registry
  readonly #options: ResolvedDiscovery
  readonly #feeds = new Map<string, ServiceFeed>()
  readonly #registrations = new Set<KeptRegistration>()
  readonly #feedOf = (service: string): ServiceFeed => this.#feed(service)
  #closing: Promise<void> | undefined

  /** @throws ConfigurationError */
  constructor(options: ServiceDiscoveryOptions) {
    this.#options = resolveDiscovery(options)
    this.name = this.#options.name
    this.registry = this.#options.registry
  }

  /**
   * Makes an instance known, and keeps it known until it is deregistered or this is closed: its heart beats by itself, and it is registered
   * anew where the registry has lost it. Waits until the registry has it; one that is away is tried again until `readyTimeoutMs`.
   * @throws ConfigurationError; CommunicationError why not, and nothing is left behind then
   */
  async register(
    options: InstanceOptions,
    { inBackground = false, signal }: RegisterOptions = {},
  ): Promise<InstanceRegistration> {
    this.#checkOpen()
    signal?.throwIfAborted()
    const instance = checkInstance(options)
    const { clock, readyTimeoutMs, registry, ttlMs } = this.#options
    if (!registry.features.registers) {
      throw new CommunicationError(
        `${instance.service} cannot be registered at ${registry.where}: it is only read (features.registers is false)`,
        {
          code: 'COMM_UNSUPPORTED',
        },
      )
    }
    const kept = new KeptRegistration(Object.freeze({ instance, ttlMs }), this.#options, () => this.#registrations.delete(kept))
    this.#registrations.add(kept)
    if (inBackground) return kept
    try {
      const late = `${instance.service} is not registered at ${registry.where}`
      await withTimeLimit(clock, readyTimeoutMs, signal, (limit) => kept.registered(limit), late)
      return kept
    } catch (thrown) {
      const { failure } = kept
      await kept.deregister()
      if (signal?.aborted || failure === undefined || failure === thrown) throw thrown
      throw CommunicationError.from(failure)
    }
  }

  /**
   * The instances of a service, for a balancer, an HTTP or gRPC client, the gateway. Costs nothing before it is used.
   * @throws ConfigurationError
   */
  resolver(service: string, filter: InstanceFilter = {}): ServiceResolver {
    this.#checkOpen()
    checkArgument('service', service, serviceName)
    checkFilter(filter)
    return new ServiceResolver(service, Object.freeze({ ...filter }), this.#feedOf)
  }

  /** A resolver that knows its first list. @throws as its `ready` does */
  async warm(service: string, filter: InstanceFilter = {}, signal?: AbortSignal): Promise<ServiceResolver> {
    const resolver = this.resolver(service, filter)
    await resolver.ready(signal)
    return resolver
  }

  /**
   * The instances of a service now: those that are followed already, else the registry is asked once.
   * @throws ConfigurationError; CommunicationError the registry's
   */
  async resolve(service: string, filter: InstanceFilter = {}, signal?: AbortSignal): Promise<InstanceList> {
    this.#checkOpen()
    checkArgument('service', service, serviceName)
    checkFilter(filter)
    const feed = this.#feeds.get(service)
    if (feed?.isAnswered) return filterInstances(feed.instances, filter)
    const { clock, requestTimeoutMs, registry } = this.#options
    const ask = (limit: AbortSignal): Promise<InstanceList> => unlessAborted(registry.resolve(service, limit), limit)
    const list = await withTimeLimit(clock, requestTimeoutMs, signal, ask, `no list of ${service} from ${registry.where}`)
    return filterInstances(adopt(NOBODY, list), filter)
  }

  /** Asks the registry. While it is away and lists are known, `degraded`: calls go on. Never throws. */
  async health(signal?: AbortSignal): Promise<Health> {
    if (this.#closing !== undefined) return { status: 'down', reason: `${this.name} is closed` }
    const { clock, requestTimeoutMs, registry } = this.#options
    const ask = (limit: AbortSignal): Promise<Health> => unlessAborted(registry.health(limit), limit)
    const answer = await withTimeLimit(clock, requestTimeoutMs, signal, ask, `${registry.where} did not answer`).catch(
      downBecause,
    )
    const feeds = [...this.#feeds.values()]
    const unregistered = [...this.#registrations].filter(({ isRegistered }) => !isRegistered)
    const details = {
      registry: registry.where,
      services: Object.fromEntries(
        feeds.map(({ service, instances, isStale }) => [service, { instances: instances.length, isStale }]),
      ),
      unregistered: unregistered.map(({ instance: { service, id } }) => `${service} ${id}`),
    }
    if (answer.status !== 'up') {
      const isKnown = feeds.length > 0 && feeds.every(({ isAnswered }) => isAnswered)
      const reason = answer.reason ?? `${registry.where} is ${answer.status}`
      return {
        status: isKnown ? 'degraded' : answer.status,
        reason: isKnown ? `what is known is the last known: ${reason}` : reason,
        details,
      }
    }
    const failed = feeds.find(({ failure }) => failure !== undefined)
    const failure = failed?.failure ?? unregistered.find((kept) => kept.failure !== undefined)?.failure
    return failure === undefined ? { ...UP, details } : { status: 'degraded', reason: failure.message, details }
  }

  /** Deregisters everything that was registered here, so that nobody calls it any more. Finding goes on. Idempotent. */
  async stopIntake(): Promise<void> {
    await Promise.all([...this.#registrations].map((registration) => registration.deregister()))
  }

  /** Deregisters everything, ends following, disposes of the registry. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.stopIntake()
    const { clock, requestTimeoutMs } = this.#options
    const feeds = [...this.#feeds.values()]
    this.#feeds.clear()
    await withinLimit(clock, requestTimeoutMs, Promise.all(feeds.map((feed) => feed.stop(this.#closedError()))))
    await this.registry[Symbol.asyncDispose]()
  }

  #feed(service: string): ServiceFeed {
    this.#checkOpen()
    const known = this.#feeds.get(service)
    if (known !== undefined) return known
    const feed = new ServiceFeed(service, this.#options, () => {
      this.#feeds.delete(service)
      void feed.stop(new CommunicationError(`nobody uses the list of ${service} any more`, { code: 'COMM_ABORTED' }))
    })
    this.#feeds.set(service, feed)
    return feed
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw this.#closedError()
  }

  #closedError(): CommunicationError {
    return new CommunicationError(`${this.name} was used after it had been closed. Create a new one, or close it later`, {
      code: 'COMM_CLOSED',
    })
  }
}
