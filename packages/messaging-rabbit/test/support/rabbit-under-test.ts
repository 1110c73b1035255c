import { RabbitMQAdapter, type RabbitMQAdapterOptions } from '@comm/messaging-rabbit'
import type { BrokerUnderTest } from '@comm/testkit'
import { type FaultProxy, startFaultProxy } from '@comm/testkit/fault-proxy'
import { sharedServer } from '@comm/testkit/servers'
import amqp from 'amqplib'

/** At least as many as one case has adapters: cutting one's connection must leave the others alone. */
const PROXIES = 4

/** The run's RabbitMQ, reached through proxies that can cut the way to it. */
export class RabbitUnderTest {
  readonly #proxies: readonly FaultProxy[]
  readonly #url: string
  readonly #proxyOf = new WeakMap<object, FaultProxy>()
  /** Queues by topic, as subscriptions made them. */
  readonly #queues = new Map<string, string[]>()
  #made = 0

  private constructor(url: string, proxies: readonly FaultProxy[]) {
    this.#url = url
    this.#proxies = proxies
  }

  static async start(): Promise<RabbitUnderTest> {
    const { host, port, url } = await sharedServer('rabbitmq')
    const proxies = Array.from({ length: PROXIES }, () => startFaultProxy({ target: { host, port } }))
    return new RabbitUnderTest(url, await Promise.all(proxies))
  }

  broker(name: string, options: RabbitMQAdapterOptions = {}): BrokerUnderTest {
    return {
      name,
      features: new RabbitMQAdapter(options).features,
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
      deleteTopic: (topic) => this.#deleteQueues(topic),
      // 300 ms wait in the tier of 250, 600 in that of 500.
      limits: { earlyMs: 110 },
    }
  }

  async close(): Promise<void> {
    await this.#each((proxy) => proxy.close())
  }

  #adapter(options: RabbitMQAdapterOptions): RabbitMQAdapter {
    const proxy = this.#proxies[this.#made++ % PROXIES] as FaultProxy
    const adapter = new RabbitMQAdapter({ host: proxy.host, port: proxy.port, ...options })
    this.#proxyOf.set(adapter, proxy)
    const subscribe = adapter.subscribe.bind(adapter)
    adapter.subscribe = (request, onDelivery) => {
      for (const topic of request.topics)
        this.#queues.set(topic, [...(this.#queues.get(topic) ?? []), `${topic}@${request.group}`])
      return subscribe(request, onDelivery)
    }
    return adapter
  }

  async #deleteQueues(topic: string): Promise<void> {
    const connection = await amqp.connect(this.#url)
    const channel = await connection.createChannel()
    for (const queue of this.#queues.get(topic) ?? []) await channel.deleteQueue(queue)
    await connection.close()
  }

  async #each(use: (proxy: FaultProxy) => void | Promise<void>): Promise<void> {
    await Promise.all(this.#proxies.map(use))
  }
}
