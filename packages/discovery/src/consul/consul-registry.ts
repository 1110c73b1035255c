import { ConnectionError, describeEndpoint, downBecause, type Health, pause, UP, withTimeLimit } from '@comm/core'
import { HttpApi } from '../adapter/http-api.ts'
import { Lifetime } from '../adapter/lifetime.ts'
import { originOf, tlsOf } from '../adapter/server-options.ts'
import type { Registration, Registry, RegistryFeatures, ServiceInstance, Watch } from '../registry.ts'
import { consulId, consulService, duration, type HealthEntry, instanceOf, isKnown, ttlCheckId } from './consul-instance.ts'
import { type ConsulOptions, type ResolvedConsul, resolveConsul } from './options.ts'

const FEATURES: RegistryFeatures = Object.freeze({
  registers: true,
  watches: 'push',
  expires: true,
  checks: true,
  // Services survive an agent's restart; a heartbeat that was missed meanwhile makes them critical all the same.
  durable: false,
  keeps: Object.freeze(['zone', 'weight', 'version', 'metadata', 'tags'] as const),
})

/** Between two lists that name no index to wait for. */
const WITHOUT_INDEX_MS = 1000

interface Listed {
  readonly index: bigint
  readonly entries: readonly HealthEntry[]
}

/**
 * Consul, by the HTTP API of an agent (https://developer.hashicorp.com/consul/api-docs). Instances are services of that agent with a TTL
 * check, which the heartbeats pass; those that are listed pass all their checks. Changes come by blocking queries.
 */
export class ConsulRegistry implements Registry {
  readonly system = 'consul'
  readonly where: string
  readonly features: RegistryFeatures = FEATURES
  readonly #options: ResolvedConsul
  readonly #api: HttpApi
  readonly #life: Lifetime

