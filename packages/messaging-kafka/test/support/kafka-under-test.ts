import { KafkaAdapter, type KafkaAdapterOptions } from '@comm/messaging-kafka'
import type { BrokerUnderTest } from '@comm/testkit'
import { type FaultProxy, startFaultProxy } from '@comm/testkit/fault-proxy'
import { sharedServer } from '@comm/testkit/servers'
import kafkajs from 'kafkajs'

/** At least as many as one case has adapters: cutting one's connection must leave the others alone. */
const PROXIES = 4
const KEEPS_ITS_PARTITIONS =
  'a member keeps its partitions over a lost connection, as long as its session lasts; rebalance.test.ts has what happens beyond that'

/** The run's Kafka, reached through proxies that can cut the way to it. */
export class KafkaUnderTest {
  readonly url: string
  readonly #proxies: readonly FaultProxy[]
  readonly #proxyOf = new WeakMap<object, FaultProxy>()
  #made = 0

  private constructor(url: string, proxies: readonly FaultProxy[]) {
    this.url = url
    this.#proxies = proxies
  }

  static async start(): Promise<KafkaUnderTest> {
    const { host, port, url } = await sharedServer('kafka')
    const proxies = Array.from({ length: PROXIES }, () => startFaultProxy({ target: { host, port } }))
    return new KafkaUnderTest(url, await Promise.all(proxies))
  }

  broker(name: string, options: KafkaAdapterOptions = {}): BrokerUnderTest {
    return {
      name,
      features: new KafkaAdapter(options).features,
      createAdapter: () => this.#adapter(options),
      sever: async (adapter) => {
        // What was sent before has arrived when this is answered.
        await adapter.health()
        this.#proxyOf.get(adapter)?.cut()
      },
      outage: {
        begin: () => this.#each((proxy) => proxy.refuse()),
        end: () => this.#each((proxy) => proxy.heal()),
      },
      deleteTopic: (topic) => this.#delete(topic),
      admin: 'without remove',
      skip: { 'lost-signal': KEEPS_ITS_PARTITIONS },
    }
  }

  async close(): Promise<void> {
    await this.#each((proxy) => proxy.close())
  }

  #adapter(options: KafkaAdapterOptions): KafkaAdapter {
    const proxy = this.#proxies[this.#made++ % PROXIES] as FaultProxy
    const { host, port } = proxy
    const adapter = new KafkaAdapter({ host, port, translateAddress: () => ({ host, port }), partitions: 3, ...options })
    this.#proxyOf.set(adapter, proxy)
    return adapter
  }

  async #delete(topic: string): Promise<void> {
    const admin = new kafkajs.Kafka({ brokers: [this.url], logLevel: kafkajs.logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [topic] })
    await admin.disconnect()
  }

  async #each(use: (proxy: FaultProxy) => void | Promise<void>): Promise<void> {
    await Promise.all(this.#proxies.map(use))
  }
}
