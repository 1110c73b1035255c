import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Registration, Registry, ServiceInstance } from '@comm/discovery'
import { within } from '../contract/within.ts'
import { waitFor } from '../wait-for.ts'
import { Follower } from './follower.ts'
import { REGISTRY_LIMITS, type RegistryLimits, type RegistryUnderTest } from './registry-under-test.ts'

/** Names of one run differ from those of every other run on the same registry. */
const RUN = randomBytes(3).toString('hex')
let names = 0

/** Long enough that nothing of it expires by itself while a case runs. */
const LONG_TTL_MS = 120_000

/** What a case works with. Everything made here is disposed of when the case is over. */
export class RegistryCaseContext implements AsyncDisposable {
  readonly subject: RegistryUnderTest
  readonly limits: Readonly<Required<RegistryLimits>>
  /** For calls that nobody aborts. */
  readonly signal: AbortSignal = new AbortController().signal
  readonly #registries: Registry[] = []
  readonly #followers: Follower[] = []
  readonly #registered: Registration[] = []
  readonly #put = new Set<string>()

  constructor(subject: RegistryUnderTest) {
    this.subject = subject
    this.limits = { ...REGISTRY_LIMITS, ...subject.limits }
  }

  async registry(): Promise<Registry> {
    const registry = await this.subject.createRegistry()
    this.#registries.push(registry)
    return registry
  }

  /** The name of a service that nobody used before. */
  service(): string {
    return `contract-${RUN}-${++names}`
  }

  /** The nth instance of a service, at an address of its own. */
  instance(service: string, nth = 1, more: Partial<ServiceInstance> = {}): ServiceInstance {
    return { service, id: `i${nth}`, host: `10.7.0.${nth}`, port: 8000 + nth, ...more }
  }

  registration(instance: ServiceInstance, ttlMs: number = LONG_TTL_MS): Registration {
    const registration = { instance, ttlMs }
    this.#registered.push(registration)
    return registration
  }

  async register(registry: Registry, instance: ServiceInstance, ttlMs?: number): Promise<Registration> {
    const registration = this.registration(instance, ttlMs)
    await this.within(registry.register(registration, this.signal), 'registering')
    return registration
  }

  /** Makes these, and no others, the instances of a service: registers them, or asks the world to. @param before what it was like */
  async put(service: string, instances: readonly ServiceInstance[]): Promise<void> {
    this.#put.add(service)
    if (!this.subject.features.registers) {
      assert(this.subject.put, 'a registry that cannot register needs the hook put')
      return this.subject.put(service, instances)
    }
    const registry = this.#registries[0] ?? (await this.registry())
    const gone = this.#registered.filter(
      ({ instance }) => instance.service === service && !instances.some(({ id }) => id === instance.id),
    )
    for (const registration of gone) await registry.deregister(registration, this.signal)
    for (const instance of instances) await this.register(registry, instance)
  }

  resolve(registry: Registry, service: string): Promise<readonly ServiceInstance[]> {
    return this.within(registry.resolve(service, this.signal), `resolving ${service}`)
  }

  /** Follows a service until the case is over, or the follower is stopped. */
  follow(registry: Registry, service: string): Follower {
    const follower = new Follower(registry.watch(service), (what, fact) => this.waitFor(what, fact), this.subject.putInterrupts)
    this.#followers.push(follower)
    follower.start()
    return follower
  }

  /** @throws Error when it takes longer than the deadline */
  within<Result>(promise: PromiseLike<Result>, what: string): Promise<Result> {
    return within(promise, what, this.limits.deadlineMs)
  }

  async waitFor<Fact>(what: string, fact: () => Fact | Promise<Fact>): Promise<Fact> {
    return waitFor(fact, { what, timeoutMs: this.limits.deadlineMs })
  }

  /** What can be read of an instance here, with its address. */
  kept(instance: ServiceInstance): Partial<ServiceInstance> {
    const { keeps, registers } = this.subject.features
    const attributes = Object.fromEntries(keeps.map((name) => [name, instance[name]]).filter(([, value]) => value !== undefined))
    const { host, port, id } = instance
    return { host, port, ...attributes, ...(registers ? { id } : {}) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const follower of this.#followers) await this.within(follower.stop(), 'the end of a watch')
    const cleaner = this.#registered.length === 0 ? undefined : await this.registry()
    for (const registration of this.#registered) await cleaner?.deregister(registration, this.signal)
    if (this.subject.put !== undefined) for (const service of this.#put) await this.subject.put(service, [])
    for (const registry of this.#registries) await this.within(registry[Symbol.asyncDispose](), 'disposal')
  }
}
