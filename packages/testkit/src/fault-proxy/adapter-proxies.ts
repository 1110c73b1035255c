import type { BrokerAdapter } from '@comm/messaging'
import type { BrokerUnderTest } from '../broker-contract/broker-under-test.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import type { FaultProxyTarget } from './options.ts'

/** At least as many as one case of the contract has adapters: cutting one's connection must leave the others alone. */
const PROXIES = 4

/** The ways of adapters to one server, through proxies that can cut them: what a contract suite needs of a broker that others use too. */
export class AdapterProxies {
  readonly #proxies: readonly FaultProxy[]
  readonly #proxyOf = new WeakMap<BrokerAdapter, FaultProxy>()
  #made = 0

  private constructor(proxies: readonly FaultProxy[]) {
    this.#proxies = proxies
  }

  static async start(target: FaultProxyTarget): Promise<AdapterProxies> {
    return new AdapterProxies(await Promise.all(Array.from({ length: PROXIES }, () => startFaultProxy({ target }))))
  }

  /** An adapter that reaches the server by the next proxy. */
  create<Adapter extends BrokerAdapter>(make: (proxy: FaultProxy) => Adapter): Adapter {
    const proxy = this.#proxies[this.#made++ % PROXIES] as FaultProxy
    const adapter = make(proxy)
    this.#proxyOf.set(adapter, proxy)
    return adapter
  }

  readonly hooks: Required<Pick<BrokerUnderTest, 'sever' | 'outage'>> = {
    sever: async (adapter) => {
      // What was sent before has arrived when this is answered.
      await adapter.health()
      this.#proxyOf.get(adapter)?.cut()
    },
    outage: {
      begin: () => this.#each((proxy) => proxy.refuse()),
      end: () => this.#each((proxy) => proxy.heal()),
    },
  }

  close(): Promise<void> {
    return this.#each((proxy) => proxy.close())
  }

  async #each(use: (proxy: FaultProxy) => void | Promise<void>): Promise<void> {
    await Promise.all(this.#proxies.map(use))
  }
}
