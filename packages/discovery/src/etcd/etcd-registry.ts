import { CommunicationError, downBecause, type Health, UP } from '@comm/core'
import { Lifetime } from '../adapter/lifetime.ts'
import { checkTtl } from '../adapter/ttl.ts'
import type { Registration, Registry, RegistryFeatures, ServiceInstance, Watch } from '../registry.ts'
import { EtcdApi, type KeyValue } from './etcd-api.ts'
import { base64, instanceOf, rangeEnd, servicePrefix, valueFor } from './etcd-instance.ts'
import { EtcdWatch } from './etcd-watch.ts'
import { type EtcdOptions, type ResolvedEtcd, resolveEtcd } from './options.ts'

const FEATURES: RegistryFeatures = Object.freeze({
  registers: true,
  watches: 'push',
  expires: true,
  // The least that a cluster with the usual times for its elections grants.
  leastTtlMs: 2000,
  // Leases begin anew when a leader is elected.
  durable: true,
  keeps: Object.freeze(['zone', 'weight', 'version', 'metadata', 'tags'] as const),
})

/** etcd 3.4 or newer. An instance is a key with a lease, which the heartbeats keep alive; a list is followed by a watch. */
export class EtcdRegistry implements Registry {
  readonly system = 'etcd'
  readonly where: string
  readonly features: RegistryFeatures = FEATURES
  readonly #options: ResolvedEtcd
  readonly #api: EtcdApi
  readonly #life: Lifetime
  readonly #leases = new WeakMap<Registration, string>()

  /** @throws ConfigurationError */
  constructor(options: EtcdOptions = {}) {
    this.#options = resolveEtcd(options)
    this.#api = new EtcdApi(this.#options)
    this.where = this.#api.where
    this.#life = new Lifetime(this.where)
  }

  register(registration: Registration, signal: AbortSignal): Promise<void> {
    return this.#life.run(signal, async (either) => {
      const { instance, ttlMs } = registration
      checkTtl(this, ttlMs)
      const TTL = String(Math.ceil(ttlMs / 1000))
      const { ID: lease } = await this.#api.call<{ ID: string }>('/v3/lease/grant', { TTL }, either)
      this.#leases.set(registration, lease)
      await this.#api.call('/v3/kv/put', { key: base64(this.#key(instance)), value: valueFor(instance), lease }, either)
    })
  }

  renew(registration: Registration, signal: AbortSignal): Promise<'kept' | 'lost'> {
    return this.#life.run(signal, async (either) => {
      const lease = this.#leases.get(registration)
      if (lease === undefined) return 'lost'
      const [kept, found] = await Promise.all([
        this.#api.call<{ result?: { TTL?: string } }>('/v3/lease/keepalive', { ID: lease }, either),
        this.#api.call<{ count?: string }>(
          '/v3/kv/range',
          { key: base64(this.#key(registration.instance)), count_only: true },
          either,
        ),
      ])
      return Number(kept.result?.TTL ?? 0) > 0 && Number(found.count ?? 0) > 0 ? 'kept' : 'lost'
    })
  }

  deregister(registration: Registration, signal: AbortSignal): Promise<void> {
    return this.#life.run(signal, async (either) => {
      const lease = this.#leases.get(registration)
      if (lease === undefined) {
        await this.#api.call('/v3/kv/deleterange', { key: base64(this.#key(registration.instance)) }, either)
        return
      }
      // Whoever has registered the same id since is not touched: its key has another lease.
      await this.#api.call('/v3/lease/revoke', { ID: lease }, either).catch((thrown: unknown) => {
        if (!isNotFound(thrown)) throw thrown
      })
      this.#leases.delete(registration)
    })
  }

  resolve(service: string, signal: AbortSignal): Promise<readonly ServiceInstance[]> {
    return this.#life.run(signal, async (either) => {
      const prefix = servicePrefix(this.#options.keyPrefix, service)
      const request = { key: base64(prefix), range_end: rangeEnd(prefix) }
      const { kvs = [] } = await this.#api.call<{ kvs?: readonly KeyValue[] }>('/v3/kv/range', request, either)
      return kvs.map((entry) => instanceOf(entry, service, prefix)).filter((instance) => instance !== undefined)
    })
  }

  watch(service: string): Watch {
    this.#life.check()
    const watch = new EtcdWatch(this.#api, this.#options, service)
    return { run: (onList, signal) => this.#life.run(signal, (either) => watch.run(onList, either)) }
  }

  async health(signal: AbortSignal): Promise<Health> {
    try {
      // A linearizable read: answered only where there is a leader and a quorum.
      const request = { key: base64(this.#options.keyPrefix), count_only: true }
      await this.#life.run(signal, (either) => this.#api.call('/v3/kv/range', request, either))
      return UP
    } catch (thrown) {
      return downBecause(thrown)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#life.end()
    await this.#api.close()
  }

  #key({ service, id }: ServiceInstance): string {
    return `${servicePrefix(this.#options.keyPrefix, service)}${id}`
  }
}

function isNotFound(thrown: unknown): boolean {
  return thrown instanceof CommunicationError && thrown.details['status'] === 404
}