  /** @throws ConfigurationError */
  constructor(options: ConsulOptions = {}) {
    this.#options = resolveConsul(options)
    const { host, port, ssl, token } = this.#options
    this.where = `Consul at ${describeEndpoint({ host, port })}`
    const tls = tlsOf(ssl)
    this.#life = new Lifetime(this.where)
    this.#api = new HttpApi({
      origins: [originOf({ host, port }, tls)],
      where: this.where,
      tls,
      tlsName: 'ConsulRegistry.ssl',
      ...(token === undefined ? {} : { headers: () => ({ 'x-consul-token': token }) }),
    })
  }

  register(registration: Registration, signal: AbortSignal): Promise<void> {
    const { check, deregisterAfterMs } = this.#options
    const { instance } = registration
    const json = consulService(registration, deregisterAfterMs, check?.(instance))
    return this.#life.run(signal, async (either) => {
      await this.#api.json({
        method: 'PUT',
        path: '/v1/agent/service/register?replace-existing-checks=true',
        json,
        signal: either,
      })
      // An agent that knew the check keeps what it thought of it, whatever it is registered with.
      if ((await this.#pass(instance, either)) === 'lost')
        throw new ConnectionError(`${this.where} has lost ${instance.id} again`)
      // The agent answers before the servers know.
      await this.#until(instance.service, (entries) => entries.some((entry) => isKnown(entry, instance)), either)
    })
  }

  renew({ instance }: Registration, signal: AbortSignal): Promise<'kept' | 'lost'> {
    return this.#life.run(signal, (either) => this.#pass(instance, either))
  }

  deregister({ instance }: Registration, signal: AbortSignal): Promise<void> {
    return this.#life.run(signal, async (either) => {
      const path = `/v1/agent/service/deregister/${encodeURIComponent(consulId(instance))}`
      const { status, value } = await this.#api.json<string>({ method: 'PUT', path, signal: either }, [404, 500])
      if (status >= 500 && !/unknown service/i.test(value)) throw this.#api.refusal(`PUT ${path}`, status, value)
      await this.#until(instance.service, (entries) => !entries.some(({ Service }) => Service.ID === consulId(instance)), either)
    })
  }

  resolve(service: string, signal: AbortSignal): Promise<readonly ServiceInstance[]> {
    return this.#life.run(signal, async (either) => (await this.#list(service, either)).entries.map(instanceOf))
  }

  watch(service: string): Watch {
    this.#life.check()
    return { run: (onList, signal) => this.#life.run(signal, (either) => this.#follow(service, onList, either)) }
  }

  async health(signal: AbortSignal): Promise<Health> {
    try {
      const leader = await this.#life.run(signal, (either) =>
        this.#api.json<string>({ method: 'GET', path: '/v1/status/leader', signal: either }),
      )
      return leader.value === '' ? { status: 'down', reason: `${this.where} has no leader` } : UP
    } catch (thrown) {
      return downBecause(thrown)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#life.end()
    await this.#api.close()
  }

  async #pass(instance: ServiceInstance, signal: AbortSignal): Promise<'kept' | 'lost'> {
    const path = `/v1/agent/check/pass/${encodeURIComponent(ttlCheckId(instance))}`
    const { status, value } = await this.#api.json<string>({ method: 'PUT', path, signal }, [404, 500])
    if (status < 300) return 'kept'
    // Before Consul 1.11 it is a 500.
    if (status === 404 || /unknown check|does not have associated TTL/i.test(value)) return 'lost'
    throw this.#api.refusal(`PUT ${path}`, status, value)
  }

  /** Blocking queries, as https://developer.hashicorp.com/consul/api-docs/features/blocking says to make them. */
  async #follow(service: string, onList: (instances: readonly ServiceInstance[]) => void, signal: AbortSignal): Promise<never> {
    let index = 0n
    for (;;) {
      const listed = await this.#list(service, signal, { index })
      if (index === 0n || listed.index !== index) onList(listed.entries.map(instanceOf))
      index = await this.#nextIndex(index, listed, signal)
      signal.throwIfAborted()
    }
  }

  /** Asks until the servers know what the agent was told. */
  async #until(service: string, isSo: (entries: readonly HealthEntry[]) => boolean, signal: AbortSignal): Promise<void> {
    let index = 0n
    for (;;) {
      const listed = await this.#list(service, signal, { index, known: true })
      if (isSo(listed.entries)) return
      index = await this.#nextIndex(index, listed, signal)
    }
  }

  /** An index that goes backwards is a state that was restored: ask from the beginning. Without one (a proxy?) no query would block. */
  async #nextIndex(before: bigint, { index }: Listed, signal: AbortSignal): Promise<bigint> {
    if (index < 1n) await pause(this.#options.clock, WITHOUT_INDEX_MS, signal)
    return index < before || index < 1n ? 0n : index
  }

  /** @param known those that are not well too, by the leader's own knowledge */
  async #list(
    service: string,
    signal: AbortSignal,
    { index = 0n, known = false }: { readonly index?: bigint; readonly known?: boolean } = {},
  ): Promise<Listed> {
    const { datacenter, waitMs, requestTimeoutMs, clock } = this.#options
    const query = new URLSearchParams(known ? { consistent: '' } : { passing: '1' })
    if (datacenter !== undefined) query.set('dc', datacenter)
    if (index > 0n) query.set('index', String(index))
    if (index > 0n) query.set('wait', duration(waitMs))
    const path = `/v1/health/service/${encodeURIComponent(service)}?${query}`
    // Consul adds up to a sixteenth to the wait, so that not all come back at once.
    const limitMs = requestTimeoutMs + (index > 0n ? waitMs * (1 + 1 / 16) : 0)
    const answer = await withTimeLimit(
      clock,
      limitMs,
      signal,
      (limit) => this.#api.json<readonly HealthEntry[]>({ method: 'GET', path, signal: limit }),
      `${this.where} did not list ${service}`,
    )
    const { value, headers } = answer
    return { index: BigInt(String(headers['x-consul-index'] ?? 0)), entries: value }
  }
}
