import type { CommunicationError, Health } from '@comm/core'
import { Connection, KafkaJsDriver, type KafkaLink, kafkaErrors } from '@comm/kafka-driver'
import type {
  BrokerAdapter,
  BrokerAdmin,
  BrokerFeatures,
  Delivery,
  OutboundRecord,
  PublishResult,
  SubscribeRequest,
  Subscription,
} from '@comm/messaging'
import { allRefused, checkSubscribe, NO_FEATURES, Subscriptions } from '@comm/messaging/adapter'
import { KafkaAdmin } from './admin.ts'
import { KafkaConsumer } from './consume/consumer.ts'
import { type KafkaAdapterOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { Outbox } from './publish/outbox.ts'

/** Apache Kafka. */
export class KafkaAdapter implements BrokerAdapter {
  readonly system = 'kafka'
  readonly features: BrokerFeatures
  readonly admin: BrokerAdmin
  readonly #options: ResolvedOptions
  readonly #connection: Connection
  readonly #subscriptions: Subscriptions<KafkaLink, KafkaConsumer>
  /** Consumers that are leaving. */
  readonly #leaving = new Set<Promise<void>>()
  #outbox: Outbox | undefined

  /** @throws ConfigurationError */
  constructor(options: KafkaAdapterOptions = {}) {
    const resolved = resolveOptions(options)
    this.#options = resolved
    this.features = featuresOf(resolved)
    this.#connection = new Connection(new KafkaJsDriver(resolved), resolved, {
      onUp: (link) => {
        this.#outbox = new Outbox(link, resolved)
        this.#subscriptions.resume()
      },
      // Consumers have connections of their own, and keep what they have while their sessions last.
      onDown: (reason) => this.#endOutbox(reason),
    })
    const closed = (): CommunicationError => kafkaErrors.closed('the subscription')
    this.#subscriptions = new Subscriptions({ ...resolved, link: () => this.#connection.link, closed })
    this.admin = new KafkaAdmin(this.#connection, resolved)
  }

  connect(signal: AbortSignal): Promise<void> {
    return this.#connection.connect(signal)
  }

  async publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    this.#connection.checkOpen()
    if (signal.aborted) return allRefused(records, kafkaErrors.aborted('publishing to', signal))
    return this.#outbox?.publish(records, signal) ?? allRefused(records, this.#connection.notConnected('publish'))
  }

  async subscribe(request: SubscribeRequest, onDelivery: (delivery: Delivery) => void): Promise<Subscription> {
    checkSubscribe(request, onDelivery, 'Kafka', this.features)
    const link = this.#connection.require(`subscribe to ${request.topics.join(', ')}`)
    const parts = { connection: this.#connection, options: this.#options, request, onDelivery, leaving: this.#leaving }
    try {
      return await this.#subscriptions.begin(request, link, (_, onLost) => new KafkaConsumer({ ...parts, onLost }))
    } catch (error) {
      this.#connection.checkOpen()
      throw error
    }
  }

  async health(): Promise<Health> {
    const health = await this.#connection.health()
    const { trouble } = this.#subscriptions
    return health.status === 'up' && trouble !== undefined ? { status: 'degraded', reason: trouble } : health
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.seal()
    await this.#subscriptions.end(kafkaErrors.closed())
    await Promise.all(this.#leaving)
    this.#endOutbox(kafkaErrors.closed())
    await this.#connection.close()
  }

  #endOutbox(reason: CommunicationError): void {
    this.#outbox?.end(reason)
    this.#outbox = undefined
  }
}

function featuresOf({ maxBodyBytes }: ResolvedOptions): BrokerFeatures {
  return Object.freeze({
    ...NO_FEATURES,
    ordering: 'partition',
    durable: true,
    groups: true,
    delay: true,
    headers: true,
    replay: true,
    detectsUnroutable: true,
    keepsKeyOrderInBatch: true,
    maxBodyBytes,
  } as const)
}
