import { RabbitMQAdapter, type RabbitMQAdapterOptions } from '@comm/messaging-rabbit'
import type { BrokerUnderTest } from '@comm/testkit'
import { AdapterProxies } from '@comm/testkit/fault-proxy'
import { sharedServer } from '@comm/testkit/servers'
import amqp from 'amqplib'

/** The run's RabbitMQ, reached through proxies that can cut the way to it. */
export class RabbitUnderTest {
  readonly #proxies: AdapterProxies
  readonly #url: string
  /** Queues by topic, as subscriptions made them. */
  readonly #queues = new Map<string, string[]>()

  private constructor(url: string, proxies: AdapterProxies) {
    this.#url = url
    this.#proxies = proxies
  }

  static async start(): Promise<RabbitUnderTest> {
    const { host, port, url } = await sharedServer('rabbitmq')
    return new RabbitUnderTest(url, await AdapterProxies.start({ host, port }))
  }

  broker(name: string, options: RabbitMQAdapterOptions = {}): BrokerUnderTest {
    return {
      name,
      features: new RabbitMQAdapter(options).features,
      createAdapter: () => this.#adapter(options),
      ...this.#proxies.hooks,
      deleteTopic: (topic) => this.#deleteQueues(topic),
      // 300 ms wait in the tier of 250, 600 in that of 500.
      limits: { earlyMs: 110 },
    }
  }

  close(): Promise<void> {
    return this.#proxies.close()
  }

  #adapter(options: RabbitMQAdapterOptions): RabbitMQAdapter {
    const adapter = this.#proxies.create(({ host, port }) => new RabbitMQAdapter({ host, port, ...options }))
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
}
