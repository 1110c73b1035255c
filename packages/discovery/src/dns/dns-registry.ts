import { downBecause, type Health, UP } from '@comm/core'
import { Lifetime } from '../adapter/lifetime.ts'
import { pollingWatch } from '../adapter/polling-watch.ts'
import { refusal } from '../adapter/refusal.ts'
import type { Registry, RegistryFeatures, ServiceInstance, Watch } from '../registry.ts'
import { DnsLookup } from './dns-lookup.ts'
import { type DnsOptions, type ResolvedDns, resolveDns } from './options.ts'

/** Asked for a health check: whether it exists does not matter, only that somebody answers. */
const ANY_SERVICE = 'health'

/** Services in DNS: SRV records, or addresses and a port. They are asked for again when their time to live is over. Only read. */
export class DnsRegistry implements Registry {
  readonly system = 'dns'
  readonly where: string
  readonly features: RegistryFeatures
  readonly register: Registry['register']
  readonly renew: Registry['renew']
  readonly deregister: Registry['deregister']
  readonly #options: ResolvedDns
  readonly #life: Lifetime

  /** @throws ConfigurationError */
  constructor(options: DnsOptions = {}) {
    this.#options = resolveDns(options)
    const { servers, records } = this.#options
    this.where = servers === undefined ? "the system's DNS" : `DNS at ${servers.join(', ')}`
    this.#life = new Lifetime(this.where)
    this.register = this.renew = this.deregister = refusal(this.#life, 'in DNS: whoever keeps the zone does that')
    this.features = Object.freeze({
      registers: false,
      watches: 'poll',
      expires: false,
      durable: false,
      keeps: Object.freeze(records === 'srv' ? (['weight'] as const) : []),
    })
  }

  resolve(service: string, signal: AbortSignal): Promise<readonly ServiceInstance[]> {
    return this.#life.run(
      signal,
      async (either) => (await new DnsLookup(this.#options, this.where).run(service, either)).instances,
    )
  }

  watch(service: string): Watch {
    this.#life.check()
    const { clock, refreshMs, minRefreshMs } = this.#options
    const watch = pollingWatch(clock, async (_, signal) => {
      const { instances, ttlMs } = await new DnsLookup(this.#options, this.where).run(service, signal)
      return { instances, againInMs: Math.max(minRefreshMs, Math.min(refreshMs, ttlMs)) }
    })
    return { run: (onList, signal) => this.#life.run(signal, (either) => watch.run(onList, either)) }
  }

  async health(signal: AbortSignal): Promise<Health> {
    try {
      await this.resolve(ANY_SERVICE, signal)
      return UP
    } catch (thrown) {
      return downBecause(thrown)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#life.end()
  }
}
