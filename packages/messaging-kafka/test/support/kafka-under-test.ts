import { KafkaAdapter, type KafkaAdapterOptions } from '@comm/messaging-kafka'
import type { BrokerUnderTest } from '@comm/testkit'
import { AdapterProxies } from '@comm/testkit/fault-proxy'
import { sharedServer } from '@comm/testkit/servers'
import kafkajs from 'kafkajs'

const KEEPS_ITS_PARTITIONS =
  'a member keeps its partitions over a lost connection, as long as its session lasts; rebalance.test.ts has what happens beyond that'

/** The run's Kafka, reached through proxies that can cut the way to it. */
export class KafkaUnderTest {
  readonly url: string
  readonly #proxies: AdapterProxies

  private constructor(url: string, proxies: AdapterProxies) {
    this.url = url
    this.#proxies = proxies
  }

  static async start(): Promise<KafkaUnderTest> {
    const { host, port, url } = await sharedServer('kafka')
    return new KafkaUnderTest(url, await AdapterProxies.start({ host, port }))
  }

  broker(name: string, options: KafkaAdapterOptions = {}): BrokerUnderTest {
    return {
      name,
      features: new KafkaAdapter(options).features,
      createAdapter: () => this.#adapter(options),
      ...this.#proxies.hooks,
      deleteTopic: (topic) => this.#delete(topic),
      skip: { 'lost-signal': KEEPS_ITS_PARTITIONS },
    }
  }

  close(): Promise<void> {
    return this.#proxies.close()
  }

  #adapter(options: KafkaAdapterOptions): KafkaAdapter {
    return this.#proxies.create(
      ({ host, port }) => new KafkaAdapter({ host, port, translateAddress: () => ({ host, port }), partitions: 3, ...options }),
    )
  }

  async #delete(topic: string): Promise<void> {
    const admin = new kafkajs.Kafka({ brokers: [this.url], logLevel: kafkajs.logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [topic] })
    await admin.disconnect()
  }
}
